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
    DatabasePool, SameSite, Session, SessionConfig, SessionLayer, SessionMode, SessionNullPool,
    SessionStore,
};
use std::fmt::Debug;
use std::hint::black_box;
use time::Duration;

/// Where sessions are kept besides memory.
pub(super) trait Pool: DatabasePool + Clone + Debug + Send + Sync + 'static {}
impl<P: DatabasePool + Clone + Debug + Send + Sync + 'static> Pool for P {}

pub(super) fn app() -> Router {
    let lifetime = Duration::days(DAYS as i64);
    let config = config().with_memory_lifetime(lifetime);
    let store = crate::requests::now(SessionStore::<SessionNullPool>::new(None, config));
    routes(store.expect("there is no database"))
}

/// But for the lifetime in memory.
pub(super) fn config() -> SessionConfig {
    let lifetime = Duration::days(DAYS as i64);
    SessionConfig::default()
        .with_mode(SessionMode::Manual)
        .with_session_name("__Host-id")
        .with_store_name("__Host-store")
        .with_secure(true)
        .with_http_only(true)
        .with_cookie_same_site(SameSite::Lax)
        .with_lifetime(lifetime)
        .with_max_lifetime(lifetime)
        .with_max_age(Some(lifetime))
}

pub(super) fn routes<P: Pool>(store: SessionStore<P>) -> Router {
    Router::new()
        .route("/untouched", get(untouched))
        .route("/read", get(read::<P>))
        .route("/modify", get(modify::<P>))
        .route("/create", get(create::<P>))
        .route("/fill/{length}", get(fill::<P>))
        .route("/visits", get(visits::<P>))
        .route("/length", get(length::<P>))
        .layer(SessionLayer::new(store))
}

/// What this mode asks for before something is stored.
fn ensure_data<P: Pool>(session: &Session<P>) {
    if !session.data_exists() {
        session.create_data();
    }
}

async fn read<P: Pool>(session: Session<P>) -> &'static str {
    let visits = black_box(session.get::<u64>("visits"));
    answer(visits.is_some())
}

async fn modify<P: Pool>(session: Session<P>) -> &'static str {
    ensure_data(&session);
    let visits = session.get::<u64>("visits").unwrap_or(0);
    session.set("visits", visits + 1);
    answer(true)
}

async fn create<P: Pool>(session: Session<P>) -> &'static str {
    ensure_data(&session);
    session.set("visits", 1_u64);
    answer(true)
}

async fn fill<P: Pool>(session: Session<P>, Path(length): Path<usize>) -> &'static str {
    ensure_data(&session);
    for key in TEXTS {
        session.set(key, "x".repeat(length));
    }
    session.set("visits", 1_u64);
    answer(true)
}

async fn visits<P: Pool>(session: Session<P>) -> String {
    session.get::<u64>("visits").unwrap_or(0).to_string()
}

async fn length<P: Pool>(session: Session<P>) -> String {
    let text = |key| session.get::<String>(key).unwrap_or_default();
    let length: usize = TEXTS.map(|key| text(key).len()).iter().sum();
    length.to_string()
}
