//! How long an app takes, for `request` and `encryption`.

use crate::apps::{Kind, now, request};
use axum::Router;
use std::hint::black_box;
use std::time::Instant;
use tower::ServiceExt as _;

pub(crate) const ROUNDS: usize = 2001;
pub(crate) const REQUESTS: usize = 50;

/// Nanoseconds for one request, the making of it left out, and the end of the response included.
pub(crate) fn time(app: &Router, kind: &Kind) -> f64 {
    let requests: Vec<_> = (0..REQUESTS)
        .map(|_| (app.clone(), request(kind)))
        .collect();
    let start = Instant::now();
    for (app, request) in requests {
        drop(black_box(now(app.oneshot(request))));
    }
    start.elapsed().as_nanos() as f64 / REQUESTS as f64
}

pub(crate) fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
