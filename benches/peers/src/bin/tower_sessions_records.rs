//! Writes what tower-sessions leaves in Redis to `tests/from_tower_sessions/records.txt` of sessile: for each
//! session the cookie's value and, in hexadecimal, the record. So that test reads what the real crate wrote, without
//! its Redis client among the dependencies.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use axum::routing::get;
use redis::Commands as _;
use sessile_peers::redis_server::Server;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tower::ServiceExt as _;
use tower_sessions_0_14::session::Error;
use tower_sessions_0_14::{Expiry, Session, SessionManagerLayer};
use tower_sessions_redis_store::RedisStore;
use tower_sessions_redis_store::fred::prelude::{ClientLike as _, Config, Pool};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::start();
    let url = format!("redis://127.0.0.1:{}", server.port);
    let pool = Pool::new(Config::from_url(&url)?, None, None, None, 1)?;
    // The task that this starts goes on without its handle.
    drop(pool.connect());
    pool.wait_for_connect().await?;
    let mut client = redis::Client::open(url)?.get_connection()?;

    let app = Router::new()
        .route("/user", get(async |session| told(user(session).await)))
        .route("/values", get(async |session| told(values(session).await)))
        .route(
            "/browser",
            get(async |session| told(browser(session).await)),
        )
        .layer(SessionManagerLayer::new(RedisStore::new(pool)));
    let mut records = String::new();
    for path in ["/user", "/values", "/browser"] {
        let request = Request::get(path).body(Body::empty())?;
        let response = app.clone().oneshot(request).await?;
        assert!(response.status().is_success(), "{response:?}");
        let cookie = response.headers()[header::SET_COOKIE].to_str()?;
        let id = cookie.split(['=', ';']).nth(1).ok_or("no cookie")?;
        let record: Vec<u8> = client.get(id)?;
        write!(records, "{id} ")?;
        for byte in record {
            write!(records, "{byte:02x}")?;
        }
        records.push('\n');
    }
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/from_tower_sessions/records.txt"
    );
    std::fs::write(file, records)?;
    Ok(())
}

fn told(result: Result<(), Error>) -> Result<(), String> {
    result.map_err(|error| error.to_string())
}

/// Somebody who is logged in, and has been here before.
async fn user(session: Session) -> Result<(), Error> {
    session.insert("user", "alice").await?;
    session.insert("visits", 3).await
}

/// Values of every kind.
async fn values(session: Session) -> Result<(), Error> {
    session.insert("null", ()).await?;
    session.insert("text", "Zoë \"☃\"\n").await?;
    session.insert("negative", i64::MIN).await?;
    session.insert("large", u64::MAX).await?;
    session.insert("float", 0.1).await?;
    session.insert("list", [1, 200, 70_000]).await?;
    session
        .insert("map", BTreeMap::from([("a", [true, false])]))
        .await?;
    session.insert("long", "x".repeat(300)).await
}

/// A session that ends with the browser.
async fn browser(session: Session) -> Result<(), Error> {
    session.set_expiry(Some(Expiry::OnSessionEnd));
    session.insert("visits", 1).await
}
