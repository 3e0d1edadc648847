//! Shows a user where they are logged in, and ends that: `cargo run --example devices`. Any name will do.

use axum::extract::{Form, FromRequestParts, State};
use axum::http::{HeaderMap, header, request::Parts};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Router, routing::get, routing::post};
use sessile::sessions::{PublicHandle, SessionInfo, Sessions};
use sessile::{Error, Key, Session, SessionLayer, WhenMany, store::MemoryStore};

const USER: Key<String> = Key::new("user");

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let builder = SessionLayer::builder(MemoryStore::new()).plain_http();
    let layer = builder.sessions_per_user(5, WhenMany::EndOldest).build()?;
    let app = Router::new()
        .route("/", get(home))
        .route("/login", post(login))
        .route("/end", post(end))
        .route("/end-others", post(end_others))
        .route("/logout", post(logout))
        .with_state(layer.sessions())
        .layer(layer);
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

/// Who is logged in; nobody else gets further.
struct User(String, Session);

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let session = Session::from_request_parts(parts, state).await;
        let session = session.map_err(IntoResponse::into_response)?;
        match session.get(USER).map_err(IntoResponse::into_response)? {
            Some(name) => Ok(Self(name, session)),
            None => Err(Html(format!("{STYLE}{FORM}")).into_response()),
        }
    }
}

async fn login(session: Session, headers: HeaderMap, form: Form<Login>) -> Result<Redirect, Error> {
    // Here the password would be checked.
    session.renew_for(&form.name)?;
    let agent = headers.get(header::USER_AGENT);
    session.set_label(agent.and_then(|it| it.to_str().ok()).unwrap_or("unknown"));
    session.insert(USER, form.0.name)?;
    Ok(Redirect::to("/"))
}

async fn home(user: User, sessions: State<Sessions>) -> Result<Html<String>, Error> {
    let User(name, session) = user;
    let row = |it: &SessionInfo| {
        let minutes = it.created().elapsed().unwrap_or_default().as_secs() / 60;
        let end = match it.is(&session) {
            true => "<b>this one</b>".to_owned(),
            false => format!("<button name=handle value={}>End</button>", it.handle()),
        };
        format!(
            "<li>{}<br><small>{minutes} minutes ago</small> {end}",
            escape(it.label())
        )
    };
    let rows: String = sessions.of(&name).list().await?.iter().map(row).collect();
    Ok(Html(format!(
        "{STYLE}<h1>{}</h1><form method=post action=/end><ul>{rows}</ul></form>{END}",
        escape(&name)
    )))
}

// Here an app with passwords would ask for `RecentLogin<10>` as well.
async fn end(user: User, sessions: State<Sessions>, form: Form<End>) -> Result<Redirect, Error> {
    if let Ok(handle) = form.handle.parse::<PublicHandle>() {
        sessions.of(&user.0).end(handle).await?;
    }
    Ok(Redirect::to("/"))
}

async fn end_others(user: User, sessions: State<Sessions>) -> Result<Redirect, Error> {
    sessions.of(&user.0).end_others(&user.1).await?;
    Ok(Redirect::to("/"))
}

async fn logout(session: Session) -> impl IntoResponse {
    session.flush();
    // So that the Back button shows nothing.
    ([("clear-site-data", "\"cache\"")], Redirect::to("/"))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[derive(serde::Deserialize)]
struct Login {
    name: String,
}

#[derive(serde::Deserialize)]
struct End {
    handle: String,
}

const STYLE: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Devices</title><meta \
    name=viewport content='width=device-width, initial-scale=1'><style>body { font: 1.1rem/1.5 \
    system-ui; max-width: 26rem; margin: 10vh auto; padding: 0 1rem } ul { list-style: none; padding: 0 } \
    li { padding: .7rem 0; border-top: 1px solid #ddd; overflow-wrap: anywhere } input, button { font: \
    inherit; padding: .2rem .7rem } form { margin: .7rem 0 } small { color: #555 }</style>";
const FORM: &str = "<h1>Log in</h1><form method=post action=/login><label>Name <input name=name required>\
    </label> <button>Log in</button></form>";
const END: &str = "<form method=post action=/end-others><button>End all others</button></form>\
    <form method=post action=/logout><button>Log out</button></form>";
