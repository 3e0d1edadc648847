//! A failover.

use crate::support::redis::{cli, sentinel, wait_until};
use crate::visitor::{IN_TIME, Visitor, assert_unavailable};
use http::StatusCode;
use sessile::store::RedisStore;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_the_new_master_is_found_without_a_restart() {
    let mut watched = sentinel();
    let old = watched.master.port();
    let visitor = Visitor::of(watched.store()).await;
    assert_eq!(cli(watched.master.port(), &["wait", "1", "2000"]), "1");

    let new = watched.replica.port();
    let connections = || statistic(&cli(new, &["info", "stats"]), "total_connections_received");
    let before = connections();
    let held = visitor.start("/load/hold/insert:b:2").held().await;
    watched.master.kill();
    let began = Instant::now();
    assert_unavailable("a write", &held.finish().await);
    assert!(began.elapsed() < IN_TIME);
    visitor.sees_it_away(IN_TIME).await;

    let promoted = async || {
        let end = Instant::now() + Duration::from_secs(20);
        while watched.master_port() != new || !cli(new, &["role"]).starts_with("master") {
            assert!(Instant::now() < end, "no failover");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    promoted().await;
    visitor.sees_it_back("a=1").await;

    // Few connections were tried: one from this store, those of the Sentinel, and one for each question of ours.
    let connected = connections() - before;
    assert!(connected < 100, "{connected} connections");

    // The old one comes back and is nobody's master, at the latest when the Sentinel says so.
    watched.master.restart();
    let end = Instant::now() + Duration::from_secs(3);
    while Instant::now() < end {
        let answer = visitor
            .browser
            .clone()
            .get(&visitor.app, "/load/show")
            .await;
        assert_eq!(
            (answer.status, answer.body.trim_end()),
            (StatusCode::OK, "a=1")
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(watched.master.port(), old);
}

fn statistic(info: &str, name: &str) -> u32 {
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap();
    line.trim_start_matches(':').trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_that_is_asked_for_is_followed() {
    let watched = sentinel();
    let visitor = Visitor::of(watched.store()).await;
    assert_eq!(cli(watched.master.port(), &["wait", "1", "2000"]), "1");
    wait_until("the Sentinel begins", || {
        cli(
            watched.sentinel.port(),
            &["sentinel", "failover", "sessions"],
        ) == "OK"
    });
    let end = Instant::now() + Duration::from_secs(20);
    while watched.master_port() != watched.replica.port() {
        assert!(Instant::now() < end, "no failover");
        // Nothing is acknowledged that is not stored, and nobody is logged out.
        let answer = visitor
            .browser
            .clone()
            .get(&visitor.app, "/load/show")
            .await;
        match answer.status {
            StatusCode::OK => assert_eq!(answer.body.trim_end(), "a=1"),
            _ => assert_unavailable("meanwhile", &answer),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    visitor.sees_it_back("a=1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sentinel_that_is_gone_is_passed_over() {
    let watched = sentinel();
    let addresses = [
        format!("127.0.0.1:{}", crate::support::server::free_port()),
        format!("127.0.0.1:{}", watched.sentinel.port()),
    ];
    let builder = RedisStore::builder().sentinel("sessions", addresses.clone());
    Visitor::of(builder.build().unwrap())
        .await
        .sees_it_back("a=1")
        .await;

    let unknown = RedisStore::builder().sentinel("another", addresses);
    let visitor = Visitor {
        app: crate::visitor::app(unknown.build().unwrap()),
        browser: crate::support::Browser::with_cookie("__Host-id", &"A".repeat(43)),
    };
    visitor.sees_it_away(IN_TIME).await;
}
