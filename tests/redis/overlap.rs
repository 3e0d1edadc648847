//! Requests that overlap at two instances of an app: two layers, each with a store and connections of its
//! own.

use crate::support::redis::{cli, cluster, redis, store_at};
use crate::support::server::Server;
use crate::support::{Answer, Browser, Started};
use crate::visitor::app;
use axum::Router;
use http::StatusCode;
use sessile::store::RedisStore;

/// A server, and two apps over it.
fn two() -> (Server, [Router; 2]) {
    let server = redis(&[]);
    let apps = [(); 2].map(|()| app(store_at(server.port())));
    (server, apps)
}

async fn with_session(app: &Router, path: &str) -> Browser {
    let mut browser = Browser::new();
    assert_ok(&browser.get(app, path).await);
    browser
}

#[track_caller]
fn assert_ok(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[track_caller]
fn assert_interrupted(answer: &Answer) {
    assert_eq!(
        (answer.status, &*answer.body),
        (StatusCode::BAD_REQUEST, "Interrupted")
    );
    assert_eq!(answer.set_cookies(), [""; 0]);
}

fn sessions(server: &Server) -> String {
    cli(server.port(), &["dbsize"])
}

#[tokio::test]
async fn a_write_in_flight_after_a_logout_leaves_the_session_dead() {
    let (server, [one, other]) = two();
    for steps in ["insert:b:2", "cycle/insert:user:1"] {
        let browser = with_session(&one, "/insert:a:1").await;
        let writing = browser.start(&one, &format!("/hold/{steps}")).held().await;
        assert_ok(&browser.clone().get(&other, "/flush").await);
        assert_interrupted(&writing.finish().await);
        assert_eq!(browser.sees(&one).await, "");
        assert_eq!(browser.sees(&other).await, "");
        assert_eq!(sessions(&server), "0");
    }
}

#[tokio::test]
async fn a_logout_and_a_rotation_end_the_session_under_both_ids() {
    let (server, [one, other]) = two();
    let old = with_session(&one, "/insert:a:1").await;
    let logout = old.start(&one, "/hold/flush").held().await;
    let mut rotated = old.clone();
    assert_ok(&rotated.get(&other, "/cycle/insert:user:1").await);
    assert_ok(&logout.finish().await);
    for (browser, app) in [(&old, &one), (&rotated, &one), (&rotated, &other)] {
        assert_eq!(browser.sees(app).await, "");
    }
    assert_eq!(sessions(&server), "0");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_and_a_rotation_that_race_leave_nothing_alive() {
    let (server, [one, other]) = two();
    for _ in 0..50 {
        let old = with_session(&one, "/insert:a:1").await;
        let rotating = old.start(&one, "/hold/cycle").held().await;
        let logout = old.start(&other, "/hold/flush").held().await;
        rotating.go();
        logout.go();
        let rotated = rotating.answer().await;
        assert_ok(&logout.answer().await);
        let mut new = old.clone();
        new.take(&rotated);
        if rotated.status != StatusCode::OK {
            assert_interrupted(&rotated);
        }
        assert_eq!(new.sees(&other).await, "");
        assert_eq!(old.sees(&one).await, "");
        assert_eq!(sessions(&server), "0");
    }
}

#[tokio::test]
async fn two_requests_that_write_different_keys_both_survive() {
    let (_server, [one, other]) = two();
    let browser = with_session(&one, "/insert:a:1").await;
    let first = browser.start(&one, "/hold/insert:b:2").held().await;
    let second = browser
        .start(&other, "/hold/remove:a/insert:c:3")
        .held()
        .await;
    assert_ok(&first.finish().await);
    assert_ok(&second.finish().await);
    assert_eq!(browser.sees(&one).await, "b=2 c=3");
}

async fn count_100(apps: [Router; 2]) {
    let browser = with_session(&apps[0], "/insert:n:0").await;
    let mut requests = Vec::new();
    for number in 0..100 {
        let app = &apps[number % 2];
        requests.push(browser.start(app, "/hold/increment:n").held().await);
    }
    // All have loaded before any of them writes.
    requests.iter().for_each(Started::go);
    for request in requests {
        assert_ok(&request.answer().await);
    }
    assert_eq!(browser.sees(&apps[1]).await, "n=100");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_concurrent_increments_count_a_hundred() {
    let (_server, apps) = two();
    count_100(apps).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_concurrent_increments_count_a_hundred_in_a_cluster() {
    let nodes = cluster();
    let addresses = || {
        nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port()))
    };
    let store = || RedisStore::builder().cluster(addresses()).build().unwrap();
    count_100([app(store()), app(store())]).await;
}

#[tokio::test]
async fn an_id_that_is_rotated_while_a_write_is_in_flight_stays_dead() {
    let (server, [one, other]) = two();
    let old = with_session(&one, "/insert:a:1").await;
    let writing = old.start(&one, "/hold/insert:b:2").held().await;
    let mut rotated = old.clone();
    assert_ok(&rotated.get(&other, "/cycle/insert:user:1").await);
    assert_interrupted(&writing.finish().await);
    assert_eq!(old.sees(&one).await, "");
    assert_eq!(rotated.sees(&one).await, "a=1 user=1");
    assert_eq!(sessions(&server), "1");
}

#[tokio::test]
async fn of_two_rotations_at_once_one_id_lives_and_the_loser_is_told() {
    let (server, [one, other]) = two();
    let old = with_session(&one, "/insert:a:1").await;
    let first = old.start(&one, "/hold/cycle/insert:user:1").held().await;
    let second = old.start(&other, "/hold/cycle/insert:user:2").held().await;
    let winner = second.finish().await;
    assert_ok(&winner);
    assert_interrupted(&first.finish().await);
    let mut browser = old.clone();
    browser.take(&winner);
    assert_eq!(browser.sees(&one).await, "a=1 user=2");
    assert_eq!(old.sees(&other).await, "");
    assert_eq!(sessions(&server), "1");
}

#[tokio::test]
async fn an_id_of_a_clients_own_making_is_never_adopted() {
    let (server, [one, _]) = two();
    let mut browser = Browser::with_cookie("__Host-id", &"A".repeat(43));
    assert_eq!(browser.sees(&one).await, "");
    assert_eq!(sessions(&server), "0");
    assert_ok(&browser.get(&one, "/insert:a:1").await);
    assert_eq!(browser.id().unwrap().find("AAAA"), None);
}
