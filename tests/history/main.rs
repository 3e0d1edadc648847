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

use checker::check;
use place::Place;
use run::{round, run};
use shaky::Shaky;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory() {
    let place = async |seed| Place::memory(Shaky::new(seed, false));
    run("memory", place).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_says_of_writes_that_they_are_not_done_is_found() {
    let seed = rand::random();
    let history = round(Place::memory(Shaky::new(seed, true)), seed).await;
    let found = check(&history);
    for what in ["a write is applied twice", "a refused write is seen"] {
        assert!(found.iter().any(|it| it.what == what), "{what}: {seed}");
    }
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
