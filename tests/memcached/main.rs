//! Sessions in memcached: real servers, and what can go wrong with them.

#![cfg(feature = "memcached")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod app;
mod conformance;
mod gone;
mod proxy;
mod servers;
mod several;
#[path = "../support/mod.rs"]
mod support;
