//! The row *flushed*: any status, any load.

use crate::support::{Answer, Browser, Fault, TestStore, script, script_with};
use crate::{assert_error, assert_ok, assert_removed, assert_silent, id_set};
use axum::Router;
use http::header;
use sessile::Load;
use std::collections::HashSet;

#[tokio::test]
async fn a_flush_deletes_the_entry_and_removes_the_cookie() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let answer = browser.get(&app, "/insert:b:2/flush").await;
    assert_ok(&answer);
    assert_removed(&answer);
    assert_eq!(store.calls(), ["get", "delete"]);
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn a_flush_happens_also_with_a_500_and_makes_no_session_then() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let answer = browser.get(&app, "/flush/insert:b:2/fail").await;
    assert_eq!(answer.status, 500);
    assert_removed(&answer);
    assert_eq!(store.calls(), ["get", "delete"]);
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn a_flush_after_a_failed_load_deletes_the_entry() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    store.fail_next("get", Fault::Unavailable);
    let answer = browser.get(&app, "/flush").await;
    assert_ok(&answer);
    assert_removed(&answer);
    assert_eq!(store.calls(), ["get", "delete"]);
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn a_flush_without_a_load_deletes_the_entry() {
    let (app, store, _) = script_with(|builder| builder.load(Load::OnAccess));
    let mut browser = Browser::with_session(&app, &store, "/load/insert:a:1").await;
    let answer = browser.get(&app, "/flush").await;
    assert_ok(&answer);
    assert_removed(&answer);
    assert_eq!(store.calls(), ["delete"]);
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn a_flush_needs_no_verb_where_the_load_found_none() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    store.evict_all();
    let answer = browser.get(&app, "/flush").await;
    assert_ok(&answer);
    assert_removed(&answer);
    assert_eq!(store.calls(), ["get"]);
}

#[tokio::test]
async fn a_flush_of_an_entry_that_is_gone_by_then_is_done() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let logout = browser.start(&app, "/hold/flush").held().await;
    store.evict_all();
    let answer = logout.finish().await;
    assert_ok(&answer);
    assert_removed(&answer);
    assert_eq!(store.calls(), ["get", "delete"]);
}

#[tokio::test]
async fn a_flush_without_a_cookie_says_nothing_and_with_a_malformed_one_removes_it() {
    let (app, store, _) = script();
    assert_silent(&Browser::new().get(&app, "/flush").await);
    let mut malformed = Browser::with_cookie("__Host-id", "no id");
    assert_removed(&malformed.get(&app, "/flush").await);
    assert_eq!(store.calls(), [""; 0]);
}

#[tokio::test]
async fn a_flush_in_doubt_is_done_once_more() {
    for fault in [Fault::Lost, Fault::LostAnswer, Fault::Unavailable] {
        let (app, store, _) = script();
        let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        store.fail_next("delete", fault);
        let answer = browser.get(&app, "/flush").await;
        assert_ok(&answer);
        assert_removed(&answer);
        assert_eq!(store.calls(), ["get", "delete", "delete"]);
        assert_eq!(store.len(), 0);
    }
}

#[tokio::test]
async fn a_flush_that_is_not_confirmed_is_never_called_done() {
    for (fault, kind) in [
        (Fault::Lost, "Unknown"),
        (Fault::LostAnswer, "Unknown"),
        (Fault::Unavailable, "Unavailable"),
    ] {
        let (app, store, _) = script();
        let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        store.fail_next("delete", fault);
        store.fail_next("delete", fault);
        assert_error(&browser.get(&app, "/flush").await, 503, kind);
        assert_eq!(store.calls(), ["get", "delete", "delete"]);

        // The cookie is still there, so the user can try again.
        assert_removed(&browser.get(&app, "/flush").await);
        assert_eq!(store.len(), 0);
    }
}

