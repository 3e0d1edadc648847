//! Histories: many clients over two instances of an app, with faults in between, and a proof from what
//! the clients were told that each promise was kept.

#![cfg(all(feature = "memory", feature = "memcached", feature = "redis"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod app;
mod checker;
mod client;
mod place;
mod record;
mod run;
mod shaky;
#[path = "../support/mod.rs"]
mod support;

use place::Place;
use run::run;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory() {
    run("memory", async |seed| Place::memory(seed)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_redis() {
    run("Redis", async |_| Place::redis().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_redis_cluster() {
    run("Redis Cluster", async |_| Place::cluster()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memcached() {
    run("memcached", async |_| Place::memcached().await).await;
}
