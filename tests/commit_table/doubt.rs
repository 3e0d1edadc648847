//! Writes in doubt: what the ladder of the protocol says about an answer that did not come.

use crate::support::{Browser, Fault, Gate, Started, TestStore, script};
use crate::{assert_error, assert_ok, assert_silent, id_set};
use axum::Router;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn a_write_in_doubt_takes_effect_once() {
    for (fault, calls) in [
        // It never arrived: the version is the old one, and the write is sent again.
        (Fault::Lost, &["get", "replace", "get", "replace"][..]),
        // It did: the token says so.
        (Fault::LostAnswer, &["get", "replace", "get"]),
        // It cannot have arrived.
        (Fault::Unavailable, &["get", "replace", "replace"]),
    ] {
        let (app, store, _) = script();
        let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        store.fail_next("replace", fault);
        assert_silent(&browser.get(&app, "/increment:a").await);
        assert_eq!(store.calls(), calls);
        assert_eq!(browser.sees(&app).await, "a=2");
    }
}

#[tokio::test]
async fn a_rotation_in_doubt_takes_effect_once_and_sends_its_cookie() {
    for fault in [Fault::Lost, Fault::LostAnswer] {
        let (app, store, _) = script();
        let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        let old = browser.clone();
        store.fail_next("replace", fault);
        let answer = browser.get(&app, "/cycle/increment:a").await;
        assert_ne!(Some(&*id_set(&answer)), old.id());
        assert_eq!(browser.sees(&app).await, "a=2");
        assert_eq!(old.sees(&app).await, "");
    }
}

#[tokio::test]
async fn a_write_in_doubt_to_an_entry_that_is_gone_is_an_interruption() {
    for fault in [Fault::Lost, Fault::LostAnswer] {
        let (app, store, _) = script();
        let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        let (writing, gate) = in_doubt(&app, &store, &browser, "/increment:a", fault).await;
        assert_ok(&browser.clone().get(&app, "/flush").await);
        gate.open();
        assert_error(&writing.answer().await, 400, "Interrupted");
    }
}

/// Starts a request whose write is in doubt, and holds it up where it looks for it.
async fn in_doubt(
    app: &Router,
    store: &TestStore,
    browser: &Browser,
    path: &str,
    fault: Fault,
) -> (Started, Gate) {
    let request = browser.start(app, &format!("/hold{path}")).held().await;
    store.fail_next("replace", fault);
    let gate = store.gate_next("get");
    store.calls();
    request.go();
    gate.reached().await;
    assert_eq!(store.calls(), ["replace", "get"]);
    (request, gate)
}

