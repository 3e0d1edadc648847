//! Handlers as paths: `/insert:a:1/cycle/fail` does these steps on the session of its request.

use super::{Answer, Browser, TestStore, layer_with};
use axum::body::{Body, Bytes};
use axum::{Extension, Router};
use http::{Request, Response, StatusCode};
use sessile::test_util::ManualClock;
use sessile::{Error, Expiry, Session, SessionLayer, SessionLayerBuilder};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

/// An app that does what the path says. The text of its answers is what `show` saw, or the kind
/// of the error: in brackets where a step in the handler returned it.
pub fn scripted(layer: SessionLayer) -> Router {
    Router::new().fallback(handle).layer(layer)
}

/// A scripted app with the defaults, over a store to look into, at a time that the test moves.
pub fn script() -> (Router, TestStore, Arc<ManualClock>) {
    script_with(|builder| builder)
}

/// The same with other settings.
pub fn script_with(
    settings: impl FnOnce(SessionLayerBuilder) -> SessionLayerBuilder,
) -> (Router, TestStore, Arc<ManualClock>) {
    let (layer, store, clock) = layer_with(|builder| settings(builder.error_response(kind_of)));
    (scripted(layer), store, clock)
}

/// An answer that names the kind of the error.
pub fn kind_of(error: &Error) -> Response<Bytes> {
    let mut response = Response::new(format!("{:?}", error.kind()).into());
    *response.status_mut() = error.status();
    response
}

async fn handle(Extension(session): Extension<Session>, request: Request<Body>) -> Response<Body> {
    let (mut status, mut text) = (StatusCode::OK, String::new());
    let hold = request.extensions().get::<Hold>().cloned();
    for step in request.into_parts().0.uri.path().split('/') {
        if let Err(error) = run(step, &session, hold.as_ref(), &mut status, &mut text).await {
            (status, text) = (error.status(), format!("[{:?}]", error.kind()));
            break;
        }
    }
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    response
}

async fn run(
    step: &str,
    session: &Session,
    hold: Option<&Hold>,
    status: &mut StatusCode,
    text: &mut String,
) -> Result<(), Error> {
    match step.split(':').collect::<Vec<_>>()[..] {
        [""] => {}
        ["insert", key, value] => session.insert(key, value.parse::<i64>().unwrap())?,
        ["increment", key] => {
            session.update(key, |n: Option<i64>| Some(n.unwrap_or(0) + 1))?;
        }
        ["remove", key] => drop(session.remove_value(key)?),
        ["clear"] => session.clear(),
        ["cycle"] => session.cycle_id(),
        ["flush"] => session.flush(),
        ["expire", seconds] => {
            session.set_expiry(Duration::from_secs(seconds.parse().unwrap()));
        }
        ["browser"] => session.set_expiry(Expiry::BrowserSession),
        ["load"] => session.load().await?,
        ["save"] => session.save().await?,
        ["save-aside"] => {
            let session = session.clone();
            tokio::spawn(async move { session.save().await });
        }
        // Whatever comes of it, the handler goes on.
        ["try-save"] => drop(session.save().await),
        ["reload"] => session.reload().await?,
        ["show"] => {
            for key in session.keys()? {
                let value = session.get::<i64>(&key)?.unwrap();
                write!(text, "{key}={value} ").unwrap();
            }
        }
        ["yield"] => tokio::task::yield_now().await,
        ["hold"] => hold.unwrap().wait().await,
        ["fail"] => *status = StatusCode::INTERNAL_SERVER_ERROR,
        _ => panic!("no such step: {step}"),
    }
    Ok(())
}

/// Where a handler waits for the test.
#[derive(Clone)]
struct Hold {
    here: Arc<Semaphore>,
    go: Arc<Semaphore>,
}

impl Hold {
    fn new() -> Self {
        let semaphore = || Arc::new(Semaphore::new(0));
        Self {
            here: semaphore(),
            go: semaphore(),
        }
    }

    async fn wait(&self) {
        self.here.add_permits(1);
        self.go.acquire().await.unwrap().forget();
    }
}

/// A request that is under way.
pub struct Started {
    hold: Hold,
    response: JoinHandle<Response<Body>>,
}

impl Started {
    /// Waits until it is at its (next) `hold`.
    pub async fn held(self) -> Self {
        self.hold.here.acquire().await.unwrap().forget();
        self
    }

    /// Lets it go on from its `hold`.
    pub fn go(&self) {
        self.hold.go.add_permits(1);
    }

    /// Its answer, once it has come to its end by itself.
    pub async fn answer(self) -> Answer {
        Browser::read(self.response.await.unwrap()).await
    }

    /// Lets it go on from its `hold` to its end.
    pub async fn finish(self) -> Answer {
        self.go();
        self.answer().await
    }
}

impl Browser {
    /// Starts a request, of which this browser sees no answer.
    pub fn start(&self, app: &Router, path: &str) -> Started {
        let hold = Hold::new();
        let mut request = self.request("GET", path);
        request.extensions_mut().insert(hold.clone());
        let app = app.clone();
        let response = tokio::spawn(async move { app.oneshot(request).await.unwrap() });
        Started { hold, response }
    }

    /// A browser whose session came from this path, with the calls so far forgotten.
    pub async fn with_session(app: &Router, store: &TestStore, path: &str) -> Self {
        let mut browser = Self::new();
        let answer = browser.get(app, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert!(browser.id().is_some());
        store.calls();
        browser
    }

    /// What this browser's session holds, looked at without a trace in this browser.
    pub async fn sees(&self, app: &Router) -> String {
        let answer = self.clone().get(app, "/load/show").await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body.trim_end().to_owned()
    }
}
