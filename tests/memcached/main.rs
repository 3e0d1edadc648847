//! Sessions in memcached: real servers, and what can go wrong with them.

#![cfg(feature = "memcached")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod app;
mod cancelled;
mod conformance;
mod full;
mod gone;
mod network;
mod servers;
mod several;
mod strangers;
#[path = "../support/mod.rs"]
mod support;
mod tls;
