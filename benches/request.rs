//! What the layer adds to a request: `cargo bench --bench request`, or `… -- create` for one kind.
//!
//! Three axum apps answer the same requests in turns, round after round: one without a layer, one
//! whose layer puts a single `Arc` into the request's extensions, and one with sessions on the
//! memory store. What the last takes over the second in a round, the median of that is shown, so
//! that what this machine is busy with cancels out. `allocations` counts what they allocate.

mod apps;
#[path = "apps/time.rs"]
mod time;

use apps::{Kind, apps, kinds, sessions};
use axum::Router;
use time::{REQUESTS, ROUNDS, median, time};

/// What a store holds at most where it is to stay small.
const FEW: usize = 1000;

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
        if kind.name == "create" {
            // Memory that no cache holds costs more than all the work, so both are worth knowing.
            measure(&kind, "create, of 1000", apps.clone(), FEW / REQUESTS);
            measure(&kind, "create, of 100,000", apps.clone(), ROUNDS);
        } else {
            measure(&kind, kind.name, apps.clone(), ROUNDS);
        }
    }
}

/// Prints what this kind takes in each app. After so many rounds the store is a new one.
fn measure(kind: &Kind, name: &str, mut apps: [Router; 3], rounds_of_a_store: usize) {
    let mut times = [const { Vec::new() }; 3];
    for round in 0..ROUNDS {
        if round > 0 && round % rounds_of_a_store == 0 {
            apps[2] = sessions();
        }
        for (app, times) in apps.iter().zip(&mut times) {
            times.push(time(app, kind));
        }
    }
    let over = times[2].iter().zip(&times[1]);
    let over = median(over.map(|(layered, one_arc)| layered - one_arc).collect());
    let [plain, one_arc, layered] = times.map(median);
    println!("{name:24} {plain:>6.0} ns {one_arc:>6.0} ns {layered:>6.0} ns {over:>8.0} ns");
}
