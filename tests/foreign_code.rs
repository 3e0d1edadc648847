//! Closures and values are an application's code: where they run, and when they are let go.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use axum::response::IntoResponse;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sessile::{Conflict, ErrorKind, Session};
use std::cell::RefCell;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use support::{Browser, DAY, Gate, abandon, hold, hold_by, layer, layer_with, settle};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tower::{Layer as _, ServiceExt as _};

thread_local! {
    /// The session that [`Curious`] looks into.
    static SESSION: RefCell<Option<Session>> = const { RefCell::new(None) };
}

/// Uses the session while it is written to it and read from it.
#[derive(Debug, PartialEq)]
struct Curious;

impl Curious {
    fn look() {
        SESSION.with_borrow(|session| {
            let session = session.as_ref().unwrap();
            assert_eq!(session.get::<u8>("n").unwrap(), Some(1));
            session.insert("seen", 1).unwrap();
        });
    }
}

impl Serialize for Curious {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::look();
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Curious {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::look();
        <()>::deserialize(deserializer).map(|()| Self)
    }
}

/// Panics when it is written.
struct Panics;

impl Serialize for Panics {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("on purpose")
    }
}

#[tokio::test]
async fn a_value_may_use_the_session_while_it_is_written_and_read() {
    let (layer, _, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    browser
        .visit(&layer, async |session| {
            SESSION.set(Some(session.clone()));
            session.insert("curious", Curious).unwrap();
            assert_eq!(session.get("curious").unwrap(), Some(Curious));
            let updated = session.update("curious", |old: Option<Curious>| old);
            assert_eq!(updated.unwrap(), Some(Curious));
            assert_eq!(session.remove("curious").unwrap(), Some(Curious));
            assert_eq!(session.keys().unwrap(), ["n", "seen"]);
            SESSION.set(None);
        })
        .await;
}

#[tokio::test]
async fn a_value_that_panics_leaves_the_session_as_it_was() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    store.calls();
    let ((), answer) = browser
        .visit(&layer, async |session| {
            let insert = || session.insert("n", Panics);
            assert!(catch_unwind(AssertUnwindSafe(insert)).is_err());
            assert_eq!(session.get("n").unwrap(), Some(1));
            assert!(!session.is_modified());
        })
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(store.calls(), ["get"]);
}

#[tokio::test]
async fn closures_are_dropped_when_the_request_ends() {
    for status in [200, 500] {
        let (layer, _, _) = layer();
        let value = Arc::new(());
        let mut outlives = None;
        let status = http::StatusCode::from_u16(status).unwrap();
        Browser::new()
            .answer(&layer, async |session: Session| {
                hold(&session, &value);
                assert_eq!(Arc::strong_count(&value), 2);
                outlives = Some(session);
                status
            })
            .await;
        assert_eq!(Arc::strong_count(&value), 1, "{status}");
    }
}

