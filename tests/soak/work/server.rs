//! The app, and its store: right, or wrong on purpose.

use super::Limits;
use super::http::Connection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get, routing::post};
use bytes::Bytes;
use sessile::store::{
    Added, Deleted, Entry, MemoryStore, Replaced, Store, StoreError, StoreKey, Version,
};
use sessile::{Error, Session, SessionLayer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// What a store can do wrong, to see whether the soak would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// `replace` does not look at the version.
    Overwrites,
    /// `replace` creates what is missing.
    Revives,
    /// `delete` only says so.
    Keeps,
    /// Of many writes one takes the entry away.
    Loses,
    /// Of many writes one has no effect.
    Forgets,
}

/// The memory store, with a time to live that is closer to the end of the session than the layer's,
/// so that the store sees entries expire too.
struct Soaked {
    memory: Arc<MemoryStore>,
    wrong: Option<Wrong>,
}

/// The layer keeps an entry an hour longer than its session; half a second will do here.
fn shorter(ttl: Duration) -> Duration {
    ttl.saturating_sub(Duration::from_millis(3_599_500))
}

impl Store for Soaked {
    async fn get(&self, key: &StoreKey) -> Result<Option<Entry>, StoreError> {
        self.memory.get(key).await
    }

    async fn add(&self, key: &StoreKey, value: Bytes, ttl: Duration) -> Result<Added, StoreError> {
        self.memory.add(key, value, shorter(ttl)).await
    }

    async fn replace(
        &self,
        key: &StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Replaced, StoreError> {
        let (memory, ttl) = (&self.memory, shorter(ttl));
        match self.wrong {
            Some(Wrong::Overwrites) => {
                let Some(entry) = memory.get(key).await? else {
                    return Ok(Replaced::Missing);
                };
                return memory.replace(key, entry.version, value, ttl).await;
            }
            Some(Wrong::Revives) => {
                if let Added::Done(version) = memory.add(key, value.clone(), ttl).await? {
                    return Ok(Replaced::Done(version));
                }
            }
            Some(Wrong::Loses) if expected.get().is_multiple_of(64) => {
                memory.delete(key).await?;
            }
            Some(Wrong::Forgets) if expected.get().is_multiple_of(64) => {
                return Ok(Replaced::Done(expected));
            }
            _ => {}
        }
        memory.replace(key, expected, value, ttl).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        if self.wrong == Some(Wrong::Keeps) {
            return Ok(Deleted::Done);
        }
        self.memory.delete(key).await
    }
}

/// What the store says of itself.
#[derive(Debug)]
pub struct Figures {
    pub entries: usize,
    pub bytes: usize,
    pub evicted: u64,
    pub expired: u64,
}

/// Asks a server for its store's figures.
pub async fn figures(address: SocketAddr) -> Figures {
    let answer = Connection::new(address).post("/figures", "").await.unwrap();
    let numbers: Vec<u64> = answer
        .body
        .split(' ')
        .map(|number| number.parse().unwrap())
        .collect();
    Figures {
        entries: usize::try_from(numbers[0]).unwrap(),
        bytes: usize::try_from(numbers[1]).unwrap(),
        evicted: numbers[2],
        expired: numbers[3],
    }
}

/// Serves in a process of its own.
pub async fn serve_alone(limits: Limits) {
    let (listener, app) = set_up(limits, None).await;
    println!("{}", listener.local_addr().unwrap());
    axum::serve(listener, app).await.unwrap();
}

/// Serves in this process, and says where.
pub async fn serve_here(limits: Limits, wrong: Option<Wrong>) -> SocketAddr {
    let (listener, app) = set_up(limits, wrong).await;
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

async fn set_up(limits: Limits, wrong: Option<Wrong>) -> (TcpListener, Router) {
    let memory = Arc::new(
        MemoryStore::builder()
            .max_entries(limits.max_entries)
            .max_bytes(limits.max_bytes)
            .build(),
    );
    let store = Soaked {
        memory: Arc::clone(&memory),
        wrong,
    };
    let sessions = SessionLayer::builder(store)
        .plain_http()
        .idle_lifetime(limits.idle)
        .absolute_lifetime(limits.absolute)
        .max_size(limits.max_size)
        .build()
        .unwrap();
    let app = Router::new()
        .route("/read", post(read))
        .route("/increment", post(increment))
        .route("/insert", post(insert))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .layer(sessions)
        .route("/figures", get(show_figures).post(show_figures))
        .with_state(memory);
    (TcpListener::bind("127.0.0.1:0").await.unwrap(), app)
}

#[derive(serde::Deserialize)]
struct Ask {
    /// Whose session it must be.
    me: u64,
    /// How long the handler takes, in milliseconds.
    pause: u64,
    value: u64,
}

impl Ask {
    async fn pause(&self) {
        if self.pause > 0 {
            tokio::time::sleep(Duration::from_millis(self.pause)).await;
        }
    }
}

/// Why a handler refuses.
enum Refusal {
    Session(Error),
    /// The session is another user's: the worst that can happen.
    Foreign,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Session(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Session(error) => error.into_response(),
            Self::Foreign => StatusCode::CONFLICT.into_response(),
        }
    }
}

/// Makes a new session this user's.
fn claim(session: &Session, me: u64) -> Result<(), Refusal> {
    match session.get::<u64>("owner")? {
        None => Ok(session.insert("owner", me)?),
        Some(owner) if owner == me => Ok(()),
        Some(_) => Err(Refusal::Foreign),
    }
}

async fn read(session: Session, ask: Query<Ask>) -> Result<String, Refusal> {
    ask.pause().await;
    let owner: Option<u64> = session.get("owner")?;
    let count: Option<u64> = session.get("count")?;
    let note: Option<u64> = session.get("note")?;
    Ok(owner.map_or("empty".to_owned(), |owner| {
        format!("{owner} {} {}", count.unwrap_or(0), note.unwrap_or(0))
    }))
}

async fn increment(session: Session, ask: Query<Ask>) -> Result<String, Refusal> {
    claim(&session, ask.me)?;
    ask.pause().await;
    let count = session.update("count", |count: Option<u64>| Some(count.unwrap_or(0) + 1))?;
    Ok(count.unwrap_or(0).to_string())
}

async fn insert(session: Session, ask: Query<Ask>) -> Result<&'static str, Refusal> {
    claim(&session, ask.me)?;
    ask.pause().await;
    session.insert("note", ask.value)?;
    // Sessions of all sizes.
    let filler = "x".repeat(usize::try_from(ask.value % 3000).unwrap());
    session.insert("filler", filler)?;
    Ok("inserted")
}

async fn login(session: Session, ask: Query<Ask>) -> Result<&'static str, Refusal> {
    claim(&session, ask.me)?;
    ask.pause().await;
    session.cycle_id();
    session.insert("user", ask.value)?;
    Ok("in")
}

async fn logout(session: Session, ask: Query<Ask>) -> &'static str {
    ask.pause().await;
    session.flush();
    "out"
}

async fn show_figures(State(memory): State<Arc<MemoryStore>>) -> String {
    let (entries, bytes) = (memory.len(), memory.bytes());
    format!(
        "{entries} {bytes} {} {}",
        memory.evicted(),
        memory.expired()
    )
}
