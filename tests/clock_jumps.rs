//! A wall clock that jumps makes nothing immortal, and loses nothing more than it must.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use sessile::{Expiry, Session, SessionLayerBuilder};
use std::time::{Duration, SystemTime};
use support::{Browser, DAY, HOUR, MINUTE, MS, SECOND, layer, layer_with, now};

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

#[tokio::test]
async fn after_a_jump_back_a_session_lives_no_longer_than_its_lifetimes_from_there() {
    let (layer, _, clock) = layer();
    for expiry in [
        Expiry::Default,
        Expiry::BrowserSession,
        Expiry::from(Duration::MAX),
        Expiry::from(now(&clock) + 100 * YEAR),
    ] {
        for write in [false, true] {
            let start = now(&clock);
            clock.jump_to(start + 60 * YEAR);
            let mut browser = Browser::with_n(&layer).await;
            browser
                .visit(&layer, async |session| session.set_expiry(expiry))
                .await;
            clock.jump_to(start);
            let (age, answer) = browser
                .visit(&layer, async |session| {
                    if write {
                        session.insert("n", 2).unwrap();
                    }
                    session.expiry_age().unwrap()
                })
                .await;
            assert_eq!(answer.status, 200);
            assert!(age <= 30 * DAY, "{expiry:?} {write}: {age:?}");
            clock.advance(30 * DAY);
            assert!(!browser.is_alive(&layer).await, "{expiry:?} {write}");
        }
    }
}

#[tokio::test]
async fn after_a_jump_back_an_active_user_keeps_the_session_for_its_absolute_lifetime() {
    let (layer, _, clock) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let back = now(&clock) - YEAR;
    clock.jump_to(back);
    assert!(browser.is_alive(&layer).await);
    for _ in 0..5 {
        clock.advance(5 * DAY);
        assert!(browser.is_alive(&layer).await);
    }
    clock.jump_to(back + 30 * DAY);
    assert!(!browser.is_alive(&layer).await);
}

#[tokio::test]
async fn a_small_step_back_changes_nothing() {
    let (layer, store, clock) = layer();
    let mut browser = Browser::with_n(&layer).await;
    clock.jump_to(now(&clock) - SECOND);
    store.calls();
    let ((), answer) = browser
        .visit(&layer, async |s| s.insert("n", 2).unwrap())
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.set_cookies().len()),
        (200, 0)
    );
    assert!(browser.is_alive(&layer).await);
    assert_eq!(store.calls(), ["get", "replace", "get"]);
}

#[tokio::test]
async fn a_jump_forward_and_back_loses_no_session_that_was_not_written_meanwhile() {
    let (layer, _, clock) = layer();
    let start = now(&clock);
    let mut browser = Browser::with_n(&layer).await;
    clock.jump_to(start + YEAR);
    assert!(!browser.is_alive(&layer).await);
    clock.jump_to(start);
    assert!(browser.is_alive(&layer).await);
}

#[tokio::test]
async fn after_a_jump_back_a_retired_id_is_not_told_apart_for_longer_than_a_minute() {
    for (back, told_apart) in [(Duration::ZERO, true), (59 * SECOND, true), (YEAR, false)] {
        let (layer, _, clock) = layer();
        let mut browser = Browser::with_n(&layer).await;
        let mut retired = browser.clone();
        browser
            .visit(&layer, async |session| session.cycle_id())
            .await;
        clock.jump_to(now(&clock) - back);
        let ((), answer) = retired
            .visit(&layer, async |s| s.insert("n", 2).unwrap())
            .await;
        assert_eq!(
            answer.status,
            if told_apart { 400 } else { 200 },
            "{back:?}"
        );
        assert!(browser.is_alive(&layer).await);
    }
    // And the edge without a jump.
    for (pause, status) in [(MINUTE - MS, 400), (MINUTE, 200)] {
        let (layer, _, clock) = layer();
        let browser = Browser::with_n(&layer).await;
        browser
            .clone()
            .visit(&layer, async |session| session.cycle_id())
            .await;
        clock.advance(pause);
        let ((), answer) = browser
            .clone()
            .visit(&layer, async |s| s.insert("n", 2).unwrap())
            .await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn the_years_1_and_9999_are_answered() {
    let year_1 = SystemTime::UNIX_EPOCH - Duration::from_secs(62_135_596_800);
    let year_9999 = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    let (layer, _, clock) = layer_with(SessionLayerBuilder::no_absolute_lifetime);
    for time in [
        year_1,
        SystemTime::UNIX_EPOCH,
        year_9999,
        year_9999 + 1000 * YEAR,
    ] {
        clock.jump_to(time);
        let mut browser = Browser::with_n(&layer).await;
        assert!(browser.id().is_some());
        for expiry in [
            Expiry::from(HOUR),
            Expiry::BrowserSession,
            Expiry::from(year_9999),
        ] {
            let ((), answer) = browser
                .visit(&layer, async |session: &Session| {
                    session.set_expiry(expiry);
                    session.insert("n", 2).unwrap();
                    session.cycle_id();
                    session.expiry_age().unwrap();
                    session.expiry_date().unwrap();
                    session.created().unwrap();
                })
                .await;
            assert_eq!(answer.status, 200, "{time:?} {expiry:?}");
        }
    }
    // Before 1970 all times are one, so a session is there until the clock is set.
    clock.jump_to(year_1);
    let mut browser = Browser::with_n(&layer).await;
    assert!(browser.is_alive(&layer).await);
    clock.jump_to(SystemTime::UNIX_EPOCH + 56 * YEAR);
    assert!(!browser.is_alive(&layer).await);
}
