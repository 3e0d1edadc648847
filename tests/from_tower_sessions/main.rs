//! The example that takes over sessions of tower-sessions, with records that the real crate wrote
//! (`benches/peers/src/bin/tower_sessions_records.rs`), in a real Redis.
#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../support/mod.rs"]
mod support;

use redis::Commands as _;
use serde_json::json;
use sessile::{SessionLayer, store};
use support::http::{Client, Reply, Running};
use support::redis::{cli, redis, wait_until};
use support::server::Server;

/// Somebody who is logged in.
const USER: usize = 0;
/// Values of every kind.
const VALUES: usize = 1;
/// A session that ends with the browser.
const BROWSER: usize = 2;

struct App {
    redis: Server,
    running: Running,
}

impl App {
    /// The example, over a server that has all that was recorded.
    fn start() -> Self {
        let redis = redis(&[]);
        for (id, record) in records() {
            let () = connect(&redis).set_ex(id, record, 3600).unwrap();
        }
        let running = Running::example_on("from_tower_sessions", &url(&redis));
        Self { redis, running }
    }

    /// A browser that has the cookie of one of the old sessions.
    fn browser(&self, index: usize) -> Client {
        let mut client = Client::new(&self.running);
        let (id, _) = records().swap_remove(index);
        client.jar.insert("id".to_owned(), id);
        client
    }

    fn keys(&self) -> usize {
        cli(self.redis.port(), &["dbsize"]).parse().unwrap()
    }
}

fn url(redis: &Server) -> String {
    format!("redis://127.0.0.1:{}", redis.port())
}

fn connect(redis: &Server) -> redis::Connection {
    let client = redis::Client::open(url(redis)).unwrap();
    client.get_connection().unwrap()
}

/// The cookies' values, with the records.
fn records() -> Vec<(String, Vec<u8>)> {
    let lines = include_str!("records.txt").lines();
    let record = |line: &str| {
        let (id, record) = line.split_once(' ').unwrap();
        let (bytes, []) = record.as_bytes().as_chunks::<2>() else {
            panic!("half a byte");
        };
        let byte = |hex| u8::from_str_radix(str::from_utf8(hex).unwrap(), 16).unwrap();
        (id.to_owned(), bytes.iter().map(|hex| byte(hex)).collect())
    };
    lines.map(record).collect()
}

/// The browser has the new cookie, and only that.
#[track_caller]
fn assert_taken_over(reply: &Reply, browser: &Client) {
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(browser.jar.keys().collect::<Vec<_>>(), ["shop"]);
}

#[test]
fn a_session_goes_on_with_its_data_under_the_new_cookie() {
    let app = App::start();
    for (index, first, second) in [
        (USER, "alice, 4 visits\n", "alice, 5 visits\n"),
        (VALUES, "nobody, 1 visits\n", "nobody, 2 visits\n"),
        (BROWSER, "nobody, 2 visits\n", "nobody, 3 visits\n"),
    ] {
        let mut browser = app.browser(index);
        let reply = browser.get("/");
        assert_eq!(reply.body, first);
        assert_taken_over(&reply, &browser);
        let reply = browser.get("/");
        assert_eq!((&*reply.body, reply.header("set-cookie")), (second, None));
    }
}

#[tokio::test]
async fn values_of_every_kind_are_what_they_were() {
    let app = App::start();
    let mut browser = app.browser(VALUES);
    browser.get("/");
    let layer = SessionLayer::builder(store::open(&url(&app.redis)).unwrap());
    let layer = layer.cookie_name("shop").build().unwrap();
    let id = browser.jar["shop"].parse().unwrap();
    let session = layer.sessions().load(&id).await.unwrap().unwrap();
    for (key, value) in [
        ("null", json!(null)),
        ("text", json!("Zoë \"☃\"\n")),
        ("negative", json!(i64::MIN)),
        ("large", json!(u64::MAX)),
        ("float", json!(0.1)),
        ("list", json!([1, 200, 70_000])),
        ("map", json!({ "a": [true, false] })),
        ("long", json!("x".repeat(300))),
        ("visits", json!(1)),
    ] {
        assert_eq!(session.get_value(key).unwrap(), Some(value), "{key}");
    }
    assert_eq!(session.len().unwrap(), 9);
}

