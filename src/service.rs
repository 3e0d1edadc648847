//! The service that the layer makes: the way in.

use crate::body::ResponseBody;
use crate::future::ResponseFuture;
use crate::session::Session;
use crate::settings::Settings;
use http::{Request, Response};
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service whose requests have a session. See [`SessionLayer`](crate::SessionLayer).
#[derive(Clone)]
pub struct SessionService<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> SessionService<S> {
    pub(crate) const fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for SessionService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>>,
    ResBody: ResponseBody,
{
    type Response = Response<ResBody::Output>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResBody, S::Error>;

    #[inline]
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let name = self.settings.cookie.name();
        let outer = request.extensions().get::<Session>();
        if let Some(session) = outer.and_then(|outer| outer.of_cookie(name)).cloned() {
            // A layer further out has this cookie, and commits its session.
            request.extensions_mut().insert(session);
            return ResponseFuture::new(self.inner.call(request), None);
        }
        let settings = Arc::clone(&self.settings);
        let session = Session::of_request(settings, request.headers(), outer.cloned());
        request.extensions_mut().insert(session.clone());
        ResponseFuture::new(self.inner.call(request), Some(session))
    }
}

impl<S: fmt::Debug> fmt::Debug for SessionService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
