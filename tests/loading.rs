//! When a session is loaded, how often, and what becomes of a load that fails.

mod support;

use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use axum::{Extension, Router};
use http::{Response, StatusCode, header};
use sessile::store::{MemoryStore, Store};
use sessile::{Error, ErrorKind, Load, Session, SessionLayer};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use support::{Answer, Browser, Fault, TestStore, Verb, layer_with, script, script_with};
use tower::buffer::BufferLayer;
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};

#[track_caller]
fn assert_silent(answer: &Answer, body: &str) {
    assert_eq!((answer.status, &*answer.body), (StatusCode::OK, body));
    assert_eq!(answer.set_cookies(), [""; 0]);
}

#[tokio::test]
async fn an_eager_layer_loads_once_for_every_request_with_a_cookie() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    for path in ["/", "/show", "/load/show/load/insert:a:1/show"] {
        browser.get(&app, path).await;
        assert_eq!(store.calls(), ["get"], "{path}");
    }
}

#[tokio::test]
async fn a_layer_on_access_loads_for_those_who_ask() {
    let (app, store, _) = script_with(|builder| builder.load(Load::OnAccess));
    let mut browser = Browser::with_session(&app, &store, "/load/insert:a:1").await;
    assert_silent(&browser.get(&app, "/").await, "");
    assert_eq!(store.calls(), [""; 0]);
    assert_silent(&browser.get(&app, "/load/show/load").await, "a=1 ");
    assert_eq!(store.calls(), ["get"]);
}

#[tokio::test]
async fn the_extractor_loads_on_access() {
    let (layer, store, _) = layer_with(|builder| builder.load(Load::OnAccess));
    let count = async |session: Session, same: Option<Session>| {
        assert_eq!(session.len()?, same.unwrap().len()?);
        let n = session.update("n", |n: Option<u32>| Some(n.unwrap_or(0) + 1))?;
        Ok::<_, Error>(n.unwrap().to_string())
    };
    let app = Router::new()
        .route("/count", get(count))
        .route("/static", get("not a session in sight"))
        .layer(layer);
    let mut browser = Browser::new();
    assert_eq!(browser.get(&app, "/count").await.body, "1");
    assert_eq!(browser.get(&app, "/count").await.body, "2");
    assert_eq!(store.calls(), ["add", "get", "replace"]);
    browser.get(&app, "/static").await;
    assert_eq!(store.calls(), [""; 0]);
}

#[tokio::test]
async fn no_cookie_and_a_malformed_one_cost_no_call() {
    for load in [Load::Eager, Load::OnAccess] {
        let (app, store, _) = script_with(|builder| builder.load(load));
        let mut browsers = vec![Browser::new()];
        for id in [
            "",
            "short",
            &"A".repeat(42),
            &"A".repeat(44),
            &"B".repeat(43),
        ] {
            browsers.push(Browser::with_cookie("__Host-id", id));
        }
        browsers.push(Browser::with_cookie("__host-id", &"A".repeat(43)));
        for mut browser in browsers {
            assert_silent(&browser.get(&app, "/load/show").await, "");
        }
        assert_eq!(store.calls(), [""; 0]);
    }
}

/// What code sees that runs inside of the inner service's `call`, before the layer can wait.
async fn seen_in_call(store: impl Store, load: Load, cookie: bool) -> Result<usize, ErrorKind> {
    let seen = Arc::new(Mutex::new(None));
    let see = Arc::clone(&seen);
    let service = layer_of(store, load).layer(service_fn(move |request: Request| {
        let session = request.extensions().get::<Session>().unwrap();
        *see.lock().unwrap() = Some(session.len());
        let session = session.clone();
        async move {
            // The next moment it is there.
            session.load().await.unwrap();
            session.insert("a", 1).unwrap();
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }
    }));
    let mut browser = Browser::new();
    assert_eq!(browser.get(&service, "/").await.status, StatusCode::OK);
    if cookie {
        assert!(browser.id().is_some());
        browser.get(&service, "/").await;
    }
    let seen = seen.lock().unwrap().take().unwrap();
    seen.map_err(|error| error.kind())
}

