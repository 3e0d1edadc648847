//! tower-sessions with its `MemoryStore`.
//!
//! Set: the cookie's name and SameSite=Lax, so that all send the same attributes, and 14 days of
//! inactivity, so that the cookie persists. Left alone: Secure and HttpOnly (on), the plain cookie
//! (an id needs no signature, and sessile does not sign either), `always_save` (off), and the
//! store's task that deletes what has expired (not started; this store has none). A session is
//! loaded when a handler first asks for something in it, so `/untouched` looks nothing up.

use super::{DAYS, TEXTS, answer, untouched};
use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use std::hint::black_box;
use time::Duration;
use tower_sessions::cookie::SameSite;
use tower_sessions::session::Error;
use tower_sessions::{Expiry, MemoryStore, Session, SessionManagerLayer};

pub(super) fn app() -> Router {
    let layer = SessionManagerLayer::new(MemoryStore::default())
        .with_name("__Host-id")
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(Duration::days(DAYS as i64)));
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

/// Its error is no response of its own, so that an app has to say which one it is.
fn failed(error: Error) -> String {
    error.to_string()
}

async fn read(session: Session) -> Result<&'static str, String> {
    let visits = black_box(session.get::<u64>("visits").await.map_err(failed)?);
    Ok(answer(visits.is_some()))
}

async fn modify(session: Session) -> Result<&'static str, String> {
    let visits = session.get::<u64>("visits").await.map_err(failed)?;
    let visits = visits.unwrap_or(0);
    session.insert("visits", visits + 1).await.map_err(failed)?;
    Ok(answer(true))
}

async fn create(session: Session) -> Result<&'static str, String> {
    session.insert("visits", 1_u64).await.map_err(failed)?;
    Ok(answer(true))
}

async fn fill(session: Session, Path(length): Path<usize>) -> Result<&'static str, String> {
    for key in TEXTS {
        let text = "x".repeat(length);
        session.insert(key, text).await.map_err(failed)?;
    }
    session.insert("visits", 1_u64).await.map_err(failed)?;
    Ok(answer(true))
}

async fn visits(session: Session) -> Result<String, String> {
    let visits = session.get::<u64>("visits").await.map_err(failed)?;
    Ok(visits.unwrap_or(0).to_string())
}

async fn length(session: Session) -> Result<String, String> {
    let mut length = 0;
    for key in TEXTS {
        let text = session.get::<String>(key).await.map_err(failed)?;
        length += text.unwrap_or_default().len();
    }
    Ok(length.to_string())
}
