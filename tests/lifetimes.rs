//! How long a session lives: idle, at most, and by its own choice.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use sessile::{Assurance, ErrorKind, Expiry, Session, SessionLayerBuilder};
use std::time::Duration;
use support::{Browser, DAY, HOUR, MINUTE, MS, SECOND, layer, layer_with, now};

#[tokio::test]
async fn a_session_is_alive_a_millisecond_before_its_deadline_and_gone_at_it() {
    let (layer, store, clock) = layer();
    let mut early = Browser::with_n(&layer).await;
    let mut late = Browser::with_n(&layer).await;
    clock.advance(14 * DAY - MS);
    assert!(early.is_alive(&layer).await);
    // That was a renewal, up to the absolute limit; the other one was not used.
    clock.advance(MS);
    assert!(early.is_alive(&layer).await);
    assert!(!late.is_alive(&layer).await);
    assert_eq!(
        store.len(),
        2,
        "to read is not to delete: the time to live does that"
    );
}

#[tokio::test]
async fn an_entry_outlives_its_session_by_an_hour() {
    let (layer, store, clock) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let time_to_live = || store.time_to_live(&store.keys()[0]).unwrap();
    assert_eq!(time_to_live(), 14 * DAY + HOUR);
    clock.advance(DAY);
    browser
        .visit(&layer, async |session| session.insert("n", 2).unwrap())
        .await;
    assert_eq!(time_to_live(), 13 * DAY + HOUR);
    clock.advance(DAY);
    browser
        .visit(&layer, async |session| session.get_value("n").unwrap())
        .await;
    assert_eq!(time_to_live(), 14 * DAY + HOUR);
    browser
        .visit(&layer, async |session| session.set_expiry(MINUTE))
        .await;
    assert_eq!(time_to_live(), MINUTE + HOUR);
}

#[tokio::test]
async fn reading_renews_once_per_tenth_of_the_idle_lifetime() {
    let (layer, store, clock) = layer_with(|builder| builder.idle_lifetime(100 * MINUTE));
    let mut browser = Browser::with_n(&layer).await;
    let start = now(&clock);
    store.calls();
    for (pause, calls, deadline) in [
        (MINUTE, vec!["get"], 100),
        (9 * MINUTE - MS, vec!["get"], 100),
        (MS, vec!["get", "replace"], 110),
        (10 * MINUTE - MS, vec!["get"], 110),
        (50 * MINUTE + MS, vec!["get", "replace"], 170),
    ] {
        clock.advance(pause);
        let (_, answer) = browser
            .visit(&layer, async |s| s.get_value("n").unwrap())
            .await;
        assert_eq!(store.calls(), calls);
        assert_eq!(answer.set_cookies().len(), calls.len() - 1);
        let (date, _) = browser
            .visit(&layer, async |s| s.expiry_date().unwrap())
            .await;
        assert_eq!(date, start + deadline * MINUTE);
        store.calls();
    }
}

#[tokio::test]
async fn writing_renews_as_reading_does() {
    let (layer, store, clock) = layer_with(|builder| builder.idle_lifetime(100 * MINUTE));
    let mut browser = Browser::with_n(&layer).await;
    store.calls();
    for (n, cookies) in [(2, 0), (3, 1), (4, 0), (5, 1)] {
        clock.advance(5 * MINUTE);
        let ((), answer) = browser
            .visit(&layer, async |s| s.insert("n", n).unwrap())
            .await;
        assert_eq!(answer.set_cookies().len(), cookies, "{n}");
        assert_eq!(store.calls(), ["get", "replace"]);
    }
}

#[tokio::test]
async fn a_route_that_does_not_use_the_session_does_not_keep_it_alive() {
    let (layer, store, clock) = layer();
    let mut browser = Browser::with_n(&layer).await;
    store.calls();
    for _ in 0..13 {
        clock.advance(DAY);
        let ((), answer) = browser.visit(&layer, async |_| {}).await;
        assert!(answer.set_cookies().is_empty());
    }
    assert_eq!(store.calls(), ["get"; 13]);
    clock.advance(DAY);
    assert!(!browser.is_alive(&layer).await);
}

#[tokio::test]
async fn an_answer_of_5xx_does_not_keep_it_alive() {
    let (layer, store, clock) = layer();
    let mut browser = Browser::with_n(&layer).await;
    clock.advance(7 * DAY);
    store.calls();
    let answer = browser
        .answer(&layer, async |session: Session| {
            session.get_value("n").unwrap();
            http::StatusCode::INTERNAL_SERVER_ERROR
        })
        .await;
    assert_eq!(store.calls(), ["get"]);
    assert!(answer.set_cookies().is_empty());
}

