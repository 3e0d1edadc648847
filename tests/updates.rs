//! `update`: what a closure may do, what becomes of its result, and when it is let go.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use sessile::{Error, ErrorKind, Session};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use support::{Browser, layer};

fn add(session: &Session, n: u32) -> Result<Option<u32>, Error> {
    session.update("n", move |old: Option<u32>| Some(old.unwrap_or(0) + n))
}

async fn n(browser: &mut Browser, layer: &sessile::SessionLayer) -> Option<u32> {
    browser
        .visit(layer, async |session| session.get("n").unwrap())
        .await
        .0
}

#[tokio::test]
async fn an_update_gets_what_is_there_and_returns_what_is_to_be() {
    let (layer, store, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| {
            assert_eq!(add(session, 1).unwrap(), Some(1));
            assert_eq!(add(session, 2).unwrap(), Some(3));
            assert_eq!(session.get("n").unwrap(), Some(3));
            assert_eq!(session.update("m", |old: Option<u8>| old).unwrap(), None);
        })
        .await;
    assert_eq!(store.calls(), ["add"]);
    browser
        .visit(&layer, async |session| {
            assert_eq!(add(session, 4).unwrap(), Some(7));
            assert_eq!(session.update("n", |_: Option<u32>| None).unwrap(), None);
            assert!(!session.contains_key("n").unwrap());
            assert_eq!(add(session, 5).unwrap(), Some(5));
        })
        .await;
    assert_eq!(n(&mut browser, &layer).await, Some(5));
}

/// Two requests: one does `first`, and while it runs another one does `second` and is done.
async fn overlap(
    first: impl AsyncFnOnce(&Session),
    second: impl AsyncFnOnce(&Session),
) -> (
    support::Answer,
    Browser,
    sessile::SessionLayer,
    support::TestStore,
) {
    let (layer, store, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| session.insert("n", 1).unwrap())
        .await;
    let mut other = browser.clone();
    let ((), answer) = browser
        .visit(&layer, async |session| {
            first(session).await;
            let ((), answer) = other.visit(&layer, second).await;
            assert_eq!(answer.status, 200);
        })
        .await;
    (answer, browser, layer, store)
}

#[tokio::test]
async fn the_result_in_the_handler_is_provisional() {
    let (answer, mut browser, layer, _) = overlap(
        async |session| assert_eq!(add(session, 1).unwrap(), Some(2)),
        async |session| assert_eq!(add(session, 10).unwrap(), Some(11)),
    )
    .await;
    assert_eq!(answer.status, 200);
    assert_eq!(n(&mut browser, &layer).await, Some(12));
}

#[tokio::test]
async fn an_update_after_an_insert_or_a_clear_does_not_depend_on_others() {
    for clear in [true, false] {
        let (answer, mut browser, layer, _) = overlap(
            async |session| {
                if clear {
                    session.clear();
                } else {
                    session.insert("n", 0).unwrap();
                }
                assert_eq!(add(session, 2).unwrap(), Some(2));
            },
            async |session| assert_eq!(add(session, 10).unwrap(), Some(11)),
        )
        .await;
        assert_eq!(answer.status, 200);
        assert_eq!(n(&mut browser, &layer).await, Some(2));
    }
}

#[tokio::test]
async fn a_key_that_has_another_type_when_it_is_merged_is_a_500_and_nothing_is_written() {
    let (answer, mut browser, layer, _) = overlap(
        async |session| {
            session.insert("beside", 1).unwrap();
            add(session, 1).unwrap();
        },
        async |session| session.insert("n", "a text").unwrap(),
    )
    .await;
    assert_eq!(answer.status, 500);
    assert!(answer.set_cookies().is_empty());
    assert_eq!(answer.body, "The session could not be processed.");
    let (keys, _) = browser
        .visit(&layer, async |session| session.keys().unwrap())
        .await;
    assert_eq!(keys, ["n"]);
}

#[tokio::test]
async fn a_closure_that_panics_when_it_is_merged_is_a_500_and_nothing_is_written() {
    let (answer, mut browser, layer, store) = overlap(
        async |session| {
            let careful = session.update("n", |old: Option<u32>| {
                assert_eq!(old, Some(1), "only on the first version");
                Some(2)
            });
            assert_eq!(careful.unwrap(), Some(2));
        },
        async |session| session.insert("n", 7).unwrap(),
    )
    .await;
    assert_eq!(answer.status, 500);
    assert!(answer.set_cookies().is_empty());
    assert_eq!(
        store.calls(),
        ["add", "get", "get", "replace", "replace", "get"]
    );
    assert_eq!(
        n(&mut browser, &layer).await,
        Some(7),
        "and the session works"
    );
}

#[tokio::test]
async fn a_save_tells_a_conflict_apart_and_what_is_pending_can_be_dropped() {
    let (layer, _, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| session.insert("n", 1).unwrap())
        .await;
    let mut other = browser.clone();
    let ((), answer) = browser
        .visit(&layer, async |session| {
            add(session, 1).unwrap();
            other
                .visit(&layer, async |other| other.insert("n", "a text").unwrap())
                .await;
            assert_eq!(
                session.save().await.unwrap_err().kind(),
                ErrorKind::Conflict
            );
            assert!(session.is_modified(), "what failed is pending still");
            session.insert("n", 5).unwrap();
        })
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(n(&mut browser, &layer).await, Some(5));
}

