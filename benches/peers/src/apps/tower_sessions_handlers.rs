//! What the apps with tower-sessions have in common. Whoever includes it says of which version it is: that
//! of the Redis store is behind.

use super::{Error, Session};
use crate::apps::{TEXTS, answer, untouched};
use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use std::hint::black_box;

pub(super) fn routes() -> Router {
    Router::new()
        .route("/untouched", get(untouched))
        .route("/read", get(read))
        .route("/modify", get(modify))
        .route("/create", get(create))
        .route("/fill/{length}", get(fill))
        .route("/visits", get(visits))
        .route("/length", get(length))
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
