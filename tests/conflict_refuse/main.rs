//! `Conflict::Refuse`: a request that read what another one changed before it could write is refused.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod doubt;
mod meanwhile;
mod reads;
mod saves;

use axum::Router;
use sessile::test_util::ManualClock;
use sessile::{Conflict, Error, ErrorKind, Session, SessionId, SessionLayer, SessionLayerBuilder};
use std::sync::Arc;
use support::{Answer, Browser, TestStore, assert_ok, kind_of, layer_with, scripted};

/// What a handler does before it inserts `mine`.
type Step = fn(&Session) -> Result<(), Error>;

fn get(session: &Session) -> Result<(), Error> {
    session.get::<i64>("a").map(drop)
}

/// An app whose handlers do one step and insert, under this policy; and one to do what others do, over the
/// same sessions.
struct House {
    layer: SessionLayer,
    others: Router,
    store: TestStore,
    clock: Arc<ManualClock>,
}

impl House {
    fn new(policy: Conflict) -> Self {
        Self::with(|builder| builder.error_response(kind_of).conflict(policy))
    }

    fn with(settings: impl FnOnce(SessionLayerBuilder) -> SessionLayerBuilder) -> Self {
        let (layer, store, clock) = layer_with(settings);
        Self {
            others: scripted(layer.clone()),
            layer,
            store,
            clock,
        }
    }

    async fn browser(&self) -> Browser {
        let mut browser = Browser::new();
        assert_ok(&browser.get(&self.others, "/insert:a:1/insert:b:1").await);
        self.store.calls();
        browser
    }

    /// The answer to a request that does this step and inserts, and is overtaken by the other before its
    /// `replace`.
    async fn overtaken(&self, browser: &Browser, step: Step, other: &str) -> Answer {
        let handler = async move |session: Session| {
            step(&session)?;
            session.insert("mine", 1)
        };
        let app = Router::new().fallback(handler).layer(self.layer.clone());
        let gate = self.store.gate_next("replace");
        let request = browser.start(&app, "/");
        self.store.called("replace", 1).await;
        assert_ok(&browser.clone().get(&self.others, other).await);
        self.store.calls();
        gate.open();
        request.answer().await
    }

    /// A session that holds `a` and `b`, loaded outside of a request.
    async fn session(&self) -> (Session, SessionId) {
        let sessions = self.layer.sessions();
        let made = sessions.create();
        made.insert("a", 1).unwrap();
        made.insert("b", 1).unwrap();
        made.save().await.unwrap();
        let id = made.id().unwrap().unwrap();
        let session = self.load(&id).await;
        self.store.calls();
        (session, id)
    }

    async fn load(&self, id: &SessionId) -> Session {
        self.layer.sessions().load(id).await.unwrap().unwrap()
    }

    /// Somebody else sets a key.
    async fn set(&self, id: &SessionId, key: &str, value: i64) {
        let other = self.load(id).await;
        other.insert(key, value).unwrap();
        other.save().await.unwrap();
        self.store.calls();
    }

    async fn value(&self, id: &SessionId, key: &str) -> Option<i64> {
        self.load(id).await.get(key).unwrap()
    }
}

fn refusing() -> House {
    House::new(Conflict::Refuse)
}

#[track_caller]
fn assert_stale(result: Result<(), Error>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Stale);
}