#[tokio::test]
async fn closures_are_dropped_when_the_commit_fails() {
    let (layer, store, _) = layer();
    let value = Arc::new(());
    store.fail_all(support::Fault::Unavailable);
    let ((), answer) = Browser::new()
        .visit(&layer, async |session| hold(session, &value))
        .await;
    assert_eq!(answer.status, 503);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[tokio::test]
async fn closures_are_dropped_when_the_request_is_cancelled() {
    let (layer, store, _) = layer();
    let value = Arc::new(());
    let (started, start) = oneshot::channel();
    let service = layer.layer(tower::service_fn({
        let (value, started) = (value.clone(), std::sync::Mutex::new(Some(started)));
        move |request: http::Request<axum::body::Body>| {
            let session = request.extensions().get::<Session>().unwrap().clone();
            let (value, started) = (value.clone(), started.lock().unwrap().take());
            async move {
                hold(&session, &value);
                drop(value);
                started.unwrap().send(session).unwrap_or(());
                pending::<Result<http::Response<axum::body::Body>, std::convert::Infallible>>()
                    .await
            }
        }
    }));
    let request = tokio::spawn(service.oneshot(Browser::new().request("GET", "/")));
    let session = start.await.unwrap();
    assert_eq!(Arc::strong_count(&value), 2);
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    assert_eq!(Arc::strong_count(&value), 1);
    // Nobody can be given its cookie any more.
    session.insert("n", 1).unwrap();
    assert_eq!(
        session.save().await.unwrap_err().kind(),
        ErrorKind::ResponseSent
    );
    assert!(store.calls().is_empty());
}

#[tokio::test]
async fn closures_are_dropped_when_they_are_saved() {
    let (layer, store, _) = layer();
    let value = Arc::new(());
    let session = layer.sessions().create();
    for _ in 0..3 {
        hold(&session, &value);
        session.save().await.unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
    }
    assert_eq!(store.calls(), ["add", "replace", "replace"]);
}

#[tokio::test]
async fn closures_are_dropped_when_they_are_saved_after_the_response() {
    let (layer, store, _) = layer();
    let value = Arc::new(());
    let mut browser = Browser::with_n(&layer).await;
    store.calls();
    let (session, _) = browser.visit(&layer, async |it| it.clone()).await;
    for _ in 0..3 {
        hold(&session, &value);
        session.save().await.unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
    }
    assert_eq!(store.calls(), ["get", "replace", "replace", "replace"]);
}

#[tokio::test]
async fn closures_are_dropped_when_they_are_flushed() {
    let (layer, _, _) = layer();
    let value = Arc::new(());
    let mut browser = Browser::with_n(&layer).await;
    browser
        .visit(&layer, async |session| {
            hold(session, &value);
            session.flush();
            session.save().await.unwrap();
            assert_eq!(Arc::strong_count(&value), 1);
        })
        .await;
}

/// Tells, when it is dropped, whether another thread can use its session meanwhile.
struct Last(Session, UnboundedSender<bool>);

impl Drop for Last {
    fn drop(&mut self) {
        let (session, (tell, told)) = (self.0.clone(), mpsc::channel());
        thread::spawn(move || tell.send(session.is_modified()));
        let used = told.recv_timeout(Duration::from_secs(10));
        self.1.send(used.is_ok()).unwrap_or(());
    }
}

/// Records an update that looks at the session when it is dropped.
fn look_at_end(session: &Session, tell: &UnboundedSender<bool>) {
    let last = Last(session.clone(), tell.clone());
    let update = move |old: Option<u32>| {
        let _ = &last;
        Some(old.unwrap_or(0) + 1)
    };
    session.update("n", update).unwrap();
}

/// Lets the client leave while a handler's `add` waits. All the closures that look at the session are to find it
/// free.
async fn assert_used_when_the_client_leaves<R: IntoResponse>(
    closures: usize,
    handler: impl AsyncFnOnce(Session, UnboundedSender<bool>, Gate) -> R,
) {
    let (layer, store, _) = layer();
    let (tell, mut told) = unbounded_channel();
    let gate = store.gate_next("add");
    let at_gate = gate.clone();
    let request = Browser::new().request("GET", "/");
    abandon(&layer, request, async |session| {
        handler(session, tell, at_gate).await
    })
    .await;
    gate.open();
    settle().await;
    for _ in 0..closures {
        assert_eq!(told.try_recv(), Ok(true), "dropped under the lock");
    }
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn a_closure_may_use_the_session_when_it_is_dropped_by_the_commit_of_a_client_that_left() {
    assert_used_when_the_client_leaves(1, async |session, tell, _| look_at_end(&session, &tell))
        .await;
}

#[tokio::test]
async fn a_closure_may_use_the_session_when_it_is_dropped_by_the_save_of_a_client_that_left() {
    assert_used_when_the_client_leaves(1, async |session, tell, _| {
        look_at_end(&session, &tell);
        session.save().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_closure_may_use_the_session_when_it_is_dropped_by_a_5xx_whose_client_left() {
    assert_used_when_the_client_leaves(2, async |session, tell, gate| {
        look_at_end(&session, &tell);
        let saved = session.clone();
        tokio::spawn(async move { saved.save().await });
        gate.reached().await;
        look_at_end(&session, &tell);
        http::StatusCode::INTERNAL_SERVER_ERROR
    })
    .await;
}

#[tokio::test]
async fn closures_that_change_nothing_are_dropped_when_they_are_saved() {
    let (layer, _, _) = layer();
    let value = Arc::new(());
    let session = layer.sessions().create();
    session.insert("n", 1).unwrap();
    session.save().await.unwrap();
    for _ in 0..3 {
        hold_by(&session, &value, 0);
        session.save().await.unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
    }
}

#[tokio::test]
async fn closures_are_dropped_though_others_wait_for_the_next_save() {
    let (layer, store, _) = layer();
    let value = Arc::new(());
    let session = layer.sessions().create();
    session.insert("n", 1).unwrap();
    session.save().await.unwrap();
    hold(&session, &value);
    for _ in 0..5 {
        let (gate, saving) = (store.gate_next("replace"), session.clone());
        let save = tokio::spawn(async move { saving.save().await });
        gate.reached().await;
        hold(&session, &value);
        gate.open();
        save.await.unwrap().unwrap();
        assert_eq!(Arc::strong_count(&value), 2);
    }
}

#[tokio::test]
async fn closures_are_dropped_though_what_was_read_is_still_noted() {
    let (layer, store, clock) = layer_with(|builder| builder.conflict(Conflict::Refuse));
    let mut browser = Browser::with_n(&layer).await;
    store.calls();
    // A renewal is due.
    clock.advance(2 * DAY);
    let value = Arc::new(());
    browser
        .visit(&layer, async |session| {
            assert_eq!(session.get("n").unwrap(), Some(1));
            hold_by(session, &value, 0);
        })
        .await;
    assert_eq!(store.calls(), ["get", "replace"]);
    assert_eq!(Arc::strong_count(&value), 1);
}

/// A value that looks at its session when it is dropped.
#[derive(Serialize, Deserialize)]
struct Looking {
    text: String,
    #[serde(skip)]
    _last: Option<Last>,
}

#[tokio::test]
async fn a_value_that_is_refused_may_use_the_session_when_it_is_dropped() {
    const LIMIT: usize = 1000;
    let (layer, _, _) = layer_with(|builder| builder.max_size(LIMIT));
    let (tell, mut told) = unbounded_channel();
    let session = layer.sessions().create();
    let last = session.clone();
    // It fits by itself, and not with what the session takes besides.
    let update = move |_: Option<Looking>| {
        Some(Looking {
            text: "x".repeat(LIMIT - 20),
            _last: Some(Last(last.clone(), tell.clone())),
        })
    };
    let refused = session.update("big", update).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::TooLarge);
    assert_eq!(told.try_recv(), Ok(true), "dropped under the lock");
}
