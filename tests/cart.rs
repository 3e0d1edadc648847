//! What the guide on overlap says: a cart that is updated loses nothing, and one that is read,
//! changed and inserted does.

mod support;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Router, response::IntoResponse};
use sessile::store::MemoryStore;
use sessile::{Error, Session, SessionLayer};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Barrier};
use support::Browser;
use support::http::{Client, Running};
use tower::ServiceExt as _;

/// Adds items over one connection, one after the other.
fn add_all(address: &str, cookie: &str, items: &[String]) {
    let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
    for item in items {
        let form = format!("item={item}");
        let head = format!("POST /add HTTP/1.1\r\nhost: {address}\r\ncookie: {cookie}\r\n");
        let kind = "content-type: application/x-www-form-urlencoded";
        let request = format!(
            "{head}{kind}\r\ncontent-length: {}\r\n\r\n{form}",
            form.len()
        );
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut length = 0;
        for line in 0.. {
            let mut text = String::new();
            stream.read_line(&mut text).unwrap();
            if line == 0 {
                assert_eq!(text, "HTTP/1.1 200 OK\r\n");
            } else if let Some(value) = text.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            } else if text == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        // What this request saw holds its own item at least.
        assert!(String::from_utf8(body).unwrap().contains(item));
    }
}

/// Fills a cart over this many connections at once, and checks that all 40 items are in it.
fn fill(connections: usize) {
    let server = Running::example("cart");
    let mut client = Client::new(&server);
    assert_eq!(client.get("/").body, "0 items: \n");
    let cookie = format!("id={}", client.jar["id"]);
    let items: Vec<_> = (0..40).map(|number| format!("item-{number}")).collect();
    let start = Barrier::new(connections);
    std::thread::scope(|scope| {
        for share in items.chunks(items.len() / connections) {
            scope.spawn(|| {
                start.wait();
                add_all(&server.address, &cookie, share);
            });
        }
    });
    let cart = client.get("/").body;
    let cart = cart.trim_end().strip_prefix("40 items: ").unwrap();
    let found: BTreeSet<_> = cart.split(", ").map(str::to_owned).collect();
    assert_eq!(found, items.into_iter().collect());
}

#[test]
fn two_tabs_that_add_forty_items_at_once_lose_none() {
    fill(2);
}

#[test]
fn forty_connections_that_add_one_item_each_lose_none() {
    fill(40);
}

#[test]
fn the_page_of_the_cart_works_without_a_script() {
    let server = Running::example("cart");
    let mut client = Client::new(&server);
    client.accept = Some("text/html");
    let page = client.get("/").body;
    assert!(page.contains("<form method=post action=/add><input name=item "));
    let reply = client.post("/add", "item=%3Cscript%3E+%26+milk");
    assert_eq!((reply.status, reply.header("location")), (303, Some("/")));
    let page = client.get("/").body;
    assert!(
        page.contains("<ol><li>&lt;script> &amp; milk</ol>"),
        "{page}"
    );
    client.post("/empty", "");
    assert!(client.get("/").body.contains("<ol></ol>"));
}

#[test]
fn the_cart_answers_curl_with_one_line() {
    let server = Running::example("cart");
    let mut client = Client::new(&server);
    assert_eq!(client.post("/add", "item=apple").body, "1 items: apple\n");
    assert_eq!(
        client.post("/add", "item=pear").body,
        "2 items: apple, pear\n"
    );
    assert_eq!(client.get("/").body, "2 items: apple, pear\n");
    assert_eq!(Client::new(&server).get("/").body, "0 items: \n");
}

/// Two requests meet here when both have read.
type Gate = Arc<tokio::sync::Barrier>;

async fn insert(
    session: Session,
    State(gate): State<Gate>,
    Path(item): Path<String>,
) -> Result<(), Error> {
    let mut cart: Vec<String> = session.get("cart")?.unwrap_or_default();
    gate.wait().await;
    cart.push(item);
    session.insert("cart", cart)
}

async fn update(
    session: Session,
    State(gate): State<Gate>,
    Path(item): Path<String>,
) -> Result<(), Error> {
    let push = |cart: Option<Vec<String>>, item: &String| {
        let mut cart = cart.unwrap_or_default();
        cart.push(item.clone());
        Some(cart)
    };
    session.update("cart", move |cart| push(cart, &item))?;
    gate.wait().await;
    Ok(())
}

async fn speak(session: Session, State(gate): State<Gate>) -> Result<(), Error> {
    gate.wait().await;
    session.insert("language", "fr")
}

async fn show(session: Session) -> Result<impl IntoResponse, Error> {
    let cart: Vec<String> = session.get("cart")?.unwrap_or_default();
    let language: Option<String> = session.get("language")?;
    Ok(format!(
        "{} {}",
        cart.join("+"),
        language.unwrap_or_default()
    ))
}

/// What is in the session after these two requests, forced to overlap.
async fn after(first: &str, second: &str) -> String {
    let app = Router::new()
        .route(
            "/begin",
            post(|session: Session| async move { session.insert("begun", true) }),
        )
        .route("/insert/{item}", post(insert))
        .route("/update/{item}", post(update))
        .route("/speak", post(speak))
        .route("/show", get(show))
        .layer(SessionLayer::new(MemoryStore::new()))
        .with_state(Gate::new(tokio::sync::Barrier::new(2)));
    let mut browser = Browser::new();
    browser.post(&app, "/begin").await;
    let (one, two) = tokio::join!(
        app.clone().oneshot(browser.request("POST", first)),
        app.clone().oneshot(browser.request("POST", second)),
    );
    assert_eq!(
        (one.unwrap().status(), two.unwrap().status()),
        (http::StatusCode::OK, http::StatusCode::OK)
    );
    browser.get(&app, "/show").await.body
}

#[tokio::test]
async fn who_reads_changes_and_inserts_loses_an_item_and_is_told_nothing() {
    let cart = after("/insert/apple", "/insert/pear").await;
    assert!(["apple ", "pear "].contains(&&*cart), "{cart}");
}

#[tokio::test]
async fn who_updates_loses_nothing() {
    let cart = after("/update/apple", "/update/pear").await;
    assert!(["apple+pear ", "pear+apple "].contains(&&*cart), "{cart}");
}

#[tokio::test]
async fn an_insert_under_another_key_disturbs_nobody() {
    assert_eq!(after("/insert/apple", "/speak").await, "apple fr");
}
