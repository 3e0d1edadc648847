//! `OnStoreError::Anonymous`: while the store is gone, requests go on with an empty session.

mod support;

use axum::Router;
use http::header::{CACHE_CONTROL, SET_COOKIE};
use sessile::{OnStoreError, SessionLayerBuilder};
use support::{Browser, Fault, TestStore, script_with};

fn anonymous(builder: SessionLayerBuilder) -> SessionLayerBuilder {
    builder.on_store_error(OnStoreError::Anonymous)
}

fn app() -> (Router, TestStore) {
    let (app, store, _) = script_with(anonymous);
    (app, store)
}

const GONE: [Fault; 3] = [Fault::Unavailable, Fault::Lost, Fault::LostAnswer];

#[tokio::test]
async fn a_session_that_cannot_be_loaded_is_empty_and_never_saved() {
    for fault in GONE {
        let (app, store) = app();
        let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        let id = browser.id().map(str::to_owned);
        store.fail_all(fault);
        let answer = browser
            .get(&app, "/show/increment:a/insert:b:2/remove:c/show")
            .await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "a=1 b=2 "));
        assert_eq!(answer.header(SET_COOKIE), None);
        // Whoever is logged in gets this page from no cache.
        assert_eq!(answer.header(CACHE_CONTROL), Some("private"));
        assert_eq!(store.calls(), ["get"]);

        store.restore();
        assert_eq!(browser.id().map(str::to_owned), id);
        assert_eq!(browser.sees(&app).await, "a=1");
    }
}

#[tokio::test]
async fn a_store_that_never_answers_is_waited_for_once() {
    tokio::time::pause();
    let (app, store) = app();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    store.fail_all(Fault::Hang);
    let before = tokio::time::Instant::now();
    let answer = browser.get(&app, "/increment:a").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header(SET_COOKIE)),
        (200, None)
    );
    assert_eq!(before.elapsed().as_secs(), 2);
}

#[tokio::test]
async fn a_first_visit_gets_no_cookie() {
    for fault in GONE {
        let (app, store) = app();
        store.fail_all(fault);
        let answer = Browser::new().get(&app, "/insert:a:1/show").await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "a=1 "));
        assert_eq!(answer.header(SET_COOKIE), None);
        store.restore();
        let mut browser = Browser::new();
        browser.get(&app, "/insert:a:1").await;
        assert_eq!(browser.sees(&app).await, "a=1");
    }
}

#[tokio::test]
async fn what_a_visitor_would_take_for_done_is_an_error() {
    for (path, status, text) in [
        // A login, a logout, and what the handler asks to be saved.
        ("/insert:user:1/cycle", 503, "Unavailable"),
        ("/cycle", 503, "Unavailable"),
        ("/flush", 503, "Unavailable"),
        ("/insert:a:2/save", 503, "[Unavailable]"),
    ] {
        for known in [true, false] {
            let (app, store) = app();
            let mut browser = match known {
                true => Browser::with_session(&app, &store, "/insert:a:1").await,
                false => Browser::new(),
            };
            store.fail_all(Fault::Unavailable);
            let answer = browser.get(&app, path).await;
            // Without a session there is nothing to end, and no id to change.
            let nothing = !known && ["/cycle", "/flush"].contains(&path);
            let expected = if nothing { (200, "") } else { (status, text) };
            assert_eq!((answer.status.as_u16(), &*answer.body), expected, "{path}");
            assert_eq!(answer.header(SET_COOKIE), None, "{path}");
        }
    }
}

#[tokio::test]
async fn a_session_that_was_loaded_fails_as_ever() {
    for (fault, kind) in [
        (Fault::Unavailable, "Unavailable"),
        (Fault::Lost, "Unknown"),
    ] {
        let (app, store) = app();
        let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        store.fail_next("replace", fault);
        store.fail_next("replace", fault);
        let answer = browser.get(&app, "/increment:a").await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (503, kind));
        assert_eq!(answer.header(SET_COOKIE), None);
        assert_eq!(browser.sees(&app).await, "a=1");
    }
}

#[tokio::test]
async fn a_full_store_and_a_damaged_record_are_errors_as_ever() {
    let (app, store) = app();
    store.fail_next("add", Fault::Full);
    let answer = Browser::new().get(&app, "/insert:a:1").await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (503, "StoreFull"));

    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    store.tamper("damaged");
    let answer = browser.get(&app, "/show").await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (500, "[Undecodable]")
    );
}

#[tokio::test]
async fn a_reload_brings_the_session_back() {
    let (app, store) = app();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    store.fail_next("get", Fault::Unavailable);
    // What was updated on nothing is done again on what there is.
    let answer = browser
        .get(&app, "/increment:a/show/reload/save/show")
        .await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "a=1 a=2 "));
    assert_eq!(browser.sees(&app).await, "a=2");
}

#[tokio::test]
async fn by_default_it_is_an_error() {
    let (app, store, _) = script_with(|builder| builder);
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    store.fail_all(Fault::Unavailable);
    let answer = browser.get(&app, "/show").await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (503, "[Unavailable]")
    );
}
