//! A source of randomness that fails: no new ids, and nothing else is harmed.

mod support;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use futures_executor::block_on;
use sessile::test_util::{Random, RandomError, SeededRandom};
use sessile::{Error, ErrorKind, Session};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use support::{Browser, TestStore, layer_with};

#[derive(Debug)]
struct Fragile {
    broken: AtomicBool,
    random: SeededRandom,
}

impl Random for Fragile {
    fn secret(&self, secret: &mut [u8]) -> Result<(), RandomError> {
        if self.broken.load(Relaxed) {
            // What a generator leaves behind that fails half way.
            secret[0] = 1;
            return Err(RandomError);
        }
        self.random.secret(secret)
    }

    fn unique(&self) -> u64 {
        self.random.unique()
    }
}

fn app() -> (Router, TestStore, Arc<Fragile>) {
    let random = Arc::new(Fragile {
        broken: AtomicBool::new(false),
        random: SeededRandom::new(3),
    });
    let (layer, store, _) = layer_with(|builder| builder.random(random.clone()));
    let app = Router::new()
        .route("/read", get(read))
        .route("/insert", get(insert))
        .route("/login", get(login))
        .route(
            "/cycle",
            get(|session: Session| async move { session.cycle_id() }),
        )
        .route(
            "/logout",
            get(|session: Session| async move { session.flush() }),
        )
        .route("/switch", get(switch))
        .route("/save", get(save))
        .layer(layer)
        .with_state(random.clone());
    (app, store, random)
}

async fn read(session: Session) -> Result<String, Error> {
    Ok(session.get("user")?.unwrap_or_else(|| "nobody".to_owned()))
}

async fn insert(session: Session) -> Result<(), Error> {
    let count = session.get("count")?.unwrap_or(0);
    session.insert("count", count + 1)
}

async fn login(session: Session) -> Result<&'static str, Error> {
    session.cycle_id();
    session.insert("user", "alice")?;
    Ok("welcome")
}

/// Ends one session and begins another.
async fn switch(session: Session) -> Result<(), Error> {
    session.flush();
    session.insert("user", "bob")
}

/// Saves in vain, and once more when the generator works again.
async fn save(State(random): State<Arc<Fragile>>, session: Session) -> Result<(), Error> {
    session.insert("user", "carol")?;
    let error = session.save().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CreationFailed);
    assert!(error.to_string().contains("source of randomness"));
    assert!(session.is_modified());
    random.broken.store(false, Relaxed);
    session.save().await
}

const UNAVAILABLE: &str = "Sessions are not available right now. Please try again later.";

#[test]
fn no_session_is_created_without_randomness() {
    let (app, store, random) = app();
    random.broken.store(true, Relaxed);
    for path in ["/insert", "/login"] {
        let mut browser = Browser::new();
        let answer = block_on(browser.get(&app, path));
        assert_eq!((answer.status.as_u16(), &*answer.body), (503, UNAVAILABLE));
        assert!(answer.set_cookies().is_empty());
        assert!(store.calls().is_empty());
    }
    random.broken.store(false, Relaxed);
    let mut browser = Browser::new();
    assert_eq!(block_on(browser.get(&app, "/login")).status, 200);
    assert_eq!(block_on(browser.get(&app, "/read")).body, "alice");
}

#[test]
fn a_rotation_without_randomness_leaves_the_session_under_its_id() {
    let (app, store, random) = app();
    let mut browser = Browser::new();
    block_on(browser.get(&app, "/insert"));
    let (id, record) = (browser.id().unwrap().to_owned(), store.record());

    random.broken.store(true, Relaxed);
    for path in ["/login", "/cycle"] {
        store.calls();
        let answer = block_on(browser.get(&app, path));
        assert_eq!((answer.status.as_u16(), &*answer.body), (503, UNAVAILABLE));
        assert!(answer.set_cookies().is_empty());
        assert_eq!(store.calls(), ["get"]);
        assert_eq!(store.record(), record);
    }
    random.broken.store(false, Relaxed);
    assert_eq!(block_on(browser.get(&app, "/login")).status, 200);
    assert_ne!(browser.id().unwrap(), id);
    assert_eq!(block_on(browser.get(&app, "/read")).body, "alice");
}

#[test]
fn sessions_that_exist_are_read_written_and_ended_without_randomness() {
    let (app, store, random) = app();
    let mut browser = Browser::new();
    block_on(browser.get(&app, "/login"));
    store.calls();

    random.broken.store(true, Relaxed);
    assert_eq!(block_on(browser.get(&app, "/read")).body, "alice");
    assert_eq!(block_on(browser.get(&app, "/insert")).status, 200);
    assert_eq!(store.calls(), ["get", "get", "replace"]);
    assert_eq!(block_on(browser.get(&app, "/logout")).status, 200);
    assert_eq!((store.len(), browser.id()), (0, None));
}

#[test]
fn a_logout_counts_also_where_the_session_after_it_cannot_be_created() {
    let (app, store, random) = app();
    let mut browser = Browser::new();
    block_on(browser.get(&app, "/login"));

    random.broken.store(true, Relaxed);
    let answer = block_on(browser.get(&app, "/switch"));
    assert_eq!(answer.status, 503);
    assert_eq!((store.len(), browser.id()), (0, None));
}

#[test]
fn a_save_that_failed_is_done_when_the_randomness_is_back() {
    let (app, store, random) = app();
    random.broken.store(true, Relaxed);
    let mut browser = Browser::new();
    assert_eq!(block_on(browser.get(&app, "/save")).status, 200);
    assert_eq!(store.calls(), ["add"]);
    assert_eq!(block_on(browser.get(&app, "/read")).body, "carol");
}
