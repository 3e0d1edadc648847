//! When a session is saved and its cookie is sent, as people who come from Django expect it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use http::StatusCode;
use sessile::{ErrorKind, Session};
use support::{Browser, Fault, HOUR, layer};

#[tokio::test]
async fn no_cookie_is_sent_where_nothing_was_stored() {
    let (layer, store, _) = layer();
    let ((), answer) = Browser::new()
        .visit(&layer, async |session| {
            assert_eq!(session.get::<u32>("n").unwrap(), None);
            session.set_expiry(HOUR);
        })
        .await;
    assert!(answer.set_cookies().is_empty());
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn no_session_is_saved_on_a_5xx_yet_a_logout_still_happens() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let answer = browser
        .answer(&layer, async |session: Session| {
            session.insert("n", 2).unwrap();
            session.cycle_id();
            StatusCode::INTERNAL_SERVER_ERROR
        })
        .await;
    assert!(answer.set_cookies().is_empty());
    assert_eq!(browser.n(&layer).await, Some(1));
    // Any other status saves.
    browser
        .answer(&layer, async |session: Session| {
            session.insert("n", 3).unwrap();
            StatusCode::NOT_FOUND
        })
        .await;
    assert_eq!(browser.n(&layer).await, Some(3));

    let answer = browser
        .answer(&layer, async |session: Session| {
            session.flush();
            session.insert("n", 4).unwrap();
            StatusCode::BAD_GATEWAY
        })
        .await;
    assert_eq!(answer.status, 502);
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!((browser.id(), store.len()), (None, 0));
}

#[tokio::test]
async fn flush_then_insert_in_one_answer_is_one_set_cookie() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let old = browser.id().unwrap().to_owned();
    let ((), answer) = browser
        .visit(&layer, async |session| {
            session.flush();
            assert!(session.is_empty().unwrap());
            session.insert("n", 2).unwrap();
        })
        .await;
    assert_eq!(answer.set_cookies().len(), 1);
    assert!(browser.id().is_some_and(|id| id != old));
    assert_eq!(browser.n(&layer).await, Some(2));
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn insert_then_flush_stores_nothing() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    browser
        .visit(&layer, async |session| {
            session.insert("n", 2).unwrap();
            session.flush();
            assert!(session.is_empty().unwrap());
        })
        .await;
    assert_eq!((browser.id(), store.len()), (None, 0));
}

#[tokio::test]
async fn a_save_of_a_deleted_session_is_told_apart_and_never_makes_one() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let id = browser.id().unwrap().to_owned();
    let mut other = browser.clone();
    let ((), answer) = browser
        .visit(&layer, async |session| {
            session.insert("n", 2).unwrap();
            other.visit(&layer, async |other| other.flush()).await;
            assert_eq!(
                session.save().await.unwrap_err().kind(),
                ErrorKind::Interrupted
            );
        })
        .await;
    assert_eq!(
        answer.status, 400,
        "what could not be saved is pending still"
    );
    assert!(answer.set_cookies().is_empty());
    assert_eq!((browser.id(), store.len()), (Some(&*id), 0));
}

#[tokio::test]
async fn a_creation_in_a_cache_that_stores_nothing_ends_soon_with_an_error_that_says_so() {
    let (layer, store, _) = layer();
    for _ in 0..6 {
        store.fail_next("add", Fault::Denied);
    }
    let ((), answer) = Browser::new()
        .visit(&layer, async |session| {
            session.insert("n", 1).unwrap();
            let error = session.save().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::CreationFailed);
            assert!(error.to_string().contains("cache"), "{error}");
            assert!(error.to_string().contains("likely unavailable"), "{error}");
        })
        .await;
    assert_eq!(answer.status, 503);
    assert!(answer.set_cookies().is_empty());
    assert_eq!(
        store.calls(),
        ["add"; 6],
        "three tries for the save, three for the response"
    );
}

#[tokio::test]
async fn after_an_explicit_save_nothing_is_written_twice_and_its_cookie_is_sent_whatever_the_status()
 {
    for status in [200, 404, 500, 503] {
        let (layer, store, _) = layer();
        let mut browser = Browser::new();
        let answer = browser
            .answer(&layer, async |session: Session| {
                session.insert("n", 1).unwrap();
                session.save().await.unwrap();
                session.save().await.unwrap();
                StatusCode::from_u16(status).unwrap()
            })
            .await;
        assert_eq!(answer.status, status);
        assert_eq!(store.calls(), ["add"]);
        assert_eq!(answer.set_cookies().len(), 1, "{status}");
        assert_eq!(browser.n(&layer).await, Some(1));
    }
}

#[tokio::test]
async fn a_stale_cookie_stays_in_the_browser_on_a_mere_read() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    store.evict_all();
    let (n, answer) = browser
        .visit(&layer, async |session| session.get::<u32>("n").unwrap())
        .await;
    assert_eq!(n, None);
    assert!(
        answer.set_cookies().is_empty(),
        "the removal could hit a newer one"
    );
    assert!(browser.id().is_some());
}
