//! A session that outlives its response: in a streaming body, a WebSocket, a task.

mod support;

use axum::Router;
use http::StatusCode;
use sessile::test_util::ManualClock;
use sessile::{ErrorKind, Session};
use std::sync::Arc;
use std::time::Duration;
use support::{Answer, Browser, Fault, TestStore, kind_of, layer_with, scripted};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

fn increment(session: &Session, by: i64) -> Option<i64> {
    let increment = move |n: Option<i64>| Some(n.unwrap_or(0) + by);
    session.update("n", increment).unwrap()
}

/// A scripted app, and another on the same store whose sessions are given to the test.
struct Fixture {
    app: Router,
    giving: Router,
    given: UnboundedReceiver<Session>,
    store: TestStore,
    clock: Arc<ManualClock>,
}

impl Fixture {
    fn new() -> Self {
        let (layer, store, clock) = layer_with(|builder| builder.error_response(kind_of));
        let (give, given) = unbounded_channel();
        let handler = async move |session: Session, path: http::Uri| {
            match path.path() {
                "/increment" => drop(increment(&session, 1)),
                "/insert" => session.insert("b", 2).unwrap(),
                "/fail" => {
                    session.insert("b", 2).unwrap();
                    session.cycle_id();
                    give.send(session).unwrap();
                    return StatusCode::INTERNAL_SERVER_ERROR;
                }
                _ => {}
            }
            give.send(session).unwrap();
            StatusCode::OK
        };
        Self {
            app: scripted(layer.clone()),
            giving: Router::new().fallback(handler).layer(layer),
            given,
            store,
            clock,
        }
    }

    /// A browser with a session that holds `a`.
    async fn browser(&self) -> Browser {
        Browser::with_session(&self.app, &self.store, "/load/insert:a:1").await
    }

    /// Sends a request, and returns its session after the response. The calls so far are forgotten.
    async fn outlive(&mut self, browser: &mut Browser, path: &str) -> (Answer, Session) {
        let answer = browser.get(&self.giving, path).await;
        self.store.calls();
        (answer, self.given.recv().await.unwrap())
    }
}

#[tokio::test]
async fn it_can_change_and_save() {
    let mut fixture = Fixture::new();
    let mut browser = fixture.browser().await;
    let (_, session) = fixture.outlive(&mut browser, "/").await;
    assert!(!session.is_modified());
    session.insert("b", 2).unwrap();
    assert!(session.is_modified());
    session.save().await.unwrap();
    assert!(!session.is_modified());
    assert_eq!(fixture.store.calls(), ["replace"]);
    assert_eq!(browser.sees(&fixture.app).await, "a=1 b=2");

    // Again and again, merged with what others do.
    browser.get(&fixture.app, "/increment:a").await;
    session
        .update("a", |a: Option<i64>| a.map(|a| a + 10))
        .unwrap();
    session.save().await.unwrap();
    session.remove_value("b").unwrap();
    session.save().await.unwrap();
    assert_eq!(browser.sees(&fixture.app).await, "a=12");
}

#[tokio::test]
async fn it_can_save_on_a_session_that_the_response_created() {
    let mut fixture = Fixture::new();
    let mut browser = Browser::new();
    let (_, session) = fixture.outlive(&mut browser, "/insert").await;
    assert!(!session.is_modified());
    let id = session.id().unwrap().unwrap().expose();
    assert_eq!(Some(&*id), browser.id());
    session.insert("c", 3).unwrap();
    session.save().await.unwrap();
    assert_eq!(fixture.store.calls(), ["replace"]);
    assert_eq!(browser.sees(&fixture.app).await, "b=2 c=3");
}

#[tokio::test]
async fn it_can_end_the_session() {
    let mut fixture = Fixture::new();
    let mut browser = fixture.browser().await;
    let (_, session) = fixture.outlive(&mut browser, "/").await;
    session.flush();
    session.save().await.unwrap();
    assert_eq!(fixture.store.calls(), ["delete"]);
    assert_eq!(browser.sees(&fixture.app).await, "");
    assert!(session.is_empty().unwrap());
    // What comes then would be a new session.
    session.insert("a", 1).unwrap();
    let error = session.save().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResponseSent);
    assert_eq!(fixture.store.len(), 0);
}

#[tokio::test]
async fn what_needs_a_cookie_is_an_error_before_any_verb() {
    let changes: [fn(&Session); 4] = [
        Session::cycle_id,
        |session| {
            session.cycle_id();
            session.insert("b", 2).unwrap();
        },
        |session| {
            session.flush();
            session.insert("b", 2).unwrap();
        },
        |session| {
            session.insert("b", 2).unwrap();
            session.cycle_id();
            session.clear();
        },
    ];
    for change in changes {
        let mut fixture = Fixture::new();
        let mut browser = fixture.browser().await;
        let (_, session) = fixture.outlive(&mut browser, "/").await;
        change(&session);
        for _ in 0..2 {
            let error = session.save().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ResponseSent);
        }
        assert_eq!(fixture.store.calls(), [""; 0]);
        assert_eq!(browser.sees(&fixture.app).await, "a=1");
    }

    let mut fixture = Fixture::new();
    let (_, session) = fixture.outlive(&mut Browser::new(), "/").await;
    session.insert("a", 1).unwrap();
    let error = session.save().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResponseSent);
    assert_eq!(fixture.store.calls(), [""; 0]);
}

