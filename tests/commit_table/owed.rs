//! The cookie of a `save()`: owed by the response, whatever becomes of it.

use crate::support::{Browser, Fault, script};
use crate::{assert_error, assert_ok, assert_removed, assert_silent, id_set};
use std::time::Duration;

#[tokio::test]
async fn a_save_is_not_written_twice() {
    let (app, store, _) = script();
    let mut browser = Browser::new();
    id_set(&browser.get(&app, "/insert:a:1/save").await);
    assert_eq!(store.calls(), ["add"]);
    assert_silent(&browser.get(&app, "/insert:a:2/save/show").await);
    assert_eq!(store.calls(), ["get", "replace"]);
    assert_silent(&browser.get(&app, "/save").await);
    assert_eq!(store.calls(), ["get"]);
}

#[tokio::test]
async fn the_cookie_of_a_save_is_sent_with_a_500() {
    let (app, store, _) = script();
    let mut browser = Browser::new();
    let answer = browser.get(&app, "/insert:a:1/save/insert:a:2/fail").await;
    assert_eq!(answer.status, 500);
    id_set(&answer);
    assert_eq!(store.calls(), ["add"]);
    assert_eq!(browser.sees(&app).await, "a=1");

    let old = browser.clone();
    let answer = browser.get(&app, "/cycle/save/fail").await;
    assert_ne!(Some(&*id_set(&answer)), old.id());
    assert_eq!(browser.sees(&app).await, "a=1");
    assert_eq!(old.sees(&app).await, "");
}

#[tokio::test]
async fn the_cookie_of_a_save_is_sent_with_the_error_of_a_later_commit() {
    let (app, store, _) = script();
    let mut browser = Browser::new();
    store.fail_next("replace", Fault::Unavailable);
    store.fail_next("replace", Fault::Unavailable);
    let answer = browser.get(&app, "/insert:a:1/save/insert:a:2").await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (503, "Unavailable")
    );
    id_set(&answer);
    assert_eq!(store.calls(), ["add", "replace", "replace"]);
    assert_eq!(browser.sees(&app).await, "a=1");
}

#[tokio::test]
async fn the_cookie_of_a_save_is_replaced_by_that_of_a_later_commit() {
    let (app, store, _) = script();
    let mut browser = Browser::new();
    id_set(&browser.get(&app, "/insert:a:1/save/cycle").await);
    assert_eq!(store.calls(), ["add", "replace"]);
    assert_eq!(browser.sees(&app).await, "a=1");

    // And kept by one that has none to send.
    let old = browser.clone();
    id_set(&browser.get(&app, "/cycle/save/insert:a:2").await);
    assert_ne!(browser.id(), old.id());
    assert_eq!(browser.sees(&app).await, "a=2");
}

#[tokio::test]
async fn the_cookie_of_a_save_is_dropped_where_the_last_commit_is_interrupted() {
    for path in [
        "/cycle/save/hold/insert:a:2",
        "/cycle/save/hold/insert:a:2/save",
        "/cycle/save/hold/insert:a:2/try-save",
    ] {
        let (app, store, _) = script();
        let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        let request = browser.start(&app, path).held().await;
        store.evict_all();
        let answer = request.finish().await;
        assert_error(&answer, 400, "Interrupted");
        assert_eq!(store.len(), 0);
    }
}

#[tokio::test]
async fn the_cookie_of_a_save_is_dropped_where_a_later_save_was_interrupted() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let path = "/cycle/save/hold/insert:a:2/try-save/fail";
    let request = browser.start(&app, path).held().await;
    assert_ok(&browser.clone().get(&app, "/flush").await);
    let answer = request.finish().await;
    assert_eq!(
        (answer.status.as_u16(), answer.set_cookies()),
        (500, vec![])
    );
}

#[tokio::test]
async fn a_saved_flush_owes_the_removal_and_leaves_an_empty_session() {
    for (path, status, calls) in [
        ("/flush/save", 200, &["get", "delete"][..]),
        ("/flush/save/fail", 500, &["get", "delete"]),
        ("/flush/save/insert:b:2/fail", 500, &["get", "delete"]),
        ("/flush/save/show", 200, &["get", "delete"]),
        // There is nothing left to delete.
        ("/flush/save/flush", 200, &["get", "delete"]),
    ] {
        let (app, store, _) = script();
        let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        let answer = browser.get(&app, path).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (status, ""));
        assert_removed(&answer);
        assert_eq!(store.calls(), calls, "{path}");
        assert_eq!(store.len(), 0);
    }
}

#[tokio::test]
async fn a_saved_flush_then_an_insert_is_one_set_cookie_with_another_id() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let old = browser.clone();
    id_set(&browser.get(&app, "/flush/save/insert:b:2").await);
    assert_eq!(store.calls(), ["get", "delete", "add"]);
    assert_ne!(browser.id(), old.id());
    assert_eq!(browser.sees(&app).await, "b=2");
    store.calls();

    // If the second half fails, the first is still true.
    for _ in 0..3 {
        store.fail_next("add", Fault::Denied);
    }
    let answer = browser.get(&app, "/flush/save/insert:b:2").await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (503, "CreationFailed")
    );
    assert_removed(&answer);
}

#[tokio::test]
async fn a_failed_save_keeps_its_operations_for_the_next_commit() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    store.fail_next("replace", Fault::Unavailable);
    store.fail_next("replace", Fault::Unavailable);
    let answer = browser
        .get(&app, "/increment:a/try-save/show/increment:a")
        .await;
    assert_silent(&answer);
    assert_eq!(answer.body, "a=2 ");
    assert_eq!(store.calls(), ["get", "replace", "replace", "replace"]);
    assert_eq!(browser.sees(&app).await, "a=3");
}

#[tokio::test]
async fn a_save_that_was_found_again_under_anothers_secret_leaves_a_superseded_session() {
    for (path, interrupted) in [("", false), ("/insert:b:2", true)] {
        let (app, store, _) = script();
        let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        let path = format!("/hold/increment:a/save/show{path}");
        let request = browser.start(&app, &path).held().await;
        store.fail_next("replace", Fault::LostAnswer);
        let gate = store.gate_next("get");
        request.go();
        gate.reached().await;
        let mut rotated = browser.clone();
        assert_ok(&rotated.get(&app, "/cycle").await);
        gate.open();

        let answer = request.answer().await;
        if interrupted {
            assert_error(&answer, 400, "Interrupted");
        } else {
            assert_silent(&answer);
            assert_eq!(answer.body, "");
        }
        assert_eq!(rotated.sees(&app).await, "a=2");
    }
}

#[tokio::test]
async fn the_cookie_of_a_save_is_dropped_where_a_later_one_was_found_under_anothers_secret() {
    let (app, store, clock) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    // So that the first save asks for a cookie, with the id that is retired later.
    clock.advance(Duration::from_secs(2 * 24 * 60 * 60));
    let request = browser
        .start(&app, "/increment:a/save/hold/increment:a/save")
        .held()
        .await;
    store.fail_next("replace", Fault::LostAnswer);
    let gate = store.gate_next("get");
    request.go();
    gate.reached().await;
    let mut rotated = browser.clone();
    assert_ok(&rotated.get(&app, "/cycle").await);
    gate.open();

    assert_silent(&request.answer().await);
    assert_eq!(rotated.sees(&app).await, "a=3");
}
