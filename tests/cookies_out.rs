//! The Set-Cookie headers that leave the layer, to the byte.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use http::header::SET_COOKIE;
use sessile::{Expiry, SameSite, Session, SessionLayerBuilder};
use std::time::Duration;
use support::{Browser, DAY, HOUR, MS, SECOND, layer, layer_with, respond};

/// The cookies of a login and of the logout after it, with the id taken out of the first.
async fn in_and_out(
    settings: impl FnOnce(SessionLayerBuilder) -> SessionLayerBuilder,
) -> (String, String) {
    let (layer, _, _) = layer_with(settings);
    let mut browser = Browser::new();
    let ((), login) = browser
        .visit(&layer, async |s| s.insert("n", 1).unwrap())
        .await;
    let name = browser.cookie_names().next().unwrap();
    let id = browser.cookie(name).unwrap().to_owned();
    assert_eq!(id.len(), 43);
    let ((), logout) = browser.visit(&layer, async |s| s.flush()).await;
    let [login, logout] = [login, logout].map(|answer| {
        let cookies = answer.set_cookies();
        assert_eq!(cookies.len(), 1);
        cookies[0].replace(&id, "ID")
    });
    (login, logout)
}

const PAST: &str = "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";

#[tokio::test]
async fn the_defaults() {
    let (login, logout) = in_and_out(|builder| builder).await;
    let attributes = "; HttpOnly; SameSite=Lax; Secure; Path=/";
    assert_eq!(login, format!("__Host-id=ID{attributes}; Max-Age=1209600"));
    assert_eq!(logout, format!("__Host-id={attributes}{PAST}"));
}

#[tokio::test]
async fn each_setting_shows_in_the_cookie_and_in_its_removal() {
    type Set = fn(SessionLayerBuilder) -> SessionLayerBuilder;
    let settings: [(Set, &str, &str); 9] = [
        (
            |b| b.cookie_name("shop"),
            "shop",
            "; HttpOnly; SameSite=Lax; Secure; Path=/",
        ),
        (
            |b| b.cookie_name("shop").cookie_path("/shop/a b"),
            "shop",
            "; HttpOnly; SameSite=Lax; Secure; Path=/shop/a b",
        ),
        (
            |b| b.cookie_name("__Secure-a").cookie_domain("shop.example"),
            "__Secure-a",
            "; HttpOnly; SameSite=Lax; Secure; Path=/; Domain=shop.example",
        ),
        (
            |b| b.cookie_name("shop").cookie_secure(false),
            "shop",
            "; HttpOnly; SameSite=Lax; Path=/",
        ),
        (
            |b| b.cookie_http_only(false),
            "__Host-id",
            "; SameSite=Lax; Secure; Path=/",
        ),
        (
            |b| b.cookie_same_site(SameSite::Strict),
            "__Host-id",
            "; HttpOnly; SameSite=Strict; Secure; Path=/",
        ),
        (
            |b| b.cookie_same_site(SameSite::None),
            "__Host-id",
            "; HttpOnly; SameSite=None; Secure; Path=/",
        ),
        (
            |b| b.cookie_partitioned(true),
            "__Host-id",
            "; HttpOnly; SameSite=Lax; Partitioned; Secure; Path=/",
        ),
        (
            SessionLayerBuilder::plain_http,
            "id",
            "; HttpOnly; SameSite=Lax; Path=/",
        ),
    ];
    for (set, name, attributes) in settings {
        let (login, logout) = in_and_out(set).await;
        assert_eq!(login, format!("{name}=ID{attributes}; Max-Age=1209600"));
        assert_eq!(logout, format!("{name}={attributes}{PAST}"));
    }
    let (login, logout) = in_and_out(|builder| builder.cookie_persistent(false)).await;
    assert_eq!(
        login,
        "__Host-id=ID; HttpOnly; SameSite=Lax; Secure; Path=/"
    );
    assert!(logout.ends_with(PAST));
}

#[tokio::test]
async fn plain_http_drops_each_prefix_and_secure_together() {
    for name in [
        "__Host-a",
        "__Secure-a",
        "__Http-a",
        "__Host-Http-a",
        "__hOST-a",
        "a",
    ] {
        let (login, _) = in_and_out(|builder| builder.cookie_name(name).plain_http()).await;
        assert_eq!(
            login,
            "a=ID; HttpOnly; SameSite=Lax; Path=/; Max-Age=1209600"
        );
    }
}

#[tokio::test]
async fn max_age_is_rounded_up_and_between_a_second_and_400_days() {
    let (layer, _, _) = layer_with(SessionLayerBuilder::no_absolute_lifetime);
    for (lifetime, max_age) in [
        (MS, 1),
        (SECOND - MS, 1),
        (SECOND, 1),
        (SECOND + MS, 2),
        (HOUR, 3600),
        (400 * DAY - MS, 34_560_000),
        (400 * DAY, 34_560_000),
        (401 * DAY, 34_560_000),
        (Duration::MAX, 34_560_000),
    ] {
        let ((), answer) = Browser::new()
            .visit(&layer, async |session| {
                session.insert("n", 1).unwrap();
                session.set_expiry(lifetime);
            })
            .await;
        let text = format!("; Max-Age={max_age}");
        assert!(
            answer.set_cookies()[0].ends_with(&text),
            "{lifetime:?} {answer:?}"
        );
    }
}

