//! A browser, as far as cookies go.

use crate::error::Error;
use crate::layer::SessionLayer;
use crate::session::Session;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::BodyExt as _;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use tower_service::Service;

/// A cookie jar that sends requests: it keeps the cookies that it is given, sends them along, and drops those
/// that are taken away.
///
/// It calls an app directly, without a network. A clone is another tab: it has the same cookies, and keeps its
/// own from then on.
///
/// It does not judge cookies as a real browser would. `Secure`, `Path`, `Domain` and prefixes are not looked
/// at, and cookies do not get old: a `Max-Age` of zero takes one away, and that is all. So it sees a session
/// expire only if the server lets it, and whether a browser takes the cookie is for a browser to tell.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), sessile::Error> {
/// use axum::{Router, routing::post};
/// use sessile::test_util::{Browser, TestStore};
/// use sessile::{Session, SessionLayer};
///
/// let layer = SessionLayer::new(TestStore::new());
/// let app = Router::new()
///     .route("/theme", post(async |session: Session, theme: String| session.insert("theme", theme)))
///     .route("/logout", post(async |session: Session| session.flush()))
///     .layer(layer.clone());
///
/// let mut browser = Browser::new();
/// assert_eq!(browser.post(&app, "/theme", "dark").await.status(), 200);
/// let session = browser.session(&layer).await?.expect("there is one now");
/// assert_eq!(session.get("theme")?, Some("dark".to_owned()));
///
/// browser.post(&app, "/logout", "").await;
/// assert!(browser.session(&layer).await?.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// A browser without cookies.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            cookies: BTreeMap::new(),
        }
    }

    /// A browser with a session that holds what the closure puts into it: somebody who has logged in, say.
    ///
    /// The session is stored as a request would store it. If the closure leaves it empty there is nothing to store,
    /// and the browser has no cookie.
    ///
    /// # Errors
    ///
    /// What the closure returns, and what [`Session::save`] does.
    pub async fn with_session<T>(
        layer: &SessionLayer,
        fill: impl FnOnce(&Session) -> Result<T, Error>,
    ) -> Result<Self, Error> {
        let session = layer.sessions().create();
        fill(&session)?;
        session.save().await?;
        let mut browser = Self::new();
        if let Some(id) = session.id()? {
            browser.set_cookie(layer.cookie_name(), id.expose());
        }
        Ok(browser)
    }

    /// The session that this browser has now, under the id that the last answer gave it; `None` if its cookie finds
    /// nothing, or if it has none.
    ///
    /// # Errors
    ///
    /// As [`Sessions::load`](crate::sessions::Sessions::load).
    pub async fn session(&self, layer: &SessionLayer) -> Result<Option<Session>, Error> {
        let value = self.cookie(layer.cookie_name());
        match value.and_then(|value| value.parse().ok()) {
            Some(id) => layer.sessions().load(&id).await,
            None => Ok(None),
        }
    }

    /// Gets a page.
    ///
    /// # Panics
    ///
    /// As [`send`](Self::send), and if the path is none.
    pub async fn get<S, B>(&mut self, app: &S, path: &str) -> Response<Bytes>
    where
        S: Service<Request<String>, Response = Response<B>, Error = Infallible> + Clone,
        B: http_body::Body<Error: fmt::Display>,
    {
        self.send(app, self.request("GET", path)).await
    }

    /// Posts a form: `name=ann&item=pear`.
    ///
    /// # Panics
    ///
    /// As [`send`](Self::send), and if the path is none.
    pub async fn post<S, B>(
        &mut self,
        app: &S,
        path: &str,
        form: impl Into<String>,
    ) -> Response<Bytes>
    where
        S: Service<Request<String>, Response = Response<B>, Error = Infallible> + Clone,
        B: http_body::Body<Error: fmt::Display>,
    {
        let mut request = self.request("POST", path).map(|_| form.into());
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, form);
        self.send(app, request).await
    }

    /// Sends any request, and takes in the cookies of its answer. Where the request has cookies of its own, it is
    /// left as it is.
    ///
    /// # Panics
    ///
    /// If the body of the answer fails.
    pub async fn send<S, R, B>(&mut self, app: &S, mut request: Request<R>) -> Response<Bytes>
    where
        S: Service<Request<R>, Response = Response<B>, Error = Infallible> + Clone,
        B: http_body::Body<Error: fmt::Display>,
    {
        if let Some(cookies) = self.header() {
            let headers = request.headers_mut();
            headers.entry(header::COOKIE).or_insert(cookies);
        }
        let mut app = app.clone();
        let Ok(()) = poll_fn(|cx| app.poll_ready(cx)).await;
        let Ok(response) = app.call(request).await;
        self.take(response.headers());
        let (parts, body) = response.into_parts();
        match body.collect().await {
            Ok(body) => Response::from_parts(parts, body.to_bytes()),
            Err(error) => panic!("the body of the answer failed: {error}"),
        }
    }

    /// A request with the cookies and without a body, to send by other means. [`take`](Self::take) is for its answer.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use sessile::{Session, SessionLayer, test_util::{Browser, TestStore}};
    /// # let app: axum::Router = axum::Router::new()
    /// #     .route("/", axum::routing::get(async |session: Session| session.insert("seen", true)))
    /// #     .layer(SessionLayer::new(TestStore::new()));
    /// use tower::ServiceExt as _;
    ///
    /// let mut browser = Browser::new();
    /// let response = app.oneshot(browser.request("GET", "/")).await.unwrap();
    /// browser.take(response.headers());
    /// assert!(browser.cookie("__Host-id").is_some());
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If the method or the path is none.
    #[must_use]
    pub fn request(&self, method: &str, path: &str) -> Request<String> {
        let mut request = match Request::builder()
            .method(method)
            .uri(path)
            .body(String::new())
        {
            Ok(request) => request,
            Err(error) => panic!("{method} {path} makes no request: {error}"),
        };
        if let Some(cookies) = self.header() {
            request.headers_mut().insert(header::COOKIE, cookies);
        }
        request
    }

    /// Takes in the cookies of an answer. A line that is no text or has no `=` is left out.
    pub fn take(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE) {
            let line = std::str::from_utf8(line.as_bytes()).unwrap_or_default();
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            if let Some((name, value)) = pair.split_once('=') {
                let name = name.trim();
                if attributes.split(';').any(is_removal) {
                    self.remove_cookie(name);
                } else {
                    self.set_cookie(name, value.trim());
                }
            }
        }
    }

    /// The value of its `Cookie` header; `None` without cookies. It is a secret, as the ids in it are.
    ///
    /// # Panics
    ///
    /// If a cookie that was [set](Self::set_cookie) cannot be sent.
    #[must_use]
    pub fn header(&self) -> Option<HeaderValue> {
        if self.cookies.is_empty() {
            return None;
        }
        let pairs = self.cookies.iter();
        let pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let Ok(mut header) = HeaderValue::try_from(pairs.join("; ")) else {
            panic!("a cookie of the browser cannot be sent");
        };
        header.set_sensitive(true);
        Some(header)
    }

    /// The value of a cookie. That of a session is a secret.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// The names of its cookies, sorted.
    pub fn cookie_names(&self) -> impl Iterator<Item = &str> {
        self.cookies.keys().map(String::as_str)
    }

    /// Gives it a cookie.
    pub fn set_cookie(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.cookies.insert(name.into(), value.into());
    }

    /// Takes a cookie away.
    pub fn remove_cookie(&mut self, name: &str) {
        self.cookies.remove(name);
    }
}

/// Whether this attribute takes the cookie away: an age of zero or less.
fn is_removal(attribute: &str) -> bool {
    let Some((name, age)) = attribute.split_once('=') else {
        return false;
    };
    let age = age.trim().parse::<i64>();
    name.trim().eq_ignore_ascii_case("max-age") && age.is_ok_and(|age| age <= 0)
}

/// The names of the cookies alone.
impl fmt::Debug for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.cookie_names()).finish()
    }
}
