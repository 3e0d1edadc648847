//! The kit's browser, with answers that are read to their end.

use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request, Response, StatusCode, header};
use sessile::test_util;
use std::convert::Infallible;
use std::ops::{Deref, DerefMut};
use tower::Service;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Browser(test_util::Browser);

impl Deref for Browser {
    type Target = test_util::Browser;

    fn deref(&self) -> &test_util::Browser {
        &self.0
    }
}

impl DerefMut for Browser {
    fn deref_mut(&mut self) -> &mut test_util::Browser {
        &mut self.0
    }
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
        let mut browser = Self::new();
        browser.set_cookie(name, value);
        browser
    }

    /// The value of the default session cookie.
    pub fn id(&self) -> Option<&str> {
        self.cookie("__Host-id")
    }

    /// A request to this path, with the cookies.
    pub fn request(&self, method: &str, path: &str) -> Request<Body> {
        self.0.request(method, path).map(Body::from)
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
        let response = self.0.send(app, request).await;
        Self::read(response.map(Body::from)).await
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
        self.0.take(&answer.headers);
    }
}