#[tokio::test]
async fn a_write_in_doubt_is_resolved_behind_three_other_writes_and_never_guessed_behind_four() {
    for fault in [Fault::Lost, Fault::LostAnswer] {
        for others in 0..=5 {
            let (app, store, _) = script();
            let browser = Browser::with_session(&app, &store, "/insert:a:0").await;
            let (writing, gate) = in_doubt(&app, &store, &browser, "/increment:a", fault).await;
            for _ in 0..others {
                assert_ok(&browser.clone().get(&app, "/increment:a").await);
            }
            gate.open();
            let answer = writing.answer().await;
            let mut seen = others;
            if others < 4 {
                assert_silent(&answer);
                seen += 1;
            } else {
                assert_error(&answer, 503, "Unknown");
                seen += i32::from(fault == Fault::LostAnswer);
            }
            assert_eq!(browser.sees(&app).await, format!("a={seen}"), "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_write_found_again_under_anothers_secret_is_done_and_sends_no_cookie() {
    let (app, store, clock) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    // So that its own cookie would be sent.
    clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
    let (writing, gate) = in_doubt(&app, &store, &browser, "/increment:a", Fault::LostAnswer).await;
    let mut rotated = browser.clone();
    assert_ok(&rotated.get(&app, "/cycle").await);
    gate.open();
    assert_silent(&writing.answer().await);
    assert_eq!(rotated.sees(&app).await, "a=2");
}

#[tokio::test]
async fn a_write_that_was_lost_before_anothers_rotation_is_an_interruption() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let (writing, gate) = in_doubt(&app, &store, &browser, "/increment:a", Fault::Lost).await;
    let mut rotated = browser.clone();
    assert_ok(&rotated.get(&app, "/cycle").await);
    gate.open();
    assert_error(&writing.answer().await, 400, "Interrupted");
    assert_eq!(rotated.sees(&app).await, "a=1");
}

#[tokio::test]
async fn a_second_error_gives_up() {
    for (first, then, second, kind) in [
        (
            Fault::Unavailable,
            "replace",
            Fault::Unavailable,
            "Unavailable",
        ),
        (Fault::Unavailable, "replace", Fault::Lost, "Unknown"),
        (Fault::Lost, "get", Fault::Unavailable, "Unknown"),
        (Fault::LostAnswer, "get", Fault::Lost, "Unknown"),
        (Fault::Lost, "replace", Fault::Unavailable, "Unknown"),
    ] {
        let (app, store, _) = script();
        let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        let request = browser.start(&app, "/hold/cycle/increment:a").held().await;
        store.fail_next("replace", first);
        store.fail_next(then, second);
        assert_error(&request.finish().await, 503, kind);
        // An id that was rotated all the same is the one case that no server can mend.
        let old_id_is_good = first != Fault::LostAnswer;
        let seen = if old_id_is_good { "a=1" } else { "" };
        assert_eq!(browser.sees(&app).await, seen, "{first:?} {second:?}");
        store.calls();
        assert_ok(&browser.get(&app, "/").await);
    }
}

#[tokio::test]
async fn the_look_after_a_conflict_is_not_in_doubt() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    for (errors, status, seen) in [(1, 200, "a=3"), (2, 503, "a=4")] {
        let writing = browser.start(&app, "/hold/increment:a").held().await;
        assert_ok(&browser.clone().get(&app, "/increment:a").await);
        store.calls();
        for _ in 0..errors {
            store.fail_next("get", Fault::Lost);
        }
        let answer = writing.finish().await;
        assert_eq!(answer.status, status);
        if errors == 1 {
            assert_eq!(store.calls(), ["replace", "get", "get", "replace"]);
        } else {
            assert_error(&answer, 503, "Unavailable");
            assert_eq!(store.calls(), ["replace", "get", "get"]);
        }
        assert_eq!(browser.sees(&app).await, seen);
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_never_answered_is_unknown_after_the_time_limit() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    store.fail_next("replace", Fault::Hang);
    let start = Instant::now();
    assert_error(&browser.get(&app, "/increment:a").await, 503, "Unknown");
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    assert_eq!(store.calls(), ["get", "replace"]);
}

#[tokio::test(start_paused = true)]
async fn the_whole_commit_has_one_time_budget() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let writing = browser.start(&app, "/hold/increment:a").held().await;
    assert_ok(&browser.clone().get(&app, "/increment:a").await);
    let gate = store.gate_next("replace");
    store.fail_next("get", Fault::Hang);
    store.calls();
    let start = Instant::now();
    writing.go();
    gate.reached().await;
    tokio::time::advance(Duration::from_millis(1500)).await;
    gate.open();
    // The write met a conflict, so nothing is in doubt.
    assert_error(&writing.answer().await, 503, "TimedOut");
    assert_eq!(start.elapsed(), Duration::from_secs(2));
    assert_eq!(store.calls(), ["replace", "get"]);
}

#[tokio::test]
async fn a_save_that_is_unknown_is_not_made_a_second_time() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let request = browser
        .start(&app, "/hold/increment:a/try-save/insert:b:2")
        .held()
        .await;
    // It is done; the answer is lost, and so is the look at what became of it.
    store.fail_next("replace", Fault::LostAnswer);
    store.fail_next("get", Fault::Unavailable);
    request.go();
    assert_ok(&request.answer().await);
    assert_eq!(browser.sees(&app).await, "a=2 b=2");
}
