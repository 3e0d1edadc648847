//! Without a Tokio runtime: the memory store needs none, and a store that has to wait says so.

mod support;

use axum::Router;
use axum::body::Body;
use futures_executor::block_on;
use http::Response;
use sessile::store::MemoryStore;
use sessile::{Error, Session, SessionLayer};
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use support::{Browser, Fault, kind_of, script, scripted};
use tokio::sync::Barrier;
use tower::ServiceExt as _;

#[test]
fn the_memory_store_needs_no_runtime() {
    block_on(async {
        let layer = SessionLayer::builder(MemoryStore::new()).error_response(kind_of);
        let app = scripted(layer.build().unwrap());
        let mut browser = Browser::new();
        browser.get(&app, "/insert:a:1/save/increment:a").await;
        assert_eq!(browser.sees(&app).await, "a=2");
        let old = browser.clone();
        browser.get(&app, "/cycle/insert:user:1").await;
        assert_eq!(browser.sees(&app).await, "a=2 user=1");
        assert_eq!(old.sees(&app).await, "");
        assert_eq!(browser.clone().get(&app, "/flush").await.status, 200);
        assert_eq!(browser.sees(&app).await, "");
    });
}

type Answering<'a> = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send + 'a>>;

/// Runs all of them side by side.
async fn all(mut running: Vec<Answering<'_>>) {
    poll_fn(|cx| {
        running.retain_mut(|request| match request.as_mut().poll(cx) {
            Poll::Ready(response) => {
                assert_eq!(response.unwrap().status(), 200);
                false
            }
            Poll::Pending => true,
        });
        if running.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

#[test]
fn the_memory_store_needs_no_runtime_for_conflicts_either() {
    const COUNT: usize = 50;
    let store = Arc::new(MemoryStore::new());
    let layer = SessionLayer::new(Arc::clone(&store));
    let app = scripted(layer.clone());
    let (before, after) = (Barrier::new(COUNT), Arc::new(Barrier::new(COUNT)));
    let before = Arc::new(before);
    let counting = Router::new()
        .fallback(async move |session: Session| {
            before.wait().await;
            // The last to come here commits at once, before the others run again.
            after.wait().await;
            session.update("n", |n: Option<u32>| Some(n.unwrap_or(0) + 1))?;
            Ok::<_, Error>(())
        })
        .layer(layer);
    block_on(async {
        let mut browser = Browser::new();
        browser.get(&app, "/insert:a:1").await;
        let requests = (0..COUNT).map(|_| {
            let request = browser.request("GET", "/");
            Box::pin(counting.clone().oneshot(request)) as Answering<'_>
        });
        all(requests.collect()).await;
        assert_eq!(browser.sees(&app).await, format!("a=1 n={COUNT}"));
    });
}

async fn needs_a_runtime() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;

    for (verb, path, body) in [
        ("get", "/show", "[NoRuntime]"),
        ("get", "/insert:a:2", "[NoRuntime]"),
        ("replace", "/insert:a:2", "NoRuntime"),
        ("replace", "/insert:a:2/save", "[NoRuntime]"),
        ("delete", "/flush", "NoRuntime"),
    ] {
        store.fail_next(verb, Fault::Hang);
        let answer = browser.get(&app, path).await;
        assert_eq!(
            (answer.status.as_u16(), &*answer.body),
            (500, body),
            "{path}"
        );
        assert_eq!(answer.set_cookies(), [""; 0]);
    }
    store.fail_next("add", Fault::Hang);
    let answer = Browser::new().get(&app, "/insert:a:1").await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (500, "NoRuntime"));

    // Who does not use the session is served.
    store.fail_next("get", Fault::Hang);
    assert_eq!(browser.get(&app, "/").await.status, 200);
    // And a store that answers at once needs none.
    assert_eq!(browser.sees(&app).await, "a=1");
}

#[test]
fn a_store_that_has_to_wait_without_a_runtime_is_an_error() {
    block_on(needs_a_runtime());
}

#[test]
fn a_store_that_has_to_wait_in_a_runtime_without_time_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(needs_a_runtime());
}
