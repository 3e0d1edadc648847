//! The layer among others, around all kinds of services and bodies.

mod support;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::handler::Handler as _;
use axum::routing::{get, post};
use bytes::Bytes;
use futures_executor::block_on;
use http::{Request, Response, StatusCode, header};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, Full};
use sessile::{Error, ResponseBody, Session, SessionLayer};
use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use support::{Answer, Browser, TestStore, layer};
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};
use tower_http::compression::CompressionLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::{ResponseBodyTimeoutLayer, TimeoutLayer};
use tower_http::trace::TraceLayer;

const TEXT: &str =
    "a text that is long enough to be worth a compression, a text that is long enough";

async fn count(session: Session) -> Result<String, Error> {
    let count = session.update("count", |count| Some(count.unwrap_or(0) + 1))?;
    Ok(format!("{} {TEXT}", count.unwrap_or(0)))
}

async fn echo(session: Session, body: Bytes) -> Result<Bytes, Error> {
    session.insert("length", body.len())?;
    Ok(body)
}

/// The session is gone when it is to be written.
async fn interrupted(session: Session, store: TestStore) -> Result<&'static str, Error> {
    session.insert("other", 1)?;
    store.evict_all();
    Ok(TEXT)
}

fn routes(store: TestStore) -> Router {
    Router::new()
        .route("/", get(count))
        .route("/echo", post(echo))
        .route(
            "/interrupted",
            get(|session: Session| interrupted(session, store)),
        )
}

const fn timeout() -> Duration {
    Duration::from_secs(60)
}

/// What every order of the layers has to do.
async fn check(app: Router) {
    let mut browser = Browser::new();
    for round in 1..=2 {
        let answer = browser.get(&app, "/").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, format!("{round} {TEXT}"));
        assert_eq!(answer.set_cookies().len(), 2 - round);
    }
    let mut request = browser.request("GET", "/");
    let gzip = header::HeaderValue::from_static("gzip");
    request.headers_mut().insert(header::ACCEPT_ENCODING, gzip);
    let response = app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert_eq!(body[..2], [0x1f, 0x8b]);

    for (length, status) in [(100, 200), (2000, 413)] {
        let mut request = browser.request("POST", "/echo");
        *request.body_mut() = "x".repeat(length).into();
        let answer = browser.send(&app, request).await;
        assert_eq!(answer.status, status);
    }
    let answer = browser.get(&app, "/interrupted").await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body, "The session has ended. Please try again.");
    let answer = browser.get(&app, "/").await;
    assert_eq!(answer.body, format!("1 {TEXT}"));
}

#[tokio::test]
async fn tower_http_layers_stand_inside_of_the_layer() {
    let (sessions, store, _) = layer();
    let stack = ServiceBuilder::new()
        .layer(sessions)
        .layer(TraceLayer::new_for_http())
        .layer(CompressionLayer::new())
        .layer(ResponseBodyTimeoutLayer::new(timeout()))
        .layer(RequestBodyLimitLayer::new(1000))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            timeout(),
        ));
    check(routes(store).layer(stack)).await;
}

#[tokio::test]
async fn tower_http_layers_stand_around_the_layer() {
    let (sessions, store, _) = layer();
    let stack = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(CompressionLayer::new())
        .layer(ResponseBodyTimeoutLayer::new(timeout()))
        .layer(RequestBodyLimitLayer::new(1000))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::REQUEST_TIMEOUT,
            timeout(),
        ))
        .layer(sessions);
    check(routes(store).layer(stack)).await;
}

#[tokio::test]
async fn tower_http_layers_stand_on_both_sides_of_the_layer() {
    let (sessions, store, _) = layer();
    let stack = ServiceBuilder::new()
        .layer(ResponseBodyTimeoutLayer::new(timeout()))
        .layer(RequestBodyLimitLayer::new(1000))
        .layer(sessions)
        .layer(CompressionLayer::new())
        .layer(TraceLayer::new_for_http());
    check(routes(store).layer(stack)).await;
}

#[test]
fn the_layer_goes_around_one_route_all_routes_or_nested_ones() {
    async fn see(session: Option<Session>) -> String {
        session.map_or("none", |_| "some").to_owned()
    }
    let (sessions, ..) = layer();
    let all = || Router::new().route("/", get(see));
    let app = Router::new()
        .route("/method", get(see).layer(sessions.clone()))
        .route("/handler", get(see.layer(sessions.clone())))
        .nest("/routes", all().route_layer(sessions.clone()))
        .nest("/nested", all().layer(sessions.clone()))
        .nest_service("/service", sessions.layer(all()))
        .merge(Router::new().route("/merged", get(see)).layer(sessions))
        .route("/outside", get(see));
    for path in [
        "/method", "/handler", "/routes", "/nested", "/service", "/merged",
    ] {
        assert_eq!(
            block_on(Browser::new().get(&app, path)).body,
            "some",
            "{path}"
        );
    }
    assert_eq!(block_on(Browser::new().get(&app, "/outside")).body, "none");
}

