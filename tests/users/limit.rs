//! How many sessions a user may have.

use crate::support::{Browser, DAY, MS, Verb, assert_ok, kind_of, layer_with};
use crate::{labels, lives, logged_in};
use sessile::store::MemoryStore;
use sessile::{ConfigError, Session, SessionLayer, WhenMany};

#[tokio::test]
async fn the_oldest_login_gives_way() {
    let limit = WhenMany::EndOldest;
    let (layer, _, _) = layer_with(|builder| builder.sessions_per_user(2, limit));
    let one = logged_in(&layer, "alice", "1").await;
    let two = logged_in(&layer, "alice", "2").await;
    logged_in(&layer, "bob", "his").await;
    let three = logged_in(&layer, "alice", "3").await;
    assert!(!lives(&layer, &one).await);
    assert!(lives(&layer, &two).await && lives(&layer, &three).await);
    assert_eq!(labels(&layer, "alice").await, ["2", "3"]);
    assert_eq!(labels(&layer, "bob").await, ["his"]);
}

#[tokio::test]
async fn a_login_too_many_is_refused_and_the_handler_can_ask() {
    let limit = WhenMany::Refuse;
    let (layer, store, clock) =
        layer_with(|builder| builder.sessions_per_user(1, limit).error_response(kind_of));
    let one = logged_in(&layer, "alice", "1").await;
    clock.advance(DAY);
    let mut browser = Browser::with_n(&layer).await;
    let before = browser.clone();
    let entries = store.len();
    let login = async |session: &Session| session.renew_for("alice").unwrap();
    let (_, answer) = browser.visit(&layer, login).await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (403, "TooManySessions")
    );
    assert_eq!(answer.set_cookies(), [""; 0]);
    assert!(lives(&layer, &before).await && lives(&layer, &one).await);
    assert_eq!(store.len(), entries);

    let answer = browser
        .answer(&layer, async |session: Session| {
            session.renew_for("alice").unwrap();
            session.save().await.unwrap_err().to_string()
        })
        .await;
    assert_eq!(answer.status, 403, "it is asked for again at the end");
}

#[tokio::test]
async fn what_has_ended_or_expired_does_not_count() {
    let limit = WhenMany::Refuse;
    let (layer, _, clock) = layer_with(|builder| builder.sessions_per_user(2, limit));
    let mut logged_out = logged_in(&layer, "alice", "1").await;
    logged_out
        .visit(&layer, async |session: &Session| session.flush())
        .await;
    logged_in(&layer, "alice", "2").await;
    logged_in(&layer, "alice", "3").await;
    clock.advance(15 * DAY);
    logged_in(&layer, "alice", "4").await;
    logged_in(&layer, "alice", "5").await;
    assert_eq!(labels(&layer, "alice").await, ["4", "5"]);
}

#[tokio::test]
async fn a_login_looks_for_no_more_that_have_ended_than_it_needs() {
    let limit = WhenMany::Refuse;
    let (layer, store, clock) = layer_with(|builder| builder.sessions_per_user(100, limit));
    for _ in 0..100 {
        logged_in(&layer, "alice", "old").await;
    }
    clock.advance(15 * DAY);
    let looks = async |label| {
        store.calls();
        logged_in(&layer, "alice", label).await;
        let calls = store.calls();
        // But for those of the list itself.
        calls.iter().filter(|call| **call == "get").count() - 2
    };
    // Its own place, and that of the next sixteen.
    assert_eq!(looks("first").await, 17);
    for _ in 0..16 {
        assert_eq!(looks("next").await, 0);
    }
    assert_eq!(looks("last").await, 17);
}

#[tokio::test(start_paused = true)]
async fn a_login_ends_in_time_although_the_store_is_slow() {
    let limit = WhenMany::Refuse;
    let (layer, store, clock) = layer_with(|builder| builder.sessions_per_user(20, limit));
    for _ in 0..20 {
        logged_in(&layer, "alice", "old").await;
    }
    clock.advance(15 * DAY);
    // To look at all would take more than the two seconds.
    for _ in 0..20 {
        store.before_next(Verb::Get, tokio::time::sleep(300 * MS));
    }
    logged_in(&layer, "alice", "new").await;
}

#[tokio::test]
async fn the_same_session_may_log_in_again_at_the_limit() {
    let limit = WhenMany::Refuse;
    let (layer, _, _) = layer_with(|builder| builder.sessions_per_user(1, limit));
    let mut browser = logged_in(&layer, "alice", "1").await;
    crate::log_in(&layer, &mut browser, "alice", "2").await;
    assert_eq!(labels(&layer, "alice").await, ["2"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_logins_at_once_leave_no_more_than_there_may_be() {
    for when_many in [WhenMany::EndOldest, WhenMany::Refuse] {
        let builder = SessionLayer::builder(MemoryStore::new());
        let layer = builder.sessions_per_user(5, when_many).build().unwrap();
        let logins = (0..50).map(|_| {
            let layer = layer.clone();
            tokio::spawn(async move {
                let mut browser = Browser::new();
                let login = async |session: &Session| session.renew_for("alice").unwrap();
                let answer = browser.visit(&layer, login).await.1;
                (browser, answer)
            })
        });
        let mut all = Vec::new();
        for login in logins.collect::<Vec<_>>() {
            all.push(login.await.unwrap());
        }
        // Only now: who is alive after one login may be ended by the next.
        let (mut alive, mut answered) = (0, 0);
        for (browser, answer) in all {
            alive += usize::from(lives(&layer, &browser).await);
            answered += usize::from(answer.status == 200);
            let refused = when_many == WhenMany::Refuse && answer.status == 403;
            // One that is ended before it is confirmed is told so.
            assert!(refused || answer.status == 200 || answer.status == 400);
        }
        assert_eq!(alive, 5, "{when_many:?}");
        assert_eq!(labels(&layer, "alice").await.len(), 5);
        assert!(answered >= 5);
    }
}

#[tokio::test]
async fn a_thousand_sessions_are_shown_and_ended_and_one_more_is_refused() {
    let layer = SessionLayer::new(MemoryStore::new());
    for number in 0..1000 {
        logged_in(&layer, "alice", &number.to_string()).await;
    }
    let mut browser = Browser::new();
    let login = async |session: &Session| session.renew_for("alice").unwrap();
    assert_eq!(browser.visit(&layer, login).await.1.status, 403);
    assert_eq!(labels(&layer, "alice").await.len(), 1000);
    assert_eq!(layer.sessions().of("alice").end_all().await.unwrap(), 1000);
    assert_ok(&browser.visit(&layer, login).await.1);
}

#[test]
fn a_limit_of_none_or_of_too_many_is_refused() {
    for most in [0, 1001, usize::MAX] {
        let builder = SessionLayer::builder(MemoryStore::new());
        let error = builder.sessions_per_user(most, WhenMany::Refuse).build();
        assert_eq!(error.unwrap_err(), ConfigError::SessionsPerUser);
    }
}