#[test]
fn a_session_that_was_logged_out_does_not_come_back_with_the_old_cookie() {
    for first in ["/", "/logout"] {
        let app = App::start();
        let mut browser = app.browser(USER);
        let old = browser.clone();
        match first {
            "/" => drop(browser.get("/")),
            _ => drop(browser.post("/logout", "")),
        }
        browser.post("/logout", "");
        assert!(browser.jar.is_empty());
        assert_eq!(old.clone().get("/").body, "nobody, 1 visits\n");
    }
}

#[test]
fn a_login_as_the_first_request_retires_the_old_cookie() {
    let app = App::start();
    let mut browser = app.browser(USER);
    let mut old = browser.clone();
    let reply = browser.post("/login", "");
    assert_taken_over(&reply, &browser);
    assert_eq!(browser.get("/").body, "alice, 4 visits\n");
    // A retired id reads as nothing, and must not write.
    assert_eq!(old.get("/").status, 400);
    assert_eq!(browser.get("/").body, "alice, 5 visits\n");
}

#[test]
fn a_browser_that_missed_the_answer_finds_its_session_again() {
    let app = App::start();
    let mut browser = app.browser(USER);
    browser.clone().get("/");
    let reply = browser.get("/");
    assert_eq!(reply.body, "alice, 5 visits\n");
    assert_taken_over(&reply, &browser);
}

#[test]
fn requests_that_come_at_once_find_one_session() {
    const REQUESTS: usize = 8;
    let app = App::start();
    let port = app.redis.port();
    // All have read the record before any of them can write.
    cli(port, &["client", "pause", "10000", "write"]);
    cli(port, &["config", "resetstat"]);
    let requests: Vec<_> = (0..REQUESTS)
        .map(|_| {
            let mut browser = app.browser(USER);
            std::thread::spawn(move || {
                let reply = browser.get("/");
                (reply, browser)
            })
        })
        .collect();
    let read = format!("cmdstat_get:calls={REQUESTS},");
    wait_until("all have read the record", || {
        cli(port, &["info", "commandstats"]).contains(&read)
    });
    cli(port, &["client", "unpause"]);

    let mut visits = Vec::new();
    let mut ids = Vec::new();
    for request in requests {
        let (reply, browser) = request.join().unwrap();
        assert_taken_over(&reply, &browser);
        visits.push(reply.body);
        ids.push(browser.jar["shop"].clone());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert!(visits.iter().all(|body| body.starts_with("alice, ")));
    let mut browser = app.browser(USER);
    assert_eq!(
        browser.get("/").body,
        format!("alice, {} visits\n", 4 + REQUESTS)
    );
    // The three old keys, and the one new session.
    assert_eq!(app.keys(), 4);
}

#[test]
fn what_is_no_old_id_finds_nothing() {
    let app = App::start();
    let (id, _) = records().swap_remove(USER);
    let () = connect(&app.redis)
        .rename(&id, "another key of 22 char")
        .unwrap();
    for id in [&id, "another key of 22 char", "", "id", &"A".repeat(43)] {
        let mut browser = Client::new(&app.running);
        browser.jar.insert("id".to_owned(), id.to_owned());
        assert_eq!(browser.get("/").body, "nobody, 1 visits\n", "{id}");
        assert_eq!(browser.jar["id"], id);
    }
}

#[test]
fn who_has_the_new_cookie_goes_by_that() {
    let app = App::start();
    let mut browser = Client::new(&app.running);
    browser.get("/");
    browser.jar.extend(app.browser(USER).jar);
    assert_eq!(browser.get("/").body, "nobody, 2 visits\n");
    assert_eq!(app.browser(USER).get("/").body, "alice, 4 visits\n");
}

#[test]
fn a_redis_that_is_away_is_not_an_empty_session() {
    let mut app = App::start();
    let mut browser = app.browser(USER);
    let jar = browser.jar.clone();
    app.redis.kill();
    assert_eq!(browser.get("/").status, 503);
    assert_eq!(browser.jar, jar);
}
