//! The same apps with their sessions in one Redis server, without TLS, each client as its documentation sets
//! it up.
//!
//! * sessile: [`RedisStore`] with its defaults, which is one connection.
//! * tower-sessions: 0.14, the last version that its Redis store works with, over a pool of fred's with six
//!   connections, as in the example of that store.
//! * axum_session: over a pool that keeps a connection for each of the 64 requests in flight. It keeps 16 by
//!   default, and would connect anew for the others. The lifetime in memory is zero: otherwise it
//!   asks the database only for what it does not have in memory, and instances that share a database do not
//!   see each other's changes for an hour.

use super::{App, DAYS, plain, with_axum_session, with_sessile};
use axum::Router;
use axum_session::SessionStore;
use axum_session_redispool::SessionRedisPool;
use redis_pool::SingleRedisPool;
use sessile::SessionLayer;
use sessile::store::RedisStore;
use tower_sessions_0_14::cookie::SameSite;
use tower_sessions_0_14::session::Error;
use tower_sessions_0_14::{Expiry, Session, SessionManagerLayer};
use tower_sessions_redis_store::fred::prelude::{ClientLike as _, Config, Pool};

#[expect(clippy::duplicate_mod, reason = "with another version of the crate")]
#[path = "tower_sessions_handlers.rs"]
mod handlers;

/// The apps, in the order of [`all`](super::all).
pub async fn all(port: u16) -> [App; 5] {
    let app = |name, router, sessions| App {
        name,
        router,
        sessions,
    };
    [
        app("plain", plain::app(), false),
        app("one Arc", plain::with_one_arc(), false),
        app("sessile", sessile(port), true),
        app("tower-sessions", tower_sessions(port).await, true),
        app("axum_session", axum_session(port).await, true),
    ]
}

fn sessile(port: u16) -> Router {
    let store = RedisStore::builder().server(format!("127.0.0.1:{port}"));
    with_sessile::routes(SessionLayer::new(store.build().expect("a good address")))
}

async fn tower_sessions(port: u16) -> Router {
    const CONNECTIONS: usize = 6;
    let config = Config::from_url(&format!("redis://127.0.0.1:{port}")).expect("a good address");
    let pool = Pool::new(config, None, None, None, CONNECTIONS).expect("a good pool");
    // The task that this starts goes on without its handle.
    drop(pool.connect());
    pool.wait_for_connect().await.expect("a server");
    let layer = SessionManagerLayer::new(tower_sessions_redis_store::RedisStore::new(pool))
        .with_name("__Host-id")
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(time::Duration::days(DAYS as i64)));
    handlers::routes().layer(layer)
}

async fn axum_session(port: u16) -> Router {
    const CONNECTIONS: usize = 64;
    let client = redis::Client::open(("127.0.0.1", port)).expect("a good address");
    let pool = SessionRedisPool::from(SingleRedisPool::new(client, CONNECTIONS, None));
    let config = with_axum_session::config().with_memory_lifetime(time::Duration::ZERO);
    let store = SessionStore::new(Some(pool), config).await;
    with_axum_session::routes(store.expect("a server"))
}
