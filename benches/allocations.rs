//! What the layer allocates for a request, over one that inserts an `Arc`: `cargo bench --bench allocations`.
//!
//! A program of its own, since a counting allocator would distort the times of `request`.

mod apps;

use apps::{Kind, apps, kinds, now, request};
use axum::Router;
use std::hint::black_box;
use tower::ServiceExt as _;

/// So many requests, of which the median counts: now and then a table grows.
const REQUESTS: usize = 101;

fn main() {
    let [_, one_arc, sessions] = apps();
    for kind in kinds(&sessions) {
        let over = count(&sessions, &kind) - count(&one_arc, &kind);
        println!("{:24} {over:>3}", kind.name);
    }
}

fn count(app: &Router, kind: &Kind) -> i64 {
    let mut counts: Vec<_> = (0..REQUESTS)
        .map(|_| (app.clone(), request(kind)))
        .map(|(app, request)| {
            allocation_counter::measure(|| drop(black_box(now(app.oneshot(request)))))
        })
        .map(|count| i64::try_from(count.count_total).unwrap())
        .collect();
    counts.sort_unstable();
    counts[REQUESTS / 2]
}
