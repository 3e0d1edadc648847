//! What the layer adds to a request: `cargo bench --bench request`.
//!
//! Three axum apps answer the same requests in turns, round after round: one without a layer, one
//! whose layer puts a single `Arc` into the request's extensions, and one with sessions on the
//! memory store. The medians are compared, so that what this machine is busy with cancels out.

use axum::body::Body;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Router};
use http::{Request, header};
use sessile::store::MemoryStore;
use sessile::{Session, SessionLayer};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use tower::ServiceExt as _;

const ROUNDS: usize = 301;
const REQUESTS: usize = 400;

/// A kind of request: what it is called, its path, and its cookie.
struct Kind {
    name: &'static str,
    path: &'static str,
    cookie: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let sessions = SessionLayer::new(MemoryStore::new());
    let (bare, arc, app) = (
        routes(),
        routes().layer(Extension(Arc::new(7_u64))),
        Router::new().merge(session_routes()).layer(sessions),
    );
    let small = fill(&app, "/fill/small").await;
    let large = fill(&app, "/fill/large").await;
    let mut forged = small.clone();
    forged.replace_range(10..20, "AAAAAAAAAA");
    let kinds = [
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
    ];
    println!(
        "{:24} {:>9} {:>9} {:>9} {:>11} {:>7}",
        "", "plain", "one Arc", "sessions", "over Arc", "allocs"
    );
    for kind in kinds {
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS {
            for (app, times) in [&bare, &arc, &app].into_iter().zip(&mut times) {
                times.push(time(app, &kind).await);
            }
        }
        let [plain, one_arc, layered] = times.map(median);
        let allocations = allocations(&app, &kind) - allocations(&arc, &kind);
        println!(
            "{:24} {plain:>6.0} ns {one_arc:>6.0} ns {layered:>6.0} ns {:>8.0} ns {allocations:>7}",
            kind.name,
            layered - one_arc,
        );
    }
}

/// The same routes without sessions.
fn routes() -> Router {
    Router::new()
        .route("/untouched", get(|| async { "ok" }))
        .route("/read", get(|| async { "ok" }))
        .route("/modify", get(|| async { "ok" }))
        .route("/create", get(|| async { "ok" }))
}

fn session_routes() -> Router {
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

async fn fill(app: &Router, path: &str) -> String {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

fn request(kind: &Kind) -> Request<Body> {
    let mut request = Request::get(kind.path).header("accept", "text/html");
    if let Some(cookie) = &kind.cookie {
        request = request.header(header::COOKIE, format!("theme=dark; {cookie}; lang=en"));
    }
    request.body(Body::empty()).unwrap()
}

/// Nanoseconds for one request, the making of it left out.
async fn time(app: &Router, kind: &Kind) -> f64 {
    let requests: Vec<_> = (0..REQUESTS)
        .map(|_| (app.clone(), request(kind)))
        .collect();
    let mut responses = Vec::with_capacity(REQUESTS);
    let start = Instant::now();
    for (app, request) in requests {
        responses.push(app.oneshot(request).await.unwrap());
    }
    let elapsed = start.elapsed();
    drop(black_box(responses));
    elapsed.as_nanos() as f64 / REQUESTS as f64
}

/// Allocations of one request, the making of it left out.
fn allocations(app: &Router, kind: &Kind) -> i64 {
    let once = |app: Router, request| {
        let count = allocation_counter::measure(|| {
            drop(black_box(futures_executor::block_on(app.oneshot(request))));
        });
        i64::try_from(count.count_total).unwrap()
    };
    // The first one warms up what is made once.
    once(app.clone(), request(kind));
    once(app.clone(), request(kind))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