#[tokio::test]
async fn the_age_is_what_is_left_of_the_absolute_lifetime() {
    let (layer, _, clock) = layer();
    let mut browser = Browser::with_n(&layer).await;
    for (pause, max_age) in [(10 * DAY, 14 * DAY), (8 * DAY + MS, 12 * DAY)] {
        clock.advance(pause);
        let ((), answer) = browser.visit(&layer, async |s| s.cycle_id()).await;
        let text = format!("; Max-Age={}", max_age.as_secs());
        assert!(answer.set_cookies()[0].ends_with(&text), "{answer:?}");
    }
}

#[tokio::test]
async fn a_cookie_is_sent_at_a_new_id_a_change_of_expiry_and_a_renewal_and_never_else() {
    let (layer, _, clock) = layer();
    let mut browser = Browser::new();
    type Step = (&'static str, fn(&Session), usize);
    let steps: [Step; 11] = [
        ("a read of nothing", |s| drop(s.get_value("n").unwrap()), 0),
        ("the first insert", |s| s.insert("n", 1).unwrap(), 1),
        ("a read", |s| drop(s.get_value("n").unwrap()), 0),
        ("an insert", |s| s.insert("n", 2).unwrap(), 0),
        ("an expiry", |s| s.set_expiry(HOUR), 1),
        ("the same again", |s| s.set_expiry(HOUR), 0),
        (
            "a browser session",
            |s| s.set_expiry(Expiry::BrowserSession),
            1,
        ),
        ("an insert into it", |s| s.insert("n", 3).unwrap(), 0),
        ("a rotation of it", |s| s.cycle_id(), 1),
        ("back", |s| s.set_expiry(Expiry::Default), 1),
        ("a clear", |s| s.clear(), 0),
    ];
    for (name, step, cookies) in steps {
        let ((), answer) = browser.visit(&layer, async |session| step(session)).await;
        assert_eq!(answer.set_cookies().len(), cookies, "{name}");
    }
    clock.advance(2 * DAY);
    let (_, answer) = browser
        .visit(&layer, async |s| s.get_value("n").unwrap())
        .await;
    assert_eq!(answer.set_cookies().len(), 1, "a renewal");
    let before = browser.id().unwrap();
    assert!(
        answer.set_cookies()[0].contains(before),
        "under the same id"
    );
}

#[tokio::test]
async fn a_removal_is_sent_only_where_the_request_carried_a_cookie() {
    let (layer, _, _) = layer();
    let ((), answer) = Browser::new()
        .visit(&layer, async |session| session.flush())
        .await;
    assert!(answer.set_cookies().is_empty());
    for junk in ["", "junk", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let mut browser = Browser::with_cookie("__Host-id", junk);
        let ((), answer) = browser.visit(&layer, async |session| session.flush()).await;
        assert!(answer.set_cookies()[0].ends_with(PAST), "{junk}");
    }
}

#[tokio::test]
async fn a_cookie_of_the_handler_under_our_name_gives_way_and_all_others_stay_in_order() {
    let (layer, _, _) = layer();
    let handlers = [
        "a=1; Path=/",
        "__Host-id=fake; Path=/",
        "b=2",
        " __Host-id =fake",
        "a=3",
    ];
    let response = || {
        let cookies = handlers.map(|cookie| (SET_COOKIE, cookie));
        (axum::response::AppendHeaders(cookies), "body")
    };
    let mut browser = Browser::new();
    let answer = browser
        .answer(&layer, async |session: Session| {
            session.insert("n", 1).unwrap();
            response()
        })
        .await;
    let cookies = answer.set_cookies();
    assert_eq!(cookies[..3], ["a=1; Path=/", "b=2", "a=3"]);
    assert!(cookies[3].starts_with("__Host-id=") && !cookies[3].contains("fake"));
    assert_eq!(cookies.len(), 4);
    // Where we send none, the handler's are its own business.
    let answer = browser.answer(&layer, async |_: Session| response()).await;
    assert_eq!(answer.set_cookies(), handlers);
}

#[tokio::test]
async fn the_header_is_marked_sensitive_so_that_no_log_prints_it() {
    let (layer, _, _) = layer();
    let request = Browser::new().request("GET", "/");
    let response = respond(&layer, request, async |session: Session| {
        session.insert("n", 1).unwrap();
    })
    .await;
    assert!(response.headers()[SET_COOKIE].is_sensitive());
    assert!(format!("{response:?}").contains("Sensitive"));
}