#[tokio::test]
async fn an_active_user_reaches_the_absolute_limit_exactly() {
    for write in [false, true] {
        let (layer, _, clock) = layer();
        let mut browser = Browser::with_n(&layer).await;
        let end = now(&clock) + 30 * DAY;
        while now(&clock) + 7 * HOUR < end {
            clock.advance(7 * HOUR);
            let (n, answer) = browser
                .visit(&layer, async |session| {
                    let n = session.get::<u64>("n").unwrap();
                    if write {
                        session.insert("n", n.unwrap() + 1).unwrap();
                    }
                    assert!(session.expiry_date().unwrap() <= end);
                    n
                })
                .await;
            assert!(n.is_some());
            assert_eq!(answer.status, 200);
        }
        clock.jump_to(end - MS);
        let (date, _) = browser
            .visit(&layer, async |s| s.expiry_date().unwrap())
            .await;
        assert_eq!(date, end);
        clock.advance(MS);
        assert!(!browser.is_alive(&layer).await);
    }
}

#[tokio::test]
async fn without_an_absolute_limit_a_session_lives_while_it_is_used() {
    let (layer, _, clock) = layer_with(SessionLayerBuilder::no_absolute_lifetime);
    let mut browser = Browser::with_n(&layer).await;
    for _ in 0..1000 {
        clock.advance(13 * DAY);
        assert!(browser.is_alive(&layer).await);
    }
    clock.advance(14 * DAY);
    assert!(!browser.is_alive(&layer).await);
}

#[tokio::test]
async fn a_session_that_was_loaded_in_time_commits_past_its_idle_limit() {
    for cycle in [false, true] {
        let (layer, _, clock) = layer();
        let mut browser = Browser::with_n(&layer).await;
        clock.advance(14 * DAY - SECOND);
        let ((), answer) = browser
            .visit(&layer, async |session| {
                session.insert("n", 2).unwrap();
                if cycle {
                    session.cycle_id();
                }
                clock.advance(MINUTE);
            })
            .await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.set_cookies().len(), 1);
        clock.advance(14 * DAY - MS);
        assert!(browser.is_alive(&layer).await);
    }
}

#[tokio::test]
async fn a_session_past_its_absolute_limit_is_expired_when_it_commits() {
    let (layer, store, clock) = layer_with(|builder| builder.absolute_lifetime(DAY));
    let mut browser = Browser::with_n(&layer).await;
    clock.advance(DAY - SECOND);
    store.calls();
    let ((), answer) = browser
        .visit(&layer, async |session| {
            session.insert("n", 2).unwrap();
            clock.advance(SECOND);
            assert_eq!(session.save().await.unwrap_err().kind(), ErrorKind::Expired);
        })
        .await;
    assert_eq!(answer.status, 400);
    assert!(answer.set_cookies().is_empty());
    assert_eq!(store.calls(), ["get"]);
    // Who only reads gets what was there in time.
    let mut browser = Browser::with_n(&layer).await;
    clock.advance(DAY - SECOND);
    let (n, answer) = browser
        .visit(&layer, async |session| {
            clock.advance(SECOND);
            session.get::<u8>("n").unwrap()
        })
        .await;
    assert_eq!((n, answer.status.as_u16()), (Some(1), 200));
}

#[tokio::test]
async fn a_reload_past_the_deadline_is_expired() {
    let (layer, _, clock) = layer();
    let mut browser = Browser::with_n(&layer).await;
    browser
        .visit(&layer, async |session| {
            clock.advance(14 * DAY - MS);
            session.reload().await.unwrap();
            clock.advance(MS);
            assert_eq!(
                session.reload().await.unwrap_err().kind(),
                ErrorKind::Expired
            );
        })
        .await;
}

