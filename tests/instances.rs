//! Requests that overlap at two instances of an app: two layers with connections of their own, over each
//! of the real stores. The races are those of `overlap.rs`.

#![cfg(all(feature = "memory", feature = "redis", feature = "memcached"))]

mod support;

use axum::Router;
use http::StatusCode;
use sessile::sessions::Sessions;
use sessile::store::open;
use sessile::{ErrorKind, SessionId, SessionLayer, WhenMany};
use support::memcached::memcached;
use support::redis::{cluster, redis, sentinel, valkey};
use support::server::is_left_out;
use support::tls::Certificates;
use support::{Browser, Started, assert_interrupted, assert_ok, kind_of, scripted};

/// The two instances.
type Two<'a> = [&'a Router; 2];

async fn all_races_over(url: &str) {
    let layers = [(); 2].map(|()| {
        let layer = SessionLayer::builder(open(url).unwrap()).error_response(kind_of);
        let limit = WhenMany::EndOldest;
        layer.sessions_per_user(30, limit).build().unwrap()
    });
    all_sessions_of_a_user_end_at_both_instances(&layers).await;
    no_more_logins_live_than_there_may_be(&layers).await;
    let [one, other] = layers.map(scripted);
    let two = [&one, &other];
    each_sees_the_writes_rotations_and_logouts_of_the_other(two).await;
    a_write_in_flight_after_a_logout_leaves_the_session_dead(two).await;
    a_logout_and_a_rotation_end_the_session_under_both_ids(two).await;
    different_keys_both_survive(two).await;
    a_write_that_meets_a_rotation_is_kept_or_told(two).await;
    of_two_rotations_one_id_lives_and_the_loser_is_told(two).await;
    an_id_of_a_clients_own_making_is_never_adopted(two).await;
    a_hundred_increments_count_a_hundred(two).await;
    nothing_survives_a_logout_that_meets_rotations_and_writes(two).await;
}

macro_rules! over {
    ($($store:ident: $server:ident = $start:expr => $url:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $store() {
                let $server = $start;
                all_races_over(&$url).await;
            }
        )*
    };
}

