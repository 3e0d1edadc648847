//! What becomes of a session when requests overlap: the table of what is promised, row by row.

mod support;

use http::StatusCode;
use sessile::SessionLayer;
use sessile::store::{MemoryStore, Store};
use sessile::test_util::{ManualClock, SeededRandom};
use std::sync::Arc;
use std::time::Duration;
use support::{
    Answer, Browser, Fault, Started, TestStore, assert_interrupted, assert_ok, kind_of, script,
    scripted,
};
use tokio::time::Instant;

#[tokio::test]
async fn a_write_in_flight_after_a_logout_leaves_the_session_dead() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let writing = browser.start(&app, "/hold/insert:b:2").held().await;

    let mut other_tab = browser.clone();
    assert_ok(&other_tab.get(&app, "/flush").await);
    assert_eq!(other_tab.id(), None);

    assert_interrupted(&writing.finish().await);
    assert_eq!(store.len(), 0);
    assert_eq!(browser.sees(&app).await, "");
}

#[tokio::test]
async fn a_write_whose_commit_has_begun_before_the_logout_leaves_the_session_dead() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let gate = store.gate_next("replace");
    let writing = browser.start(&app, "/insert:b:2");
    gate.reached().await;

    assert_ok(&browser.clone().get(&app, "/flush").await);

    gate.open();
    assert_interrupted(&writing.answer().await);
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn a_rotation_in_flight_after_a_logout_leaves_the_session_dead() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let rotating = browser
        .start(&app, "/hold/cycle/insert:user:1")
        .held()
        .await;

    assert_ok(&browser.clone().get(&app, "/flush").await);

    assert_interrupted(&rotating.finish().await);
    assert_eq!(store.len(), 0);
    assert_eq!(browser.sees(&app).await, "");
}

#[tokio::test]
async fn a_logout_in_flight_after_a_rotation_ends_the_session_under_both_ids() {
    let (app, store, _) = script();
    let old = Browser::with_session(&app, &store, "/insert:a:1").await;
    let logout = old.start(&app, "/hold/flush").held().await;

    let mut rotated = old.clone();
    assert_ok(&rotated.get(&app, "/cycle/insert:user:1").await);
    assert_ne!(rotated.id(), old.id());
    assert_eq!(rotated.sees(&app).await, "a=1 user=1");

    assert_ok(&logout.finish().await);
    assert_eq!(store.len(), 0);
    assert_eq!(rotated.sees(&app).await, "");
    assert_eq!(old.sees(&app).await, "");
}

#[tokio::test]
async fn a_logout_and_a_rotation_that_meet_at_the_store_end_the_session_in_either_order() {
    for rotation_first in [true, false] {
        let (app, store, _) = script();
        let old = Browser::with_session(&app, &store, "/insert:a:1").await;
        let (replace, delete) = (store.gate_next("replace"), store.gate_next("delete"));
        let rotating = old.start(&app, "/cycle");
        let logout = old.start(&app, "/flush");
        replace.reached().await;
        delete.reached().await;

        let (rotated, logged_out) = if rotation_first {
            replace.open();
            let rotated = rotating.answer().await;
            delete.open();
            (rotated, logout.answer().await)
        } else {
            delete.open();
            let logged_out = logout.answer().await;
            replace.open();
            (rotating.answer().await, logged_out)
        };

        assert_ok(&logged_out);
        assert_eq!(store.len(), 0);
        if rotation_first {
            let mut new = old.clone();
            new.take(&rotated);
            assert_ne!(new.id(), old.id());
            assert_eq!(new.sees(&app).await, "");
        } else {
            assert_interrupted(&rotated);
        }
    }
}

#[tokio::test]
async fn two_requests_that_write_different_keys_both_survive() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let first = browser.start(&app, "/hold/insert:b:2").held().await;
    let second = browser
        .start(&app, "/hold/remove:a/insert:c:3")
        .held()
        .await;

    assert_ok(&first.finish().await);
    assert_ok(&second.finish().await);
    assert_eq!(browser.sees(&app).await, "b=2 c=3");
}

