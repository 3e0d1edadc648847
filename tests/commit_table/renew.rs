//! The row *loaded, accessed, renewal due*: a favour, which fails in silence.

use crate::support::{Browser, Fault, script};
use crate::{assert_ok, assert_silent, id_set};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A tenth of the idle lifetime.
const DUE: Duration = Duration::from_secs(14 * 24 * 60 * 60 / 10);

#[tokio::test]
async fn a_session_that_is_read_is_renewed_once_a_tenth_of_its_lifetime_has_passed() {
    let (app, store, clock) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let id = browser.id().unwrap().to_owned();

    clock.advance(DUE - Duration::from_millis(1));
    assert_silent(&browser.get(&app, "/show").await);
    assert_eq!(store.calls(), ["get"]);

    clock.advance(Duration::from_millis(1));
    let answer = browser.get(&app, "/show").await;
    assert_ok(&answer);
    assert_eq!(id_set(&answer), id);
    assert_eq!(store.calls(), ["get", "replace"]);

    // And is not due again for as long.
    assert_silent(&browser.get(&app, "/show").await);
    assert_eq!(store.calls(), ["get"]);
}

#[tokio::test]
async fn a_session_that_is_not_accessed_is_not_renewed() {
    let (app, store, clock) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    clock.advance(DUE);
    assert_silent(&browser.get(&app, "/").await);
    assert_eq!(store.calls(), ["get"]);
}

#[tokio::test]
async fn a_session_is_not_renewed_by_a_500() {
    let (app, store, clock) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    clock.advance(DUE);
    let answer = browser.get(&app, "/show/fail").await;
    assert_eq!(
        (answer.status.as_u16(), answer.set_cookies()),
        (500, vec![])
    );
    assert_eq!(store.calls(), ["get"]);
}

#[tokio::test]
async fn an_equal_insert_is_a_renewal_and_no_write() {
    let (app, store, clock) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    assert_silent(&browser.get(&app, "/insert:a:1").await);
    assert_eq!(store.calls(), ["get"]);
    clock.advance(DUE);
    id_set(&browser.get(&app, "/insert:a:1").await);
    assert_eq!(store.calls(), ["get", "replace"]);
}

#[tokio::test]
async fn the_renewal_of_a_browser_session_needs_no_cookie() {
    let (app, store, clock) = script();
    let mut browser = Browser::with_session(&app, &store, "/browser/insert:a:1").await;
    clock.advance(DUE);
    assert_silent(&browser.get(&app, "/show").await);
    assert_eq!(store.calls(), ["get", "replace"]);
    clock.advance(14 * DAY - Duration::from_millis(1));
    assert_eq!(browser.sees(&app).await, "a=1");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_silent_and_not_tried_again() {
    for fault in [
        Fault::Unavailable,
        Fault::Lost,
        Fault::LostAnswer,
        Fault::Denied,
        Fault::Full,
        Fault::TooLarge,
        Fault::Hang,
    ] {
        let (app, store, clock) = script();
        let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        clock.advance(DUE);
        store.fail_next("replace", fault);
        let answer = browser.get(&app, "/show").await;
        assert_silent(&answer);
        assert_eq!(answer.body, "a=1 ");
        assert_eq!(store.calls(), ["get", "replace"], "{fault:?}");
    }
}

#[tokio::test]
async fn a_renewal_neither_undoes_nor_repeats_another_requests_change() {
    let (app, store, clock) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    clock.advance(DUE);
    let reading = browser.start(&app, "/show/hold").held().await;
    assert_ok(&browser.clone().get(&app, "/insert:a:2/expire:60").await);
    store.calls();

    assert_silent(&reading.finish().await);
    assert_eq!(store.calls(), ["replace"]);
    assert_eq!(browser.sees(&app).await, "a=2");
    clock.advance(Duration::from_secs(60));
    assert_eq!(browser.sees(&app).await, "");
}

#[tokio::test]
async fn renewals_leave_the_tokens_by_which_a_write_finds_itself_again() {
    let (app, store, clock) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let writing = browser.start(&app, "/hold/increment:a").held().await;
    store.fail_next("replace", Fault::LostAnswer);
    let gate = store.gate_next("get");
    writing.go();
    gate.reached().await;

    for _ in 0..5 {
        clock.advance(2 * DAY);
        id_set(&browser.clone().get(&app, "/show").await);
    }
    gate.open();
    assert_ok(&writing.answer().await);
    assert_eq!(browser.sees(&app).await, "a=2");
}
