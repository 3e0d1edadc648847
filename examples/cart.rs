//! A shopping cart that several tabs fill at once: `cargo run --example cart`.

use axum::extract::Form;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Router, routing::get, routing::post};
use sessile::{Error, Key, Session, SessionLayer, store::MemoryStore};

const CART: Key<Vec<String>> = Key::new("cart");

#[derive(serde::Deserialize)]
struct Add {
    item: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sessions = SessionLayer::builder(MemoryStore::new());
    let sessions = sessions.plain_http().build()?;
    let app = Router::new()
        .route("/", get(show))
        .route("/add", post(add))
        .route("/empty", post(empty))
        .layer(sessions);
    let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn show(session: Session, headers: HeaderMap) -> Result<Response, Error> {
    // Stored also while it is empty, so that the requests that follow share one session.
    let cart = session.update(CART, |cart| Some(cart.unwrap_or_default()))?;
    let cart = cart.unwrap_or_default();
    if !is_browser(&headers) {
        return Ok(done(&headers, &cart));
    }
    let li = |it: &String| format!("<li>{}", it.replace('&', "&amp;").replace('<', "&lt;"));
    let items: String = cart.iter().map(li).collect();
    Ok(Html(PAGE.replace("{items}", &items)).into_response())
}

async fn add(session: Session, headers: HeaderMap, form: Form<Add>) -> Result<Response, Error> {
    let item: String = form.0.item.chars().take(40).collect();
    // Not `get` and `insert`: that would overwrite what another tab added in between.
    let cart = session.update(CART, move |cart| {
        let mut cart = cart.unwrap_or_default();
        cart.push(item.clone());
        Some(cart)
    })?;
    Ok(done(&headers, &cart.unwrap_or_default()))
}

async fn empty(session: Session, headers: HeaderMap) -> Result<Response, Error> {
    session.insert(CART, Vec::new())?;
    Ok(done(&headers, &[]))
}

fn done(headers: &HeaderMap, cart: &[String]) -> Response {
    match is_browser(headers) {
        true => Redirect::to("/").into_response(),
        false => format!("{} items: {}\n", cart.len(), cart.join(", ")).into_response(),
    }
}

fn is_browser(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

const PAGE: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Cart</title><meta \
name=viewport content='width=device-width, initial-scale=1'><style>body { font: 1.1rem/1.6 \
system-ui; width: 20rem; margin: 10vh auto } form { display: flex; gap: .5rem; margin: 1rem 0 } \
input, button { font: inherit; padding: .4rem .8rem; min-width: 0 }</style><h1>Cart</h1><ol>\
{items}</ol><form method=post action=/add><input name=item required aria-label=Item><button>\
Add</button></form><form method=post action=/empty><button>Empty it</button><button id=burst \
type=button hidden>Add six</button></form><script>burst.hidden = false; burst.onclick = async () \
=> { await Promise.all(['apple', 'date', 'fig', 'kiwi', 'lime', 'pear'].map(item => fetch('/add', \
{ method: 'POST', body: new URLSearchParams({ item }) }))); location.reload() }</script>";
