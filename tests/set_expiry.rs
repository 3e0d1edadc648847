//! The expiry that a session is given by its application.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use sessile::{Expiry, Session, SessionLayer, SessionLayerBuilder};
use std::time::{Duration, SystemTime};
use support::{Browser, DAY, HOUR, MINUTE, MS, SECOND, layer, layer_with, now};

/// A browser with a session that holds `n`, under this expiry.
async fn with_expiry(layer: &SessionLayer, expiry: impl Into<Expiry>) -> Browser {
    let mut browser = Browser::with_n(layer).await;
    let expiry = expiry.into();
    browser
        .visit(layer, async |session| session.set_expiry(expiry))
        .await;
    browser
}

async fn expiry(browser: &mut Browser, layer: &SessionLayer) -> Expiry {
    browser
        .visit(layer, async |session| session.expiry().unwrap())
        .await
        .0
}

#[tokio::test]
async fn a_duration_of_inactivity_moves_with_each_use() {
    let (layer, _, clock) = layer();
    let mut browser = with_expiry(&layer, HOUR).await;
    let mut idle = with_expiry(&layer, HOUR).await;
    for _ in 0..3 {
        clock.advance(HOUR - MS);
        assert!(browser.is_alive(&layer).await);
    }
    assert!(!idle.is_alive(&layer).await);
    clock.advance(HOUR);
    assert!(!browser.is_alive(&layer).await);
}

#[tokio::test]
async fn a_date_does_not_move() {
    let (layer, store, clock) = layer();
    let date = now(&clock) + HOUR;
    let mut browser = with_expiry(&layer, date).await;
    clock.advance(HOUR - MS);
    store.calls();
    assert!(browser.is_alive(&layer).await);
    assert_eq!(store.calls(), ["get"]);
    let ((), answer) = browser
        .visit(&layer, async |s| s.insert("n", 2).unwrap())
        .await;
    assert!(answer.set_cookies().is_empty());
    clock.advance(MS);
    assert!(!browser.is_alive(&layer).await);
}

