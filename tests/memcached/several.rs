//! Two servers, of which one is gone for a while.

use crate::app::{app, assert_ok, recovers, session, session_is_known_to_be_down};
use crate::servers::{memcached, store};
use crate::support::Browser;
use crate::support::server::Server;
use axum::Router;
use http::StatusCode;
use std::time::Duration;
use tokio::time::sleep;

/// Browsers whose sessions are on each of the servers, told apart by stopping the first. With what they see.
async fn by_server(app: &Router, first: &Server) -> [Vec<(Browser, String)>; 2] {
    let mut sorted = [Vec::new(), Vec::new()];
    let mut browsers = Vec::new();
    for n in 0..24 {
        let browser = session(app, &format!("/insert:n:{n}")).await;
        browsers.push((browser, format!("n={n}")));
    }
    first.pause();
    let start = |(browser, _): &(Browser, String)| browser.start(app, "/load/show");
    let reads: Vec<_> = browsers.iter().map(start).collect();
    for (browser, read) in browsers.into_iter().zip(reads) {
        let answers = read.answer().await.status == StatusCode::OK;
        sorted[usize::from(answers)].push(browser);
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
    // It was only stopped, and its sessions did not move.
    for (browser, seen) in own.iter().chain(&others) {
        recovers(&app, browser, seen).await;
    }

    servers[0].kill();
    sleep(Duration::from_millis(100)).await;
    for (browser, _) in &own {
        session_is_known_to_be_down(&app, browser).await;
    }
    // Who is elsewhere notices nothing.
    for (browser, seen) in &others {
        assert_eq!(browser.sees(&app).await, *seen);
        assert_ok(&browser.clone().get(&app, "/insert:n:100").await);
    }

    servers[0].restart();
    for (browser, _) in &own {
        recovers(&app, browser, "").await;
    }
    for (browser, _) in &others {
        assert_eq!(browser.sees(&app).await, "n=100");
    }
}
