//! A caching proxy in front: nginx, which these tests start and stop.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../support/mod.rs"]
mod support;

mod app;
mod front;
mod kept_apart;
mod misconfigured;
