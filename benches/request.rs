//! What the layer adds to a request: `cargo bench --bench request`, or `… -- create` for one kind.
//!
//! Three axum apps answer the same requests in turns, round after round: one without a layer, one
//! whose layer puts a single `Arc` into the request's extensions, and one with sessions on the
//! memory store. What the last takes over the second in a round, the median of that is shown, so
//! that what this machine is busy with cancels out. `allocations` counts what they allocate.

mod apps;

use apps::{Kind, apps, kinds, now, request};
use axum::Router;
use std::hint::black_box;
use std::time::Instant;
use tower::ServiceExt as _;

const ROUNDS: usize = 2001;
const REQUESTS: usize = 50;

fn main() {
    let apps = apps();
    println!(
        "{:24} {:>9} {:>9} {:>9} {:>11}",
        "", "plain", "one Arc", "sessions", "over Arc"
    );
    let wanted = std::env::args().skip(1).find(|it| it != "--bench");
    for kind in kinds(&apps[2]) {
        if wanted.as_ref().is_some_and(|it| !kind.name.contains(it)) {
            continue;
        }
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            for (app, times) in apps.iter().zip(&mut times) {
                times.push(time(app, &kind));
            }
        }
        let over = times[2].iter().zip(&times[1]);
        let over = median(over.map(|(layered, one_arc)| layered - one_arc).collect());
        let [plain, one_arc, layered] = times.map(median);
        println!(
            "{:24} {plain:>6.0} ns {one_arc:>6.0} ns {layered:>6.0} ns {over:>8.0} ns",
            kind.name,
        );
    }
}

/// Nanoseconds for one request, the making of it left out, and the end of the response included.
fn time(app: &Router, kind: &Kind) -> f64 {
    let requests: Vec<_> = (0..REQUESTS)
        .map(|_| (app.clone(), request(kind)))
        .collect();
    let start = Instant::now();
    for (app, request) in requests {
        drop(black_box(now(app.oneshot(request))));
    }
    start.elapsed().as_nanos() as f64 / REQUESTS as f64
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
