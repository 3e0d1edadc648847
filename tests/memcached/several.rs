//! Two servers, of which one is gone for a while.

use crate::app::{app, assert_ok, recovers, session, session_is_known_to_be_down};
use crate::servers::{memcached, store};
use crate::support::Browser;
use crate::support::server::Server;
use axum::Router;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Browsers whose sessions are on each of the servers, told apart by stopping the first.
async fn by_server(app: &Router, first: &Server) -> [Vec<Browser>; 2] {
    let mut sorted = [Vec::new(), Vec::new()];
    let mut browsers = Vec::new();
    for n in 0..24 {
        browsers.push(session(app, &format!("/insert:n:{n}")).await);
    }
    first.pause();
    let reads: Vec<_> = browsers
        .iter()
        .map(|browser| browser.start(app, "/load/show"))
        .collect();
    for (browser, read) in browsers.into_iter().zip(reads) {
        let answer = timeout(Duration::from_millis(100), read.answer()).await;
        sorted[usize::from(answer.is_ok())].push(browser);
    }
    first.resume();
    assert!(sorted.iter().all(|browsers| browsers.len() >= 2));
    sorted
}

#[tokio::test]
async fn of_two_servers_one_is_gone_and_back() {
    let mut servers = [memcached(), memcached()];
    let app = app(store(&servers));
    let [own, others] = by_server(&app, &servers[0]).await;
    let numbers = async |browsers: &[Browser]| {
        let mut numbers = Vec::new();
        for browser in browsers {
            numbers.push(browser.sees(&app).await);
        }
        numbers
    };
    let before = numbers(&others).await;

    servers[0].kill();
    sleep(Duration::from_millis(100)).await;
    for browser in &own {
        session_is_known_to_be_down(&app, browser).await;
    }
    // Who is elsewhere notices nothing.
    assert_eq!(numbers(&others).await, before);
    for browser in &others {
        assert_ok(&browser.clone().get(&app, "/increment:n").await);
    }

    servers[0].restart();
    for browser in &own {
        recovers(&app, browser, "").await;
    }
    for (browser, before) in others.iter().zip(before) {
        let n: u32 = before.strip_prefix("n=").unwrap().parse().unwrap();
        assert_eq!(browser.sees(&app).await, format!("n={}", n + 1));
    }
}
