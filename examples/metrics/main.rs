//! Figures of the sessions, as a page and for Prometheus at /metrics: `cargo run --example metrics`.

mod figures;
mod sum;

use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use axum::{Router, extract::Path};
use figures::Figures;
use sessile::{Error, Session, SessionLayer, store::MemoryStore};
use std::sync::Arc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let figures = Arc::new(Figures::default());
    let sessions = SessionLayer::builder(MemoryStore::new()).observer(Arc::clone(&figures));
    let page = Arc::clone(&figures);
    let app = Router::new()
        .route("/do/{what}", post(act))
        .layer(sessions.plain_http().build()?)
        .route("/", get(async move || Html(PAGE.to_owned() + &page.page())))
        .route("/metrics", get(async move || figures.prometheus()));
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn act(session: Session, Path(what): Path<String>) -> Result<Redirect, Error> {
    match &*what {
        "rotate" => session.cycle_id(),
        "end" => session.flush(),
        _ => drop(session.update("visits", |n: Option<u64>| Some(n.unwrap_or(0) + 1))?),
    }
    Ok(Redirect::to("/"))
}

const PAGE: &str = include_str!("page.html");
