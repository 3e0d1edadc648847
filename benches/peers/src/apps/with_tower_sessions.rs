//! tower-sessions with its `MemoryStore`.
//!
//! Set: the cookie's name and SameSite=Lax, so that all send the same attributes, and 14 days of
//! inactivity, so that the cookie persists. Left alone: Secure and HttpOnly (on), the plain cookie
//! (an id needs no signature, and sessile does not sign either), `always_save` (off), and the
//! store's task that deletes what has expired (not started; this store has none). A session is
//! loaded when a handler first asks for something in it, so `/untouched` looks nothing up.

#[path = "tower_sessions_handlers.rs"]
mod handlers;

use super::DAYS;
use axum::Router;
use time::Duration;
use tower_sessions::cookie::SameSite;
use tower_sessions::session::Error;
use tower_sessions::{Expiry, MemoryStore, Session, SessionManagerLayer};

pub(super) fn app() -> Router {
    let layer = SessionManagerLayer::new(MemoryStore::default())
        .with_name("__Host-id")
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(Duration::days(DAYS as i64)));
    handlers::routes().layer(layer)
}
