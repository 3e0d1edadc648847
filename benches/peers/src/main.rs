//! sessile beside its peers, on one machine in one run:
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml
//! ```
//!
//! The apps of [`sessile_peers::apps`] answer the same requests in turns, round after round, so that
//! whatever else the machine does slows them all. What counts is how much longer an app takes in a
//! round than the one whose layer inserts a single `Arc`; of these differences, the median. Times
//! are those of the system's allocator; a program of its own counts the allocations.
//!
//! Writes `results.md` and `results.svg` beside this package's `Cargo.toml`, and the table into the
//! README of sessile.

mod report;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use sessile_peers::apps::{self, App, ONE_ARC};
use sessile_peers::requests::{Cookies, Kind, check, now};
use sessile_peers::table;
use std::hint::black_box;
use std::time::Instant;
use tower::ServiceExt as _;

const ROUNDS: usize = 801;
const REQUESTS: usize = 50;
const APPS: usize = 5;
/// The place of the first kind that fills the stores.
const FILLING: usize = 5;

/// What one kind of request takes in each app.
struct Row {
    kind: Kind,
    /// Nanoseconds.
    total: [f64; APPS],
    /// Nanoseconds over the app with one `Arc`.
    over: [f64; APPS],
    allocations: [i64; APPS],
}

fn main() {
    if cfg!(debug_assertions) {
        eprintln!("these are no figures to show: run it with --release");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let _guard = runtime.enter();
    // So that the task of axum_session begins its sleep.
    let apps = apps::all();
    runtime.block_on(tokio::task::yield_now());

    let cookies = apps.each_ref().map(|app| now(Cookies::obtain(app)));
    let allocations = table::allocations("allocations");
    // Those kinds that fill the stores come after all others, which find two sessions in them.
    let (quiet, filling) = Kind::ALL.split_at(FILLING);
    // With other numbers than those that are timed.
    let check_all = |kinds: &[Kind]| {
        for &kind in kinds {
            for (app, cookies) in apps.iter().zip(&cookies) {
                check_answers(app, cookies, kind, ROUNDS * REQUESTS);
            }
        }
    };
    check_all(quiet);
    let times = measure(&apps, &cookies, quiet).into_iter();
    let times = times.chain(measure(&apps, &cookies, filling));
    check_all(filling);
    let rows = Kind::ALL.into_iter().zip(times).zip(allocations);
    let rows: Vec<_> = rows
        .map(|((kind, times), allocations)| Row::new(kind, times, allocations))
        .collect();

    for (app, cookies) in apps.iter().zip(&cookies).filter(|(app, _)| app.sessions) {
        // Those that were timed, and those that were checked.
        let modified = ((ROUNDS + 1) * REQUESTS) as u64;
        assert_eq!(now(cookies.visits(app)), 1 + modified, "{}", app.name);
    }
    let names = apps.each_ref().map(|app| app.name);
    report::write(&names, &rows);
}

impl Row {
    fn new(kind: Kind, times: [Vec<f64>; APPS], allocations: [i64; APPS]) -> Self {
        let base = times[ONE_ARC].clone();
        let over = times.each_ref().map(|times| {
            let differences = times.iter().zip(&base).map(|(time, base)| time - base);
            median(differences.collect())
        });
        Self {
            kind,
            over,
            total: times.map(median),
            allocations: allocations.map(|count| count - allocations[ONE_ARC]),
        }
    }
}

/// The times in each app, for each of these kinds.
fn measure(apps: &[App; APPS], cookies: &[Cookies; APPS], kinds: &[Kind]) -> Vec<[Vec<f64>; APPS]> {
    let mut times = vec![[const { Vec::new() }; APPS]; kinds.len()];
    for round in 0..ROUNDS {
        for (&kind, times) in kinds.iter().zip(&mut times) {
            for turn in 0..APPS {
                // No app has always the same one before it.
                let index = (round + turn) % APPS;
                let (app, cookies) = (&apps[index], &cookies[index]);
                times[index].push(time(app, cookies, kind, round * REQUESTS));
            }
        }
    }
    times
}

/// Nanoseconds for one request, without the making of it. Each response is dropped at once, as a server does:
/// those that are kept would have the next ones allocate elsewhere.
fn time(app: &App, cookies: &Cookies, kind: Kind, first: usize) -> f64 {
    let requests = make_requests(app, cookies, kind, first);
    let start = Instant::now();
    for (router, request) in requests {
        let Ok(response) = now(router.oneshot(request));
        drop(black_box(response));
    }
    start.elapsed().as_nanos() as f64 / REQUESTS as f64
}

/// Checks the answers to requests that nobody times.
fn check_answers(app: &App, cookies: &Cookies, kind: Kind, first: usize) {
    let responses: Vec<_> = make_requests(app, cookies, kind, first)
        .into_iter()
        .map(|(router, request)| {
            let Ok(response) = now(router.oneshot(request));
            response
        })
        .collect();
    check(app, kind, &responses);
}

fn make_requests(
    app: &App,
    cookies: &Cookies,
    kind: Kind,
    first: usize,
) -> Vec<(Router, Request<Body>)> {
    (first..first + REQUESTS)
        .map(|number| (app.router.clone(), cookies.request(kind, number)))
        .collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
