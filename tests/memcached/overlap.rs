//! Requests that overlap on two instances of an app: two layers with connections of their own.

use crate::app::{app, assert_interrupted, assert_ok, session};
use crate::servers::{memcached, store};
use crate::support::server::Server;
use crate::support::{Browser, Started};
use axum::Router;

fn two_instances() -> ([Router; 2], [Server; 2]) {
    let servers = [memcached(&[]), memcached(&[])];
    let apps = [(); 2].map(|()| app(store(&servers)));
    (apps, servers)
}

#[tokio::test]
async fn each_instance_sees_the_writes_rotations_and_logouts_of_the_other() {
    let ([one, other], _servers) = two_instances();
    let mut browser = session(&one, "/insert:a:1").await;
    assert_eq!(browser.sees(&other).await, "a=1");
    assert_ok(&browser.get(&other, "/increment:a").await);
    assert_eq!(browser.sees(&one).await, "a=2");

    let old = browser.clone();
    assert_ok(&browser.get(&other, "/cycle").await);
    assert_eq!(old.sees(&one).await, "");
    assert_eq!(browser.sees(&one).await, "a=2");

    let ended = browser.clone();
    assert_ok(&browser.get(&one, "/flush").await);
    assert_eq!(browser.id(), None);
    assert_eq!(ended.sees(&other).await, "");
}

#[tokio::test]
async fn a_write_in_flight_after_a_logout_elsewhere_leaves_the_session_dead() {
    let ([one, other], _servers) = two_instances();
    let browser = session(&one, "/insert:a:1").await;
    let writing = browser.start(&one, "/hold/insert:b:2").held().await;
    assert_ok(&browser.clone().get(&other, "/flush").await);
    assert_interrupted(&writing.finish().await);
    assert_eq!(browser.sees(&one).await, "");
}

#[tokio::test]
async fn a_rotation_in_flight_after_a_logout_elsewhere_leaves_the_session_dead() {
    let ([one, other], _servers) = two_instances();
    let browser = session(&one, "/insert:a:1").await;
    let rotating = browser
        .start(&one, "/hold/cycle/insert:user:1")
        .held()
        .await;
    assert_ok(&browser.clone().get(&other, "/flush").await);
    assert_interrupted(&rotating.finish().await);
    assert_eq!(browser.sees(&one).await, "");
}

#[tokio::test]
async fn a_logout_in_flight_after_a_rotation_elsewhere_ends_the_session_under_both_ids() {
    let ([one, other], _servers) = two_instances();
    let old = session(&one, "/insert:a:1").await;
    let logout = old.start(&one, "/hold/flush").held().await;
    let mut rotated = old.clone();
    assert_ok(&rotated.get(&other, "/cycle/insert:user:1").await);
    assert_eq!(rotated.sees(&one).await, "a=1 user=1");
    assert_ok(&logout.finish().await);
    assert_eq!(rotated.sees(&other).await, "");
    assert_eq!(old.sees(&one).await, "");
}

#[tokio::test]
async fn writes_of_different_keys_on_two_instances_both_survive() {
    let ([one, other], _servers) = two_instances();
    let browser = session(&one, "/insert:a:1").await;
    let first = browser.start(&one, "/hold/insert:b:2").held().await;
    let second = browser
        .start(&other, "/hold/remove:a/insert:c:3")
        .held()
        .await;
    assert_ok(&first.finish().await);
    assert_ok(&second.finish().await);
    assert_eq!(browser.sees(&one).await, "b=2 c=3");
}

#[tokio::test]
async fn a_write_during_a_rotation_elsewhere_is_kept_or_told() {
    let ([one, other], _servers) = two_instances();
    // It comes first, and is kept under the new id.
    let mut browser = session(&one, "/insert:a:1").await;
    let old = browser.clone();
    let rotating = browser
        .start(&one, "/hold/cycle/insert:user:1")
        .held()
        .await;
    assert_ok(&old.clone().get(&other, "/insert:b:2").await);
    let answer = rotating.finish().await;
    assert_ok(&answer);
    browser.take(&answer);
    assert_eq!(browser.sees(&other).await, "a=1 b=2 user=1");
    assert_eq!(old.sees(&other).await, "");

    // It comes second, and must not write under an id that is retired.
    let late = browser.clone();
    let writing = late.start(&one, "/hold/insert:c:3").held().await;
    assert_ok(&browser.get(&other, "/cycle").await);
    assert_interrupted(&writing.finish().await);
    assert_eq!(late.sees(&one).await, "");
    assert_eq!(browser.sees(&one).await, "a=1 b=2 user=1");
}

#[tokio::test]
async fn of_two_rotations_on_two_instances_one_id_lives() {
    let ([one, other], _servers) = two_instances();
    let old = session(&one, "/insert:a:1").await;
    let first = old.start(&one, "/hold/cycle/insert:user:1").held().await;
    let second = old.start(&other, "/hold/cycle/insert:user:2").held().await;
    let winner = second.finish().await;
    assert_ok(&winner);
    assert_interrupted(&first.finish().await);
    let mut browser = old.clone();
    browser.take(&winner);
    assert_eq!(browser.sees(&one).await, "a=1 user=2");
    assert_eq!(old.sees(&one).await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_increments_on_two_instances_count_a_hundred() {
    let (apps, _servers) = two_instances();
    let browser = session(&apps[0], "/insert:n:0").await;
    // All have loaded before any of them writes.
    let mut requests = Vec::new();
    for n in 0..100 {
        let request = browser.start(&apps[n % 2], "/hold/increment:n");
        requests.push(request.held().await);
    }
    requests.iter().for_each(Started::go);
    for request in requests {
        assert_ok(&request.answer().await);
    }
    assert_eq!(browser.sees(&apps[0]).await, "n=100");
}

/// Logouts, rotations and writes that meet at the server in whatever order comes: many times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_survives_a_logout_that_meets_rotations_and_writes() {
    let (apps, _servers) = two_instances();
    for round in 0..200 {
        let browser = session(&apps[0], "/insert:n:0").await;
        let paths = [
            "/increment:n",
            "/cycle/insert:user:1",
            "/flush",
            "/increment:n",
            "/cycle",
        ];
        let mut requests = Vec::new();
        for (n, path) in paths.iter().enumerate() {
            let held = browser.start(&apps[(n + round) % 2], &format!("/hold{path}"));
            requests.push(held.held().await);
        }
        requests.iter().for_each(Started::go);
        let mut ids: Vec<Browser> = vec![browser];
        for (path, request) in paths.iter().zip(requests) {
            let answer = request.answer().await;
            if *path == "/flush" || answer.status == 200 {
                assert_ok(&answer);
                let mut browser = ids[0].clone();
                browser.take(&answer);
                ids.push(browser);
            } else {
                assert_interrupted(&answer);
            }
        }
        for browser in ids {
            for app in &apps {
                assert_eq!(browser.sees(app).await, "");
            }
        }
    }
}
