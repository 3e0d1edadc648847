//! An app whose handlers use the session, or do not, and say all kinds of things about caching.

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderName, StatusCode};
use sessile::store::MemoryStore;
use sessile::{Error, Session, SessionLayer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

const SOON: &str = "Wed, 01 Jan 2098 00:00:00 GMT";
const LONG_AGO: &str = "Sat, 01 Jan 2000 00:00:00 GMT";

/// What a handler says about caching.
pub(crate) struct Words {
    /// Part of the path.
    pub(crate) name: &'static str,
    pub(crate) status: u16,
    headers: &'static [(&'static str, &'static str)],
    /// Whether nginx keeps the answer by these words alone.
    pub(crate) last: bool,
    /// Whether they speak to shared caches, this one or all.
    pub(crate) shared: bool,
}

const fn words(
    name: &'static str,
    headers: &'static [(&'static str, &'static str)],
    last: bool,
    shared: bool,
) -> Words {
    Words {
        name,
        status: 200,
        headers,
        last,
        shared,
    }
}

pub(crate) const WORDS: [Words; 11] = [
    words("none", &[], false, false),
    words(
        "public",
        &[("cache-control", "public, max-age=600")],
        true,
        true,
    ),
    words("s-maxage", &[("cache-control", "s-maxage=600")], true, true),
    words("max-age", &[("cache-control", "max-age=600")], true, false),
    words("expires", &[("expires", SOON)], true, false),
    words("accel", &[("x-accel-expires", "600")], true, true),
    words(
        "accel-and-private",
        &[("x-accel-expires", "600"), ("cache-control", "private")],
        true,
        true,
    ),
    words(
        "vary",
        &[
            ("cache-control", "public, max-age=600"),
            ("vary", "cookie"),
            ("vary", "accept"),
        ],
        true,
        true,
    ),
    words(
        "cdn",
        &[
            ("cdn-cache-control", "max-age=600"),
            ("surrogate-control", "max-age=600"),
        ],
        false,
        false,
    ),
    Words {
        status: 301,
        ..words("moved", &[("location", "/elsewhere")], false, false)
    },
    Words {
        status: 404,
        ..words("missing", &[("last-modified", LONG_AGO)], false, false)
    },
];

pub(crate) fn app() -> Router {
    let layer = SessionLayer::builder(MemoryStore::new()).plain_http();
    Router::new()
        .route("/login/{name}", post(login))
        .route("/untouched/{words}", get(untouched))
        .route("/reads/{words}", get(reads))
        .route("/sets/{words}", get(sets))
        .layer(layer.build().unwrap())
        .with_state(Arc::default())
}

type Answer = (StatusCode, HeaderMap, String);

/// Says this, with these words about caching.
fn answer(name: &str, body: String) -> Answer {
    let words = WORDS.iter().find(|words| words.name == name).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in words.headers {
        headers.append(HeaderName::from_static(name), value.parse().unwrap());
    }
    (StatusCode::from_u16(words.status).unwrap(), headers, body)
}

async fn login(session: Session, Path(name): Path<String>) -> Result<(), Error> {
    session.cycle_id();
    session.insert("user", name)
}

/// Another text each time, and no use of the session.
async fn untouched(
    State(count): State<Arc<AtomicU32>>,
    _session: Session,
    Path(name): Path<String>,
) -> Answer {
    answer(&name, count.fetch_add(1, Relaxed).to_string())
}

/// Says who is asking.
async fn reads(session: Session, Path(name): Path<String>) -> Result<Answer, Error> {
    let user: Option<String> = session.get("user")?;
    Ok(answer(&name, user.unwrap_or_else(|| "nobody".to_owned())))
}

/// The same, with a new id each time.
async fn sets(session: Session, Path(name): Path<String>) -> Result<Answer, Error> {
    session.cycle_id();
    session.update("visits", |n: Option<u32>| Some(n.unwrap_or(0) + 1))?;
    reads(session, Path(name)).await
}
