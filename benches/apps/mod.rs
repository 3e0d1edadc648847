//! The apps that `request` and `allocations` measure, and the requests that all of them answer.

use axum::body::Body;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Router};
use http::{Request, header};
use sessile::store::MemoryStore;
use sessile::{Session, SessionLayer};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tower::ServiceExt as _;

/// A kind of request: what it is called, its path, and its cookie.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    path: &'static str,
    cookie: Option<String>,
}

/// Without a layer, with one that inserts an `Arc`, and with sessions.
pub(crate) fn apps() -> [Router; 3] {
    [
        routes(),
        routes().layer(Extension(Arc::new(7_u64))),
        sessions(),
    ]
}

/// With sessions, in a store of its own.
pub(crate) fn sessions() -> Router {
    session_routes().layer(SessionLayer::new(MemoryStore::new()))
}

/// The kinds of requests to this app.
pub(crate) fn kinds(app: &Router) -> [Kind; 7] {
    let small = fill(app, "/fill/small");
    let large = fill(app, "/fill/large");
    let mut forged = small.clone();
    forged.replace_range(10..20, "AAAAAAAAAA");
    [
        Kind {
            name: "no cookie",
            path: "/untouched",
            cookie: None,
        },
        Kind {
            name: "untouched",
            path: "/untouched",
            cookie: Some(small.clone()),
        },
        Kind {
            name: "read one key",
            path: "/read",
            cookie: Some(small.clone()),
        },
        Kind {
            name: "read one key of 20 KB",
            path: "/read",
            cookie: Some(large),
        },
        Kind {
            name: "forged cookie",
            path: "/untouched",
            cookie: Some(forged),
        },
        Kind {
            name: "modify",
            path: "/modify",
            cookie: Some(small),
        },
        Kind {
            name: "create",
            path: "/create",
            cookie: None,
        },
    ]
}

/// The same routes without sessions.
fn routes() -> Router {
    Router::new()
        .route("/untouched", get(|| async { "ok" }))
        .route("/read", get(|| async { "ok" }))
        .route("/modify", get(|| async { "ok" }))
        .route("/create", get(|| async { "ok" }))
}

pub(crate) fn session_routes() -> Router {
    Router::new()
        .route("/untouched", get(|| async { "ok" }))
        .route("/read", get(read))
        .route("/modify", get(modify))
        .route("/create", get(create))
        .route(
            "/fill/small",
            get(|session: Session| fill_with(session, 20)),
        )
        .route(
            "/fill/large",
            get(|session: Session| fill_with(session, 4000)),
        )
}

async fn read(session: Session) -> &'static str {
    black_box(session.get::<u64>("visits").unwrap());
    "ok"
}

async fn modify(session: Session) -> &'static str {
    let visits = session.get::<u64>("visits").unwrap().unwrap_or(0);
    session.insert("visits", visits + 1).unwrap();
    "ok"
}

async fn create(session: Session) -> &'static str {
    session.insert("visits", 1_u64).unwrap();
    "ok"
}

/// Five texts of this length, and a number.
async fn fill_with(session: Session, length: usize) -> impl IntoResponse {
    for key in ["address", "basket", "name", "theme", "user"] {
        session.insert(key, "x".repeat(length)).unwrap();
    }
    session.insert("visits", 1_u64).unwrap();
}

fn fill(app: &Router, path: &str) -> String {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = now(app.clone().oneshot(request)).unwrap();
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

pub(crate) fn request(kind: &Kind) -> Request<Body> {
    let mut request = Request::get(kind.path).header("accept", "text/html");
    if let Some(cookie) = &kind.cookie {
        request = request.header(header::COOKIE, format!("theme=dark; {cookie}; lang=en"));
    }
    request.body(Body::empty()).unwrap()
}

/// The result of a future that needs not wait: nothing in memory does, and a runtime would add its own
/// costs.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it had to wait"),
    }
}
