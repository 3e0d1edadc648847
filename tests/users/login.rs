//! What a login makes of the session that it finds.

use crate::support::{Browser, MINUTE, SECOND, assert_ok, layer, layer_with, now};
use crate::{labels, lives, log_in, logged_in, session_of};
use sessile::{OnStoreError, Session, SessionLayer};

/// A browser with a cart and no user.
async fn visitor(layer: &SessionLayer) -> Browser {
    let mut browser = Browser::new();
    let fill = async |session: &Session| session.insert("cart", "apple").unwrap();
    browser.visit(layer, fill).await;
    browser
}

async fn cart(layer: &SessionLayer, browser: &Browser) -> Option<String> {
    session_of(layer, browser).await.get("cart").unwrap()
}

#[tokio::test]
async fn a_visitors_data_is_kept_under_a_new_id() {
    let (layer, store, _) = layer();
    let mut browser = visitor(&layer).await;
    let before = browser.clone();
    log_in(&layer, &mut browser, "alice", "").await;
    assert_ne!(browser.id(), before.id());
    assert!(!lives(&layer, &before).await);
    assert_eq!(cart(&layer, &browser).await.as_deref(), Some("apple"));
    assert_eq!(store.len(), 2, "the session and the roster");
}

#[tokio::test]
async fn the_same_users_data_is_kept_and_the_session_is_listed_once() {
    let (layer, _, clock) = layer();
    let mut browser = visitor(&layer).await;
    log_in(&layer, &mut browser, "alice", "one").await;
    clock.advance(MINUTE);
    log_in(&layer, &mut browser, "alice", "two").await;
    assert_eq!(cart(&layer, &browser).await.as_deref(), Some("apple"));
    assert_eq!(labels(&layer, "alice").await, ["two"]);
    let session = session_of(&layer, &browser).await;
    assert_eq!(session.authenticated_at().unwrap(), Some(now(&clock)));
}

#[tokio::test]
async fn another_users_session_ends_and_a_new_one_begins() {
    let (layer, _, _) = layer();
    let mut browser = visitor(&layer).await;
    log_in(&layer, &mut browser, "alice", "hers").await;
    let hers = browser.clone();
    log_in(&layer, &mut browser, "bob", "his").await;
    assert!(!lives(&layer, &hers).await);
    assert_ne!(
        browser.id().unwrap()[..21],
        hers.id().unwrap()[..21],
        "another key"
    );
    assert_eq!(cart(&layer, &browser).await, None);
    assert_eq!(labels(&layer, "alice").await, [""; 0]);
    assert_eq!(labels(&layer, "bob").await, ["his"]);
}

#[tokio::test]
async fn what_was_inserted_before_another_user_logs_in_goes_too() {
    let (layer, _, _) = layer();
    let mut browser = logged_in(&layer, "alice", "").await;
    browser
        .visit(&layer, async |session: &Session| {
            session.insert("secret", "of alice").unwrap();
            session.renew_for("bob").unwrap();
            session.insert("user", "bob").unwrap();
        })
        .await;
    let session = session_of(&layer, &browser).await;
    assert_eq!(session.keys().unwrap(), ["user"]);
}

#[tokio::test]
async fn bind_enters_the_session_and_leaves_id_and_time_alone() {
    let (layer, _, _) = layer();
    let mut browser = visitor(&layer).await;
    let before = browser.clone();
    let bind = async |session: &Session| {
        session.bind("alice").unwrap();
        session.set_label("bound");
        assert!(session.belongs_to("alice").unwrap());
    };
    assert_ok(&browser.visit(&layer, bind).await.1);
    assert_eq!(browser.id(), before.id());
    assert_eq!(labels(&layer, "alice").await, ["bound"]);
    let session = session_of(&layer, &browser).await;
    assert_eq!(session.authenticated_at().unwrap(), None);
    assert!(session.belongs_to("alice").unwrap() && !session.belongs_to("bob").unwrap());
}

#[tokio::test]
async fn a_login_without_any_data_makes_a_session() {
    let (layer, _, _) = layer();
    let mut browser = Browser::new();
    let login = async |session: &Session| session.renew_for("alice").unwrap();
    browser.visit(&layer, login).await;
    assert!(lives(&layer, &browser).await);
}

#[tokio::test]
async fn a_login_that_fails_changes_nothing() {
    let (layer, store, _) = layer();
    let mut browser = visitor(&layer).await;
    let (before, id) = (store.record(), browser.id().map(str::to_owned));
    let answer = browser
        .answer(&layer, async |session: Session| {
            session.renew_for("alice").unwrap();
            http::StatusCode::INTERNAL_SERVER_ERROR
        })
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.set_cookies().len()),
        (500, 0)
    );
    assert_eq!(
        (store.record(), browser.id().map(str::to_owned)),
        (before, id)
    );
}

