//! What changes nothing writes nothing.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use sessile::{Expiry, Session, SessionLayer};
use std::time::{Duration, SystemTime};
use support::{Answer, Browser, DAY, TestStore, layer};

const HOUR: Duration = Duration::from_secs(3600);

type Use = fn(&Session);

/// A session with `n` = 1 and an hour to live; then a request that does this. The store's calls of
/// that request, and its answer.
async fn calls_of(change: impl AsyncFnOnce(&Session)) -> (Vec<&'static str>, Answer) {
    let (layer, store, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| {
            session.insert("n", 1).unwrap();
            session.set_expiry(HOUR);
        })
        .await;
    store.calls();
    let ((), answer) = browser.visit(&layer, change).await;
    (store.calls(), answer)
}

async fn assert_unchanged(name: &str, change: impl Fn(&Session)) {
    let (calls, answer) = calls_of(async |session| {
        change(session);
        assert!(!session.is_modified(), "{name}");
    })
    .await;
    assert_eq!(calls, ["get"], "{name}");
    assert!(answer.set_cookies().is_empty(), "{name}");
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn what_leaves_the_session_as_it_was_is_not_written() {
    assert_unchanged("an equal insert", |s| s.insert("n", 1).unwrap()).await;
    assert_unchanged("an equal update", |s| {
        s.update("n", |n: Option<u8>| n).unwrap();
    })
    .await;
    assert_unchanged("the removal of a missing key", |s| {
        drop(s.remove_value("other").unwrap());
    })
    .await;
    assert_unchanged("an update of a missing key to none", |s| {
        s.update("other", |old: Option<u8>| old).unwrap();
    })
    .await;
    assert_unchanged("there and back", |s| {
        s.insert("n", 2).unwrap();
        s.insert("n", 1).unwrap();
    })
    .await;
    assert_unchanged("in and out", |s| {
        s.insert("other", 2).unwrap();
        s.remove_value("other").unwrap();
    })
    .await;
    assert_unchanged("out and in", |s| {
        s.remove_value("n").unwrap();
        s.insert("n", 1).unwrap();
    })
    .await;
    assert_unchanged("all out and in", |s| {
        s.clear();
        s.insert("n", 1).unwrap();
    })
    .await;
    assert_unchanged("the same expiry", |s| s.set_expiry(HOUR)).await;
    assert_unchanged("another expiry and back", |s| {
        s.set_expiry(Expiry::BrowserSession);
        s.set_expiry(HOUR);
    })
    .await;
    assert_unchanged("reading", |s| drop(s.get_value("n").unwrap())).await;
}

#[tokio::test]
async fn what_changes_a_byte_is_written_once() {
    let changes: [(&str, Use); 5] = [
        ("insert", |s| s.insert("n", 2).unwrap()),
        ("remove", |s| drop(s.remove_value("n").unwrap())),
        ("clear", |s| s.clear()),
        ("set_expiry", |s| s.set_expiry(2 * HOUR)),
        ("cycle_id", |s| s.cycle_id()),
    ];
    for (name, change) in changes {
        let (calls, _) = calls_of(async |session| {
            change(session);
            assert!(session.is_modified(), "{name}");
        })
        .await;
        assert_eq!(calls, ["get", "replace"], "{name}");
    }
}

#[tokio::test]
async fn an_expiry_finer_than_a_millisecond_is_the_same_again() {
    let year_2030 = SystemTime::UNIX_EPOCH + Duration::new(1_893_456_000, 123_456_789);
    for expiry in [
        Expiry::from(Duration::new(60, 1)),
        Expiry::from(Duration::MAX),
        Expiry::from(year_2030),
        Expiry::from(year_2030 + 400 * 365 * 24 * HOUR * 200),
    ] {
        let (layer, store, _) = layer();
        let mut browser = Browser::new();
        let set = async |session: &Session| {
            session.insert("n", 1).unwrap();
            session.set_expiry(expiry);
            session.expiry().unwrap()
        };
        let (first, _) = browser.visit(&layer, set).await;
        store.calls();
        let (second, answer) = browser.visit(&layer, set).await;
        assert_eq!(store.calls(), ["get"], "{expiry:?}");
        assert!(answer.set_cookies().is_empty());
        assert_eq!(first, second, "what was pending reads as what was stored");
    }
}

#[tokio::test]
async fn a_session_that_nobody_uses_costs_one_get_and_no_header() {
    let (calls, answer) = calls_of(async |_| {}).await;
    assert_eq!(calls, ["get"]);
    assert!(
        answer
            .headers
            .keys()
            .all(|name| name == "content-length" || name == "content-type")
    );
}

#[tokio::test]
async fn a_session_without_a_cookie_and_without_data_costs_no_call() {
    let (layer, store, _) = layer();
    let uses: [(&str, Use); 7] = [
        ("get", |s| drop(s.get_value("n").unwrap())),
        ("clear", |s| s.clear()),
        ("cycle_id", |s| s.cycle_id()),
        ("flush", |s| s.flush()),
        ("set_expiry", |s| s.set_expiry(HOUR)),
        ("in and out", |s| {
            s.insert("n", 1).unwrap();
            s.remove_value("n").unwrap();
        }),
        ("in and flush", |s| {
            s.insert("n", 1).unwrap();
            s.flush();
        }),
    ];
    for (name, change) in uses {
        let ((), answer) = Browser::new()
            .visit(&layer, async |session| change(session))
            .await;
        assert_eq!(answer.status, 200);
        assert!(answer.set_cookies().is_empty(), "{name}");
        assert!(store.calls().is_empty(), "{name}");
    }
}

/// That a late save of `n` as it is stored does nothing, then or later.
async fn assert_done_once(
    layer: &SessionLayer,
    store: &TestStore,
    mut browser: Browser,
    session: &Session,
) {
    store.calls();
    session.insert("n", 1).unwrap();
    session.save().await.unwrap();
    assert_eq!(store.calls(), [""; 0]);
    let set = async |session: &Session| session.insert("n", 2).unwrap();
    browser.visit(layer, set).await;
    session.insert("other", true).unwrap();
    session.save().await.unwrap();
    assert_eq!(session.get("n").unwrap(), Some(2));
}

#[tokio::test]
async fn what_a_save_found_unchanged_is_done_and_not_done_again_later() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let (session, _) = browser.visit(&layer, async |session| session.clone()).await;
    assert_done_once(&layer, &store, browser, &session).await;
}

#[tokio::test]
async fn what_a_late_save_found_unchanged_is_done_though_a_renewal_is_due() {
    let (layer, store, clock) = layer();
    let mut browser = Browser::with_n(&layer).await;
    clock.advance(2 * DAY);
    let mut kept = None;
    let fails = async |session: Session| {
        session.get::<u32>("n").unwrap();
        kept = Some(session);
        http::StatusCode::INTERNAL_SERVER_ERROR
    };
    browser.answer(&layer, fails).await;
    let session = kept.unwrap();
    assert_done_once(&layer, &store, browser, &session).await;
}
