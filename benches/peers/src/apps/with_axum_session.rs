//! axum_session with `SessionNullPool`, which its documentation names for sessions in memory only.
//!
//! `SessionMode::Manual`, since in the default mode, `Persistent`, every request without a cookie
//! makes a session and stores it, which takes longer for every kind that is measured here. It costs the handlers that store something one more call, and the
//! browser a second cookie (`store`), which is how that mode knows a session that is meant to stay.
//! The lifetimes are 14 days, the one in memory too: by default it forgets a session after an hour
//! and would find it in the database. The names carry the prefix themselves, since
//! `with_prefix_with_host` puts it on what is sent and does not look for it in what comes back.
//! Left alone: no key (the cookie is not signed, as with the others) and no Bloom filter of ids.
//! Its layer starts a task that sleeps for five minutes and does not wake up during the run.

use super::{DAYS, TEXTS, answer, untouched};
use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use axum_session::{
    SameSite, SessionConfig, SessionLayer, SessionMode, SessionNullPool, SessionStore,
};
use std::hint::black_box;
use time::Duration;

type Session = axum_session::Session<SessionNullPool>;

pub(super) fn app() -> Router {
    let lifetime = Duration::days(DAYS as i64);
    let config = SessionConfig::default()
        .with_mode(SessionMode::Manual)
        .with_session_name("__Host-id")
        .with_store_name("__Host-store")
        .with_secure(true)
        .with_http_only(true)
        .with_cookie_same_site(SameSite::Lax)
        .with_lifetime(lifetime)
        .with_max_lifetime(lifetime)
        .with_memory_lifetime(lifetime)
        .with_max_age(Some(lifetime));
    let store = crate::requests::now(SessionStore::<SessionNullPool>::new(None, config));
    Router::new()
        .route("/untouched", get(untouched))
        .route("/read", get(read))
        .route("/modify", get(modify))
        .route("/create", get(create))
        .route("/fill/{length}", get(fill))
        .route("/visits", get(visits))
        .route("/length", get(length))
        .layer(SessionLayer::new(store.expect("there is no database")))
}

/// What this mode asks for before something is stored.
fn ensure_data(session: &Session) {
    if !session.data_exists() {
        session.create_data();
    }
}

async fn read(session: Session) -> &'static str {
    let visits = black_box(session.get::<u64>("visits"));
    answer(visits.is_some())
}

async fn modify(session: Session) -> &'static str {
    ensure_data(&session);
    let visits = session.get::<u64>("visits").unwrap_or(0);
    session.set("visits", visits + 1);
    answer(true)
}

async fn create(session: Session) -> &'static str {
    ensure_data(&session);
    session.set("visits", 1_u64);
    answer(true)
}

async fn fill(session: Session, Path(length): Path<usize>) -> &'static str {
    ensure_data(&session);
    for key in TEXTS {
        session.set(key, "x".repeat(length));
    }
    session.set("visits", 1_u64);
    answer(true)
}

async fn visits(session: Session) -> String {
    session.get::<u64>("visits").unwrap_or(0).to_string()
}

async fn length(session: Session) -> String {
    let text = |key| session.get::<String>(key).unwrap_or_default();
    let length: usize = TEXTS.map(|key| text(key).len()).iter().sum();
    length.to_string()
}
