//! A browser, as far as cookies go.

use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request, Response, StatusCode, header};
use std::collections::BTreeMap;
use std::convert::Infallible;
use tower::{Service, ServiceExt as _};

/// Keeps the cookies that it is given, and sends them along. It does not judge them: what a
/// real browser refuses is for a real browser to tell.
#[derive(Debug, Clone, Default)]
pub struct Browser {
    pub jar: BTreeMap<String, String>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// The values of all Set-Cookie headers.
    pub fn set_cookies(&self) -> Vec<&str> {
        let values = self.headers.get_all(header::SET_COOKIE);
        values
            .iter()
            .map(|value| std::str::from_utf8(value.as_bytes()).unwrap())
            .collect()
    }

    pub fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// The answer went well.
#[track_caller]
pub fn assert_ok(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

/// The session was ended or its id rotated meanwhile, and the browser keeps the cookie that it has.
#[track_caller]
pub fn assert_interrupted(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.body, "Interrupted");
    assert_eq!(answer.set_cookies(), [""; 0]);
}

impl Browser {
    pub fn new() -> Self {
        Self::default()
    }

    /// A browser that has this one cookie.
    pub fn with_cookie(name: &str, value: &str) -> Self {
        Self {
            jar: [(name.to_owned(), value.to_owned())].into(),
        }
    }

    /// The value of the default session cookie.
    pub fn id(&self) -> Option<&str> {
        self.jar.get("__Host-id").map(String::as_str)
    }

    /// A request to this path, with the cookies.
    pub fn request(&self, method: &str, path: &str) -> Request<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap();
        if !self.jar.is_empty() {
            let pairs: Vec<_> = self
                .jar
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request
                .headers_mut()
                .insert(header::COOKIE, pairs.join("; ").parse().unwrap());
        }
        request
    }

    pub async fn get<S>(&mut self, app: &S, path: &str) -> Answer
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
    {
        self.send(app, self.request("GET", path)).await
    }

    pub async fn post<S>(&mut self, app: &S, path: &str) -> Answer
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
    {
        self.send(app, self.request("POST", path)).await
    }

    /// Sends a request, and takes in the cookies of its answer.
    pub async fn send<S>(&mut self, app: &S, request: Request<Body>) -> Answer
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
    {
        let answer = Self::read(app.clone().oneshot(request).await.unwrap()).await;
        self.take(&answer);
        answer
    }

    /// The whole of a response.
    pub async fn read(response: Response<Body>) -> Answer {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Takes in the cookies of an answer.
    pub fn take(&mut self, answer: &Answer) {
        for cookie in answer.set_cookies() {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.to_ascii_lowercase().contains("max-age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
