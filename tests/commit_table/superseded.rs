//! The row *superseded*: an id that a rotation retired a moment ago.

use crate::support::{Browser, TestStore, script};
use crate::{assert_error, assert_ok, assert_removed, assert_silent, id_set};
use axum::Router;
use sessile::test_util::ManualClock;
use std::sync::Arc;
use std::time::Duration;

/// A browser with a retired id, and one with the id that came in its place.
async fn retired() -> (Router, TestStore, Arc<ManualClock>, Browser, Browser) {
    let (app, store, clock) = script();
    let old = Browser::with_session(&app, &store, "/insert:a:1").await;
    let mut new = old.clone();
    assert_ok(&new.get(&app, "/cycle").await);
    store.calls();
    (app, store, clock, old, new)
}

#[tokio::test]
async fn a_retired_id_reads_as_an_empty_session_and_keeps_its_cookie() {
    let (app, store, _, mut old, _) = retired().await;
    let answer = old.get(&app, "/show").await;
    assert_silent(&answer);
    assert_eq!(answer.body, "");
    assert_eq!(store.calls(), ["get"]);
}

#[tokio::test]
async fn a_login_on_a_retired_id_makes_a_session_of_its_own() {
    let (app, store, _, mut old, new) = retired().await;
    id_set(&old.get(&app, "/cycle/insert:user:1").await);
    assert_eq!(store.calls(), ["get", "add"]);
    assert_eq!(old.sees(&app).await, "user=1");
    assert_eq!(new.sees(&app).await, "a=1");
}

#[tokio::test]
async fn a_cycle_without_data_on_a_retired_id_does_nothing() {
    let (app, store, _, mut old, new) = retired().await;
    for path in ["/cycle", "/cycle/clear", "/cycle/expire:60"] {
        assert_silent(&old.get(&app, path).await);
        assert_eq!(store.calls(), ["get"]);
    }
    assert_eq!(new.sees(&app).await, "a=1");
}

#[tokio::test]
async fn a_plain_write_on_a_retired_id_is_interrupted() {
    let (app, store, _, mut old, new) = retired().await;
    for path in ["/insert:a:2", "/increment:a", "/clear", "/expire:60"] {
        assert_error(&old.get(&app, path).await, 400, "Interrupted");
        assert_eq!(store.calls(), ["get"]);
    }
    let answer = old.get(&app, "/insert:a:2/save").await;
    // Once by the save, in the handler; and the answer of the layer says it again.
    assert_error(&answer, 400, "Interrupted");
    assert_eq!(store.calls(), ["get"]);
    assert_eq!(new.sees(&app).await, "a=1");
}

#[tokio::test]
async fn a_flush_on_a_retired_id_ends_the_session() {
    let (app, store, _, mut old, new) = retired().await;
    assert_removed(&old.get(&app, "/flush").await);
    assert_eq!(store.calls(), ["get", "delete"]);
    assert_eq!(new.sees(&app).await, "");
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn a_minute_later_a_retired_id_is_an_unknown_one() {
    let (app, store, clock, old, new) = retired().await;
    clock.advance(Duration::from_secs(60) - Duration::from_millis(1));
    assert_error(
        &old.clone().get(&app, "/insert:b:2").await,
        400,
        "Interrupted",
    );

    clock.advance(Duration::from_millis(1));
    store.calls();
    let mut fresh = old.clone();
    id_set(&fresh.get(&app, "/insert:b:2").await);
    assert_eq!(store.calls(), ["get", "add"]);
    assert_eq!(fresh.sees(&app).await, "b=2");
    assert_eq!(new.sees(&app).await, "a=1");
}

#[tokio::test]
async fn a_flush_still_ends_the_session_of_an_id_that_was_retired_long_ago() {
    let (app, store, clock, mut old, new) = retired().await;
    clock.advance(Duration::from_secs(3600));
    assert_removed(&old.get(&app, "/flush").await);
    assert_eq!(store.calls(), ["get", "delete"]);
    assert_eq!(new.sees(&app).await, "");
}

#[tokio::test]
async fn an_id_with_a_foreign_secret_of_a_session_that_never_rotated_is_an_unknown_one() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    // Its last character carries four bits of the secret and two that are always zero.
    let id = browser.id().unwrap();
    let last = if id.ends_with('A') { "E" } else { "A" };
    let mut guessed = Browser::with_cookie("__Host-id", &format!("{}{last}", &id[..42]));
    id_set(&guessed.get(&app, "/insert:b:2").await);
    assert_eq!(store.calls(), ["get", "add"]);
    assert_eq!(browser.sees(&app).await, "a=1");
    assert_eq!(guessed.sees(&app).await, "b=2");
}
