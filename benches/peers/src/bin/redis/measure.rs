//! One round of one app, and what it took.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use sessile_peers::apps::App;
use sessile_peers::redis_server::Server;
use sessile_peers::requests::{Cookies, Kind};
use std::fs;
use std::time::Instant;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

/// One for each request in flight.
pub(crate) type Browsers = Box<[Cookies]>;

/// Nanoseconds for one request.
pub(crate) struct Sample {
    /// Of time.
    pub(crate) wall: f64,
    /// Of the processor, in this process and in the server.
    pub(crate) own: f64,
    pub(crate) server: f64,
}

pub(crate) fn sample(
    runtime: &Runtime,
    server: &Server,
    app: &App,
    browsers: &[Cookies],
    kind: Kind,
    requests: usize,
) -> Sample {
    let made: Vec<Vec<_>> = browsers
        .iter()
        .map(|browser| {
            (0..requests)
                .map(|number| browser.request(kind, number))
                .collect()
        })
        .collect();
    let processor = || (processor("self"), processor(&server.pid().to_string()));
    let before = processor();
    let start = Instant::now();
    runtime.block_on(async {
        let tasks = made
            .into_iter()
            .map(|requests| tokio::spawn(answer(app.router.clone(), requests)));
        for task in tasks.collect::<Vec<_>>() {
            task.await.expect("good answers");
        }
    });
    let wall = start.elapsed().as_nanos() as f64;
    let after = processor();
    let count = (browsers.len() * requests) as f64;
    Sample {
        wall: wall / count,
        own: (after.0 - before.0) / count,
        server: (after.1 - before.1) / count,
    }
}

/// Answers one request after the other.
async fn answer(router: axum::Router, requests: Vec<Request<Body>>) {
    for request in requests {
        let Ok(response) = router.clone().oneshot(request).await;
        assert_eq!(response.status(), StatusCode::OK);
    }
}

/// Nanoseconds of processor time that a process has had, in steps of ten milliseconds.
fn processor(pid: &str) -> f64 {
    const STEP: f64 = 1e7;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The second field is in brackets and can hold anything.
    let (_, rest) = stat.rsplit_once(") ").unwrap_or_default();
    let ticks = rest
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() * STEP
}

/// What the server is asked for one request.
pub(crate) struct Commands {
    /// How often it reads, which is once for a round trip where one request is in flight.
    pub(crate) reads: f64,
    /// How often it runs each command, also from a script.
    pub(crate) calls: Vec<(String, f64)>,
}

pub(crate) fn commands(
    runtime: &Runtime,
    server: &Server,
    app: &App,
    browsers: &[Cookies],
    kind: Kind,
) -> Commands {
    const REQUESTS: usize = 100;
    let each = |count: u64| count as f64 / REQUESTS as f64;
    let (reads, calls) = (server.reads(), server.calls());
    sample(runtime, server, app, browsers, kind, REQUESTS);
    // Those questions are two reads themselves.
    let (calls_after, reads_after) = (server.calls(), server.reads());
    let before = |name: &str| {
        let mut calls = calls.iter().filter(|(it, _)| it == name);
        calls.next().map_or(0, |(_, count)| *count)
    };
    let calls = calls_after
        .into_iter()
        .filter(|(name, _)| name != "info" && name != "quit");
    Commands {
        reads: each(reads_after - reads).round(),
        calls: calls
            .map(|(name, count)| (each(count - before(&name)).round(), name))
            .filter(|(count, _)| *count > 0.0)
            .map(|(count, name)| (name, count))
            .collect(),
    }
}
