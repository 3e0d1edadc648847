//! Logs users in and out: `cargo run --example login`. Any name will do, the password is `sesame`, and
//! who is called `admin` may see `/admin`.

mod admin;
mod page;
mod users;

use admin::Admin;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Router, routing::get, routing::post};
use sessile::{Error, Expiry, Session, SessionLayer, store::MemoryStore};
use std::{collections::HashMap, time::Duration};
use users::{User, Users};

const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

#[derive(serde::Deserialize)]
struct Login {
    name: String,
    password: String,
    remember: Option<String>,
    next: Option<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = SessionLayer::builder(MemoryStore::new()).plain_http();
    let app = Router::new()
        .route("/", get(home))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/password", post(change_password))
        .route("/admin", get(async |_: Admin| "the accounts\n"))
        .layer(sessions.build()?)
        .with_state(Users::default());
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

type Pairs = Query<HashMap<String, String>>;

async fn home(user: Option<User>, query: Pairs, headers: HeaderMap) -> Response {
    let next = query.get("next").map_or("/", |next| page::local(next));
    page::home(user.as_ref(), next, &headers)
}

async fn login(
    State(users): State<Users>,
    session: Session,
    Form(form): Form<Login>,
) -> Result<Response, Error> {
    if form.password != "sesame" || form.name.is_empty() {
        return Ok((StatusCode::UNAUTHORIZED, "wrong name or password\n").into_response());
    }
    // What cannot be read goes.
    session.is_empty().is_err().then(|| session.flush());
    users.log_in(&session, form.name)?;
    let expiry = form.remember.map(|_| MONTH.into());
    session.set_expiry(expiry.unwrap_or(Expiry::BrowserSession));
    let next = form.next.as_deref().unwrap_or("/");
    Ok(Redirect::to(page::local(next)).into_response())
}

async fn logout(session: Session) -> Response {
    session.flush();
    page::logged_out()
}

/// Other browsers are logged out by this, and this one is not.
async fn change_password(users: State<Users>, s: Session, user: User) -> Result<Redirect, Error> {
    users.change_password(&user.name);
    users.log_in(&s, user.name)?;
    Ok(Redirect::to("/"))
}
