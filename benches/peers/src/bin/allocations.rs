//! Prints the allocations of one request, a line for each kind and a column for each app.

use axum::http::Request;
use sessile_peers::apps;
use sessile_peers::requests::{Cookies, Kind, now};
use tower::ServiceExt as _;

/// So many requests, of which the median counts: now and then a table grows.
const REQUESTS: usize = 101;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let _guard = runtime.enter();
    let apps = apps::all().map(|app| (now(Cookies::obtain(&app)), app));
    for kind in Kind::ALL {
        let counts = apps.each_ref().map(|(cookies, app)| {
            let mut counts: Vec<_> = (0..REQUESTS)
                .map(|number| count(app.router.clone(), cookies.request(kind, number)))
                .collect();
            counts.sort_unstable();
            counts[REQUESTS / 2].to_string()
        });
        println!("{}", counts.join(" "));
    }
}

fn count(router: axum::Router, request: Request<axum::body::Body>) -> u64 {
    let count = allocation_counter::measure(|| drop(now(router.oneshot(request))));
    count.count_total
}
