//! What a user sees of their sessions.

use crate::support::{Browser, DAY, HOUR, MINUTE, TestStore, layer, layer_with, now};
use crate::{labels, list, logged_in, session_of};
use sessile::sessions::{PublicHandle, SessionInfo};
use sessile::{Session, SessionLayerBuilder};
use std::time::Duration;

#[tokio::test]
async fn each_session_is_shown_with_its_times_and_its_label() {
    let (layer, _, clock) = layer();
    let start = now(&clock);
    let phone = logged_in(&layer, "alice", "Safari on a phone").await;
    clock.advance(90 * MINUTE);
    let laptop = logged_in(&layer, "alice", "Firefox on Linux").await;
    logged_in(&layer, "bob", "his").await;

    let sessions = list(&layer.sessions(), "alice").await;
    let labels: Vec<_> = sessions.iter().map(SessionInfo::label).collect();
    assert_eq!(labels, ["Safari on a phone", "Firefox on Linux"]);
    let [first, second] = &sessions[..] else {
        panic!("two sessions")
    };
    assert_eq!((first.created(), first.last_used()), (start, start));
    assert_eq!(first.authenticated_at(), Some(start));
    assert_eq!(second.created(), start + 90 * MINUTE);
    assert_eq!(second.last_used(), start + HOUR, "to the hour");
    let (phone, laptop) = (
        session_of(&layer, &phone).await,
        session_of(&layer, &laptop).await,
    );
    assert!(first.is(&phone) && !first.is(&laptop));
    assert!(second.is(&laptop) && !second.is(&phone));
}

#[tokio::test]
async fn the_last_use_is_noted_once_an_hour_without_a_cookie() {
    let (layer, store, clock) = layer();
    let mut browser = logged_in(&layer, "alice", "").await;
    let start = now(&clock);
    let read = async |session: &Session| session.contains_key("n").unwrap();
    for minute in 1..=180 {
        clock.advance(MINUTE);
        store.calls();
        let (_, answer) = browser.visit(&layer, read).await;
        assert_eq!(answer.set_cookies(), [""; 0]);
        let expected: &[_] = if minute % 60 == 0 {
            &["get", "replace"]
        } else {
            &["get"]
        };
        assert_eq!(store.calls(), expected, "after {minute} minutes");
    }
    let last_used = list(&layer.sessions(), "alice").await[0].last_used();
    assert_eq!(last_used, start + 3 * HOUR);
    // A tenth of the idle lifetime later the deadline moves, and the cookie says so.
    clock.advance(2 * DAY);
    assert_eq!(browser.visit(&layer, read).await.1.set_cookies().len(), 1);
}

#[tokio::test]
async fn a_session_of_nobody_is_not_written_for_its_last_use() {
    let (layer, store, clock) = layer();
    let mut browser = Browser::with_n(&layer).await;
    clock.advance(5 * HOUR);
    store.calls();
    assert_eq!(browser.n(&layer).await, Some(1));
    assert_eq!(store.calls(), ["get"]);
}

#[tokio::test]
async fn a_handle_is_neither_id_nor_key_and_outlives_a_rotation() {
    let (layer, store, _) = layer();
    let mut browser = logged_in(&layer, "alice", "").await;
    let handle = list(&layer.sessions(), "alice").await[0].handle();
    let text = handle.to_string();
    assert_eq!(text.parse(), Ok(handle));
    assert!(!browser.id().unwrap().contains(&text));
    for key in store.keys() {
        assert!(!key.to_text().contains(&text));
    }
    browser
        .visit(&layer, async |session: &Session| session.cycle_id())
        .await;
    assert_eq!(list(&layer.sessions(), "alice").await[0].handle(), handle);
    let json = serde_json::to_string(&handle).unwrap();
    assert_eq!(json, format!("\"{text}\""));
    assert_eq!(serde_json::from_str::<PublicHandle>(&json).unwrap(), handle);
    assert!(serde_json::from_str::<PublicHandle>("\"x\"").is_err());
    assert_eq!(format!("{handle:?}"), format!("PublicHandle({text})"));
    for wrong in [
        "",
        "x",
        &text[1..],
        &format!("{text}A"),
        "AAAAAAAAAAAAAAAAAAAAA!",
        "AAAAAAAAAAAAAAAAAAAAAB",
    ] {
        assert!(wrong.parse::<PublicHandle>().is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn what_has_expired_is_left_out() {
    let (layer, _, clock) = layer();
    logged_in(&layer, "alice", "idle").await;
    let mut used = logged_in(&layer, "alice", "used").await;
    for _ in 0..10 {
        clock.advance(2 * DAY);
        used.visit(&layer, async |session: &Session| session.len().unwrap())
            .await;
    }
    assert_eq!(labels(&layer, "alice").await, ["used"]);
    clock.advance(10 * DAY);
    assert_eq!(labels(&layer, "alice").await, [""; 0], "30 days are over");
}

/// How long the roster is kept.
fn time_to_live(store: &TestStore) -> Duration {
    store.time_to_live(&store.roster()).unwrap()
}

#[tokio::test]
async fn the_roster_is_kept_as_long_as_its_sessions_can_live() {
    let (layer, store, _) = layer();
    logged_in(&layer, "alice", "").await;
    let kept = time_to_live(&store);
    assert!(kept >= 30 * DAY && kept < 31 * DAY);
    let (layer, store, _) = layer_with(SessionLayerBuilder::no_absolute_lifetime);
    logged_in(&layer, "alice", "").await;
    assert!(time_to_live(&store) > 20_000 * DAY, "no end in sight");
}

#[tokio::test]
async fn nobody_has_no_sessions() {
    let (layer, _, _) = layer();
    let nobody = layer.sessions().of("nobody");
    assert!(nobody.list().await.unwrap().is_empty());
    assert_eq!(nobody.end_all().await.unwrap(), 0);
    assert_eq!(
        format!("{nobody:?} {:?}", layer.sessions()),
        "UserSessions { .. } Sessions { .. }"
    );
}