#[tokio::test]
async fn a_date_that_passes_while_the_request_runs_is_expired() {
    let (layer, _, clock) = layer();
    let mut browser = with_expiry(&layer, now(&clock) + HOUR).await;
    let ((), answer) = browser
        .visit(&layer, async |session| {
            session.insert("n", 2).unwrap();
            clock.advance(HOUR);
        })
        .await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn a_browser_session_has_a_cookie_without_age_and_a_record_with_the_idle_lifetime() {
    let (layer, store, clock) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let ((), answer) = browser
        .visit(&layer, async |session| {
            session.set_expiry(Expiry::BrowserSession);
        })
        .await;
    assert_eq!(answer.set_cookies().len(), 1);
    assert!(!answer.set_cookies()[0].contains("Max-Age"));
    // Its renewals need no cookie.
    store.calls();
    for n in 2..5 {
        clock.advance(7 * DAY);
        let ((), answer) = browser
            .visit(&layer, async |session| {
                session.get_value("n").unwrap();
                if n > 3 {
                    session.insert("n", n).unwrap();
                }
            })
            .await;
        assert_eq!(store.calls(), ["get", "replace"]);
        assert!(answer.set_cookies().is_empty());
    }
    // A new id needs one.
    let ((), answer) = browser
        .visit(&layer, async |session| session.cycle_id())
        .await;
    assert_eq!(answer.set_cookies().len(), 1);
    assert!(!answer.set_cookies()[0].contains("Max-Age"));
    clock.advance(9 * DAY - MS);
    assert!(browser.is_alive(&layer).await);
    clock.advance(MS);
    assert!(!browser.is_alive(&layer).await, "the absolute limit");
}

#[tokio::test]
async fn the_default_comes_back() {
    let (layer, _, _) = layer();
    let mut browser = with_expiry(&layer, Expiry::BrowserSession).await;
    let ((), answer) = browser
        .visit(&layer, async |session| session.set_expiry(Expiry::Default))
        .await;
    assert!(answer.set_cookies()[0].ends_with("; Max-Age=1209600"));
    assert_eq!(expiry(&mut browser, &layer).await, Expiry::Default);
}

#[tokio::test]
async fn a_layer_without_persistent_cookies_sends_an_age_where_the_session_chose_one() {
    let (layer, _, _) = layer_with(|builder| builder.cookie_persistent(false));
    let mut browser = Browser::new();
    let ((), answer) = browser
        .visit(&layer, async |s| s.insert("n", 1).unwrap())
        .await;
    assert!(!answer.set_cookies()[0].contains("Max-Age"));
    let ((), answer) = browser.visit(&layer, async |s| s.set_expiry(HOUR)).await;
    assert!(answer.set_cookies()[0].ends_with("; Max-Age=3600"));
    let ((), answer) = browser
        .visit(&layer, async |s| s.set_expiry(Expiry::Default))
        .await;
    assert!(!answer.set_cookies()[0].contains("Max-Age"));
}

#[tokio::test]
async fn it_survives_clear_and_cycle_and_is_reset_by_flush() {
    let (layer, _, _) = layer();
    let mut browser = with_expiry(&layer, HOUR).await;
    browser
        .visit(&layer, async |session| {
            session.clear();
            session.cycle_id();
            session.insert("n", 2).unwrap();
            assert_eq!(session.expiry().unwrap(), Expiry::from(HOUR));
        })
        .await;
    assert_eq!(expiry(&mut browser, &layer).await, Expiry::from(HOUR));
    browser
        .visit(&layer, async |session| {
            session.set_expiry(MINUTE);
            session.flush();
            assert_eq!(session.expiry().unwrap(), Expiry::Default);
            session.insert("n", 3).unwrap();
        })
        .await;
    assert_eq!(expiry(&mut browser, &layer).await, Expiry::Default);
}

#[tokio::test]
async fn alone_on_an_empty_session_it_stores_nothing_and_with_data_it_counts() {
    let (layer, store, _) = layer();
    let mut browser = Browser::new();
    let ((), answer) = browser.visit(&layer, async |s| s.set_expiry(HOUR)).await;
    assert!(answer.set_cookies().is_empty());
    assert!(store.calls().is_empty());
    let ((), answer) = browser
        .visit(&layer, async |session| {
            session.set_expiry(HOUR);
            session.insert("n", 1).unwrap();
        })
        .await;
    assert!(answer.set_cookies()[0].ends_with("; Max-Age=3600"));
    assert_eq!(expiry(&mut browser, &layer).await, Expiry::from(HOUR));
}

#[tokio::test]
async fn the_absolute_limit_caps_it() {
    let (layer, _, clock) = layer();
    let far = now(&clock) + 1000 * DAY;
    for choice in [
        Expiry::from(1000 * DAY),
        Expiry::from(far),
        Expiry::from(Duration::MAX),
    ] {
        let start = now(&clock);
        let mut browser = Browser::with_n(&layer).await;
        let ((), answer) = browser.visit(&layer, async |s| s.set_expiry(choice)).await;
        assert!(
            answer.set_cookies()[0].ends_with("; Max-Age=2592000"),
            "30 days"
        );
        let (date, _) = browser
            .visit(&layer, async |s| s.expiry_date().unwrap())
            .await;
        assert_eq!(date, start + 30 * DAY);
        clock.advance(30 * DAY - MS);
        assert!(browser.is_alive(&layer).await);
        clock.advance(MS);
        assert!(!browser.is_alive(&layer).await);
    }
}

#[tokio::test]
async fn a_past_date_and_no_duration_at_all_are_a_flush() {
    let (layer, store, clock) = layer();
    let year_1 = SystemTime::UNIX_EPOCH - Duration::from_secs(62_135_596_800);
    for over in [
        Expiry::from(now(&clock)),
        Expiry::from(now(&clock) - SECOND),
        Expiry::from(SystemTime::UNIX_EPOCH),
        Expiry::from(year_1),
        Expiry::from(Duration::ZERO),
        Expiry::from(Duration::from_nanos(999_999)),
    ] {
        let mut browser = Browser::with_n(&layer).await;
        let ((), answer) = browser
            .visit(&layer, async |session| {
                session.set_expiry(over);
                assert!(session.is_empty().unwrap());
                assert_eq!(session.id().unwrap(), None);
            })
            .await;
        assert_eq!(answer.set_cookies().len(), 1);
        assert_eq!((browser.id(), store.len()), (None, 0), "{over:?}");
    }
    let mut browser = Browser::with_n(&layer).await;
    browser
        .visit(&layer, async |session| session.set_expiry(MS))
        .await;
    assert!(browser.id().is_some(), "a millisecond is a lifetime");
}

#[tokio::test]
async fn dates_at_the_ends_of_time_do_no_harm() {
    let year_9999 = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    let beyond = SystemTime::UNIX_EPOCH + Duration::from_secs(i64::MAX as u64 / 2);
    let (layer, store, clock) = layer_with(SessionLayerBuilder::no_absolute_lifetime);
    for choice in [
        Expiry::from(year_9999),
        Expiry::from(beyond),
        Expiry::from(Duration::MAX),
    ] {
        let mut browser = Browser::with_n(&layer).await;
        let ((), answer) = browser.visit(&layer, async |s| s.set_expiry(choice)).await;
        assert!(
            answer.set_cookies()[0].ends_with("; Max-Age=34560000"),
            "400 days"
        );
        let (date, _) = browser
            .visit(&layer, async |s| s.expiry_date().unwrap())
            .await;
        assert!(date >= year_9999 && date < year_9999 + SECOND);
        clock.advance(1000 * DAY);
        assert!(browser.is_alive(&layer).await);
        let ((), answer) = browser
            .visit(&layer, async |s| s.insert("n", 2).unwrap())
            .await;
        assert_eq!(answer.status, 200);
        browser.visit(&layer, async |session| session.flush()).await;
        assert_eq!(store.len(), 0);
    }
}

#[tokio::test]
async fn it_merges_with_what_another_request_wrote() {
    let (layer, _, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let mut other = browser.clone();
    let ((), answer) = browser
        .visit(&layer, async |session: &Session| {
            session.set_expiry(HOUR);
            other
                .visit(&layer, async |session| {
                    session.set_expiry(MINUTE);
                    session.insert("m", 1).unwrap();
                })
                .await;
        })
        .await;
    assert!(
        answer.set_cookies()[0].ends_with("; Max-Age=3600"),
        "the last one counts"
    );
    let (keys, _) = browser
        .visit(&layer, async |session| session.keys().unwrap())
        .await;
    assert_eq!(keys, ["m", "n"]);
    assert_eq!(expiry(&mut browser, &layer).await, Expiry::from(HOUR));
}
