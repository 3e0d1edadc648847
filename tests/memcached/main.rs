//! Sessions in memcached: real servers, and what can go wrong with them.

#![cfg(feature = "memcached")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod conformance;
mod servers;
#[path = "../support/mod.rs"]
mod support;
