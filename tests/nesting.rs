//! Several layers: one inside the other, or side by side.

mod support;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use futures_executor::block_on;
use http::StatusCode;
use sessile::store::MemoryStore;
use sessile::{Error, Session, SessionLayer};
use std::sync::Arc;
use support::{Browser, TestStore, layer_with};

/// Counts in the session that is at hand here.
fn count(session: &Session) -> Result<u32, Error> {
    let count = session.update("count", |count| Some(count.unwrap_or(0) + 1))?;
    Ok(count.unwrap())
}

/// The names of the cookies that an answer sets.
fn named(layer: &str) -> (SessionLayer, TestStore) {
    let (layer, store, _) = layer_with(|builder| builder.cookie_name(layer));
    (layer, store)
}

async fn handler(session: Session) -> Result<String, Error> {
    Ok(format!("handler {}", count(&session)?))
}

/// A middleware that counts in the session of the layer around it, and says so in a header.
async fn between(session: Session, request: Request, next: Next) -> Result<Response, Error> {
    let seen = count(&session)?;
    let mut response = next.run(request).await;
    response.headers_mut().append("between", seen.into());
    Ok(response)
}

#[test]
fn two_layers_with_different_cookies_both_work_and_commit() {
    let ((outer, outer_store), (inner, inner_store)) = (named("outer"), named("inner"));
    let app = Router::new()
        .route("/", get(handler))
        .layer(inner)
        .layer(from_fn(between))
        .layer(outer);
    let mut browser = Browser::new();
    let answer = block_on(browser.get(&app, "/"));
    assert_eq!(
        (&*answer.body, &answer.headers["between"]),
        ("handler 1", &"1".parse().unwrap())
    );
    assert_eq!(
        browser.cookie_names().collect::<Vec<_>>(),
        ["inner", "outer"]
    );
    assert_eq!(answer.set_cookies().len(), 2);
    assert_eq!(
        (outer_store.calls(), inner_store.calls()),
        (vec!["add"], vec!["add"])
    );

    // Each has its own data: one that loses its cookie begins anew, the other goes on.
    browser.remove_cookie("inner");
    let answer = block_on(browser.get(&app, "/"));
    assert_eq!(
        (&*answer.body, &answer.headers["between"]),
        ("handler 1", &"2".parse().unwrap())
    );
    assert_eq!(outer_store.calls(), ["get", "replace"]);
    assert_eq!(inner_store.calls(), ["add"]);
}

#[test]
fn of_two_layers_with_one_cookie_the_outer_one_commits() {
    let ((outer, outer_store), (inner, inner_store)) = (named("id"), named("id"));
    let app = Router::new()
        .route("/", get(handler))
        .route(
            "/logout",
            get(|session: Session| async move { session.flush() }),
        )
        .layer(inner)
        .layer(from_fn(between))
        .layer(outer);
    let mut browser = Browser::new();
    let answer = block_on(browser.get(&app, "/"));
    assert_eq!(
        (&*answer.body, &answer.headers["between"]),
        ("handler 2", &"1".parse().unwrap())
    );
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(outer_store.calls(), ["add"]);

    let answer = block_on(browser.get(&app, "/"));
    assert_eq!(
        (&*answer.body, &answer.headers["between"]),
        ("handler 4", &"3".parse().unwrap())
    );
    assert_eq!(answer.set_cookies().len(), 0);
    assert_eq!(outer_store.calls(), ["get", "replace"]);

    let answer = block_on(browser.get(&app, "/logout"));
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(outer_store.calls(), ["get", "delete"]);
    assert_eq!(browser.header(), None);
    assert!(inner_store.calls().is_empty());
}

#[test]
fn the_outer_of_two_layers_with_one_cookie_judges_the_status_that_leaves() {
    async fn fail(request: Request, next: Next) -> Response {
        let mut response = next.run(request).await;
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        response
    }
    let ((outer, store), (inner, _)) = (named("id"), named("id"));
    let app = Router::new()
        .route("/", get(handler))
        .layer(inner)
        .layer(from_fn(fail))
        .layer(outer);
    let answer = block_on(Browser::new().get(&app, "/"));
    assert_eq!(
        (answer.status, &*answer.body),
        (StatusCode::BAD_GATEWAY, "handler 1")
    );
    assert!(answer.set_cookies().is_empty() && store.calls().is_empty());
}

