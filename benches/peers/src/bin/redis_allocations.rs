//! Prints the allocations of one request whose session is in Redis, a line for each kind and a column for
//! each app. Those of the client's tasks are counted too, since all runs on one thread.

use sessile_peers::apps::over_redis;
use sessile_peers::redis_server::Server;
use sessile_peers::requests::{Cookies, Kind};
use tokio::runtime::Builder;
use tower::ServiceExt as _;

/// So many requests, of which the median counts: now and then a table grows.
const REQUESTS: usize = 101;

fn main() {
    let server = Server::start();
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let apps = runtime.block_on(over_redis::all(server.port));
    for kind in Kind::STORED {
        let counts = apps.each_ref().map(|app| {
            let cookies = runtime.block_on(Cookies::obtain(app));
            let mut counts: Vec<_> = (0..REQUESTS)
                .map(|number| {
                    let (router, request) = (app.router.clone(), cookies.request(kind, number));
                    let handle = || drop(runtime.block_on(router.oneshot(request)));
                    allocation_counter::measure(handle).count_total
                })
                .collect();
            counts.sort_unstable();
            counts[REQUESTS / 2].to_string()
        });
        println!("{}", counts.join(" "));
    }
}
