//! `reload`: what other requests wrote meanwhile, under the changes of this one.

mod support;

use axum::Router;
use sessile::test_util::ManualClock;
use sessile::{Error, ErrorKind, Session};
use std::sync::Arc;
use std::time::Duration;
use support::{Browser, Fault, TestStore, layer_with, scripted};
use tokio::sync::mpsc::unbounded_channel;

/// A session in the middle of a request of this browser; others go through the app.
struct Fixture {
    app: Router,
    store: TestStore,
    clock: Arc<ManualClock>,
    browser: Browser,
    session: Session,
}

async fn fixture() -> Fixture {
    fixture_where(|_| {}).await
}

/// The same; this happens to the store before the session is loaded.
async fn fixture_where(before: impl FnOnce(&TestStore)) -> Fixture {
    let (layer, store, clock) = layer_with(|builder| builder);
    let app = scripted(layer.clone());
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let (give, mut given) = unbounded_channel();
    let handler = async move |session: axum::Extension<Session>| {
        give.send(session.0).unwrap();
        std::future::pending::<()>().await;
    };
    before(&store);
    browser.start(&Router::new().fallback(handler).layer(layer), "/");
    let session = given.recv().await.unwrap();
    store.calls();
    Fixture {
        app,
        store,
        clock,
        browser,
        session,
    }
}

fn kind(result: Result<(), Error>) -> ErrorKind {
    result.unwrap_err().kind()
}

impl Fixture {
    /// What another request of the same browser does.
    async fn other(&self, path: &str) {
        let answer = self.browser.clone().get(&self.app, path).await;
        assert_eq!(answer.status, 200);
        self.store.calls();
    }

    fn value(&self, key: &str) -> Option<i64> {
        self.session.get(key).unwrap()
    }
}

#[tokio::test]
async fn it_shows_what_others_wrote_under_what_this_request_changed() {
    let it = fixture().await;
    it.session.insert("b", 2).unwrap();
    it.session
        .update("n", |n: Option<i64>| Some(n.unwrap_or(0) + 1))
        .unwrap();
    it.other("/increment:a/insert:b:9/insert:n:100/insert:c:3")
        .await;
    assert_eq!(
        (it.value("a"), it.value("n"), it.value("c")),
        (Some(1), Some(1), None)
    );

    it.session.reload().await.unwrap();
    assert_eq!(it.store.calls(), ["get"]);
    assert_eq!((it.value("a"), it.value("b")), (Some(2), Some(2)));
    assert_eq!((it.value("n"), it.value("c")), (Some(101), Some(3)));
    assert!(it.session.is_modified());

    // And is saved as it was shown, at the first attempt.
    it.session.save().await.unwrap();
    assert_eq!(it.store.calls(), ["replace"]);
    assert_eq!(it.browser.sees(&it.app).await, "a=2 b=2 c=3 n=101");
}

#[tokio::test]
async fn it_keeps_a_clear_a_cycle_and_an_expiry() {
    let it = fixture().await;
    it.session.clear();
    it.session.set_expiry(Duration::from_secs(60));
    it.session.cycle_id();
    it.other("/insert:b:2").await;
    it.session.reload().await.unwrap();
    assert!(it.session.is_empty().unwrap());
    assert_eq!(it.session.expiry_age().unwrap(), Duration::from_secs(60));
    assert!(it.session.id().unwrap().is_none());
}

#[tokio::test]
async fn it_is_interrupted_where_the_session_was_ended_or_rotated() {
    for path in ["/flush", "/cycle"] {
        let it = fixture().await;
        it.session.insert("b", 2).unwrap();
        it.other(path).await;
        assert_eq!(kind(it.session.reload().await), ErrorKind::Interrupted);
        // What was there is still there.
        assert_eq!((it.value("a"), it.value("b")), (Some(1), Some(2)));
        assert_eq!(kind(it.session.save().await), ErrorKind::Interrupted);
    }
}

#[tokio::test]
async fn it_tells_an_expired_session_apart() {
    let it = fixture().await;
    it.other("/expire:60").await;
    it.clock.advance(Duration::from_secs(60));
    assert_eq!(kind(it.session.reload().await), ErrorKind::Expired);
}

