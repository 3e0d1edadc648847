//! The session as an argument of an axum handler, and errors as its answer.

mod support;

use axum::Router;
use axum::routing::get;
use futures_executor::block_on;
use http::header;
use sessile::{Error, ErrorKind, Load, Session};
use support::{Browser, Fault, TestStore, layer, layer_with};

async fn user(session: Session) -> Result<String, Error> {
    Ok(session.get("user")?.unwrap_or_else(|| "nobody".to_owned()))
}

async fn perhaps(session: Option<Session>) -> Result<String, Error> {
    match session {
        Some(session) => user(session).await,
        None => Ok("no layer".to_owned()),
    }
}

async fn login(session: Session) -> Result<(), Error> {
    // Also where what was there cannot be read.
    session.flush();
    session.insert("user", "alice")
}

fn routes() -> Router {
    Router::new()
        .route("/", get(user))
        .route("/perhaps", get(perhaps))
        .route("/login", get(login))
        .route(
            "/logout",
            get(|session: Session| async move { session.flush() }),
        )
        .route("/take", get(|_: Session| async { "taken" }))
        .route("/static", get(|| async { "static" }))
}

/// A browser with a session, and what it talks to.
fn logged_in() -> (Browser, Router, TestStore) {
    let (layer, store, _) = layer();
    let app = routes().layer(layer);
    let mut browser = Browser::new();
    assert_eq!(block_on(browser.get(&app, "/login")).status, 200);
    store.calls();
    (browser, app, store)
}

#[test]
fn a_missing_layer_is_rejected_with_what_to_add() {
    let answer = block_on(Browser::new().get(&routes(), "/"));
    assert_eq!(answer.status, 500);
    assert_eq!(
        answer.body,
        "there is no session layer: add `.layer(SessionLayer::new(store))` to the router, below this \
         route"
    );
}

#[test]
fn a_layer_that_was_added_above_the_route_does_not_count() {
    let (layer, ..) = layer();
    let app = Router::new()
        .route("/above", get(user))
        .layer(layer)
        .route("/below", get(perhaps));
    assert_eq!(block_on(Browser::new().get(&app, "/above")).body, "nobody");
    assert_eq!(
        block_on(Browser::new().get(&app, "/below")).body,
        "no layer"
    );
}

#[test]
fn an_optional_session_is_none_only_where_the_layer_is_missing() {
    assert_eq!(
        block_on(Browser::new().get(&routes(), "/perhaps")).body,
        "no layer"
    );

    let (mut browser, app, store) = logged_in();
    assert_eq!(
        block_on(Browser::new().get(&app, "/perhaps")).body,
        "nobody"
    );
    assert_eq!(block_on(browser.get(&app, "/perhaps")).body, "alice");

    store.fail_all(Fault::Unavailable);
    let answer = block_on(browser.get(&app, "/perhaps"));
    assert_eq!(answer.status, 503);
    assert_ne!(answer.body, "no layer");
    store.restore();

    store.tamper("damaged");
    let answer = block_on(browser.get(&app, "/perhaps"));
    assert_eq!(answer.status, 500);
    assert_ne!(answer.body, "no layer");
}

#[test]
fn a_store_that_fails_is_a_503_that_leaves_the_cookie_alone() {
    let (mut browser, app, store) = logged_in();
    for fault in [Fault::Unavailable, Fault::Lost] {
        store.fail_all(fault);
        for path in ["/", "/perhaps", "/take", "/logout"] {
            let answer = block_on(browser.get(&app, path));
            assert_eq!(answer.status, 503, "{path}");
            assert_eq!(
                answer.body,
                "Sessions are not available right now. Please try again later."
            );
            assert_eq!(answer.header(header::CACHE_CONTROL), Some("no-store"));
            assert_eq!(answer.header(header::VARY), Some("cookie"));
            assert!(answer.set_cookies().is_empty(), "{path}");
        }
        let answer = block_on(browser.get(&app, "/static"));
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, "static"));
    }
    store.restore();
    assert_eq!(block_on(browser.get(&app, "/")).body, "alice");
}

#[test]
fn an_error_of_a_handler_has_the_status_of_its_kind() {
    const KINDS: [(ErrorKind, u16); 16] = [
        (ErrorKind::NotLoaded, 500),
        (ErrorKind::Unavailable, 503),
        (ErrorKind::TimedOut, 503),
        (ErrorKind::Unknown, 503),
        (ErrorKind::Interrupted, 400),
        (ErrorKind::Expired, 400),
        (ErrorKind::Stale, 409),
        (ErrorKind::Conflict, 500),
        (ErrorKind::TooLarge, 500),
        (ErrorKind::Undecodable, 500),
        (ErrorKind::Decode, 500),
        (ErrorKind::Encode, 500),
        (ErrorKind::CreationFailed, 503),
        (ErrorKind::StoreFull, 503),
        (ErrorKind::ResponseSent, 500),
        (ErrorKind::NoRuntime, 500),
    ];
    for (kind, status) in KINDS {
        let app = Router::new().route(
            "/",
            get(move || async move { Err::<(), Error>(kind.into()) }),
        );
        let answer = block_on(Browser::new().get(&app, "/"));
        assert_eq!(answer.status, status, "{kind:?}");
        let text = match status {
            400 => "The session has ended. Please try again.",
            409 => "This has changed meanwhile. Please have another look and try again.",
            503 => "Sessions are not available right now. Please try again later.",
            _ => "The session could not be processed.",
        };
        assert_eq!(answer.body, text);
        assert_eq!(
            answer.header(header::CONTENT_TYPE),
            Some("text/plain; charset=utf-8")
        );
        assert_eq!(answer.header(header::CACHE_CONTROL), Some("no-store"));
        assert_eq!(answer.header(header::VARY), Some("cookie"));
    }
}

