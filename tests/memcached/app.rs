//! An app over a store, and what its users see.

pub(crate) use crate::support::{assert_interrupted, assert_ok};

use crate::support::{Answer, Browser, kind_of, scripted};
use axum::Router;
use http::StatusCode;
use sessile::SessionLayer;
use sessile::store::Store;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// A load and a commit have two seconds each, and the machine may be busy.
const LIMIT: Duration = Duration::from_millis(4500);
/// What "at once" may take: less than any limit.
const AT_ONCE: Duration = Duration::from_millis(800);

pub(crate) fn app(store: impl Store) -> Router {
    let layer = SessionLayer::builder(store).error_response(kind_of);
    scripted(layer.build().unwrap())
}

/// A browser whose session came from this path.
pub(crate) async fn session(app: &Router, path: &str) -> Browser {
    let mut browser = Browser::new();
    assert_ok(&browser.get(app, path).await);
    assert!(browser.id().is_some());
    browser
}

#[track_caller]
pub(crate) fn assert_unavailable(answer: &Answer) {
    assert_eq!(
        answer.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        answer.body
    );
    assert_eq!(answer.set_cookies(), [""; 0]);
}

/// Every kind of request is told so in time, and who needs no session is served.
pub(crate) async fn is_unavailable(app: &Router, browser: &Browser) {
    let first = Browser::new().start(app, "/insert:lost:1");
    session_is_unavailable(app, browser, LIMIT).await;
    assert_unavailable(&first.answer().await);
}

/// The same, without waiting for anything.
pub(crate) async fn is_known_to_be_down(app: &Router, browser: &Browser) {
    assert_unavailable(&Browser::new().get(app, "/insert:lost:1").await);
    session_is_known_to_be_down(app, browser).await;
}

/// The same of this session alone: others may be elsewhere.
pub(crate) async fn session_is_known_to_be_down(app: &Router, browser: &Browser) {
    session_is_unavailable(app, browser, AT_ONCE).await;
}

async fn session_is_unavailable(app: &Router, browser: &Browser, limit: Duration) {
    let start = Instant::now();
    let requests = ["/show", "/insert:lost:1", "/cycle/insert:user:1", "/flush"]
        .map(|path| browser.start(app, path));
    for request in requests {
        assert_unavailable(&request.answer().await);
    }
    assert_ok(&browser.clone().get(app, "/").await);
    assert_ok(&Browser::new().get(app, "/show").await);
    assert!(start.elapsed() <= limit, "{:?}", start.elapsed());
}

/// The session is there within a second, without a restart of the app.
pub(crate) async fn recovers(app: &Router, browser: &Browser, sees: &str) {
    let start = Instant::now();
    loop {
        let answer = browser.clone().get(app, "/load/show").await;
        if answer.status == StatusCode::OK {
            assert_eq!(answer.body.trim_end(), sees);
            break;
        }
        assert_unavailable(&answer);
        assert!(
            start.elapsed() <= Duration::from_secs(1),
            "it does not recover"
        );
        sleep(Duration::from_millis(20)).await;
    }
}