#[tokio::test]
async fn code_inside_a_synchronous_call_finds_nothing_loaded_on_any_store_or_request() {
    for load in [Load::Eager, Load::OnAccess] {
        for cookie in [false, true] {
            let memory = seen_in_call(MemoryStore::new(), load, cookie).await;
            let other = seen_in_call(TestStore::new(), load, cookie).await;
            assert_eq!(memory, Err(ErrorKind::NotLoaded));
            assert_eq!(other, Err(ErrorKind::NotLoaded));
        }
    }
}

/// An app whose service does this inside of its `call`, before the layer can wait.
fn in_call(store: impl Store, load: Load, work: fn(&Session)) -> Router {
    let layer = layer_of(store, load);
    let app = support::scripted(layer.clone());
    let early = layer.layer(service_fn(move |request: Request| {
        let session = request.extensions().get::<Session>().unwrap();
        work(session);
        // The session that is still to be waited for knows of it.
        assert!(session.is_modified() && session.is_accessed());
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    }));
    app.route_service("/early", early)
}

async fn what_a_call_records_counts<S: Store>(store: fn() -> S, load: Load) {
    let ends = in_call(store(), load, Session::flush);
    let mut browser = Browser::new();
    browser.get(&ends, "/load/insert:a:1").await;
    let late = browser.clone();
    browser.get(&ends, "/early").await;
    assert_eq!(browser.id(), None);
    assert_eq!(late.sees(&ends).await, "");

    let rotates = in_call(store(), load, Session::cycle_id);
    let mut browser = Browser::new();
    browser.get(&rotates, "/load/insert:a:1").await;
    let late = browser.clone();
    browser.get(&rotates, "/early").await;
    assert_ne!(browser.id(), late.id());
    assert_eq!(browser.sees(&rotates).await, "a=1");
    assert_eq!(late.sees(&rotates).await, "");
}

#[tokio::test]
async fn what_a_synchronous_call_records_counts_on_any_store() {
    for load in [Load::Eager, Load::OnAccess] {
        what_a_call_records_counts(MemoryStore::new, load).await;
        what_a_call_records_counts(TestStore::new, load).await;
    }
}

async fn a_request_without_a_poll_changes_nothing(store: impl Store) {
    let layer = SessionLayer::new(store);
    let app = support::scripted(layer.clone());
    let mut browser = Browser::new();
    browser.get(&app, "/insert:a:1").await;
    let mut service = layer.layer(service_fn(|request: Request| {
        request.extensions().get::<Session>().unwrap().flush();
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    }));
    drop(service.call(browser.request("GET", "/")));
    assert_eq!(browser.sees(&app).await, "a=1");
}

#[tokio::test]
async fn a_request_that_is_given_up_before_its_first_poll_changes_nothing() {
    a_request_without_a_poll_changes_nothing(MemoryStore::new()).await;
    a_request_without_a_poll_changes_nothing(TestStore::new()).await;
}

/// Counts visits, in a service that starts to work while the layer still loads.
async fn counts<S>(service: S)
where
    S: Service<http::Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
{
    let mut browser = Browser::new();
    for visit in 1..=3 {
        assert_eq!(browser.get(&service, "/").await.body, visit.to_string());
    }
}

async fn count(session: Session) -> Result<String, Error> {
    // In a task of its own.
    let n =
        tokio::spawn(async move { session.update("n", |n: Option<u32>| Some(n.unwrap_or(0) + 1)) });
    Ok(n.await.unwrap()?.unwrap().to_string())
}

fn layer_of(store: impl Store, load: Load) -> SessionLayer {
    SessionLayer::builder(store).load(load).build().unwrap()
}

/// Begins before its call returns, on other threads even.
fn spawning(
    layer: SessionLayer,
) -> impl Service<http::Request<Body>, Response = Response<Body>, Error = Infallible> + Clone {
    layer.layer(service_fn(|request: Request| {
        let running = tokio::spawn(Router::new().fallback(count).oneshot(request));
        async move { running.await.unwrap() }
    }))
}

