//! The soak in small: it finds nothing wrong with the memory store in a second or two, and soon finds
//! what is wrong with stores that are wrong on purpose.

#[path = "soak/work/mod.rs"]
mod work;

use std::sync::Arc;
use std::time::{Duration, Instant};
use work::server::Wrong;
use work::{Limits, Run, clients, server};

const SMALL: Limits = Limits {
    workers: 8,
    users: 20,
    idle: Duration::from_millis(500),
    calm: 0,
    ..Limits::SOAK
};

async fn violations(wrong: Option<Wrong>, time: Duration) -> Vec<String> {
    let address = server::serve_here(SMALL, wrong).await;
    let run = Arc::new(Run::new(address, SMALL, rand::random()));
    let begin = Instant::now();
    let tally = clients::run(Arc::clone(&run), time).await;
    tally.check_against(&server::figures(address).await, &run);
    println!("seed {}\n{}", run.seed, tally.report(begin.elapsed()));
    run.violations()
}

async fn finds(wrong: Wrong, what: &str) {
    let found = violations(Some(wrong), Duration::from_secs(20)).await;
    assert!(found.iter().any(|it| it.starts_with(what)), "{found:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_store_passes() {
    let found = violations(None, Duration::from_secs(2)).await;
    assert!(found.is_empty(), "{found:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_overwrites_is_found() {
    finds(Wrong::Overwrites, "a lost increment").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_forgets_writes_is_found() {
    finds(Wrong::Forgets, "a lost increment").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_revives_sessions_is_found() {
    finds(Wrong::Revives, "a dead or forged id").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_keeps_what_is_deleted_is_found() {
    finds(Wrong::Keeps, "a dead or forged id").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_loses_sessions_is_found() {
    finds(Wrong::Loses, "a session lost without cause").await;
}