#[tokio::test]
async fn a_flush_then_an_insert_is_one_set_cookie() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let old = browser.clone();
    let answer = browser.get(&app, "/insert:b:2/flush/insert:c:3").await;
    assert_ok(&answer);
    assert_ne!(Some(&*id_set(&answer)), old.id());
    assert_eq!(store.calls(), ["get", "delete", "add"]);
    assert_eq!(browser.sees(&app).await, "c=3");
    assert_eq!(old.sees(&app).await, "");
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn a_flush_and_an_insert_whose_creation_fails_answers_its_error_and_removes_the_cookie() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    for _ in 0..3 {
        store.fail_next("add", Fault::Denied);
    }
    let answer = browser.get(&app, "/flush/insert:c:3").await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (503, "CreationFailed")
    );
    assert_removed(&answer);
    assert_eq!(store.calls(), ["get", "delete", "add", "add", "add"]);
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn a_flush_and_an_insert_work_around_one_error_together() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    store.fail_next("delete", Fault::LostAnswer);
    store.fail_next("add", Fault::Unavailable);
    let answer = browser.get(&app, "/flush/insert:c:3").await;
    // The logout was confirmed in the end, and the creation cannot have had an effect.
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (503, "Unavailable")
    );
    assert_removed(&answer);
    assert_eq!(store.calls(), ["get", "delete", "delete", "add"]);
    assert_eq!(store.len(), 0);
}

/// Asks with these ids, in this order.
async fn with_ids(app: &Router, path: &str, ids: &[&str]) -> Answer {
    let mut request = Browser::new().request("GET", path);
    let pairs: Vec<_> = ids.iter().map(|id| format!("__Host-id={id}")).collect();
    let cookie = pairs.join("; ").parse().unwrap();
    request.headers_mut().insert(header::COOKIE, cookie);
    Browser::new().send(app, request).await
}

async fn sessions(app: &Router, store: &TestStore, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let browser = Browser::with_session(app, store, "/load/insert:a:1").await;
        ids.push(browser.id().unwrap().to_owned());
    }
    ids
}

#[tokio::test]
async fn a_flush_ends_what_three_cookies_name_and_no_more() {
    for load in [Load::Eager, Load::OnAccess] {
        let (app, store, _) = script_with(|builder| builder.load(load));
        let ids = sessions(&app, &store, 5).await;
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        let answer = with_ids(&app, "/flush", &ids).await;
        assert_ok(&answer);
        assert_removed(&answer);
        let mut calls = store.calls();
        if load == Load::Eager {
            assert_eq!(calls.remove(0), "get");
        }
        assert_eq!(calls, ["delete", "delete", "delete"]);
        let alive: HashSet<_> = [3, 4].into();
        for (index, id) in ids.iter().enumerate() {
            let seen = Browser::with_cookie("__Host-id", id).sees(&app).await;
            assert_eq!(!seen.is_empty(), alive.contains(&index), "{index}");
        }
    }
}

#[tokio::test]
async fn a_flush_passes_over_the_cookies_that_the_load_found_none_for() {
    let (app, store, _) = script();
    let ids = sessions(&app, &store, 2).await;
    let unknown = "A".repeat(43);
    let answer = with_ids(&app, "/flush", &[&unknown, &ids[0], &ids[1]]).await;
    assert_removed(&answer);
    assert_eq!(store.calls(), ["get", "get", "delete", "delete"]);
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn a_flush_that_ends_only_one_of_two_sessions_is_not_called_done() {
    let (app, store, _) = script();
    let ids = sessions(&app, &store, 2).await;
    let gate = store.gate_next("delete");
    let logout = tokio::spawn({
        let app = app.clone();
        async move { with_ids(&app, "/flush", &[&ids[0], &ids[1]]).await }
    });
    gate.reached().await;
    // From the second on.
    store.fail_next("delete", Fault::Unavailable);
    store.fail_next("delete", Fault::Unavailable);
    gate.open();
    assert_error(&logout.await.unwrap(), 503, "Unavailable");
    assert_eq!(store.len(), 1);
}
