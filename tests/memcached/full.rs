//! A server that has no room: it refuses, it evicts, or the session is over its limit.

use crate::app::{app, assert_interrupted, assert_ok, assert_unavailable, session};
use crate::servers::{memcached, memcached_with, store};
use crate::support::{Browser, answer};
use http::StatusCode;
use sessile::conformance;
use sessile::store::{Added, Store as _, StoreKey};
use sessile::{Session, SessionLayer};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// Creates sessions of 10 KB until one is refused, or this many.
async fn fill(layer: &SessionLayer, most: usize) -> (Vec<Browser>, Option<crate::support::Answer>) {
    let mut browsers = Vec::new();
    for _ in 0..most {
        let mut browser = Browser::new();
        let visit = answer(
            layer,
            browser.request("GET", "/"),
            async |session: Session| {
                session.insert("text", "x".repeat(10_000)).unwrap();
            },
        );
        let answer = visit.await;
        if answer.status != StatusCode::OK {
            return (browsers, Some(answer));
        }
        browser.take(&answer);
        browsers.push(browser);
    }
    (browsers, None)
}

#[tokio::test]
async fn a_server_that_is_full_and_evicts_nothing_refuses_new_sessions() {
    let server = memcached_with(&["-m", "2", "-M"]);
    let store = store([&server]);
    let app = app(store.clone());
    let browser = session(&app, "/insert:a:1").await;
    let (browsers, refused) = fill(&SessionLayer::new(store), 1000).await;
    assert!(browsers.len() > 10);
    assert_unavailable(&refused.unwrap());
    // Nobody is thrown out, and small changes find room.
    assert_ok(&browser.clone().get(&app, "/insert:b:2").await);
    assert_eq!(browser.sees(&app).await, "a=1 b=2");
    for browser in &browsers {
        assert_eq!(
            browser.clone().get(&app, "/load").await.status,
            StatusCode::OK
        );
        assert!(
            browser
                .clone()
                .get(&app, "/flush")
                .await
                .status
                .is_success()
        );
    }
    // They made room.
    session(&app, "/insert:a:1").await;
}

/// Memcached drops the entry that it has no room to replace: to its user that is an eviction.
#[tokio::test]
async fn a_session_that_grows_on_a_full_server_is_refused_and_may_be_gone() {
    let server = memcached_with(&["-m", "2", "-M"]);
    let store = store([&server]);
    let app = app(store.clone());
    let layer = SessionLayer::new(store);
    let browser = session(&app, "/insert:a:1").await;
    let (_, refused) = fill(&layer, 1000).await;
    assert!(refused.is_some());
    let grow = async |session: Session| {
        session.insert("text", "x".repeat(10_000)).unwrap();
    };
    let refused = answer(&layer, browser.request("GET", "/"), grow).await;
    assert_unavailable(&refused);
    let seen = browser.sees(&app).await;
    assert!(seen.is_empty() || seen == "a=1", "{seen}");
}

#[tokio::test]
async fn an_evicted_session_is_gone_and_stays_gone() {
    let server = memcached_with(&["-m", "2"]);
    let store = store([&server]);
    let app = app(store.clone());
    // As large as the others, so that it is in their way.
    let (mut victim, _) = fill(&SessionLayer::new(store.clone()), 1).await;
    let mut victim = victim.pop().unwrap();
    let write = victim.start(&app, "/hold/insert:b:2").held().await;
    let (browsers, refused) = fill(&SessionLayer::new(store), 1000).await;
    assert!(refused.is_none());
    assert_interrupted(&write.finish().await);
    assert_eq!(victim.sees(&app).await, "");
    let old = victim.clone();
    assert_ok(&victim.get(&app, "/insert:c:3").await);
    assert_ne!(victim.id(), old.id());
    // Who came last is there.
    let last = browsers.last().unwrap();
    assert_ok(&last.clone().get(&app, "/remove:text/insert:d:4").await);
    assert_eq!(last.sees(&app).await, "d=4");
}

#[tokio::test]
async fn what_is_over_the_servers_limit_is_refused_and_the_old_entry_stays() {
    for (limit, options) in [(1 << 20, &[][..]), (512 << 10, &["-I", "512k"])] {
        let server = memcached_with(options);
        let store = store([&server]);
        for size in [limit - 511, limit, 3 * limit] {
            let large = vec![0; size].into();
            conformance::what_is_too_large_changes_nothing(&store, large).await;
        }
        let nearly = vec![7; limit - 512];
        let key = StoreKey::from_bytes([7; 32]);
        let added = store.add(&key, nearly.clone().into(), MINUTE).await;
        assert!(matches!(added, Ok(Added::Done(_))));
        assert_eq!(store.get(&key).await.unwrap().unwrap().value, nearly);
    }
}

#[tokio::test]
async fn a_session_over_the_servers_limit_is_an_error_and_the_old_one_stays() {
    let server = memcached();
    let store = store([&server]);
    let app = app(store.clone());
    let browser = session(&app, "/insert:a:1").await;
    let layer = SessionLayer::builder(store).max_size(2 << 20);
    let layer = layer.build().unwrap();
    let large = async |session: Session| {
        session.insert("text", "x".repeat(1 << 20)).unwrap();
    };
    let refused = answer(&layer, browser.request("GET", "/"), large).await;
    assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(refused.set_cookies(), [""; 0]);
    assert_eq!(browser.sees(&app).await, "a=1");
}
