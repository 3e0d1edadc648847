//! Goes on with the sessions that tower-sessions left in Redis, so that a switch logs nobody out:
//! `SESSION_STORE=redis://127.0.0.1 cargo run --example from_tower_sessions --features redis`.
//!
//! What there is to copy is in `take_over.rs` and `old.rs`. It needs `redis`, `rmp-serde` and `serde_json`.

mod old;
mod take_over;

use axum::{Router, middleware::from_fn_with_state, routing::get, routing::post};
use old::Old;
use sessile::{Error, Session, SessionLayer, store};
use take_over::{NEW, take_over};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("SESSION_STORE").map_err(|_| "SESSION_STORE=redis://… is missing")?;
    let sessions = SessionLayer::builder(store::open(&url)?).cookie_name(NEW);
    let sessions = sessions.plain_http().build()?;
    let old = Old {
        redis: redis::Client::open(url)?,
        sessions: sessions.sessions(),
    };
    let app = Router::new()
        .route("/", get(home))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .layer(sessions)
        // Around the sessions, which find what it has taken over.
        .layer(from_fn_with_state(old, take_over));
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn home(session: Session) -> Result<String, Error> {
    let user: Option<String> = session.get("user")?;
    let visits = session.update("visits", |n: Option<u64>| Some(n.unwrap_or(0) + 1))?;
    let (user, visits) = (user.as_deref().unwrap_or("nobody"), visits.unwrap_or(0));
    Ok(format!("{user}, {visits} visits\n"))
}

async fn login(session: Session) -> Result<(), Error> {
    session.renew_for("alice")?;
    session.insert("user", "alice")
}

async fn logout(session: Session) {
    session.flush();
}