fn buffered(
    layer: SessionLayer,
) -> impl Service<http::Request<Body>, Response = Response<Body>, Error = Infallible> + Clone {
    ServiceBuilder::new()
        .layer(layer)
        .layer(BufferLayer::new(4))
        .service(Router::new().fallback(count))
        .map_err(|error: tower::BoxError| -> Infallible { panic!("{error}") })
}

#[tokio::test]
async fn an_inner_service_that_starts_at_once_finds_the_session_loaded_once() {
    for load in [Load::Eager, Load::OnAccess] {
        let store = TestStore::new();
        let calls = ["add", "get", "replace", "get", "replace"];
        counts(spawning(layer_of(store.clone(), load))).await;
        assert_eq!(store.calls(), calls);
        counts(buffered(layer_of(store.clone(), load))).await;
        assert_eq!(store.calls(), calls);

        counts(spawning(layer_of(MemoryStore::new(), load))).await;
        counts(buffered(layer_of(MemoryStore::new(), load))).await;
    }
}

/// The session of a request with this cookie, whose layer has not loaded it.
async fn unloaded(layer: &SessionLayer, browser: &Browser) -> Session {
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let service = layer.layer(service_fn(move |request: Request| {
        *keep.lock().unwrap() = request.extensions().get::<Session>().cloned();
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    }));
    service.oneshot(browser.request("GET", "/")).await.unwrap();
    kept.lock().unwrap().take().unwrap()
}

#[tokio::test]
async fn a_load_that_several_wait_for_happens_once_and_goes_on_without_who_began_it() {
    let (layer, store, _) = layer_with(|builder| builder.load(Load::OnAccess));
    let app = support::scripted(layer.clone());
    let browser = Browser::with_session(&app, &store, "/load/insert:a:1").await;
    let session = unloaded(&layer, &browser).await;
    assert_eq!(store.calls(), [""; 0]);

    let gate = store.gate_next("get");
    let mut first = tokio_test::task::spawn(session.load());
    let mut second = tokio_test::task::spawn(session.load());
    let mut third = tokio_test::task::spawn(session.load());
    assert!(first.poll().is_pending());
    assert!(second.poll().is_pending());
    assert!(third.poll().is_pending());
    drop(first);
    gate.open();
    assert!(second.is_woken() && third.is_woken());
    assert!(third.poll().is_ready());
    assert!(second.poll().is_ready());
    assert_eq!(session.get::<i64>("a").unwrap(), Some(1));
    assert_eq!(store.calls(), ["get"]);
}

#[tokio::test]
async fn a_load_that_everybody_left_is_dropped() {
    for load in [Load::Eager, Load::OnAccess] {
        let (app, store, _) = script_with(|builder| builder.load(load));
        let browser = Browser::with_session(&app, &store, "/load/insert:a:1").await;
        let call = Arc::new(());
        let held = Arc::clone(&call);
        store.before_next(Verb::Get, async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        let request = app.clone().oneshot(browser.request("GET", "/load"));
        let mut request = tokio_test::task::spawn(request);
        assert!(request.poll().is_pending());
        assert_eq!(store.calls(), ["get"]);
        // The test has it, and the call to the store.
        assert_eq!(Arc::strong_count(&call), 2);
        drop(request);
        assert_eq!(Arc::strong_count(&call), 1);
    }
}

#[tokio::test]
async fn a_load_that_failed_is_an_error_for_who_reads_or_changes_and_for_nobody_else() {
    for (fault, kind) in [
        (Fault::Unavailable, "[Unavailable]"),
        (Fault::Lost, "[Unavailable]"),
    ] {
        let (app, store, _) = script();
        let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
        for path in ["/show", "/insert:a:2", "/increment:a", "/remove:a", "/load"] {
            store.fail_next("get", fault);
            let answer = browser.clone().get(&app, path).await;
            assert_eq!((answer.status.as_u16(), &*answer.body), (503, kind));
            assert_eq!(answer.set_cookies(), [""; 0]);
        }
        store.fail_next("get", fault);
        assert_silent(&browser.clone().get(&app, "/").await, "");
        assert_eq!(store.calls(), ["get"; 6]);
        assert_eq!(browser.sees(&app).await, "a=1");
    }
}

#[tokio::test]
async fn the_extractor_answers_503_where_the_load_failed() {
    for load in [Load::Eager, Load::OnAccess] {
        let (layer, store, _) = layer_with(|builder| builder.load(load));
        let app = Router::new()
            .route("/session", get(async |_: Session| "reached"))
            .route("/option", get(async |_: Option<Session>| "reached"))
            .route("/logout", get(async |session: Session| session.flush()))
            .route("/none", get("reached"))
            .layer(layer);
        let mut browser = Browser::with_cookie("__Host-id", &"A".repeat(43));
        store.fail_all(Fault::Unavailable);
        for path in ["/session", "/option", "/logout"] {
            let answer = browser.get(&app, path).await;
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(answer.set_cookies(), [""; 0]);
            assert_eq!(store.calls(), ["get"]);
        }
        assert_silent(&browser.get(&app, "/none").await, "reached");
    }
}

#[tokio::test]
async fn a_flush_after_a_failed_load_is_503_while_the_store_is_gone() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    store.fail_all(Fault::Unavailable);
    let answer = browser.get(&app, "/flush").await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (503, "Unavailable")
    );
    assert_eq!(answer.set_cookies(), [""; 0]);
    assert_eq!(store.calls(), ["get", "delete", "delete"]);
    store.restore();
    assert_eq!(browser.sees(&app).await, "a=1");
}