#[tokio::test]
async fn created_age_and_date_are_told_before_and_after_the_first_commit() {
    let (layer, _, clock) = layer();
    let start = now(&clock);
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| {
            assert_eq!(session.created().unwrap(), None);
            assert_eq!(session.expiry_age().unwrap(), 14 * DAY);
            assert_eq!(session.expiry_date().unwrap(), start + 14 * DAY);
            session.set_expiry(HOUR);
            assert_eq!(session.expiry_age().unwrap(), HOUR);
            session.insert("n", 1).unwrap();
            clock.advance(SECOND);
        })
        .await;
    clock.advance(MINUTE);
    browser
        .visit(&layer, async |session| {
            assert_eq!(session.created().unwrap(), Some(start + SECOND));
            assert_eq!(
                session.expiry_age().unwrap(),
                HOUR - MINUTE,
                "it is not due for renewal"
            );
            clock.advance(9 * MINUTE);
            assert_eq!(session.expiry_age().unwrap(), HOUR, "and now it is");
            session.set_expiry(Expiry::Default);
            assert_eq!(session.expiry_age().unwrap(), 14 * DAY);
            session.cycle_id();
            session.clear();
            session.insert("n", 1).unwrap();
        })
        .await;
    browser
        .visit(&layer, async |session| {
            assert_eq!(
                session.created().unwrap(),
                Some(start + SECOND),
                "a rotation is no birth"
            );
            session.flush();
            assert_eq!(session.created().unwrap(), None);
            session.insert("n", 1).unwrap();
        })
        .await;
    let (created, _) = browser.visit(&layer, async |s| s.created().unwrap()).await;
    assert_eq!(created, Some(now(&clock)));
}

#[tokio::test]
async fn a_configuration_that_changes_takes_effect_at_the_next_use() {
    type Settings = fn(SessionLayerBuilder) -> SessionLayerBuilder;
    let settings: [(&str, Settings, Duration); 3] = [
        ("a shorter idle lifetime", |b| b.idle_lifetime(HOUR), HOUR),
        (
            "a longer idle lifetime",
            |b| b.idle_lifetime(20 * DAY),
            20 * DAY,
        ),
        (
            "a shorter absolute lifetime",
            |b| b.absolute_lifetime(2 * DAY),
            DAY,
        ),
    ];
    for (name, settings, age) in settings {
        let (layer, store, clock) = layer();
        let mut browser = Browser::with_n(&layer).await;
        clock.advance(DAY);
        let builder = sessile::SessionLayer::builder(store.clone()).clock(clock.clone());
        let layer = settings(builder).build().unwrap();
        assert!(browser.is_alive(&layer).await, "{name}");
        let (left, _) = browser
            .visit(&layer, async |s| s.expiry_age().unwrap())
            .await;
        assert_eq!(left, age, "{name}");
        clock.advance(age);
        assert!(!browser.is_alive(&layer).await, "{name}");
    }
}

#[tokio::test]
async fn a_session_older_than_an_absolute_lifetime_that_was_lowered_is_gone_and_can_begin_anew() {
    for expiry in [
        Expiry::Default,
        Expiry::from(100 * DAY),
        Expiry::BrowserSession,
    ] {
        let (layer, store, clock) = layer();
        let mut browser = Browser::with_n(&layer).await;
        browser
            .visit(&layer, async |session| session.set_expiry(expiry))
            .await;
        clock.advance(5 * DAY);
        let layer = sessile::SessionLayer::builder(store)
            .clock(clock)
            .absolute_lifetime(5 * DAY)
            .build()
            .unwrap();
        // One that writes at each request must not be told for days that it has just expired.
        let (n, answer) = browser
            .visit(&layer, async |session| {
                let n = session.get::<u8>("n").unwrap();
                session.insert("n", 2).unwrap();
                n
            })
            .await;
        assert_eq!((n, answer.status.as_u16()), (None, 200));
        assert!(browser.is_alive(&layer).await);
    }
}

#[tokio::test]
async fn the_levels_of_assurance_set_both_lifetimes() {
    for (level, idle, absolute) in [
        (Assurance::Aal1, 14 * DAY, 30 * DAY),
        (Assurance::Aal2, 30 * MINUTE, 12 * HOUR),
        (Assurance::Aal3, 15 * MINUTE, 12 * HOUR),
    ] {
        let (layer, _, clock) = layer_with(|builder| builder.assurance(level));
        let mut browser = Browser::with_n(&layer).await;
        clock.advance(idle - MS);
        assert!(browser.is_alive(&layer).await, "{level:?}");
        clock.advance(idle);
        assert!(!browser.is_alive(&layer).await, "{level:?}");

        let mut browser = Browser::with_n(&layer).await;
        let start = now(&clock);
        while now(&clock) + idle / 2 < start + absolute {
            clock.advance(idle / 2);
            assert!(browser.is_alive(&layer).await, "{level:?}");
        }
        clock.jump_to(start + absolute);
        assert!(!browser.is_alive(&layer).await, "{level:?}");
    }
}
