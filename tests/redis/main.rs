//! The store in Redis, over real servers that these tests start and stop.

#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod cluster;
mod contract;
mod dropped;
mod login;
mod network;
mod sentinel;
mod server;
mod visitor;
