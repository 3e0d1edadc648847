//! The row *loaded, changed or cycled*, with a store that answers.

use crate::support::{Browser, Started, script, script_with};
use crate::{assert_error, assert_ok, assert_silent, id_set};
use sessile::Load;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn a_change_is_one_replace_and_the_cookie_is_sent_only_if_the_deadline_moved() {
    let (app, store, clock) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let id = browser.id().unwrap().to_owned();
    assert_silent(&browser.get(&app, "/insert:a:2").await);
    assert_eq!(store.calls(), ["get", "replace"]);

    clock.advance(2 * DAY);
    assert_eq!(id_set(&browser.get(&app, "/insert:a:3").await), id);
    assert_eq!(store.calls(), ["get", "replace"]);

    // A change of the expiry is one too.
    assert_eq!(id_set(&browser.get(&app, "/expire:60").await), id);
    assert_eq!(store.calls(), ["get", "replace"]);
    assert_eq!(browser.sees(&app).await, "a=3");
}

#[tokio::test]
async fn what_changes_no_byte_is_not_written() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/expire:60/insert:a:1").await;
    for path in [
        "/",
        "/show",
        "/insert:a:1",
        "/remove:b",
        "/expire:60",
        "/increment:a/insert:a:1",
    ] {
        assert_silent(&browser.get(&app, path).await);
        assert_eq!(store.calls(), ["get"], "{path}");
    }
}

#[tokio::test]
async fn a_cycle_is_one_replace_and_a_new_id() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let old = browser.clone();
    let answer = browser.get(&app, "/cycle").await;
    assert_ok(&answer);
    assert_ne!(Some(&*id_set(&answer)), old.id());
    assert_eq!(store.calls(), ["get", "replace"]);
    assert_eq!(browser.sees(&app).await, "a=1");
    assert_eq!(old.sees(&app).await, "");
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn a_session_whose_last_key_went_lives_on() {
    for path in ["/remove:a", "/clear"] {
        let (app, store, _) = script();
        let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        assert_silent(&browser.get(&app, path).await);
        assert_eq!(store.calls(), ["get", "replace"]);
        assert_eq!(browser.sees(&app).await, "");
        store.calls();
        assert_silent(&browser.get(&app, "/insert:b:2").await);
        assert_eq!(store.calls(), ["get", "replace"]);
    }
}

#[tokio::test]
async fn a_500_writes_nothing_and_says_nothing() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    for path in [
        "/insert:a:2/fail",
        "/cycle/fail",
        "/clear/fail",
        "/expire:9/fail",
    ] {
        let answer = browser.clone().get(&app, path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.set_cookies()),
            (500, vec![])
        );
        assert_eq!(store.calls(), ["get"]);
    }
    assert_eq!(browser.sees(&app).await, "a=1");
}

#[tokio::test]
async fn what_was_recorded_without_a_load_is_written_after_one() {
    for (path, seen) in [("/cycle", "a=1"), ("/clear", ""), ("/expire:60", "a=1")] {
        let (app, store, _) = script_with(|builder| builder.load(Load::OnAccess));
        let mut browser = Browser::with_session(&app, &store, "/load/insert:a:1").await;
        assert_ok(&browser.get(&app, path).await);
        assert_eq!(store.calls(), ["get", "replace"]);
        let answer = browser.get(&app, "/load/show").await;
        assert_eq!(answer.body.trim_end(), seen);
    }
}

#[tokio::test]
async fn an_entry_that_is_gone_is_an_interruption_and_makes_none() {
    for path in [
        "/hold/insert:a:2",
        "/hold/cycle",
        "/hold/expire:60",
        "/hold/clear",
    ] {
        let (app, store, _) = script();
        let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        let writing = browser.start(&app, path).held().await;
        store.evict_all();
        assert_error(&writing.finish().await, 400, "Interrupted");
        assert_eq!(store.calls(), ["get", "replace"]);
        assert_eq!(store.len(), 0);
    }
}

#[tokio::test]
async fn an_entry_that_goes_between_a_conflict_and_its_look_is_an_interruption() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let writing = browser.start(&app, "/hold/increment:a").held().await;
    assert_ok(&browser.clone().get(&app, "/increment:a").await);
    store.calls();
    let gate = store.gate_next("get");
    writing.go();
    gate.reached().await;
    store.evict_all();
    gate.open();
    assert_error(&writing.answer().await, 400, "Interrupted");
    assert_eq!(store.calls(), ["replace", "get"]);
}

#[tokio::test]
async fn a_conflict_is_merged_under_the_newest_expiry() {
    let (app, store, clock) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let writing = browser.start(&app, "/hold/increment:a").held().await;
    assert_ok(&browser.clone().get(&app, "/increment:a/expire:60").await);
    store.calls();

    assert_silent(&writing.finish().await);
    assert_eq!(store.calls(), ["replace", "get", "replace"]);
    assert_eq!(browser.sees(&app).await, "a=3");
    clock.advance(Duration::from_secs(60));
    assert_eq!(browser.sees(&app).await, "");
}

#[tokio::test]
async fn each_conflict_is_somebody_elses_success_so_writers_take_few_tries() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:n:0").await;
    let mut writers = Vec::new();
    for _ in 0..300 {
        writers.push(browser.start(&app, "/hold/increment:n").held().await);
    }
    store.calls();
    writers.iter().for_each(Started::go);
    for writer in writers {
        assert_ok(&writer.answer().await);
    }
    let tries = store
        .calls()
        .iter()
        .filter(|call| **call == "replace")
        .count();
    assert!(tries <= 3 * 300, "{tries}");
    assert_eq!(browser.sees(&app).await, "n=300");
}

#[tokio::test]
async fn after_a_conflict_with_a_rotation_or_an_end_the_writer_is_told() {
    let (app, store, clock) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let writing = browser.start(&app, "/hold/increment:a").held().await;
    let mut other = browser.clone();
    assert_ok(&other.get(&app, "/cycle/expire:60").await);
    store.calls();
    assert_error(&writing.finish().await, 400, "Interrupted");
    assert_eq!(store.calls(), ["replace", "get"]);

    let writing = other.start(&app, "/hold/increment:a").held().await;
    assert_ok(&other.clone().get(&app, "/expire:30").await);
    store.calls();
    clock.advance(Duration::from_secs(30));
    assert_error(&writing.finish().await, 400, "Expired");
    assert_eq!(store.calls(), ["replace", "get"]);
}

#[tokio::test]
async fn a_session_that_was_loaded_alive_commits_past_its_idle_limit_but_not_its_absolute_one() {
    let (app, store, clock) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let slow = browser.start(&app, "/hold/increment:a").held().await;
    clock.advance(14 * DAY);
    id_set(&slow.finish().await);
    assert_eq!(store.calls(), ["get", "replace"]);
    assert_eq!(browser.sees(&app).await, "a=2");
    store.calls();

    let slow = browser.start(&app, "/hold/increment:a").held().await;
    clock.advance(16 * DAY);
    assert_error(&slow.finish().await, 400, "Expired");
    assert_eq!(store.calls(), ["get"]);
}
