//! Two commits of one session: the later one waits, and takes what was recorded meanwhile.

mod support;

use axum::Router;
use http::StatusCode;
use sessile::{Session, SessionLayer};
use std::sync::{Arc, Mutex};
use support::{Answer, Browser, Fault, TestStore, kind_of, layer_with, scripted};

/// A layer, a scripted app under it, and its store.
fn fixture() -> (SessionLayer, Router, TestStore) {
    let (layer, store, _) = layer_with(|builder| builder.error_response(kind_of));
    (layer.clone(), scripted(layer), store)
}

/// Saves in a task, and records more while that is held up at the store. The answer waits for it.
async fn save_aside(
    layer: SessionLayer,
    store: &TestStore,
    browser: &Browser,
    meanwhile: impl Fn(&Session) + Clone + Send + Sync + 'static,
) -> (Answer, Result<(), sessile::Error>) {
    let gate = store.gate_next("replace");
    let saved = Arc::new(Mutex::new(None));
    let (keep, held) = (Arc::clone(&saved), gate.clone());
    let app = Router::new()
        .fallback(async move |session: Session| {
            session
                .update("n", |n: Option<u32>| Some(n.unwrap_or(0) + 1))
                .unwrap();
            let saving = session.clone();
            let task = tokio::spawn(async move { saving.save().await });
            held.reached().await;
            // The save has them, and they are still to be seen.
            assert_eq!(session.get::<u32>("n").unwrap(), Some(1));
            assert!(!session.is_modified());
            meanwhile(&session);
            *keep.lock().unwrap() = Some(task);
        })
        .layer(layer);
    let answering = browser.start(&app, "/");
    gate.reached().await;
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.calls(), ["get", "replace"]);
    gate.open();
    let answer = answering.answer().await;
    let task = saved.lock().unwrap().take().unwrap();
    (answer, task.await.unwrap())
}

#[tokio::test]
async fn the_answer_waits_for_a_save_and_commits_what_came_after_it() {
    let (layer, app, store) = fixture();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let (answer, saved) = save_aside(layer, &store, &browser, |session| {
        session.insert("b", 2).unwrap();
        session
            .update("n", |n: Option<u32>| Some(n.unwrap_or(0) + 10))
            .unwrap();
    })
    .await;
    saved.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    // One write more, on the version that the save left.
    assert_eq!(store.calls(), ["replace"]);
    assert_eq!(browser.sees(&app).await, "a=1 b=2 n=11");
}

#[tokio::test]
async fn the_answer_waits_for_a_save_also_with_nothing_to_commit() {
    let (layer, app, store) = fixture();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let (answer, saved) = save_aside(layer, &store, &browser, |_| {}).await;
    saved.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(store.calls(), [""; 0]);
    assert_eq!(browser.sees(&app).await, "a=1 n=1");
}

#[tokio::test]
async fn what_a_failed_save_could_not_store_is_stored_with_what_came_after_it() {
    let (layer, app, store) = fixture();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    store.fail_next("replace", Fault::Unavailable);
    store.fail_next("replace", Fault::Unavailable);
    let (answer, saved) = save_aside(layer, &store, &browser, |session| {
        session.remove::<u32>("a").unwrap();
        session
            .update("n", |n: Option<u32>| Some(n.unwrap_or(0) + 10))
            .unwrap();
    })
    .await;
    assert_eq!(saved.unwrap_err().kind(), sessile::ErrorKind::Unavailable);
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(store.calls(), ["replace", "replace"]);
    assert_eq!(browser.sees(&app).await, "n=11");
}

#[tokio::test]
async fn a_flush_after_a_save_under_way_comes_after_it() {
    let (layer, app, store) = fixture();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let (answer, saved) = save_aside(layer, &store, &browser, Session::flush).await;
    saved.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(store.calls(), ["delete"]);
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn two_first_saves_make_one_session() {
    let (layer, app, store) = fixture();
    let gate = store.gate_next("add");
    let creating = Router::new()
        .fallback(async move |session: Session| {
            session.insert("a", 1).unwrap();
            let (one, other) = (session.clone(), session.clone());
            let one = tokio::spawn(async move { one.save().await });
            gate.reached().await;
            session.insert("b", 2).unwrap();
            let other = tokio::spawn(async move { other.save().await });
            tokio::task::yield_now().await;
            gate.open();
            one.await.unwrap().unwrap();
            other.await.unwrap().unwrap();
            assert!(!session.is_modified());
        })
        .layer(layer);
    let mut browser = Browser::new();
    assert_eq!(browser.get(&creating, "/").await.status, StatusCode::OK);
    assert_eq!(store.calls(), ["add", "replace"]);
    assert_eq!(store.len(), 1);
    assert_eq!(browser.sees(&app).await, "a=1 b=2");
}
