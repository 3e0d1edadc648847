//! A request whose handler is written where it is sent.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::browser::{Answer, Browser};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Request};
use sessile::{Session, SessionLayer};
use std::sync::{Arc, Mutex};
use tower::{Layer as _, ServiceExt as _, service_fn};

impl Browser {
    /// One request that is handled by this closure. Returns what it returned, and the answer.
    pub async fn visit<T>(
        &mut self,
        layer: &SessionLayer,
        handler: impl AsyncFnOnce(&Session) -> T,
    ) -> (T, Answer) {
        let result = Mutex::new(None);
        let answer = self
            .answer(layer, async |session: Session| {
                *result.lock().unwrap() = Some(handler(&session).await);
            })
            .await;
        (result.into_inner().unwrap().unwrap(), answer)
    }

    /// One request that is answered by this closure.
    pub async fn answer<R: IntoResponse>(
        &mut self,
        layer: &SessionLayer,
        handler: impl AsyncFnOnce(Session) -> R,
    ) -> Answer {
        let answer = answer(layer, self.request("GET", "/"), handler).await;
        self.take(&answer);
        answer
    }
}

/// The answer of this closure to this request.
pub async fn answer<R: IntoResponse>(
    layer: &SessionLayer,
    request: Request<Body>,
    handler: impl AsyncFnOnce(Session) -> R,
) -> Answer {
    Browser::read(respond(layer, request, handler).await).await
}

/// The same, for a client that leaves as soon as nothing goes on any more without it.
pub async fn abandon<R: IntoResponse>(
    layer: &SessionLayer,
    request: Request<Body>,
    handler: impl AsyncFnOnce(Session) -> R,
) {
    tokio::select! {
        biased;
        _ = respond(layer, request, handler) => panic!("the client was to leave before the answer"),
        () = settle() => {}
    }
}

/// Lets a runtime of one thread do all that it can do.
pub async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// The same, as the response that leaves the layer.
pub async fn respond<R: IntoResponse>(
    layer: &SessionLayer,
    request: Request<Body>,
    handler: impl AsyncFnOnce(Session) -> R,
) -> Response<Body> {
    let mut handler = Some(handler);
    let service = service_fn(move |request: Request<Body>| {
        let handler = handler.take();
        async move {
            let session = request.extensions().get::<Session>().cloned();
            let response = handler.unwrap()(session.unwrap()).await.into_response();
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    layer.layer(service).oneshot(request).await.unwrap()
}

/// A response with these headers.
pub fn headers(pairs: &[(http::HeaderName, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value.parse().unwrap());
    }
    headers
}

/// Records an update that holds on to `value`, and to its own session.
pub fn hold(session: &Session, value: &Arc<()>) {
    hold_by(session, value, 1);
}

/// The same, and it adds this.
pub fn hold_by(session: &Session, value: &Arc<()>, n: u32) {
    let (own, value) = (session.clone(), value.clone());
    let update = move |old: Option<u32>| {
        let _ = (&own, &value);
        Some(old.unwrap_or(0) + n)
    };
    session.update("n", update).unwrap();
}
