//! A stored record that cannot be read, under both policies.

mod support;

use http::StatusCode;
use sessile::Unreadable;
use support::{Browser, TestStore};

/// An app with this policy, and a browser whose record is damaged. Returns the record, too.
async fn damaged(policy: Unreadable) -> (axum::Router, TestStore, Browser, bytes::Bytes) {
    let (app, store, _) = support::script_with(|builder| builder.unreadable(policy));
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let mut bytes = store.record().to_vec();
    bytes.truncate(bytes.len() - 1);
    store.tamper(bytes);
    let record = store.record();
    (app, store, browser, record)
}

#[tokio::test]
async fn a_damaged_record_is_an_error_to_who_reads_or_changes_and_is_kept() {
    let (app, store, browser, record) = damaged(Unreadable::Fail).await;
    for path in [
        "/show",
        "/insert:a:2",
        "/increment:a",
        "/remove:a",
        "/load",
        "/save/show",
    ] {
        let answer = browser.clone().get(&app, path).await;
        let status = answer.status.as_u16();
        assert_eq!((status, &*answer.body), (500, "[Undecodable]"), "{path}");
        assert_eq!(answer.set_cookies(), [""; 0]);
    }
    for path in ["/clear", "/cycle", "/expire:60"] {
        let answer = browser.clone().get(&app, path).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.body),
            (500, "Undecodable")
        );
        assert_eq!(answer.set_cookies(), [""; 0]);
    }
    let untouched = browser.clone().get(&app, "/").await;
    assert_eq!(untouched.status, StatusCode::OK);
    assert_eq!(store.calls(), ["get"; 10]);
    assert_eq!(store.record(), record);
}

#[tokio::test]
async fn a_damaged_record_does_not_keep_a_user_from_logging_out_or_in() {
    for policy in [Unreadable::Fail, Unreadable::Empty] {
        let (app, store, mut browser, _) = damaged(policy).await;
        let answer = browser.get(&app, "/flush").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.set_cookies().len(), 1);
        assert_eq!(browser.id(), None);
        assert_eq!(store.calls(), ["get", "delete"]);
        assert_eq!(store.len(), 0);

        let (app, store, mut browser, _) = damaged(policy).await;
        let old = browser.clone();
        let answer = browser
            .get(&app, "/flush/show/cycle/insert:user:1/show")
            .await;
        assert_eq!((answer.status, &*answer.body), (StatusCode::OK, "user=1 "));
        assert_eq!(store.calls(), ["get", "delete", "add"]);
        assert_ne!(browser.id(), old.id());
        assert_eq!(browser.sees(&app).await, "user=1");
        assert_eq!(store.len(), 1);
    }
}

#[tokio::test]
async fn a_damaged_record_that_counts_as_empty_is_never_adopted_nor_overwritten() {
    let (app, store, mut browser, record) = damaged(Unreadable::Empty).await;
    let old = browser.clone();
    let answer = browser.get(&app, "/show").await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::OK, ""));
    assert_eq!(answer.set_cookies(), [""; 0]);
    assert_eq!(store.calls(), ["get"]);

    browser.get(&app, "/insert:b:2").await;
    assert_eq!(store.calls(), ["get", "add"]);
    assert_ne!(browser.id(), old.id());
    assert_eq!(browser.sees(&app).await, "b=2");
    assert_eq!(old.sees(&app).await, "");
    let entries = store.entries();
    assert_eq!(entries.len(), 2);
    assert!(entries.values().any(|(value, ..)| *value == record));
}

#[tokio::test]
async fn a_record_of_a_newer_schema_is_kept() {
    let (app, store, _) = support::script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let mut newer = store.record().to_vec();
    newer[0] += 1;
    store.tamper(newer.clone());
    let answer = browser.get(&app, "/insert:a:2").await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (500, "[Undecodable]")
    );
    assert_eq!(store.record(), newer);
}

#[tokio::test]
async fn a_record_that_was_damaged_meanwhile_is_not_overwritten() {
    for policy in [Unreadable::Fail, Unreadable::Empty] {
        let (app, store, _) = support::script_with(|builder| builder.unreadable(policy));
        let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        let writing = browser.start(&app, "/hold/insert:a:2").held().await;
        store.tamper("no record");
        let answer = writing.finish().await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.body),
            (500, "Undecodable")
        );
        assert_eq!(answer.set_cookies(), [""; 0]);
        assert_eq!(store.calls(), ["get", "replace", "get"]);
        assert_eq!(store.record(), "no record");
    }
}

#[tokio::test]
async fn a_damaged_value_costs_its_key_and_not_the_session() {
    let (app, store, _) = support::script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1/insert:b:2").await;
    let mut bytes = store.record().to_vec();
    let last = bytes.last_mut().unwrap();
    assert_eq!(*last, b'2');
    *last = b'}';
    store.tamper(bytes);
    let answer = browser.get(&app, "/show").await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (500, "[Decode]"));
    assert_eq!(
        browser.get(&app, "/increment:a").await.status,
        StatusCode::OK
    );
    assert_eq!(browser.get(&app, "/increment:b").await.body, "[Decode]");
    assert_eq!(
        browser.get(&app, "/insert:b:3").await.status,
        StatusCode::OK
    );
    assert_eq!(browser.sees(&app).await, "a=2 b=3");
}