#[test]
fn a_layer_finds_its_cookie_also_beyond_another_layer() {
    let ((first, first_store), (middle, middle_store), (last, last_store)) =
        (named("a"), named("b"), named("a"));
    let app = Router::new()
        .route("/", get(handler))
        .layer(last)
        .layer(from_fn(between))
        .layer(middle)
        .layer(from_fn(between))
        .layer(first);
    let mut browser = Browser::new();
    for (round, first_verbs) in [(1, vec!["add"]), (2, vec!["get", "replace"])] {
        let answer = block_on(browser.get(&app, "/"));
        // The handler and the outer middleware share a session.
        assert_eq!(answer.body, format!("handler {}", 2 * round));
        let between: Vec<_> = answer.headers.get_all("between").iter().collect();
        assert_eq!(
            between,
            [&*round.to_string(), &*(2 * round - 1).to_string()]
        );
        assert_eq!(answer.set_cookies().len(), if round == 1 { 2 } else { 0 });
        assert_eq!(first_store.calls(), first_verbs);
        assert_eq!(middle_store.calls(), first_verbs);
        assert!(last_store.calls().is_empty());
    }
}

#[test]
fn two_apps_with_two_configurations_live_in_one_router() {
    let store = TestStore::new();
    let shop = SessionLayer::builder(store.clone())
        .cookie_name("shop")
        .cookie_path("/shop")
        .build()
        .unwrap();
    let admin = SessionLayer::builder(store.clone())
        .cookie_name("__Secure-admin")
        .cookie_path("/admin")
        .cookie_persistent(false)
        .build()
        .unwrap();
    let routes = || {
        Router::new().route("/count", get(handler)).route(
            "/logout",
            get(|session: Session| async move { session.flush() }),
        )
    };
    let app = Router::new()
        .nest("/shop", routes().layer(shop))
        .nest("/admin", routes().layer(admin));

    let mut browser = Browser::new();
    let answer = block_on(browser.get(&app, "/shop/count"));
    assert!(answer.set_cookies()[0].contains("; Path=/shop"));
    assert!(answer.set_cookies()[0].contains("; Max-Age=1209600"));
    let answer = block_on(browser.get(&app, "/admin/count"));
    assert!(answer.set_cookies()[0].contains("; Path=/admin"));
    assert!(!answer.set_cookies()[0].contains("Max-Age"));
    assert_eq!((answer.set_cookies().len(), store.len()), (1, 2));
    // This browser sends both cookies everywhere.
    assert_eq!(block_on(browser.get(&app, "/shop/count")).body, "handler 2");

    let answer = block_on(browser.get(&app, "/admin/logout"));
    assert_eq!(answer.set_cookies().len(), 1);
    assert!(answer.set_cookies()[0].starts_with("__Secure-admin=;"));
    assert!(answer.set_cookies()[0].contains("; Path=/admin"));
    assert_eq!(block_on(browser.get(&app, "/shop/count")).body, "handler 3");
    assert_eq!(
        block_on(browser.get(&app, "/admin/count")).body,
        "handler 1"
    );
}

#[test]
fn an_id_is_void_under_another_cookie_or_application() {
    let store = TestStore::new();
    let app = |cookie: &str, application: &str| {
        let layer = SessionLayer::builder(store.clone())
            .cookie_name(cookie)
            .application(application)
            .build()
            .unwrap();
        Router::new()
            .route("/", get(handler))
            .route(
                "/logout",
                get(|session: Session| async move { session.flush() }),
            )
            .layer(layer)
    };
    let home = app("id", "shop");
    let mut browser = Browser::new();
    block_on(browser.get(&home, "/"));
    let id = browser.cookie("id").unwrap().to_owned();

    // Also where name and label together make the same text.
    for (cookie, application) in [
        ("id", ""),
        ("id", "shop2"),
        ("ids", "hop"),
        ("other", "shop"),
    ] {
        let away = app(cookie, application);
        let mut stranger = Browser::with_cookie(cookie, &id);
        block_on(stranger.get(&away, "/logout"));
        let mut stranger = Browser::with_cookie(cookie, &id);
        assert_eq!(block_on(stranger.get(&away, "/")).body, "handler 1");
        assert_ne!(stranger.cookie(cookie).unwrap()[..21], id[..21]);
    }
    assert_eq!(block_on(browser.get(&home, "/")).body, "handler 2");
    assert_eq!(
        block_on(browser.get(&app("id", "shop"), "/")).body,
        "handler 3"
    );
}

#[test]
fn two_layers_share_one_memory_store() {
    let store = Arc::new(MemoryStore::new());
    let layer = |cookie: &str| {
        SessionLayer::builder(Arc::clone(&store))
            .cookie_name(cookie)
            .build()
            .unwrap()
    };
    let app = Router::new()
        .route("/inner", get(handler))
        .layer(layer("inner"))
        .layer(from_fn(between))
        .route("/outer", get(handler))
        .layer(layer("outer"));
    let mut browser = Browser::new();
    assert_eq!(block_on(browser.get(&app, "/inner")).body, "handler 1");
    assert_eq!(store.len(), 2);
    // The same session, by the same layer over another service.
    assert_eq!(block_on(browser.get(&app, "/outer")).body, "handler 2");
    assert_eq!(store.len(), 2);
    assert_eq!(block_on(browser.get(&app, "/inner")).body, "handler 2");
}
