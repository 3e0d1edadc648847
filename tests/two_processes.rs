//! The counter, in two processes over one store, as behind a load balancer.

#![cfg(all(feature = "redis", feature = "memcached"))]

mod support;

use std::thread;
use support::http::{Client, Running};
use support::memcached::memcached;
use support::redis::{cluster, redis};

/// As many as are under way at once. Each has a connection and a thread of its own.
const AT_ONCE: usize = 50;
const REQUESTS: usize = 1000;

/// A thousand visits of one browser, half of them to each process.
fn all_are_counted(store: &str) {
    let servers = [
        Running::example_on("counter", store),
        Running::example_on("counter", store),
    ];
    let mut first = Client::new(&servers[0]);
    assert_eq!(first.get("/").body, "1 visits\n");
    let clients = [first.clone(), first.at(&servers[1])];
    thread::scope(|scope| {
        for number in 0..AT_ONCE {
            let mut client = clients[number % 2].clone();
            scope.spawn(move || {
                for _ in 0..REQUESTS / AT_ONCE {
                    let reply = client.get("/");
                    assert_eq!(reply.status, 200, "{}", reply.body);
                }
            });
        }
    });
    let [mut one, mut other] = clients;
    assert_eq!(one.get("/").body, format!("{} visits\n", REQUESTS + 2));
    assert_eq!(other.get("/").body, format!("{} visits\n", REQUESTS + 3));
    // What one process ends is over in the other.
    let cookies = one.jar.clone();
    one.post("/logout", "");
    other.jar = cookies;
    assert_eq!(other.get("/").body, "1 visits\n");
}

#[test]
fn a_thousand_visits_are_counted_over_redis() {
    let server = redis(&[]);
    all_are_counted(&format!("redis://127.0.0.1:{}", server.port()));
}

#[test]
fn a_thousand_visits_are_counted_over_a_cluster() {
    let nodes = cluster();
    all_are_counted(&format!("redis+cluster://127.0.0.1:{}", nodes[0].port()));
}

#[test]
fn a_thousand_visits_are_counted_over_memcached() {
    let server = memcached();
    all_are_counted(&format!("memcached://127.0.0.1:{}", server.port()));
}
