//! What the layer makes of a session whose entry does not open.

use crate::support::{Browser, TestStore};
use crate::{app, encrypted};
use axum::Router;
use bytes::Bytes;
use http::StatusCode;
use sessile::Unreadable;

/// The ways in which an entry came to be that does not open.
const WAYS: [&str; 4] = ["changed", "another's", "of a lost key", "not encrypted"];

/// An app with this policy, and a browser whose session does not open, with the entry as it is.
async fn spoiled(way: &str, policy: Unreadable) -> (Router, TestStore, Browser, Bytes) {
    let inner = TestStore::new();
    let app = app(&inner, &[1], policy);
    let before = match way {
        "of a lost key" => crate::app(&inner, &[2], policy),
        "not encrypted" => crate::support::scripted(sessile::SessionLayer::new(inner.clone())),
        _ => app.clone(),
    };
    let browser = Browser::with_session(&before, &inner, "/insert:a:1").await;
    assert_eq!(browser.sees(&before).await, "a=1");
    match way {
        "changed" => {
            let mut bytes = inner.record().to_vec();
            *bytes.last_mut().unwrap() ^= 1;
            inner.tamper(bytes);
        }
        "another's" => {
            let other = TestStore::new();
            let app = crate::app(&other, &[1], policy);
            Browser::with_session(&app, &other, "/insert:a:1").await;
            inner.tamper(other.record());
        }
        _ => {}
    }
    inner.calls();
    let entry = inner.record();
    (app, inner, browser, entry)
}

#[tokio::test]
async fn it_is_an_error_to_who_reads_or_changes_and_is_kept() {
    for way in WAYS {
        let (app, inner, browser, entry) = spoiled(way, Unreadable::Fail).await;
        for path in ["/show", "/insert:a:2", "/increment:a", "/save/show"] {
            let answer = browser.clone().get(&app, path).await;
            let status = answer.status.as_u16();
            assert_eq!((status, &*answer.body), (500, "[Undecodable]"), "{way}");
            assert_eq!(answer.set_cookies(), [""; 0]);
        }
        let untouched = browser.clone().get(&app, "/").await;
        assert_eq!(untouched.status, StatusCode::OK);
        assert_eq!(inner.calls(), ["get"; 5]);
        assert_eq!(inner.record(), entry);
    }
}

#[tokio::test]
async fn it_can_count_as_an_empty_session_and_is_never_adopted() {
    for way in WAYS {
        let (app, inner, mut browser, entry) = spoiled(way, Unreadable::Empty).await;
        let old = browser.clone();
        assert_eq!(browser.sees(&app).await, "", "{way}");
        browser.get(&app, "/insert:b:2").await;
        assert_eq!(inner.calls(), ["get", "get", "add"]);
        assert_ne!(browser.id(), old.id());
        assert_eq!(browser.sees(&app).await, "b=2");
        assert_eq!(old.sees(&app).await, "");
        let entries = inner.entries();
        assert_eq!(entries.len(), 2);
        assert!(entries.values().any(|(bytes, ..)| *bytes == entry));
    }
}

#[tokio::test]
async fn its_user_can_log_out_and_in() {
    for (way, policy) in WAYS
        .into_iter()
        .flat_map(|way| [(way, Unreadable::Fail), (way, Unreadable::Empty)])
    {
        let (app, inner, mut browser, _) = spoiled(way, policy).await;
        let answer = browser.get(&app, "/flush").await;
        assert_eq!((answer.status, browser.id()), (StatusCode::OK, None));
        assert_eq!(inner.calls(), ["get", "delete"]);
        assert_eq!(inner.len(), 0);

        let (app, inner, mut browser, _) = spoiled(way, policy).await;
        let answer = browser.get(&app, "/flush/cycle/insert:user:1").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(inner.len(), 1);
        assert_eq!(browser.sees(&app).await, "user=1");
    }
}

#[tokio::test]
async fn what_was_spoiled_meanwhile_is_not_overwritten() {
    for policy in [Unreadable::Fail, Unreadable::Empty] {
        let inner = TestStore::new();
        let app = app(&inner, &[1], policy);
        let browser = Browser::with_session(&app, &inner, "/insert:a:1").await;
        let writing = browser.start(&app, "/hold/insert:a:2").held().await;
        inner.tamper("not encrypted");
        let answer = writing.finish().await;
        let status = answer.status.as_u16();
        assert_eq!((status, &*answer.body), (500, "Undecodable"));
        assert_eq!(inner.calls(), ["get", "replace", "get"]);
        assert_eq!(inner.record(), "not encrypted");
    }
}

/// The other way round: a layer without the keys.
#[tokio::test]
async fn an_encrypted_entry_is_no_record_without_the_keys() {
    let inner = TestStore::new();
    let app = app(&inner, &[1], Unreadable::Fail);
    let browser = Browser::with_session(&app, &inner, "/insert:a:1").await;
    let plain =
        sessile::SessionLayer::builder(inner.clone()).error_response(crate::support::kind_of);
    let plain = crate::support::scripted(plain.build().unwrap());
    let answer = browser.clone().get(&plain, "/show").await;
    assert_eq!(answer.body, "[Undecodable]");
}

/// Nothing that overlapping requests keep is lost by the encryption.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overlapping_increments_are_all_counted() {
    let inner = TestStore::new();
    let layer = sessile::SessionLayer::new(encrypted(inner.clone(), &[1]));
    let app = crate::support::scripted(layer);
    let browser = Browser::with_session(&app, &inner, "/insert:a:0").await;
    let requests: Vec<_> = (0..20)
        .map(|_| browser.start(&app, "/increment:a"))
        .collect();
    for request in requests {
        assert_eq!(request.answer().await.status, StatusCode::OK);
    }
    assert_eq!(browser.sees(&app).await, "a=20");
}
