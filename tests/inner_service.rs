//! What the layer asks of the service inside: nothing but to be one.

mod support;

use axum::body::Body;
use http::{Request, Response};
use http_body_util::Full;
use sessile::{ErrorKind, Session};
use std::cell::Cell;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use support::{Browser, layer, scripted};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

/// Neither `Clone` nor `'static` nor `Send` nor `Sync`, with futures of the same kind.
struct Counter<'a> {
    calls: &'a Cell<u32>,
    ready: Rc<Cell<Poll<Result<(), &'static str>>>>,
}

impl<'a, B> Service<Request<B>> for Counter<'a> {
    type Response = Response<Full<bytes::Bytes>>;
    type Error = &'static str;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, &'static str>> + 'a>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        self.ready.get()
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let session = request.extensions().get::<Session>().unwrap().clone();
        let calls = self.calls;
        Box::pin(async move {
            calls.set(calls.get() + 1);
            let count = session.update("n", |n: Option<u32>| Some(n.unwrap_or(0) + 1));
            let count = count.unwrap().unwrap().to_string();
            Ok(Response::new(Full::from(count)))
        })
    }
}

#[tokio::test]
async fn the_inner_service_need_not_be_clone_nor_static_nor_send_nor_sync() {
    let (layer, store, _) = layer();
    let calls = Cell::new(0);
    let ready = Rc::new(Cell::new(Poll::Ready(Ok(()))));
    let mut service = layer.layer(Counter {
        calls: &calls,
        ready,
    });
    // Any body, be it one that cannot be sent either.
    let response = service.call(Request::new(Rc::new(1))).await.unwrap();
    let answer = Browser::read(response.map(Body::new)).await;
    assert_eq!((calls.get(), &*answer.body), (1, "1"));
    assert_eq!(store.calls(), ["add"]);

    let mut browser = Browser::new();
    browser.take(&answer);
    let request = browser.request("GET", "/").map(|_| ());
    let answer = Browser::read(service.call(request).await.unwrap().map(Body::new)).await;
    assert_eq!((calls.get(), &*answer.body), (2, "2"));
    assert_eq!(store.calls(), ["get", "replace"]);
}

#[tokio::test]
async fn readiness_is_that_of_the_inner_service() {
    let (layer, store, _) = layer();
    let calls = Cell::new(0);
    let ready = Rc::new(Cell::new(Poll::Pending));
    let mut service = layer.layer(Counter {
        calls: &calls,
        ready: Rc::clone(&ready),
    });
    let cx = &mut Context::from_waker(std::task::Waker::noop());
    let mut poll_ready = || Service::<Request<()>>::poll_ready(&mut service, cx);
    assert_eq!(poll_ready(), Poll::Pending);
    ready.set(Poll::Ready(Ok(())));
    assert_eq!(poll_ready(), Poll::Ready(Ok(())));
    ready.set(Poll::Ready(Err("broken")));
    assert_eq!(poll_ready(), Poll::Ready(Err("broken")));
    assert_eq!(store.calls(), [""; 0]);
    assert_eq!(calls.get(), 0);
}

/// The request reaches the very service that was ready for it.
#[tokio::test]
async fn a_service_is_called_as_it_was_made_ready() {
    struct OnceReady(bool);

    impl Service<Request<Body>> for OnceReady {
        type Response = Response<Body>;
        type Error = std::convert::Infallible;
        type Future = Ready<Result<Response<Body>, Self::Error>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            self.0 = true;
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<Body>) -> Self::Future {
            assert!(std::mem::take(&mut self.0), "called before it was ready");
            ready(Ok(Response::new(Body::empty())))
        }
    }

    let (layer, _, _) = layer();
    let mut service = layer.layer(OnceReady(false));
    for _ in 0..2 {
        let request = Browser::with_cookie("__Host-id", &"A".repeat(43)).request("GET", "/");
        let response = service.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(response.status(), 200);
    }
}

#[tokio::test]
async fn an_error_of_the_inner_service_passes_through_and_writes_nothing_but_a_flush() {
    let (layer, store, _) = layer();
    let app = scripted(layer.clone());
    let failing = layer.layer(service_fn(async |request: Request<Body>| {
        let session = request.extensions().get::<Session>().unwrap();
        match request.uri().path() {
            "/logout" => session.flush(),
            "/cycle" => session.cycle_id(),
            _ => session.insert("a", 2).unwrap(),
        }
        Err::<Response<Body>, _>("the inner service failed")
    }));
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    for path in ["/insert", "/cycle"] {
        let result = failing.clone().oneshot(browser.request("GET", path)).await;
        assert_eq!(result.unwrap_err(), "the inner service failed");
        assert_eq!(store.calls(), ["get"]);
    }
    let result = failing.clone().oneshot(Request::new(Body::empty())).await;
    assert_eq!(result.unwrap_err(), "the inner service failed");
    assert_eq!(store.calls(), [""; 0]);
    assert_eq!(browser.sees(&app).await, "a=1");
    store.calls();

    let logout = failing.oneshot(browser.request("GET", "/logout")).await;
    assert_eq!(logout.unwrap_err(), "the inner service failed");
    assert_eq!(store.calls(), ["get", "delete"]);
    assert_eq!(browser.sees(&app).await, "");
}

#[tokio::test]
async fn the_error_passes_through_also_where_the_flush_could_not_be_done() {
    let (layer, store, _) = layer();
    let app = scripted(layer.clone());
    let failing = layer.layer(service_fn(async |request: Request<Body>| {
        request.extensions().get::<Session>().unwrap().flush();
        Err::<Response<Body>, _>("the inner service failed")
    }));
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    store.fail_all(support::Fault::Unavailable);
    let logout = failing.oneshot(browser.request("GET", "/logout")).await;
    assert_eq!(logout.unwrap_err(), "the inner service failed");
    assert_eq!(store.calls(), ["get", "delete", "delete"]);
}

#[tokio::test]
async fn a_session_that_outlives_an_error_of_the_inner_service_has_no_response() {
    let (layer, store, _) = layer();
    let (give, mut take) = tokio::sync::mpsc::unbounded_channel();
    let failing = layer.layer(service_fn(async |request: Request<Body>| {
        let session = request.extensions().get::<Session>().unwrap();
        session.insert("a", 1).unwrap();
        give.send(session.clone()).unwrap();
        Err::<Response<Body>, _>("the inner service failed")
    }));
    let result = failing.oneshot(Request::new(Body::empty())).await;
    assert_eq!(result.unwrap_err(), "the inner service failed");

    // No cookie can reach the browser any more.
    let session = take.recv().await.unwrap();
    assert!(!session.is_modified());
    session.insert("a", 2).unwrap();
    let error = session.save().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResponseSent);
    assert_eq!(store.calls(), [""; 0]);
}
