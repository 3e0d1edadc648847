//! Shared caches are kept off what belongs to one user, and off nothing else.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use axum::Router;
use axum::routing::get;
use http::header::{CACHE_CONTROL, HeaderName, VARY};
use sessile::{Error, Session, SessionLayerBuilder};
use support::{Answer, Browser, headers, layer, layer_with};

/// What a handler does to its session.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    Nothing,
    Read,
    Create,
}

/// The answer of a handler that sends these headers.
async fn answer_with(
    settings: impl FnOnce(SessionLayerBuilder) -> SessionLayerBuilder,
    usage: Use,
    pairs: &[(HeaderName, &str)],
) -> Answer {
    let (layer, _, _) = layer_with(settings);
    Browser::new()
        .answer(&layer, async |session: Session| {
            match usage {
                Use::Nothing => {}
                Use::Read => assert_eq!(session.get::<u8>("n").unwrap(), None),
                Use::Create => session.insert("n", 1).unwrap(),
            }
            headers(pairs)
        })
        .await
}

fn all<'a>(answer: &'a Answer, name: &HeaderName) -> Vec<&'a str> {
    answer
        .headers
        .get_all(name)
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect()
}

async fn vary(lines: &[&str]) -> Vec<String> {
    let pairs: Vec<_> = lines.iter().map(|line| (VARY, *line)).collect();
    let answer = answer_with(|b| b, Use::Read, &pairs).await;
    all(&answer, &VARY).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn vary_names_the_cookie_beside_what_the_handler_said() {
    assert_eq!(vary(&[]).await, ["cookie"]);
    for (lines, result) in [
        (vec!["Accept"], "Accept, cookie"),
        (vec!["Accept,Origin", "X-A"], "Accept, Origin, X-A, cookie"),
        (vec!["Set-Cookie"], "Set-Cookie, cookie"),
        (vec!["x-cookie,cookies"], "x-cookie, cookies, cookie"),
        (vec![",", ""], "cookie"),
        (vec!["Cookie"], "Cookie"),
        (vec!["COOKIE"], "COOKIE"),
        (vec!["Accept ,\tCookie , Origin"], "Accept, Cookie, Origin"),
    ] {
        assert_eq!(vary(&lines).await, [result], "{lines:?}");
    }
}

#[tokio::test]
async fn vary_is_one_line_since_some_caches_heed_only_the_last() {
    for (lines, result) in [
        (vec!["Cookie", "Accept"], "Cookie, Accept"),
        (vec!["Accept", "Origin, Cookie"], "Accept, Origin, Cookie"),
        (vec!["*"], "*"),
        (vec!["Accept", "*"], "*"),
        (vec!["*", "Accept"], "*"),
        (vec!["Accept, *"], "*"),
    ] {
        assert_eq!(vary(&lines).await, [result], "{lines:?}");
    }
}

async fn cache_control(usage: Use, lines: &[&str]) -> Vec<String> {
    let pairs: Vec<_> = lines.iter().map(|line| (CACHE_CONTROL, *line)).collect();
    let answer = answer_with(|b| b, usage, &pairs).await;
    all(&answer, &CACHE_CONTROL)
        .into_iter()
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn an_answer_that_depends_on_a_session_is_private_unless_the_handler_says_otherwise() {
    for (lines, result) in [
        (vec![], "private"),
        (vec![""], "private"),
        (vec!["max-age=60"], "max-age=60, private"),
        (
            vec!["no-cache", "max-age=9"],
            "no-cache, max-age=9, private",
        ),
        (vec!["x-public"], "x-public, private"),
    ] {
        let said = cache_control(Use::Read, &lines).await;
        assert_eq!(said, [result], "{lines:?}");
    }
    for lines in [
        vec!["public, max-age=60"],
        vec!["s-maxage=60", "max-age=1"],
        vec!["Public"],
        vec!["no-store"],
        vec!["Private", "max-age=9"],
    ] {
        assert_eq!(cache_control(Use::Read, &lines).await, lines);
    }
}

#[tokio::test]
async fn an_answer_with_our_cookie_is_not_stored_where_the_handler_said_nothing() {
    assert_eq!(cache_control(Use::Create, &[]).await, ["no-store"]);
}

#[tokio::test]
async fn an_answer_with_our_cookie_is_never_for_shared_caches() {
    for (lines, result) in [
        (vec!["max-age=60"], "max-age=60, private"),
        (vec!["no-cache"], "no-cache, private"),
        (vec!["private, max-age=60"], "private, max-age=60"),
        (vec!["Private"], "Private"),
        (vec!["public"], "private"),
        (vec!["public, max-age=60"], "max-age=60, private"),
        (
            vec!["Public,S-MaxAge=9,max-age=60,immutable"],
            "max-age=60, immutable, private",
        ),
        (
            vec!["s-maxage = 9, must-revalidate"],
            "must-revalidate, private",
        ),
        (
            vec!["public", "s-maxage=9", "max-age=60"],
            "max-age=60, private",
        ),
        (
            vec!["private=\"x-secret\", max-age=60"],
            "private=\"x-secret\", max-age=60, private",
        ),
        (
            vec!["x-public, publicity=1"],
            "x-public, publicity=1, private",
        ),
        (vec!["no-store"], "no-store"),
        (vec!["No-Store, public"], "No-Store"),
        (vec!["no-store", "public, s-maxage=9"], "no-store"),
        (vec![", ,"], "private"),
        (vec![""], "private"),
    ] {
        assert_eq!(
            cache_control(Use::Create, &lines).await,
            [result],
            "{lines:?}"
        );
    }
}

/// What names particular shared caches, and what only looks like it.
const TARGETED: [&str; 8] = [
    "cdn-cache-control",
    "cloudflare-cdn-cache-control",
    "vercel-cdn-cache-control",
    "netlify-cdn-cache-control",
    "x-litespeed-cache-control",
    "surrogate-control",
    "edge-control",
    "x-accel-expires",
];
const OTHERS: [&str; 5] = [
    "cache-control-cdn",
    "surrogate-key",
    "x-accel-buffering",
    "expires",
    "age",
];

async fn kept(
    settings: impl FnOnce(SessionLayerBuilder) -> SessionLayerBuilder,
    usage: Use,
) -> Vec<&'static str> {
    let names = [&TARGETED[..], &OTHERS].concat();
    let pairs: Vec<_> = names
        .iter()
        // A header may have several lines.
        .flat_map(|name| [name, name])
        .map(|name| (HeaderName::from_static(name), "max-age=60"))
        .collect();
    let answer = answer_with(settings, usage, &pairs).await;
    let mut kept = names;
    kept.retain(|name| answer.headers.contains_key(*name));
    kept
}

#[tokio::test]
async fn an_answer_with_our_cookie_says_nothing_to_particular_caches() {
    assert_eq!(kept(|b| b, Use::Create).await, OTHERS);
    let all = [&TARGETED[..], &OTHERS].concat();
    assert_eq!(kept(|b| b.cache_control(false), Use::Create).await, all);
    for usage in [Use::Nothing, Use::Read] {
        assert_eq!(kept(|b| b, usage).await, all);
    }
}

#[tokio::test]
async fn a_removal_and_a_renewal_are_our_cookie_as_well() {
    let (layer, _, clock) = layer();
    let mut browser = Browser::with_n(&layer).await;
    clock.advance(7 * support::DAY);
    let (_, answer) = browser
        .visit(&layer, async |s| s.get_value("n").unwrap())
        .await;
    assert_eq!(answer.header(CACHE_CONTROL), Some("no-store"));
    let ((), answer) = browser.visit(&layer, async |s| s.flush()).await;
    assert_eq!(answer.header(CACHE_CONTROL), Some("no-store"));
    assert_eq!(answer.header(VARY), Some("cookie"));
}

#[tokio::test]
async fn the_switch_turns_only_cache_control_off() {
    for usage in [Use::Read, Use::Create] {
        let answer = answer_with(|b| b.cache_control(false), usage, &[]).await;
        assert_eq!(answer.header(CACHE_CONTROL), None);
        assert_eq!(answer.header(VARY), Some("cookie"));
        let pairs = [(CACHE_CONTROL, "public, s-maxage=9")];
        let answer = answer_with(|b| b.cache_control(false), usage, &pairs).await;
        assert_eq!(answer.header(CACHE_CONTROL), Some("public, s-maxage=9"));
        assert_eq!(
            answer.set_cookies().len(),
            usize::from(usage == Use::Create)
        );
    }
}

#[tokio::test]
async fn an_answer_without_a_session_is_left_as_it_is() {
    let answer = answer_with(|b| b, Use::Nothing, &[]).await;
    assert_eq!(
        (answer.header(VARY), answer.header(CACHE_CONTROL)),
        (None, None)
    );
    let pairs = [(CACHE_CONTROL, "public"), (VARY, "Accept")];
    let answer = answer_with(|b| b, Use::Nothing, &pairs).await;
    assert_eq!(all(&answer, &VARY), ["Accept"]);
    assert_eq!(all(&answer, &CACHE_CONTROL), ["public"]);
}

#[tokio::test]
async fn neither_the_load_nor_the_extraction_is_an_access() {
    async fn extracts(_session: Session, _maybe: Option<Session>) {}
    async fn loads(session: Session) -> Result<(), Error> {
        session.load().await?;
        session.save().await?;
        let _ = (
            session.is_accessed(),
            session.is_modified(),
            format!("{session:?}"),
        );
        Ok(())
    }
    async fn asks(session: Session) -> Result<(), Error> {
        session.contains_key("n").map(drop)
    }
    for load in [sessile::Load::Eager, sessile::Load::OnAccess] {
        let (layer, _, _) = layer_with(|builder| builder.load(load));
        let mut browser = Browser::with_n(&layer).await;
        let app = Router::new()
            .route("/extracts", get(extracts))
            .route("/loads", get(loads))
            .route("/asks", get(asks))
            .layer(layer);
        for path in ["/extracts", "/loads"] {
            let answer = browser.get(&app, path).await;
            assert_eq!(answer.status, 200);
            assert_eq!(
                (answer.header(VARY), answer.header(CACHE_CONTROL)),
                (None, None)
            );
        }
        let answer = browser.get(&app, "/asks").await;
        assert_eq!(answer.header(VARY), Some("cookie"));
        assert_eq!(answer.header(CACHE_CONTROL), Some("private"));
    }
}

#[tokio::test]
async fn a_404_of_the_router_is_nobodys() {
    let (layer, _, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let app = Router::new().route("/", get(async || "")).layer(layer);
    let answer = browser.get(&app, "/missing").await;
    assert_eq!(answer.status, 404);
    assert_eq!(
        (answer.header(VARY), answer.header(CACHE_CONTROL)),
        (None, None)
    );
}