#[tokio::test]
async fn of_several_cookies_a_loaded_one_beats_a_retired_one_and_that_an_unknown_one() {
    let (app, store, _) = script();
    let retired = Browser::with_session(&app, &store, "/insert:a:1").await;
    let mut living = retired.clone();
    living.get(&app, "/cycle").await;
    let unknown = Browser::with_cookie("__Host-id", &"A".repeat(43));
    let (l, r, u) = (living.id(), retired.id(), unknown.id());
    store.calls();

    for (ids, status, body, calls) in [
        (&[l, r, u][..], 200, "a=1 ", 1),
        (&[u, l], 200, "a=1 ", 2),
        (&[r, u, l], 200, "a=1 ", 3),
        // Only three count.
        (&[u, u, u, l], 200, "", 3),
        (&[u, u], 200, "", 2),
        (&[r, u], 400, "[Interrupted]", 2),
        (&[u, r], 400, "[Interrupted]", 2),
    ] {
        let path = if status == 200 {
            "/show"
        } else {
            "/insert:b:2/save"
        };
        let answer = with_ids(&app, path, ids).await;
        let expected = if status == 200 { body } else { "Interrupted" };
        assert_eq!((answer.status.as_u16(), &*answer.body), (status, expected));
        assert_eq!(store.calls(), vec!["get"; calls]);
    }
}

#[tokio::test]
async fn of_several_cookies_none_is_looked_up_after_an_error() {
    let (app, store, _) = script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let unknown = Browser::with_cookie("__Host-id", &"A".repeat(43));
    store.fail_next("get", Fault::Unavailable);
    let answer = with_ids(&app, "/show", &[unknown.id(), browser.id()]).await;
    assert_eq!(
        (answer.status.as_u16(), &*answer.body),
        (503, "[Unavailable]")
    );
    assert_eq!(store.calls(), ["get"]);
}

async fn with_ids(app: &Router, path: &str, ids: &[Option<&str>]) -> Answer {
    let mut request = Browser::new().request("GET", path);
    for id in ids {
        // A line each: they are one list.
        let pair = format!("__Host-id={}", id.unwrap()).parse().unwrap();
        request.headers_mut().append(header::COOKIE, pair);
    }
    Browser::new().send(app, request).await
}

#[tokio::test]
async fn a_handler_without_the_extractor_finds_the_session_in_the_extensions() {
    let (layer, _, _) = layer_with(|builder| builder);
    let app = Router::new()
        .fallback(async |Extension(session): Extension<Session>| session.insert("a", 1))
        .layer(layer);
    let mut browser = Browser::new();
    assert_eq!(browser.get(&app, "/").await.status, StatusCode::OK);
    assert!(browser.id().is_some());
}
