//! A store that does not answer: how long a request waits for it.

mod support;

use sessile::{ErrorKind, Load, Session};
use std::sync::Mutex;
use std::time::Duration;
use support::{Answer, Browser, Fault, TestStore, layer_with, script, script_with};
use tokio::time::Instant;

async fn timed(request: impl Future<Output = Answer>) -> (u16, String, Duration) {
    let start = Instant::now();
    let answer = request.await;
    assert_eq!(answer.set_cookies(), [""; 0]);
    (answer.status.as_u16(), answer.body, start.elapsed())
}

const LIMIT: Duration = Duration::from_secs(2);

fn after(status: u16, body: &str, time: Duration) -> (u16, String, Duration) {
    (status, body.to_owned(), time)
}

#[tokio::test(start_paused = true)]
async fn a_load_takes_two_seconds_at_most() {
    for load in [Load::Eager, Load::OnAccess] {
        let (app, store, _) = script_with(|builder| builder.load(load));
        let mut browser = Browser::with_session(&app, &store, "/load/insert:a:1").await;
        store.fail_next("get", Fault::Hang);
        let answer = timed(browser.get(&app, "/load/show")).await;
        assert_eq!(answer, after(503, "[TimedOut]", LIMIT));
        assert_eq!(store.calls(), ["get"]);
        // The next request finds a store that is well again.
        assert_eq!(browser.sees(&app).await, "a=1");
    }
}

#[tokio::test(start_paused = true)]
async fn all_the_cookies_of_a_request_are_looked_up_in_one_time_limit() {
    let (app, store, _) = script();
    let mut request = Browser::new().request("GET", "/show");
    let (a, b) = ("A".repeat(43), "E".repeat(43));
    let cookie = format!("__Host-id={a}; __Host-id={b}").parse().unwrap();
    request.headers_mut().insert(http::header::COOKIE, cookie);
    let gate = store.gate_next("get");
    let mut browser = Browser::new();
    let answer = async {
        let open = async {
            gate.reached().await;
            tokio::time::advance(LIMIT / 2).await;
            store.fail_next("get", Fault::Hang);
            gate.open();
        };
        tokio::join!(browser.send(&app, request), open).0
    };
    assert_eq!(timed(answer).await, after(503, "[TimedOut]", LIMIT));
    assert_eq!(store.calls(), ["get", "get"]);
}

/// A request of a browser with a session, where this verb never answers.
async fn hangs(verb: &'static str, path: &str, limit: Option<Duration>) -> (u16, String, Duration) {
    let (app, store, _) = script_with(|builder| match limit {
        Some(limit) => builder.time_limit(limit),
        None => builder,
    });
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    store.fail_next(verb, Fault::Hang);
    let answer = timed(browser.get(&app, path)).await;
    assert_eq!(verb_calls(&store, verb), 1);
    answer
}

fn verb_calls(store: &TestStore, verb: &str) -> usize {
    store.calls().iter().filter(|call| **call == verb).count()
}

#[tokio::test(start_paused = true)]
async fn a_commit_takes_two_seconds_at_most_and_a_change_is_unknown_then() {
    for (verb, path) in [
        ("replace", "/insert:a:2"),
        ("replace", "/cycle"),
        ("delete", "/flush"),
    ] {
        let answer = hangs(verb, path, None).await;
        assert_eq!(answer, after(503, "Unknown", LIMIT), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_can_be_set() {
    let limit = Duration::from_millis(70);
    let answer = hangs("get", "/show", Some(limit)).await;
    assert_eq!(answer, after(503, "[TimedOut]", limit));
    let answer = hangs("replace", "/insert:a:2", Some(limit)).await;
    assert_eq!(answer, after(503, "Unknown", limit));
    let limit = Duration::from_secs(600);
    let answer = hangs("get", "/show", Some(limit)).await;
    assert_eq!(answer, after(503, "[TimedOut]", limit));
    // Whatever a user may mean by it.
    let answer = tokio::time::timeout(
        Duration::from_secs(3600),
        hangs("get", "/show", Some(Duration::MAX)),
    );
    assert!(answer.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_logout_whose_creation_hangs_is_done_and_says_so() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    store.fail_next("add", Fault::Hang);
    let start = Instant::now();
    let answer = browser.get(&app, "/flush/insert:b:2").await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (503, "Unknown"));
    assert_eq!(start.elapsed(), LIMIT);
    assert_eq!(browser.id(), None);
}

#[tokio::test(start_paused = true)]
async fn the_answer_waits_until_a_save_that_hangs_has_given_up() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    store.fail_next("replace", Fault::Hang);
    let start = Instant::now();
    let request = browser.start(&app, "/insert:a:2/save-aside/hold/insert:b:2");
    store.called("replace", 1).await;
    tokio::time::advance(LIMIT / 2).await;
    let answer = request.finish().await;
    assert_eq!((answer.status.as_u16(), start.elapsed()), (200, LIMIT));
    assert_eq!(store.calls(), ["get", "replace", "replace"]);
    // The save may have been done, for all that anyone knew, so it was not made a second time.
    assert_eq!(browser.sees(&app).await, "a=1 b=2");
}

#[tokio::test(start_paused = true)]
async fn the_answer_waits_no_longer_than_a_commit_may_take() {
    let (app, store, _) = script_with(|builder| builder.load(Load::OnAccess));
    let browser = Browser::with_session(&app, &store, "/load/insert:a:1").await;
    let gate = store.gate_next("get");
    store.fail_next("replace", Fault::Hang);
    let start = Instant::now();
    // The save loads and commits, for which it has twice the time.
    let request = browser
        .start(&app, "/clear/save-aside/hold/expire:60")
        .held()
        .await;
    gate.reached().await;
    let open = async {
        tokio::time::sleep(LIMIT / 2).await;
        gate.open();
    };
    let (answer, ()) = tokio::join!(request.finish(), open);
    assert_eq!((answer.status.as_u16(), &*answer.body), (503, "TimedOut"));
    assert_eq!(start.elapsed(), LIMIT);
    assert_eq!(store.calls(), ["get", "replace"]);
}

#[tokio::test(start_paused = true)]
async fn what_an_answer_gave_up_is_not_stored_by_whoever_still_has_the_session() {
    let (layer, store, _) = layer_with(|builder| builder.load(Load::OnAccess));
    let mut browser = Browser::with_n(&layer).await;
    store.calls();
    let gate = store.gate_next("get");
    store.fail_next("replace", Fault::Hang);
    let given = Mutex::new(None::<Session>);
    let open = async {
        gate.reached().await;
        tokio::time::sleep(LIMIT / 2).await;
        gate.open();
        store.called("replace", 1).await;
        let session = given.lock().unwrap().clone();
        session.unwrap().set_expiry(Duration::from_secs(60));
    };
    // The save loads and commits, for which it has twice the time.
    let visit = browser.visit(&layer, async |session| {
        *given.lock().unwrap() = Some(session.clone());
        session.clear();
        let saving = session.clone();
        let save = tokio::spawn(async move { saving.save().await });
        gate.reached().await;
        (session.clone(), save)
    });
    let (((session, save), answer), ()) = tokio::join!(visit, open);
    assert_eq!(answer.status, 503);
    let saved = save.await.unwrap().unwrap_err();
    assert_eq!(saved.kind(), ErrorKind::Unknown);
    session.save().await.unwrap();
    assert_eq!(store.calls(), ["get", "replace"]);
}