over! {
    over_one_redis: server = redis(&[]) => format!("redis://127.0.0.1:{}", server.port());
    over_a_unix_socket: server = redis(&["--unixsocket", "redis.sock"])
        => format!("redis+unix://{}/redis.sock", server.directory().display());
    over_a_cluster: nodes = cluster() => format!("redis+cluster://127.0.0.1:{}", nodes[0].port());
    over_the_master_of_a_sentinel: watched = sentinel()
        => format!("redis+sentinel://127.0.0.1:{}/sessions", watched.sentinel.port());
    over_one_memcached: server = memcached()
        => format!("memcached://127.0.0.1:{}", server.port());
    over_two_memcacheds: servers = [memcached(), memcached()]
        => format!("memcached://127.0.0.1:{},127.0.0.1:{}", servers[0].port(), servers[1].port());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_tls() {
    let certificates = Certificates::new();
    let server = certificates.redis();
    let path = |file| certificates.path(file);
    all_races_over(&format!(
        "rediss://127.0.0.1:{}?tls_roots={}&tls_certificate={}&tls_key={}",
        server.port(),
        path("ca.crt"),
        path("client.crt"),
        path("client.key"),
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_memcached_and_tls() {
    let certificates = Certificates::new();
    let server = certificates.memcached();
    let path = |file| certificates.path(file);
    all_races_over(&format!(
        "memcached://127.0.0.1:{}?tls_roots={}&tls_certificate={}&tls_key={}",
        server.port(),
        path("ca.crt"),
        path("client.crt"),
        path("client.key"),
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_valkey() {
    if !is_left_out("valkey") {
        let server = valkey();
        all_races_over(&format!("redis://127.0.0.1:{}", server.port())).await;
    }
}

async fn log_in(sessions: Sessions, user: &str) -> Result<SessionId, ErrorKind> {
    let session = sessions.create();
    session.renew_for(user).unwrap();
    session.save().await.map_err(|error| error.kind())?;
    Ok(session.id().unwrap().unwrap())
}

/// So many logins at once, in turns at one instance and the other: the ids of those that were answered.
async fn logins(layers: &[SessionLayer; 2], user: &'static str, count: usize) -> Vec<SessionId> {
    let logins = (0..count).map(|at| tokio::spawn(log_in(layers[at % 2].sessions(), user)));
    let mut ids = Vec::new();
    for login in logins.collect::<Vec<_>>() {
        match login.await.unwrap() {
            Ok(id) => ids.push(id),
            Err(kind) => assert_eq!(kind, ErrorKind::Interrupted),
        }
    }
    ids
}

async fn living(sessions: &Sessions, ids: &[SessionId]) -> usize {
    let mut living = 0;
    for id in ids {
        living += usize::from(sessions.load(id).await.unwrap().is_some());
    }
    living
}

async fn all_sessions_of_a_user_end_at_both_instances(layers: &[SessionLayer; 2]) {
    let [one, other] = layers.each_ref().map(SessionLayer::sessions);
    let before = logins(layers, "alice", 20).await;
    assert_eq!(living(&other, &before).await, 20);
    assert_eq!(one.of("alice").list().await.unwrap().len(), 20);
    let alice = one.of("alice");
    let (ended, during) = tokio::join!(alice.end_all(), logins(layers, "alice", 10));
    // How many is not to be told: the logins find them marked, and end them too.
    ended.unwrap();
    assert_eq!(living(&other, &before).await, 0);
    let listed = other.of("alice").list().await.unwrap().len();
    assert_eq!(living(&one, &during).await, listed);
}

async fn no_more_logins_live_than_there_may_be(layers: &[SessionLayer; 2]) {
    let ids = logins(layers, "bob", 50).await;
    let [one, other] = layers.each_ref().map(SessionLayer::sessions);
    assert_eq!(living(&one, &ids).await, 30);
    assert_eq!(other.of("bob").list().await.unwrap().len(), 30);
}

async fn each_sees_the_writes_rotations_and_logouts_of_the_other([one, other]: Two<'_>) {
    let mut browser = session(one, "/insert:a:1").await;
    assert_eq!(browser.sees(other).await, "a=1");
    assert_ok(&browser.get(other, "/increment:a").await);
    assert_eq!(browser.sees(one).await, "a=2");

    let old = browser.clone();
    assert_ok(&browser.get(other, "/cycle").await);
    assert_eq!(old.sees(one).await, "");
    assert_eq!(browser.sees(one).await, "a=2");

    let ended = browser.clone();
    assert_ok(&browser.get(one, "/flush").await);
    assert_eq!(browser.id(), None);
    assert_eq!(ended.sees(other).await, "");
}

async fn a_write_in_flight_after_a_logout_leaves_the_session_dead([one, other]: Two<'_>) {
    for steps in ["insert:b:2", "cycle/insert:user:1"] {
        let browser = session(one, "/insert:a:1").await;
        let writing = browser.start(one, &format!("/hold/{steps}")).held().await;
        assert_ok(&browser.clone().get(other, "/flush").await);
        assert_interrupted(&writing.finish().await);
        assert_eq!(browser.sees(one).await, "");
        assert_eq!(browser.sees(other).await, "");
    }
}

async fn a_logout_and_a_rotation_end_the_session_under_both_ids([one, other]: Two<'_>) {
    let old = session(one, "/insert:a:1").await;
    let logout = old.start(one, "/hold/flush").held().await;
    let mut rotated = old.clone();
    assert_ok(&rotated.get(other, "/cycle/insert:user:1").await);
    assert_eq!(rotated.sees(one).await, "a=1 user=1");
    assert_ok(&logout.finish().await);
    for (browser, app) in [(&old, one), (&rotated, one), (&rotated, other)] {
        assert_eq!(browser.sees(app).await, "");
    }
}

async fn different_keys_both_survive([one, other]: Two<'_>) {
    let browser = session(one, "/insert:a:1").await;
    let first = browser.start(one, "/hold/insert:b:2").held().await;
    let second = browser.start(other, "/hold/remove:a/insert:c:3");
    let second = second.held().await;
    assert_ok(&first.finish().await);
    assert_ok(&second.finish().await);
    assert_eq!(browser.sees(one).await, "b=2 c=3");
}

async fn a_write_that_meets_a_rotation_is_kept_or_told([one, other]: Two<'_>) {
    // It comes first, and is kept under the new id.
    let mut browser = session(one, "/insert:a:1").await;
    let old = browser.clone();
    let rotating = browser.start(one, "/hold/cycle/insert:user:1");
    let rotating = rotating.held().await;
    assert_ok(&old.clone().get(other, "/insert:b:2").await);
    let answer = rotating.finish().await;
    assert_ok(&answer);
    browser.take(&answer);
    assert_eq!(browser.sees(other).await, "a=1 b=2 user=1");
    assert_eq!(old.sees(other).await, "");

    // It comes second, and must not write under an id that is retired.
    let late = browser.clone();
    let writing = late.start(one, "/hold/insert:c:3").held().await;
    assert_ok(&browser.get(other, "/cycle").await);
    assert_interrupted(&writing.finish().await);
    assert_eq!(late.sees(one).await, "");
    assert_eq!(browser.sees(one).await, "a=1 b=2 user=1");
}

async fn of_two_rotations_one_id_lives_and_the_loser_is_told([one, other]: Two<'_>) {
    let old = session(one, "/insert:a:1").await;
    let first = old.start(one, "/hold/cycle/insert:user:1").held().await;
    let second = old.start(other, "/hold/cycle/insert:user:2").held().await;
    let winner = second.finish().await;
    assert_ok(&winner);
    assert_interrupted(&first.finish().await);
    let mut browser = old.clone();
    browser.take(&winner);
    assert_eq!(browser.sees(one).await, "a=1 user=2");
    assert_eq!(old.sees(other).await, "");
}

async fn an_id_of_a_clients_own_making_is_never_adopted([one, _]: Two<'_>) {
    let own = "A".repeat(43);
    let mut browser = Browser::with_cookie("__Host-id", &own);
    assert_eq!(browser.sees(one).await, "");
    assert_ok(&browser.get(one, "/insert:a:1").await);
    assert_ne!(browser.id().unwrap(), own);
    assert_eq!(Browser::with_cookie("__Host-id", &own).sees(one).await, "");
}

async fn a_hundred_increments_count_a_hundred(two: Two<'_>) {
    let browser = session(two[0], "/insert:n:0").await;
    let mut requests = Vec::new();
    for number in 0..100 {
        let request = browser.start(two[number % 2], "/hold/increment:n");
        requests.push(request.held().await);
    }
    // All have loaded before any of them writes.
    requests.iter().for_each(Started::go);
    for request in requests {
        assert_ok(&request.answer().await);
    }
    assert_eq!(browser.sees(two[0]).await, "n=100");
}

/// They meet at the server in whatever order comes: many times.
async fn nothing_survives_a_logout_that_meets_rotations_and_writes(two: Two<'_>) {
    const PATHS: [&str; 5] = [
        "/increment:n",
        "/cycle/insert:user:1",
        "/flush",
        "/increment:n",
        "/cycle",
    ];
    for round in 0..50 {
        let browser = session(two[0], "/insert:n:0").await;
        let mut requests = Vec::new();
        for (number, path) in PATHS.iter().enumerate() {
            let held = browser.start(two[(number + round) % 2], &format!("/hold{path}"));
            requests.push(held.held().await);
        }
        requests.iter().for_each(Started::go);
        let mut browsers = vec![browser];
        for (path, request) in PATHS.iter().zip(requests) {
            let answer = request.answer().await;
            if *path == "/flush" || answer.status == StatusCode::OK {
                assert_ok(&answer);
                let mut browser = browsers[0].clone();
                browser.take(&answer);
                browsers.push(browser);
            } else {
                assert_interrupted(&answer);
            }
        }
        for browser in browsers {
            for app in two {
                assert_eq!(browser.sees(app).await, "");
            }
        }
    }
}

/// A browser whose session came from this path.
async fn session(app: &Router, path: &str) -> Browser {
    let mut browser = Browser::new();
    assert_ok(&browser.get(app, path).await);
    browser
}