#[tokio::test]
async fn it_does_not_renew_since_no_cookie_could_tell() {
    let mut fixture = Fixture::new();
    let mut browser = fixture.browser().await;
    let (_, session) = fixture.outlive(&mut browser, "/").await;
    fixture.clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
    assert_eq!(session.get::<i64>("a").unwrap(), Some(1));
    session.save().await.unwrap();
    assert_eq!(fixture.store.calls(), [""; 0]);
}

#[tokio::test]
async fn what_a_response_left_unsaved_on_purpose_is_not_saved_later() {
    let mut fixture = Fixture::new();
    let mut browser = fixture.browser().await;
    let (answer, session) = fixture.outlive(&mut browser, "/fail").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!session.is_modified());
    assert_eq!(session.keys().unwrap(), ["a"]);
    session.insert("c", 3).unwrap();
    session.save().await.unwrap();
    assert_eq!(fixture.store.calls(), ["replace"]);
    assert_eq!(browser.sees(&fixture.app).await, "a=1 c=3");
}

#[tokio::test]
async fn what_a_commit_of_the_response_could_not_store_is_not_saved_later() {
    let mut fixture = Fixture::new();
    let mut browser = fixture.browser().await;
    for _ in 0..2 {
        fixture.store.fail_next("replace", Fault::Unavailable);
    }
    let (answer, session) = fixture.outlive(&mut browser, "/insert").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!session.is_modified());
    session.save().await.unwrap();
    assert_eq!(fixture.store.calls(), [""; 0]);
    assert_eq!(browser.sees(&fixture.app).await, "a=1");
}

#[tokio::test]
async fn a_failed_save_keeps_its_operations() {
    let mut fixture = Fixture::new();
    let mut browser = fixture.browser().await;
    let (_, session) = fixture.outlive(&mut browser, "/").await;
    session
        .update("a", |a: Option<i64>| a.map(|a| a + 1))
        .unwrap();
    for _ in 0..2 {
        fixture.store.fail_next("replace", Fault::Unavailable);
    }
    let error = session.save().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(session.is_modified());
    assert_eq!(session.get::<i64>("a").unwrap(), Some(2));
    session.save().await.unwrap();
    assert!(!session.is_modified());
    assert_eq!(fixture.store.calls(), ["replace"; 3]);
    assert_eq!(browser.sees(&fixture.app).await, "a=2");

    // Also a logout.
    session.flush();
    for _ in 0..2 {
        fixture.store.fail_next("delete", Fault::Unavailable);
    }
    let error = session.save().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(session.is_modified() && session.is_empty().unwrap());
    session.save().await.unwrap();
    assert_eq!(browser.sees(&fixture.app).await, "");
}

#[tokio::test]
async fn a_save_after_the_session_has_ended_is_interrupted_and_makes_none() {
    let mut fixture = Fixture::new();
    let mut browser = fixture.browser().await;
    let (_, session) = fixture.outlive(&mut browser, "/").await;
    browser.get(&fixture.app, "/flush").await;
    session.insert("a", 2).unwrap();
    for _ in 0..2 {
        let error = session.save().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
    }
    assert_eq!(fixture.store.len(), 0);
}

#[tokio::test]
async fn updates_recorded_during_a_save_that_merged_are_merged_too_also_at_the_second_attempt() {
    let mut fixture = Fixture::new();
    let mut browser = fixture.browser().await;
    let (_, session) = fixture.outlive(&mut browser, "/").await;
    assert_eq!(increment(&session, 1), Some(1));
    let gate = fixture.store.gate_next("replace");
    let saving = session.clone();
    let saving = tokio::spawn(async move { saving.save().await });
    gate.reached().await;
    assert_eq!(increment(&session, 10), Some(11));
    browser.get(&fixture.app, "/insert:n:100").await;
    gate.open();
    saving.await.unwrap().unwrap();
    assert_eq!(browser.sees(&fixture.app).await, "a=1 n=101");

    for _ in 0..2 {
        fixture.store.fail_next("replace", Fault::Unavailable);
    }
    let error = session.save().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    session.save().await.unwrap();
    assert_eq!(browser.sees(&fixture.app).await, "a=1 n=111");
    assert_eq!(session.get::<i64>("n").unwrap(), Some(111));
}

#[tokio::test]
async fn updates_recorded_during_a_commit_that_failed_do_not_bring_its_own_back() {
    let mut fixture = Fixture::new();
    let browser = fixture.browser().await;
    let gate = fixture.store.gate_next("replace");
    for _ in 0..2 {
        fixture.store.fail_next("replace", Fault::Unavailable);
    }
    let request = browser.start(&fixture.giving, "/increment");
    gate.reached().await;
    let session = fixture.given.recv().await.unwrap();
    // As things stand, on top of what is about to be stored.
    assert_eq!(increment(&session, 10), Some(11));
    gate.open();
    let answer = request.answer().await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (503, "Unavailable")
    );

    session.save().await.unwrap();
    assert_eq!(browser.sees(&fixture.app).await, "a=1 n=10");
}
