//! sessile with its defaults: `__Host-id`, Secure, HttpOnly, SameSite=Lax, 14 days without use, and
//! loaded before the handler runs, so that also `/untouched` looks the session up.

use super::{TEXTS, answer, untouched};
use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use sessile::store::MemoryStore;
use sessile::{Error, Session, SessionLayer};
use std::hint::black_box;

pub(super) fn app() -> Router {
    routes(SessionLayer::new(MemoryStore::new()))
}

pub(super) fn routes(layer: SessionLayer) -> Router {
    Router::new()
        .route("/untouched", get(untouched))
        .route("/read", get(read))
        .route("/modify", get(modify))
        .route("/create", get(create))
        .route("/fill/{length}", get(fill))
        .route("/visits", get(visits))
        .route("/length", get(length))
        .layer(layer)
}

async fn read(session: Session) -> Result<&'static str, Error> {
    let visits = black_box(session.get::<u64>("visits")?);
    Ok(answer(visits.is_some()))
}

/// `update` would also be right under overlap. The others have only these two calls.
async fn modify(session: Session) -> Result<&'static str, Error> {
    let visits = session.get::<u64>("visits")?.unwrap_or(0);
    session.insert("visits", visits + 1)?;
    Ok(answer(true))
}

async fn create(session: Session) -> Result<&'static str, Error> {
    session.insert("visits", 1_u64)?;
    Ok(answer(true))
}

async fn fill(session: Session, Path(length): Path<usize>) -> Result<&'static str, Error> {
    for key in TEXTS {
        session.insert(key, "x".repeat(length))?;
    }
    session.insert("visits", 1_u64)?;
    Ok(answer(true))
}

async fn visits(session: Session) -> Result<String, Error> {
    Ok(session.get::<u64>("visits")?.unwrap_or(0).to_string())
}

async fn length(session: Session) -> Result<String, Error> {
    let mut length = 0;
    for key in TEXTS {
        length += session.get::<String>(key)?.unwrap_or_default().len();
    }
    Ok(length.to_string())
}
