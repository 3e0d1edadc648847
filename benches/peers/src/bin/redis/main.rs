//! sessile beside its peers, with the sessions in Redis, on one machine in one run:
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml --bin redis
//! ```
//!
//! Starts a `redis-server` of its own. The apps of [`sessile_peers::apps::over_redis`] answer the same
//! requests in turns, round after round, on two worker threads, one request in flight and then 64, each with sessions
//! of its own. What counts is how much longer an app takes in a round than plain axum; of these
//! differences, the median.
//!
//! Writes `results-redis.md` and `results-redis.svg` beside this package's `Cargo.toml`, and the table
//! into the README of sessile.

mod measure;
mod report;

use measure::{Browsers, Sample, sample};
use sessile_peers::apps::{App, over_redis};
use sessile_peers::redis_server::Server;
use sessile_peers::requests::{Cookies, Kind};
use sessile_peers::table::allocations;
use tokio::runtime::{Builder, Runtime};

const ROUNDS: usize = 51;
const APPS: usize = 5;
const KINDS: [Kind; 4] = Kind::STORED;
/// How many browsers ask at once, and how many requests each of them makes in a round.
const LEVELS: [(usize, usize); 2] = [(1, 50), (64, 10)];
/// The place of the level that most figures are of.
const MANY: usize = 1;

/// What one kind of request takes in each app, with so many in flight.
struct Row {
    kind: Kind,
    /// Nanoseconds over plain axum.
    over: [f64; APPS],
    /// Nanoseconds of processor time over plain axum, in this process.
    own: [f64; APPS],
    /// The same in the server.
    server: [f64; APPS],
}

fn main() {
    if cfg!(debug_assertions) {
        eprintln!("these are no figures to show: run it with --release");
    }
    let server = Server::start();
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let apps = runtime.block_on(over_redis::all(server.port));
    let browsers = apps.each_ref().map(|app| runtime.block_on(browsers(app)));

    let levels = LEVELS.map(|level| measure(&runtime, &server, &apps, &browsers, level));
    for (app, browsers) in apps.iter().zip(&browsers).filter(|(app, _)| app.sessions) {
        let (busy, idle) = (ROUNDS * (LEVELS[0].1 + LEVELS[1].1), ROUNDS * LEVELS[1].1);
        let visits = |browser: &Cookies| runtime.block_on(browser.visits(app));
        assert_eq!(visits(&browsers[0]), 1 + busy as u64, "{}", app.name);
        assert_eq!(visits(&browsers[1]), 1 + idle as u64, "{}", app.name);
    }
    let commands = KINDS.map(|kind| {
        let commands = |index: usize| {
            let (app, browsers) = (&apps[index], &browsers[index][..1]);
            measure::commands(&runtime, &server, app, browsers, kind)
        };
        std::array::from_fn(commands)
    });
    let names = apps.each_ref().map(|app| app.name);
    let allocations = allocations("redis_allocations");
    report::write(names, &levels, &commands, &allocations);
}

/// As many as there are requests in flight.
async fn browsers(app: &App) -> Browsers {
    let mut browsers = Vec::new();
    for _ in 0..LEVELS[MANY].0 {
        browsers.push(Cookies::obtain(app).await);
    }
    browsers.into()
}

fn measure(
    runtime: &Runtime,
    server: &Server,
    apps: &[App; APPS],
    browsers: &[Browsers; APPS],
    (in_flight, requests): (usize, usize),
) -> Vec<Row> {
    let mut samples = KINDS.map(|_| [const { Vec::new() }; APPS]);
    for round in 0..ROUNDS {
        for (kind, samples) in KINDS.into_iter().zip(&mut samples) {
            for turn in 0..APPS {
                // No app has always the same one before it.
                let index = (round + turn) % APPS;
                let browsers = &browsers[index][..in_flight];
                let sample = sample(runtime, server, &apps[index], browsers, kind, requests);
                samples[index].push(sample);
            }
        }
    }
    let rows = KINDS.into_iter().zip(&samples);
    rows.map(|(kind, samples)| Row::new(kind, samples))
        .collect()
}

impl Row {
    fn new(kind: Kind, samples: &[Vec<Sample>; APPS]) -> Self {
        let over = |index: usize| {
            let pairs = samples[index].iter().zip(&samples[0]);
            median(pairs.map(|(app, plain)| app.wall - plain.wall).collect())
        };
        // The system counts processor time in steps that are longer than a round.
        let mean = |index: usize, of: fn(&Sample) -> f64| {
            let sum = |index: usize| samples[index].iter().map(of).sum::<f64>();
            (sum(index) - sum(0)) / ROUNDS as f64
        };
        Self {
            kind,
            over: std::array::from_fn(over),
            own: std::array::from_fn(|index| mean(index, |sample| sample.own)),
            server: std::array::from_fn(|index| mean(index, |sample| sample.server)),
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
