//! A server that is killed, stopped, or restarted.

use crate::app::{
    app, assert_interrupted, assert_ok, assert_unavailable, is_known_to_be_down, is_unavailable,
    recovers, session,
};

use crate::servers::{memcached, store, store_at};
use crate::support::proxy::Proxy;
use crate::support::{Browser, Started};
use bytes::Bytes;
use sessile::store::{Store as _, StoreError, StoreKey};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::test]
async fn a_server_that_is_killed_while_idle_is_noticed_at_once() {
    let mut server = memcached();
    let app = app(store([&server]));
    let browser = session(&app, "/insert:a:1").await;
    server.kill();
    sleep(Duration::from_millis(100)).await;
    for _ in 0..3 {
        is_known_to_be_down(&app, &browser).await;
        sleep(Duration::from_millis(200)).await;
    }
    server.restart();
    // It lost its memory, and nothing in it comes back.
    recovers(&app, &browser, "").await;
    assert_ok(
        &session(&app, "/insert:b:2")
            .await
            .clone()
            .get(&app, "/show")
            .await,
    );
}

#[tokio::test]
async fn a_server_that_is_killed_in_the_middle_of_requests_leaves_them_an_answer() {
    let mut server = memcached();
    let app = app(store([&server]));
    let browser = session(&app, "/insert:a:1").await;
    let [write, login, logout] =
        ["/hold/insert:b:2", "/hold/cycle", "/hold/flush"].map(|path| browser.start(&app, path));
    let [write, login, logout] = [write.held().await, login.held().await, logout.held().await];
    let first = Browser::new().start(&app, "/hold/insert:a:1").held().await;
    let requests = [write, login, logout, first];
    server.pause();
    requests.iter().for_each(Started::go);
    let reading = browser.start(&app, "/show");
    sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    server.kill();
    for request in requests.into_iter().chain([reading]) {
        assert_unavailable(&request.answer().await);
    }
    assert!(start.elapsed() < Duration::from_secs(1));
    server.restart();
    recovers(&app, &browser, "").await;
}

#[tokio::test]
async fn a_server_that_is_stopped_costs_the_time_limit_once_and_then_nothing() {
    let server = memcached();
    let app = app(store([&server]));
    let browser = session(&app, "/insert:a:1").await;
    server.pause();
    is_unavailable(&app, &browser).await;
    // It has been silent for too long, and a new connection does not help.
    sleep(Duration::from_secs(1)).await;
    for _ in 0..3 {
        is_known_to_be_down(&app, &browser).await;
        sleep(Duration::from_millis(300)).await;
    }
    server.resume();
    // What was asked before may have been done now: the write, the rotation or the logout.
    let start = Instant::now();
    while browser.clone().get(&app, "/show").await.status == 503 {
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "it does not recover"
        );
        sleep(Duration::from_millis(20)).await;
    }
    assert_ok(&session(&app, "/insert:a:1").await.get(&app, "/show").await);
}

#[tokio::test]
async fn what_waits_for_a_server_that_is_stopped_is_bounded() {
    let server = memcached();
    let store = store([&server]);
    let key = StoreKey::from_bytes([7; 32]);
    store.delete(&key).await.unwrap();
    server.pause();
    let value = Bytes::from(vec![0; 500_000]);
    let mut asked = Vec::new();
    for _ in 0..1000 {
        let (store, value) = (Arc::clone(&store), value.clone());
        asked.push(tokio::spawn(async move {
            store.add(&key, value, Duration::from_secs(60)).await
        }));
    }
    let mut refused = 0;
    for add in asked {
        let error = add.await.unwrap().unwrap_err();
        refused += usize::from(error == StoreError::unavailable());
    }
    // They did not even get into the queue, which takes 16 MiB at most and what the socket takes.
    assert!(refused > 900, "{refused}");
}

#[tokio::test]
async fn a_short_stop_is_only_a_delay() {
    let server = memcached();
    let app = app(store([&server]));
    let browser = session(&app, "/insert:a:1").await;
    server.pause();
    let write = browser.start(&app, "/insert:b:2");
    let other = browser.start(&app, "/insert:c:3");
    sleep(Duration::from_millis(500)).await;
    server.resume();
    assert_ok(&write.answer().await);
    assert_ok(&other.answer().await);
    assert_eq!(browser.sees(&app).await, "a=1 b=2 c=3");
}

#[tokio::test]
async fn a_server_that_was_restarted_empty_has_no_session_and_revives_none() {
    let mut server = memcached();
    let app = app(store([&server]));
    let mut browser = session(&app, "/insert:a:1").await;
    let write = browser.start(&app, "/hold/insert:b:2").held().await;
    let rotation = browser
        .start(&app, "/hold/cycle/insert:user:1")
        .held()
        .await;
    let logout = browser.start(&app, "/hold/flush").held().await;
    server.restart();
    recovers(&app, &browser, "").await;
    // New entries get the numbers that the old ones had.
    for _ in 0..5 {
        session(&app, "/insert:other:1").await;
    }
    assert_interrupted(&write.finish().await);
    assert_interrupted(&rotation.finish().await);
    assert_ok(&logout.finish().await);
    assert_eq!(browser.sees(&app).await, "");

    // And the user can begin anew, under a new id.
    let old = browser.clone();
    assert_ok(&browser.get(&app, "/insert:c:3").await);
    assert_ne!(browser.id(), old.id());
    assert_eq!(browser.sees(&app).await, "c=3");
    assert_eq!(old.sees(&app).await, "");
}

#[tokio::test]
async fn attempts_to_connect_are_few_however_many_requests_there_are() {
    let mut server = memcached();
    let proxy = Proxy::before(server.port()).await;
    let app = app(store_at(proxy.port()));
    let browser = session(&app, "/insert:a:1").await;
    assert_eq!(proxy.connections(), 1);
    server.kill();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(3) {
        let requests: Vec<_> = (0..100).map(|_| browser.start(&app, "/show")).collect();
        for request in requests {
            assert_unavailable(&request.answer().await);
        }
        sleep(Duration::from_millis(5)).await;
    }
    let attempts = proxy.connections() - 1;
    assert!((4..=18).contains(&attempts), "{attempts} in three seconds");
    server.restart();
    recovers(&app, &browser, "").await;
    // And the one connection is enough again.
    let before = proxy.connections();
    for _ in 0..100 {
        browser.sees(&app).await;
    }
    assert_eq!(proxy.connections(), before);
}

#[tokio::test]
async fn attempts_to_connect_to_a_server_that_is_stopped_are_few_too() {
    let server = memcached();
    let proxy = Proxy::before(server.port()).await;
    let app = app(store_at(proxy.port()));
    let browser = session(&app, "/insert:a:1").await;
    server.pause();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        let requests: Vec<_> = (0..20).map(|_| browser.start(&app, "/show")).collect();
        for request in requests {
            assert_unavailable(&request.answer().await);
        }
        sleep(Duration::from_millis(10)).await;
    }
    let attempts = proxy.connections() - 1;
    assert!((1..=5).contains(&attempts), "{attempts} in five seconds");
    server.resume();
    recovers(&app, &browser, "a=1").await;
}