#[tokio::test]
async fn a_closure_that_panics_in_the_handler_saves_nothing_and_poisons_nothing() {
    let (layer, store, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| session.insert("n", 1).unwrap())
        .await;
    store.calls();
    let ((), answer) = browser
        .visit(&layer, async |session| {
            let panics = || {
                session.update("n", |_: Option<u32>| -> Option<u32> {
                    panic!("on purpose")
                })
            };
            assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
            assert!(!session.is_modified());
            assert_eq!(session.get("n").unwrap(), Some(1));
        })
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(store.calls(), ["get"]);

    // And where nobody catches it, the request ends with it.
    let request = browser.request("GET", "/");
    let task = tokio::spawn({
        let layer = layer.clone();
        async move {
            support::answer(&layer, request, async |session: Session| {
                session.insert("before", 1).unwrap();
                session
                    .update("n", |_: Option<u32>| -> Option<u32> {
                        panic!("on purpose")
                    })
                    .unwrap();
            })
            .await
        }
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(store.calls(), ["get"]);
    assert_eq!(n(&mut browser, &layer).await, Some(1));
}

#[tokio::test]
async fn a_closure_may_read_and_change_its_own_session() {
    let (layer, store, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| session.insert("n", 1).unwrap())
        .await;
    let runs = Arc::new(AtomicU32::new(0));
    let ((), answer) = browser
        .visit(&layer, async |session| {
            let (own, count) = (session.clone(), runs.clone());
            let updated = session.update("n", move |old: Option<u32>| {
                count.fetch_add(1, Ordering::Relaxed);
                assert_eq!(own.get::<u32>("n").unwrap(), old);
                assert!(format!("{own:?}").contains("Session"));
                own.insert("beside", 1).unwrap();
                own.set_expiry(Duration::from_secs(60));
                old.map(|old| old + 1)
            });
            assert_eq!(updated.unwrap(), Some(2));
            assert_eq!(session.keys().unwrap(), ["beside", "n"]);
        })
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    assert_eq!(store.len(), 1);
    assert_eq!(n(&mut browser, &layer).await, Some(2));
}

#[tokio::test]
async fn a_closure_that_keeps_changing_its_own_key_is_an_error_and_no_hang() {
    let (layer, _, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| {
            let own = session.clone();
            let error = session
                .update("n", move |old: Option<u32>| {
                    own.insert("n", old.unwrap_or(0) + 1).unwrap();
                    old
                })
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict);
            session.insert("n", 0).unwrap();
        })
        .await;
    assert_eq!(n(&mut browser, &layer).await, Some(0));
}

#[tokio::test]
async fn a_reload_runs_closures_that_use_their_own_session_and_does_not_hang() {
    for changes in [false, true] {
        let (layer, _, _) = layer();
        let mut browser = Browser::new();
        browser
            .visit(&layer, async |session| session.insert("n", 1).unwrap())
            .await;
        let mut other = browser.clone();
        let ((), answer) = browser
            .visit(&layer, async |session| {
                let own = session.clone();
                session
                    .update("n", move |old: Option<u32>| {
                        let _ = own.get::<u32>("n").unwrap();
                        if changes {
                            own.insert("beside", 1).unwrap();
                        }
                        old.map(|old| old + 1)
                    })
                    .unwrap();
                other
                    .visit(&layer, async |other| {
                        assert_eq!(add(other, 10).unwrap(), Some(11));
                    })
                    .await;
                let reloaded = session.reload().await;
                if changes {
                    assert_eq!(reloaded.unwrap_err().kind(), ErrorKind::Conflict);
                } else {
                    assert_eq!(session.get("n").unwrap(), Some(12));
                }
            })
            .await;
        assert_eq!(answer.status, 200);
        assert_eq!(n(&mut browser, &layer).await, Some(12));
    }
}

#[tokio::test]
async fn an_update_is_tried_again_if_the_session_changed_meanwhile() {
    let (layer, _, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| {
            let (own, runs) = (session.clone(), AtomicU32::new(0));
            let updated = session.update("n", move |old: Option<u32>| {
                // As another thread would, between the reading and the writing.
                if runs.fetch_add(1, Ordering::Relaxed) == 0 {
                    own.insert("n", 100).unwrap();
                }
                Some(old.unwrap_or(0) + 1)
            });
            assert_eq!(updated.unwrap(), Some(101));
        })
        .await;
    assert_eq!(n(&mut browser, &layer).await, Some(101));
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_that_share_a_session_lose_no_update() {
    let (layer, _, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| {
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        (0..250).for_each(|_| assert!(add(session, 1).unwrap().is_some()));
                    });
                }
            });
        })
        .await;
    assert_eq!(n(&mut browser, &layer).await, Some(1000));
}
