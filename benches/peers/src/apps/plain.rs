//! Without sessions: what axum itself takes, alone and with the cheapest layer that carries anything.

use super::untouched;
use axum::routing::get;
use axum::{Extension, Router};
use std::sync::Arc;

pub(super) fn app() -> Router {
    Router::new()
        .route("/untouched", get(untouched))
        .route("/read", get(untouched))
        .route("/modify", get(untouched))
        .route("/create", get(untouched))
}

/// Any session layer puts its handle into the request's extensions. This one does nothing else.
pub(super) fn with_one_arc() -> Router {
    app().layer(Extension(Arc::new(7_u64)))
}
