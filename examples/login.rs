//! Logs a user in and out: `cargo run --example login`. Any name will do, the password is `sesame`.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Router, extract::Form, routing::get, routing::post};
use sessile::{Error, Expiry, Key, Session, SessionLayer, store::MemoryStore};
use std::time::{Duration, SystemTime};

/// Who is logged in, and since when.
const USER: Key<(String, SystemTime)> = Key::new("user");
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

#[derive(serde::Deserialize)]
struct Login {
    name: String,
    password: String,
    remember: Option<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = SessionLayer::builder(MemoryStore::new());
    let sessions = sessions.plain_http().build()?;
    let app = Router::new()
        .route("/", get(home))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .layer(sessions);
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn home(session: Session, headers: HeaderMap) -> Result<Response, Error> {
    let user = session.get(USER)?.map(|(name, since)| {
        let minutes = since.elapsed().unwrap_or_default().as_secs() / 60;
        (name.replace('&', "&amp;").replace('<', "&lt;"), minutes)
    });
    let accept = headers.get(header::ACCEPT);
    let browser = accept.is_some_and(|it| it.to_str().is_ok_and(|it| it.contains("text/html")));
    Ok(match user {
        Some((name, minutes)) if browser => Html(format!(
            "{STYLE}<h1>Hello, {name}</h1><p>You logged in {minutes} minutes ago.\
             <form method=post action=/logout><button>Log out</button></form>"
        ))
        .into_response(),
        None if browser => Html(format!("{STYLE}{FORM}")).into_response(),
        Some((name, minutes)) => format!("{name}, since {minutes} minutes\n").into_response(),
        None => "nobody\n".into_response(),
    })
}

async fn login(session: Session, Form(form): Form<Login>) -> Result<Response, Error> {
    if form.password != "sesame" || form.name.is_empty() {
        return Ok((StatusCode::UNAUTHORIZED, "wrong name or password\n").into_response());
    }
    // A new id: one that somebody else knows is worth nothing. What cannot be read goes.
    session.cycle_id();
    session.is_empty().is_err().then(|| session.flush());
    session.insert(USER, (form.name, SystemTime::now()))?;
    let remember = form.remember.map(|_| MONTH.into());
    session.set_expiry(remember.unwrap_or(Expiry::BrowserSession));
    Ok(Redirect::to("/").into_response())
}

async fn logout(session: Session) -> impl IntoResponse {
    session.flush();
    // Or the Back button would bring back what this user saw.
    ([("clear-site-data", "\"cache\"")], Redirect::to("/"))
}

const STYLE: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Login</title><meta \
    name=viewport content='width=device-width, initial-scale=1'><style>body { font: 1.1rem/1.6 \
    system-ui; width: 18rem; margin: 12vh auto } label { display: block; margin: 1rem 0 } input, \
    button { font: inherit; padding: .4rem } [required] { display: block }</style>";
const FORM: &str = "<h1>Log in</h1><form method=post action=/login><label>Name <input name=name \
    required></label><label>Password <input name=password type=password required></label><label>\
    <input name=remember type=checkbox> Remember me</label><button>Log in</button></form>";
