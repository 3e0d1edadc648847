//! A small app for a browser.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use sessile::store::MemoryStore;
use sessile::{Error, Session, SessionLayer, SessionLayerBuilder};

/// Shows a count of visits, counts one more, and ends the session, with cookies of this kind.
pub(crate) fn pages(settings: impl FnOnce(SessionLayerBuilder) -> SessionLayerBuilder) -> Router {
    let layer = settings(SessionLayer::builder(MemoryStore::new()));
    Router::new()
        .route("/show", get(show))
        .route("/count", get(count).post(count))
        .route("/end", get(end))
        .layer(layer.build().unwrap())
}

async fn show(session: Session) -> Result<Html<String>, Error> {
    let visits: Option<u32> = session.get("visits")?;
    Ok(Html(format!("{} visits", visits.unwrap_or(0))))
}

async fn count(session: Session) -> Result<Html<String>, Error> {
    session.update("visits", |n: Option<u32>| Some(n.unwrap_or(0) + 1))?;
    show(session).await
}

async fn end(session: Session) -> Html<&'static str> {
    session.flush();
    Html("ended")
}
