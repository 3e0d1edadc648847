//! The row *empty*: with data, a session is created.

use crate::support::{Browser, Fault, script, script_with};
use crate::{assert_error, assert_ok, assert_silent, id_set};
use sessile::test_util::{Random, RandomError};
use std::collections::HashSet;
use std::sync::Arc;

#[tokio::test]
async fn a_session_with_data_is_created_by_one_add() {
    let (app, store, _) = script();
    let mut browser = Browser::new();
    let answer = browser.get(&app, "/insert:a:1").await;
    assert_ok(&answer);
    id_set(&answer);
    assert_eq!(store.calls(), ["add"]);
    assert_eq!(browser.sees(&app).await, "a=1");
}

#[tokio::test]
async fn nothing_is_created_without_data() {
    let (app, store, _) = script();
    for path in [
        "/",
        "/show",
        "/cycle",
        "/cycle/cycle",
        "/clear",
        "/expire:60",
        "/insert:a:1/remove:a",
        "/insert:a:1/clear",
        "/insert:a:1/flush",
        "/insert:a:1/fail",
    ] {
        let answer = Browser::new().get(&app, path).await;
        assert_eq!(answer.set_cookies(), [""; 0], "{path}");
    }
    assert_eq!(store.calls(), [""; 0]);
}

#[tokio::test]
async fn an_unknown_id_is_answered_with_a_fresh_one() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let old = browser.clone();
    store.evict_all();
    assert_silent(&browser.get(&app, "/show").await);
    assert_ok(&browser.get(&app, "/insert:b:2").await);
    assert_eq!(store.calls(), ["get", "get", "add"]);
    assert_ne!(browser.id(), old.id());
    assert_eq!(old.sees(&app).await, "");
    assert_eq!(browser.sees(&app).await, "b=2");
}

#[tokio::test]
async fn where_an_entry_exists_three_other_ids_are_tried_at_most() {
    let (app, store, _) = script();
    for (denied, created) in [(1, true), (2, true), (3, false)] {
        for _ in 0..denied {
            store.fail_next("add", Fault::Denied);
        }
        let answer = Browser::new().get(&app, "/insert:a:1").await;
        if created {
            assert_ok(&answer);
            id_set(&answer);
        } else {
            assert_error(&answer, 503, "CreationFailed");
        }
        assert_eq!(store.calls(), vec!["add"; (denied + 1).min(3)]);
    }
    // No id was tried twice.
    let added = store.added();
    assert_eq!(added.len(), 2 + 3 + 3);
    assert_eq!(added.iter().collect::<HashSet<_>>().len(), added.len());
}

#[tokio::test]
async fn a_creation_in_doubt_goes_on_with_another_id() {
    for (fault, sessions) in [
        (Fault::Lost, 1),
        (Fault::LostAnswer, 2),
        (Fault::Unavailable, 1),
    ] {
        let (app, store, _) = script();
        store.fail_next("add", fault);
        let mut browser = Browser::new();
        assert_ok(&browser.get(&app, "/insert:a:1").await);
        let calls = store.calls();
        assert_eq!(calls, ["add", "add"]);
        let added = store.added();
        assert_ne!(added[0], added[1]);
        // The first may have been created: it is nobody's.
        assert_eq!(store.len(), sessions);
        assert_ok(&browser.get(&app, "/increment:a").await);
        assert_eq!(browser.sees(&app).await, "a=2");
        assert_eq!(store.len(), sessions);
    }
}

#[tokio::test]
async fn a_creation_gives_up_at_the_second_error() {
    for (first, second, kind) in [
        (Fault::Unavailable, Fault::Unavailable, "Unavailable"),
        (Fault::Lost, Fault::Unavailable, "Unknown"),
        (Fault::LostAnswer, Fault::LostAnswer, "Unknown"),
    ] {
        let (app, store, _) = script();
        store.fail_next("add", first);
        store.fail_next("add", second);
        assert_error(&Browser::new().get(&app, "/insert:a:1").await, 503, kind);
        assert_eq!(store.calls(), ["add", "add"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_is_never_answered_is_unknown() {
    let (app, store, _) = script();
    store.fail_next("add", Fault::Hang);
    assert_error(
        &Browser::new().get(&app, "/insert:a:1").await,
        503,
        "Unknown",
    );
    assert_eq!(store.calls(), ["add"]);
}

#[tokio::test]
async fn a_store_that_has_no_room_is_not_asked_again() {
    for (fault, status, kind) in [
        (Fault::Full, 503, "StoreFull"),
        (Fault::TooLarge, 500, "TooLarge"),
    ] {
        let (app, store, _) = script();
        store.fail_next("add", fault);
        let answer = Browser::new().get(&app, "/insert:a:1").await;
        assert_error(&answer, status, kind);
        assert_eq!(store.calls(), ["add"]);
    }
}

#[derive(Debug)]
struct NoRandomness;

impl Random for NoRandomness {
    fn secret(&self, _: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError)
    }

    fn unique(&self) -> u64 {
        1
    }
}

#[tokio::test]
async fn without_randomness_nothing_is_created() {
    let (app, store, _) = script_with(|builder| builder.random(Arc::new(NoRandomness)));
    let answer = Browser::new().get(&app, "/insert:a:1").await;
    assert_error(&answer, 503, "CreationFailed");
    assert_eq!(store.calls(), [""; 0]);
}