#[tokio::test]
async fn it_costs_two_round_trips_at_login_and_logout_and_none_otherwise() {
    let (layer, store, _) = layer();
    let mut browser = visitor(&layer).await;
    store.calls();
    log_in(&layer, &mut browser, "alice", "").await;
    assert_eq!(store.calls(), ["get", "get", "add", "replace"]);
    log_in(&layer, &mut browser, "alice", "").await;
    assert_eq!(
        store.calls(),
        ["get", "get", "replace"],
        "it is entered already"
    );
    let read = async |session: &Session| session.get::<String>("user").unwrap();
    browser.visit(&layer, read).await;
    assert_eq!(store.calls(), ["get"]);
    let write = async |session: &Session| session.insert("n", 1).unwrap();
    browser.visit(&layer, write).await;
    assert_eq!(store.calls(), ["get", "replace"]);
    let cycle = async |session: &Session| session.cycle_id();
    browser.visit(&layer, cycle).await;
    assert_eq!(store.calls(), ["get", "replace"]);
    let logout = async |session: &Session| session.flush();
    browser.visit(&layer, logout).await;
    assert_eq!(store.calls(), ["get", "delete", "get", "replace"]);
    logged_in(&layer, "alice", "").await;
    assert_eq!(store.calls(), ["get", "replace", "add", "get"]);
}

#[tokio::test]
async fn how_long_ago_a_login_was_is_told() {
    let (layer, _, clock) = layer();
    let mut browser = Browser::new();
    let within = async |session: &Session| session.authenticated_within(10 * MINUTE).unwrap();
    assert!(!browser.visit(&layer, within).await.0);
    log_in(&layer, &mut browser, "alice", "").await;
    clock.advance(10 * MINUTE - SECOND);
    assert!(browser.visit(&layer, within).await.0);
    clock.advance(SECOND);
    assert!(!browser.visit(&layer, within).await.0);
    log_in(&layer, &mut browser, "alice", "").await;
    assert!(browser.visit(&layer, within).await.0);
    // The server with the login may be a little ahead; one in the future is none.
    clock.jump_to(now(&clock) - MINUTE);
    assert!(browser.visit(&layer, within).await.0);
    clock.jump_to(now(&clock) - SECOND);
    assert!(!browser.visit(&layer, within).await.0);
}

#[tokio::test]
async fn principals_of_any_length_and_bytes_are_users_of_their_own() {
    let (layer, store, _) = layer();
    let long = vec![b'x'; 1 << 20];
    let principals: [&[u8]; 5] = [b"", b"\0", b"\xff\xfe", b"alice", &long];
    for principal in principals {
        let login = async |session: &Session| session.renew_for(principal).unwrap();
        assert_ok(&Browser::new().visit(&layer, login).await.1);
    }
    for principal in principals {
        assert_eq!(
            layer.sessions().of(principal).list().await.unwrap().len(),
            1
        );
    }
    for (value, ..) in store.entries().values() {
        assert!(value.len() < 400 && !value.windows(5).any(|part| part == b"alice"));
    }
}

#[tokio::test]
async fn labels_of_any_length_are_cut_between_characters() {
    let (layer, _, _) = layer();
    for label in ["", "<b>&\u{0}", "Fire\u{1F98A} ", &"ü".repeat(10_000)] {
        logged_in(&layer, "alice", label).await;
    }
    let labels = labels(&layer, "alice").await;
    let cut = "ü".repeat(127);
    assert_eq!(labels, ["", "<b>&\u{0}", "Fire\u{1F98A} ", &cut]);
}

#[tokio::test]
async fn a_label_of_nobody_is_not_kept() {
    let (layer, store, _) = layer();
    let mut browser = visitor(&layer).await;
    let label = async |session: &Session| session.set_label("Firefox");
    browser.visit(&layer, label).await;
    assert!(!store.record().windows(7).any(|part| part == b"Firefox"));
}

#[tokio::test]
async fn without_a_store_a_login_is_refused_also_where_visitors_are_not() {
    use crate::support::Fault;
    let policy = OnStoreError::Anonymous;
    let (layer, store, _) = layer_with(|builder| builder.on_store_error(policy));
    store.fail_all(Fault::Unavailable);
    for rotates in [false, true] {
        let login = async |session: &Session| match rotates {
            true => session.renew_for("alice").unwrap(),
            false => session.bind("alice").unwrap(),
        };
        let (_, answer) = Browser::new().visit(&layer, login).await;
        assert_eq!(answer.status, 503);
    }
}
