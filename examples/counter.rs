//! Counts the visits of each browser: `cargo run --example counter`. Where `SESSION_STORE` says so,
//! `redis://127.0.0.1` for example, the sessions are in Redis (with `--features redis`).

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use sessile::{Error, Key, Session, SessionLayer, store};

const VISITS: Key<u64> = Key::new("visits");

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = std::env::var("SESSION_STORE").unwrap_or_else(|_| "memory:".to_owned());
    // Plain http is for this machine. Behind https, `SessionLayer::new(store)` is all.
    let sessions = SessionLayer::builder(store::open(&store)?)
        .plain_http()
        .build()?;
    let app = Router::new()
        .route("/", get(count))
        .route("/reset", post(reset))
        .route("/logout", post(logout))
        .layer(sessions);

    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn count(session: Session, headers: HeaderMap) -> Result<Response, Error> {
    // However many requests do this at once, each one counts.
    let visits = session
        .update(VISITS, |visits| Some(visits.unwrap_or(0) + 1))?
        .unwrap_or(0);
    Ok(if is_browser(&headers) {
        Html(PAGE.replace("{visits}", &visits.to_string())).into_response()
    } else {
        format!("{visits} visits\n").into_response()
    })
}

async fn reset(session: Session, headers: HeaderMap) -> Result<Response, Error> {
    session.remove(VISITS)?;
    Ok(done(&headers, "0 visits\n"))
}

async fn logout(session: Session, headers: HeaderMap) -> Response {
    session.flush();
    done(&headers, "0 visits, and the session has ended\n")
}

fn done(headers: &HeaderMap, line: &'static str) -> Response {
    if is_browser(headers) {
        Redirect::to("/").into_response()
    } else {
        line.into_response()
    }
}

fn is_browser(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT);
    accept.is_some_and(|it| it.to_str().is_ok_and(|it| it.contains("text/html")))
}

const PAGE: &str = r#"<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Counter</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
  body { font: 1.1rem/1.5 system-ui; max-width: 28rem; margin: 15vh auto; padding: 0 1rem; text-align: center }
  strong { display: block; font-size: 5rem; line-height: 1.2 }
  form { display: inline }
  button { font: inherit; padding: .4rem 1rem; margin: .2rem }
</style>
<p><strong>{visits}</strong> visits of this browser
<p><a href="/">Once more</a>
<p><form method="post" action="/reset"><button>Count from zero</button></form>
   <form method="post" action="/logout"><button>End the session</button></form>
"#;