#[tokio::test]
async fn it_is_a_conflict_where_an_update_no_longer_fits() {
    let it = fixture().await;
    it.session
        .update("a", |a: Option<u8>| a.map(|a| a + 1))
        .unwrap();
    it.session.insert("b", 2).unwrap();
    it.other("/insert:a:300").await;
    assert_eq!(kind(it.session.reload().await), ErrorKind::Conflict);
    // All is as before: the changes can be undone, and the session goes on.
    assert_eq!((it.value("a"), it.value("b")), (Some(2), Some(2)));
    it.session.insert("a", 3).unwrap();
    it.session.reload().await.unwrap();
    assert_eq!((it.value("a"), it.value("b")), (Some(3), Some(2)));
    it.session.save().await.unwrap();
    assert_eq!(it.browser.sees(&it.app).await, "a=3 b=2");
}

#[tokio::test]
async fn it_tries_a_load_that_failed_again() {
    let it = fixture_where(|store| store.fail_next("get", Fault::Unavailable)).await;
    let read = it.session.get::<i64>("a").map(drop);
    assert_eq!(kind(read), ErrorKind::Unavailable);
    // `load` does not: it was done.
    assert_eq!(kind(it.session.load().await), ErrorKind::Unavailable);
    assert_eq!(it.store.calls(), [""; 0]);

    it.store.fail_next("get", Fault::Unavailable);
    assert_eq!(kind(it.session.reload().await), ErrorKind::Unavailable);
    it.session.reload().await.unwrap();
    assert_eq!(it.store.calls(), ["get", "get"]);
    assert_eq!(it.value("a"), Some(1));
    it.session.insert("a", 2).unwrap();
    it.session.save().await.unwrap();
    assert_eq!(it.browser.sees(&it.app).await, "a=2");
}

#[tokio::test]
async fn an_error_of_the_store_leaves_everything_as_it_was() {
    for (fault, expected) in [
        (Fault::Unavailable, ErrorKind::Unavailable),
        // Nothing was to be changed, so nothing is in doubt.
        (Fault::Lost, ErrorKind::Unavailable),
    ] {
        let it = fixture().await;
        it.session.insert("b", 2).unwrap();
        it.store.fail_next("get", fault);
        assert_eq!(kind(it.session.reload().await), expected);
        assert_eq!((it.value("a"), it.value("b")), (Some(1), Some(2)));
        it.session.save().await.unwrap();
        assert_eq!(it.browser.sees(&it.app).await, "a=1 b=2");
    }
}

#[tokio::test(start_paused = true)]
async fn it_waits_no_longer_than_a_load() {
    let it = fixture().await;
    it.store.fail_next("get", Fault::Hang);
    let start = tokio::time::Instant::now();
    assert_eq!(kind(it.session.reload().await), ErrorKind::TimedOut);
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    it.session.reload().await.unwrap();
}

#[tokio::test]
async fn it_waits_for_a_save_under_way() {
    let it = fixture().await;
    it.session.insert("a", 2).unwrap();
    let gate = it.store.gate_next("replace");
    let saving = it.session.clone();
    let saving = tokio::spawn(async move { saving.save().await });
    gate.reached().await;
    let mut reload = tokio_test::task::spawn(it.session.reload());
    assert!(reload.poll().is_pending());
    assert_eq!(it.store.calls(), ["replace"]);
    gate.open();
    saving.await.unwrap().unwrap();
    assert!(reload.is_woken());
    reload.await.unwrap();
    assert_eq!(it.store.calls(), ["get"]);
    assert!(!it.session.is_modified());
}

#[tokio::test]
async fn a_damaged_record_is_not_taken_in() {
    let it = fixture().await;
    it.store.tamper("no record");
    assert_eq!(kind(it.session.reload().await), ErrorKind::Undecodable);
    assert_eq!(it.value("a"), Some(1));
}

#[tokio::test]
async fn it_is_free_where_there_is_nothing_to_read() {
    let it = fixture_where(|store| store.evict_all()).await;
    it.session.insert("b", 2).unwrap();
    it.session.reload().await.unwrap();
    assert_eq!(it.value("b"), Some(2));
    assert_eq!(it.store.calls(), [""; 0]);
}