async fn count_100(store: impl Store) {
    let app = scripted(SessionLayer::new(store));
    let mut browser = Browser::new();
    assert_ok(&browser.get(&app, "/insert:n:0").await);

    // All have loaded before any of them writes.
    let mut requests = Vec::new();
    for _ in 0..100 {
        requests.push(browser.start(&app, "/hold/increment:n").held().await);
    }
    requests.iter().for_each(Started::go);
    for request in requests {
        assert_ok(&request.answer().await);
    }
    assert_eq!(browser.sees(&app).await, "n=100");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_concurrent_increments_count_a_hundred_in_memory() {
    count_100(MemoryStore::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_concurrent_increments_count_a_hundred_in_another_store() {
    count_100(TestStore::new()).await;
}

#[tokio::test]
async fn an_id_that_is_rotated_while_a_write_is_in_flight_stays_dead() {
    let (app, store, _) = script();
    let old = Browser::with_session(&app, &store, "/insert:a:1").await;
    let writing = old.start(&app, "/hold/insert:b:2").held().await;

    let mut rotated = old.clone();
    assert_ok(&rotated.get(&app, "/cycle/insert:user:1").await);

    // No cookie of either kind: the new one is left alone.
    assert_interrupted(&writing.finish().await);
    assert_eq!(old.sees(&app).await, "");
    assert_eq!(rotated.sees(&app).await, "a=1 user=1");
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn a_write_between_the_load_and_the_rotation_is_kept_under_the_new_id() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let old = browser.clone();
    let rotating = browser
        .start(&app, "/hold/cycle/insert:user:1")
        .held()
        .await;

    assert_ok(&old.clone().get(&app, "/insert:b:2").await);

    let answer = rotating.finish().await;
    assert_ok(&answer);
    browser.take(&answer);
    assert_ne!(browser.id(), old.id());
    assert_eq!(browser.sees(&app).await, "a=1 b=2 user=1");
    assert_eq!(old.sees(&app).await, "");
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn of_two_rotations_at_once_one_id_lives_and_the_loser_is_told() {
    let (app, store, _) = script();
    let old = Browser::with_session(&app, &store, "/insert:a:1").await;
    let first = old.start(&app, "/hold/cycle/insert:user:1").held().await;
    let second = old.start(&app, "/hold/cycle/insert:user:2").held().await;

    let winner = second.finish().await;
    assert_ok(&winner);
    assert_interrupted(&first.finish().await);

    let mut browser = old.clone();
    browser.take(&winner);
    assert_ne!(browser.id(), old.id());
    assert_eq!(browser.sees(&app).await, "a=1 user=2");
    assert_eq!(old.sees(&app).await, "");
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn a_rotation_in_a_request_that_answers_500_leaves_the_old_id_good() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;

    let answer = browser.clone().get(&app, "/cycle/insert:user:1/fail").await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.set_cookies(), [""; 0]);
    assert_eq!(store.calls(), ["get"]);
    assert_eq!(browser.sees(&app).await, "a=1");
}

#[tokio::test]
async fn an_id_of_a_clients_own_making_is_never_adopted() {
    let (app, store, _) = script();
    let mut browser = Browser::with_cookie("__Host-id", &"A".repeat(43));

    let answer = browser.get(&app, "/show").await;
    assert_eq!((answer.status, &*answer.body), (StatusCode::OK, ""));
    assert_eq!(answer.set_cookies(), [""; 0]);
    assert_eq!(store.calls(), ["get"]);
    assert_eq!(store.len(), 0);

    assert_ok(&browser.get(&app, "/insert:a:1").await);
    assert_eq!(store.calls(), ["get", "add"]);
    let id = browser.id().unwrap();
    // Neither as a whole nor in part.
    assert_eq!(id.find("AAAA"), None);
    assert_eq!(browser.sees(&app).await, "a=1");
}

#[tokio::test]
async fn two_layers_over_one_store_see_each_others_writes_rotations_and_logouts() {
    let (store, clock) = (TestStore::new(), Arc::new(ManualClock::new()));
    let [one, other] = [1, 2].map(|seed| {
        let builder = SessionLayer::builder(store.clone())
            .clock(clock.clone())
            .random(Arc::new(SeededRandom::new(seed)))
            .error_response(kind_of);
        scripted(builder.build().unwrap())
    });
    let mut browser = Browser::with_session(&one, &store, "/insert:a:1").await;
    assert_eq!(browser.sees(&other).await, "a=1");

    let writing = browser.start(&one, "/hold/increment:a").held().await;
    assert_ok(&browser.get(&other, "/increment:a").await);
    assert_ok(&writing.finish().await);
    assert_eq!(browser.sees(&one).await, "a=3");
    assert_eq!(browser.sees(&other).await, "a=3");

    let old = browser.clone();
    assert_ok(&browser.get(&other, "/cycle").await);
    assert_eq!(old.sees(&one).await, "");
    assert_eq!(browser.sees(&one).await, "a=3");

    let writing = browser.start(&one, "/hold/increment:a").held().await;
    assert_ok(&browser.clone().get(&other, "/flush").await);
    assert_interrupted(&writing.finish().await);
    assert_eq!(browser.sees(&one).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_is_gone_is_an_error_in_time_and_recovers_without_a_restart() {
    for fault in [Fault::Hang, Fault::Unavailable] {
        let (app, store, _) = script();
        let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        let writing = browser.start(&app, "/hold/insert:b:2").held().await;
        store.fail_all(fault);

        // Who reads, who writes, who was about to commit: all are told, and no cookie is touched.
        let written = writing.finish_in_time_of().await;
        let read = browser.start(&app, "/show").finish_in_time_of().await;
        let logout = browser.start(&app, "/flush").finish_in_time_of().await;
        let first = Browser::new().start(&app, "/insert:a:1");
        for (answer, time) in [written, read, logout, first.finish_in_time_of().await] {
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(answer.set_cookies(), [""; 0]);
            // A load and a commit have two seconds each.
            assert!(time <= Duration::from_secs(4), "{time:?}");
        }
        // Nobody else is.
        assert_ok(&browser.clone().get(&app, "/").await);
        assert_ok(&Browser::new().get(&app, "/show").await);

        store.restore();
        assert_eq!(browser.sees(&app).await, "a=1");
        assert_ok(&browser.clone().get(&app, "/insert:b:2").await);
        assert_eq!(browser.sees(&app).await, "a=1 b=2");
    }
}

impl Started {
    async fn finish_in_time_of(self) -> (Answer, Duration) {
        let start = Instant::now();
        let answer = self.finish().await;
        (answer, start.elapsed())
    }
}