#[test]
fn a_fallback_below_the_layer_has_a_session_and_a_route_layer_leaves_it_alone() {
    let (sessions, store, _) = layer();
    let app = routes(store.clone())
        .fallback(count)
        .layer(sessions.clone());
    let mut browser = Browser::new();
    assert_eq!(block_on(browser.get(&app, "/nowhere")).status, 200);
    store.calls();

    let app = routes(store.clone()).route_layer(sessions);
    assert_eq!(block_on(browser.get(&app, "/nowhere")).status, 404);
    assert!(store.calls().is_empty());
}

/// A body of one's own, with an error of one's own.
struct Piece(Option<&'static str>);

#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

impl http_body::Body for Piece {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        Poll::Ready(self.0.take().map(|text| Ok(Frame::data(text.into()))))
    }
}

/// A request with this body, to a plain service that answers with that one.
fn plain<In, Out>(request: In, response: Out) -> Answer
where
    Out: http_body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    Out: Send + 'static,
{
    let (sessions, store, _) = layer();
    let response = Cell::new(Some(response));
    let service = sessions.layer(service_fn(|request: Request<In>| {
        let session = request.extensions().get::<Session>().unwrap().clone();
        let response = Response::new(response.take().unwrap());
        async move {
            session.insert("count", 1).unwrap();
            Ok::<_, Infallible>(response)
        }
    }));
    let response = block_on(service.oneshot(Request::new(request))).unwrap();
    assert_eq!(store.calls(), ["add"]);
    block_on(Browser::read(response.map(Body::new)))
}

#[test]
fn a_plain_service_may_have_any_request_and_any_response_body() {
    let not_send = Rc::new(Cell::new(1));
    for answer in [
        plain((), Full::from(TEXT)),
        plain(String::new(), TEXT.to_owned()),
        plain(not_send, Piece(Some(TEXT))),
        plain(Full::<Bytes>::default(), Body::from(TEXT)),
        plain(Body::empty(), Full::from(TEXT).boxed()),
        plain([0_u8; 4], Full::from(TEXT).boxed_unsync()),
    ] {
        assert_eq!((answer.status.as_u16(), &*answer.body), (200, TEXT));
        assert_eq!(answer.set_cookies().len(), 1);
    }
}

#[test]
fn the_inner_service_need_be_neither_clone_nor_static_nor_sync() {
    struct Borrowing<'a>(&'a Cell<u32>);

    impl Service<Request<()>> for Borrowing<'_> {
        type Response = Response<String>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Response<String>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            self.0.set(self.0.get() + 1);
            std::future::ready(Ok(Response::default()))
        }
    }

    let hits = Cell::new(0);
    let (sessions, ..) = layer();
    let mut service = sessions.layer(Borrowing(&hits));
    for _ in 0..2 {
        block_on(service.ready()).unwrap();
        block_on(service.call(Request::new(()))).unwrap();
    }
    assert_eq!(hits.get(), 2);
}

#[test]
fn the_length_of_a_body_stays_known() {
    fn length<B>(sessions: &SessionLayer, body: B) -> Option<u64>
    where
        B: http_body::Body<Data = Bytes, Error = Infallible> + Clone + Send + 'static,
    {
        let service = sessions.layer(service_fn(|_: Request<()>| async {
            Ok::<_, Infallible>(Response::new(body.clone()))
        }));
        let response = block_on(service.oneshot(Request::new(()))).unwrap();
        response.body().size_hint().exact()
    }
    let (sessions, ..) = layer();
    assert_eq!(length(&sessions, Full::from("four")), Some(4));
    assert_eq!(length(&sessions, "four".to_owned()), Some(4));
}

#[test]
fn a_body_of_axum_goes_through_without_another_box() {
    /// What one request through the layer allocates.
    fn allocations<B: ResponseBody>(sessions: &SessionLayer, body: B) -> u64 {
        let response = Cell::new(Some(Response::new(body)));
        let service = sessions.layer(service_fn(|_: Request<()>| {
            std::future::ready(Ok::<_, Infallible>(response.take().unwrap()))
        }));
        let request = Request::new(());
        let used = allocation_counter::measure(|| {
            drop(block_on(service.oneshot(request)).unwrap());
        });
        used.count_total
    }
    let (sessions, ..) = layer();
    // Measured once before, since a thread's first use of an executor allocates.
    allocations(&sessions, Body::from(TEXT));
    let of_axum = allocations(&sessions, Body::from(TEXT));
    let of_another = allocations(&sessions, Full::<Bytes>::from(TEXT));
    // The one box that makes it axum's.
    assert_eq!(of_another, of_axum + 1);
    // The session, and its place in the extensions.
    assert!(of_axum <= 4, "{of_axum}");

    let body = Body::from(TEXT);
    let used = allocation_counter::measure(|| drop(body.keep()));
    assert_eq!(used.count_total, 0);
}
