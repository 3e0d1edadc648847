//! Figures of the sessions, as a page and for Prometheus at /metrics: `cargo run --example metrics`.

use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use axum::{Router, extract::Path};
use sessile::observe::{Event, Observer, Verb};
use sessile::{Error, Session, SessionLayer, store::MemoryStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

#[derive(Default)]
struct Metrics {
    events: [AtomicU64; Event::NAMES.len()],
    store_calls: AtomicU64,
    store_nanos: AtomicU64,
}

impl Observer for Metrics {
    fn event(&self, event: &Event) {
        let place = Event::NAMES.iter().position(|name| *name == event.name());
        place.map(|place| self.events[place].fetch_add(1, Relaxed));
    }

    fn store_call(&self, _verb: Verb, time: Duration) {
        self.store_calls.fetch_add(1, Relaxed);
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.store_nanos.fetch_add(nanos, Relaxed);
    }
}

impl Metrics {
    /// A line for each event, made of its name and how often it happened.
    fn lines(&self, line: impl Fn(&str, u64) -> String) -> String {
        let events = Event::NAMES.iter().zip(&self.events);
        events.map(|(it, n)| line(it, n.load(Relaxed))).collect()
    }

    fn prometheus(&self) -> String {
        let calls = self.store_calls.load(Relaxed);
        let time = Duration::from_nanos(self.store_nanos.load(Relaxed)).as_secs_f64();
        self.lines(|name, n| format!("sessile_events_total{{event=\"{name}\"}} {n}\n"))
            + &format!("sessile_store_calls_total {calls}\nsessile_store_seconds_total {time}\n")
    }

    fn page(&self) -> Html<String> {
        let counts = self.events.iter().map(|count| count.load(Relaxed));
        let most = counts.fold(1, u64::max);
        let bar = |it: &str, n| format!("<dt>{it} {n}<dd><meter max={most} value={n}></meter>");
        Html(format!("{PAGE}<dl>{}</dl>", self.lines(bar)))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let metrics = Arc::new(Metrics::default());
    let sessions = SessionLayer::builder(MemoryStore::new()).observer(Arc::clone(&metrics));
    let page = Arc::clone(&metrics);
    let app = Router::new()
        .route("/do/{what}", post(act))
        .layer(sessions.plain_http().build()?)
        .route("/", get(async move || page.page()))
        .route("/metrics", get(async move || metrics.prometheus()));
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

const PAGE: &str = include_str!("metrics.html");