#[test]
fn a_handler_that_asks_for_another_type_answers_500_and_spoils_no_other_key() {
    async fn mistaken(session: Session) -> Result<(), Error> {
        session.insert("mine", 1)?;
        session.get::<u32>("user")?;
        Ok(())
    }
    let (layer, store, _) = layer();
    let app = routes().route("/mistaken", get(mistaken)).layer(layer);
    let mut browser = Browser::new();
    block_on(browser.get(&app, "/login"));
    let record = store.record();

    let answer = block_on(browser.get(&app, "/mistaken"));
    assert_eq!(answer.status, 500);
    assert_eq!(answer.body, "The session could not be processed.");
    assert_eq!(store.record(), record);
    assert_eq!(block_on(browser.get(&app, "/")).body, "alice");
}

#[test]
fn where_the_record_cannot_be_read_one_can_still_log_in_and_out() {
    let (mut browser, app, store) = logged_in();
    let first = browser.id().unwrap().to_owned();
    store.tamper("damaged");
    let answer = block_on(browser.get(&app, "/"));
    assert_eq!(
        (answer.status.as_u16(), answer.set_cookies().len()),
        (500, 0)
    );
    // The extractor alone takes no offence.
    assert_eq!(block_on(browser.get(&app, "/take")).body, "taken");
    assert_eq!(&store.record()[..], b"damaged");

    assert_eq!(block_on(browser.get(&app, "/login")).status, 200);
    assert_ne!(browser.id().unwrap(), first);
    assert_eq!(block_on(browser.get(&app, "/")).body, "alice");
    assert_eq!(store.len(), 1);

    store.tamper("damaged");
    assert_eq!(block_on(browser.get(&app, "/logout")).status, 200);
    assert_eq!((browser.id(), store.len()), (None, 0));
}

#[test]
fn on_access_the_extractor_loads_and_a_route_without_it_calls_nothing() {
    let (layer, store, _) = layer_with(|builder| builder.load(Load::OnAccess));
    let app = routes().layer(layer);
    let mut browser = Browser::new();
    block_on(browser.get(&app, "/login"));
    store.calls();

    assert_eq!(block_on(browser.get(&app, "/static")).body, "static");
    assert!(store.calls().is_empty());
    for path in ["/", "/perhaps"] {
        assert_eq!(block_on(browser.get(&app, path)).body, "alice");
        assert_eq!(store.calls(), ["get"]);
    }
    store.fail_all(Fault::Unavailable);
    assert_eq!(block_on(browser.get(&app, "/static")).body, "static");
    for path in ["/", "/perhaps", "/take"] {
        assert_eq!(block_on(browser.get(&app, path)).status, 503);
    }
}

#[tokio::test]
async fn a_recent_login_is_asked_for_in_a_handlers_signature() {
    use sessile::{RecentLogin, RecentLoginRejection};
    let (layer, _, clock) = support::layer();
    let app = Router::new()
        .route(
            "/login",
            get(|session: Session| async move { session.renew_for("alice").unwrap() }),
        )
        .route(
            "/pay",
            get(|RecentLogin(session): RecentLogin<10>| async move {
                assert!(session.belongs_to("alice").unwrap());
                "paid"
            }),
        )
        .route(
            "/ask",
            get(
                |login: Result<RecentLogin<10>, RecentLoginRejection>| async move {
                    match login {
                        Ok(_) => "known",
                        Err(RecentLoginRejection::TooLongAgo) => "the password, please",
                        Err(_) => "no session",
                    }
                },
            ),
        );
    let without_layer = Browser::new().get(&app, "/pay").await;
    assert_eq!(without_layer.status, 500);
    let app = app.layer(layer);
    let mut browser = Browser::new();
    assert_eq!(browser.get(&app, "/pay").await.status, 403);
    browser.get(&app, "/login").await;
    assert_eq!(browser.get(&app, "/pay").await.body, "paid");
    clock.advance(std::time::Duration::from_secs(10 * 60));
    let answer = browser.get(&app, "/pay").await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (403, "Please log in again to do this.")
    );
    assert_eq!(answer.headers["vary"], "cookie");
    assert_eq!(browser.get(&app, "/ask").await.body, "the password, please");
    browser.get(&app, "/login").await;
    assert_eq!(browser.get(&app, "/ask").await.body, "known");
}
