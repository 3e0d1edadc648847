//! The kinds of requests, and whether an app answers them as it should.

use crate::apps::App;
use axum::body::{Body, HttpBody as _, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use std::collections::HashSet;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tower::ServiceExt as _;

/// A kind of request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    NoCookie,
    Untouched,
    Read,
    Modify,
    ReadLarge,
    Forged,
    Create,
}

/// The bytes of the texts in the large session.
const LARGE: usize = 20_000;
const SMALL: usize = 100;

impl Kind {
    /// The last two fill the stores.
    pub const ALL: [Self; 7] = [
        Self::NoCookie,
        Self::Untouched,
        Self::Read,
        Self::ReadLarge,
        Self::Modify,
        Self::Forged,
        Self::Create,
    ];

    /// Those that are timed with the sessions in Redis.
    pub const STORED: [Self; 4] = [Self::Read, Self::Modify, Self::Create, Self::ReadLarge];

    pub const fn name(self) -> &'static str {
        match self {
            Self::NoCookie => "no cookie",
            Self::Untouched => "session not touched",
            Self::Read => "read one key",
            Self::ReadLarge => "read one key of 20 KB",
            Self::Modify => "modify one key",
            Self::Forged => "read, forged cookie",
            Self::Create => "create a session",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::NoCookie | Self::Untouched => "/untouched",
            Self::Read | Self::ReadLarge | Self::Forged => "/read",
            Self::Modify => "/modify",
            Self::Create => "/create",
        }
    }
}

/// The cookies that one browser has for one app.
pub struct Cookies {
    small: Option<String>,
    large: Option<String>,
}

impl Cookies {
    /// Has the app make its two sessions, and checks all that it does.
    pub async fn obtain(app: &App) -> Self {
        if !app.sessions {
            // The same line as with sessile, for the same work with the request.
            let stand_in = Some(format!("__Host-id={}", "x".repeat(43)));
            return Self {
                small: stand_in.clone(),
                large: stand_in,
            };
        }
        let fill = async |length: usize| {
            let path = format!("/fill/{}", length / 5);
            let cookies = set_cookies(&call(app, get(&path, None)).await);
            assert_eq!(text(app, "/length", &cookies).await, length.to_string());
            cookies
        };
        let (small, large) = (fill(SMALL).await, fill(LARGE).await);
        assert_ne!(small, large, "{}: one session for two", app.name);
        assert_eq!(text(app, "/visits", &small).await, "1");
        Self {
            small: Some(small),
            large: Some(large),
        }
    }

    /// The number that the small session holds.
    pub async fn visits(&self, app: &App) -> u64 {
        let small = self.small.as_ref().expect("made at the start");
        let visits = text(app, "/visits", small).await;
        visits.parse().expect("a number")
    }

    /// The request of this kind that is the `number`th of all.
    pub fn request(&self, kind: Kind, number: usize) -> Request<Body> {
        let forged;
        let cookies = match kind {
            Kind::NoCookie | Kind::Create => None,
            Kind::Untouched | Kind::Read | Kind::Modify => self.small.as_deref(),
            Kind::ReadLarge => self.large.as_deref(),
            Kind::Forged => {
                forged = forge(self.small.as_deref().unwrap_or_default(), number);
                Some(&*forged)
            }
        };
        get(kind.path(), cookies)
    }
}

/// Cookies with an id that the app could have made and has not. Another one for each number, since
/// axum_session adopts a forged id, and then it is one no longer.
fn forge(cookies: &str, number: usize) -> String {
    let start = cookies.find("__Host-id=").expect("a session cookie") + "__Host-id=".len();
    let mut forged = cookies.to_owned();
    // Eight digits are good base64 and good hexadecimal.
    forged.replace_range(start..start + 8, &format!("{number:08}"));
    forged
}

fn get(path: &str, cookies: Option<&str>) -> Request<Body> {
    let mut request = Request::get(path).header(header::ACCEPT, "text/html");
    if let Some(cookies) = cookies {
        request = request.header(header::COOKIE, format!("theme=dark; {cookies}; lang=en"));
    }
    request.body(Body::empty()).expect("a good request")
}

/// The result of a future that needs not wait. Nothing in memory does, and a runtime that polls
/// would add its own costs.
pub fn now<F: Future>(future: F) -> F::Output {
    let future = pin!(future);
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it had to wait"),
    }
}

async fn call(app: &App, request: Request<Body>) -> Response<Body> {
    let Ok(response) = app.router.clone().oneshot(request).await;
    response
}

async fn text(app: &App, path: &str, cookies: &str) -> String {
    let body = call(app, get(path, Some(cookies))).await.into_body();
    let bytes = to_bytes(body, 100).await.expect("a short text");
    String::from_utf8(bytes.to_vec()).expect("digits")
}

/// What a browser would send back. Checks the attributes of each cookie.
fn set_cookies(response: &Response<Body>) -> String {
    let mut cookies = Vec::new();
    for line in response.headers().get_all(header::SET_COOKIE) {
        let line = line.to_str().expect("ASCII");
        let (cookie, attributes) = line.split_once("; ").expect("attributes");
        if cookie.ends_with('=') {
            continue; // A removal.
        }
        let mut attributes: Vec<_> = attributes.split("; ").collect();
        attributes.sort_unstable();
        for wanted in ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"] {
            assert!(attributes.contains(&wanted), "no {wanted}: {attributes:?}");
        }
        let persists = |it: &&str| it.starts_with("Max-Age=") || it.starts_with("Expires=");
        assert!(attributes.iter().any(persists), "{attributes:?}");
        cookies.push(cookie);
    }
    cookies.join("; ")
}

/// Checks the answers to requests of one kind.
pub fn check(app: &App, kind: Kind, responses: &[Response<Body>]) {
    let name = (app.name, kind.name());
    let length = match kind {
        Kind::Forged if app.sessions => "none".len(),
        _ => "ok".len(),
    };
    for response in responses {
        assert_eq!(response.status(), StatusCode::OK, "{name:?}");
        let body = response.body().size_hint().exact();
        assert_eq!(body, Some(length as u64), "{name:?}");
    }
    if kind == Kind::Create && app.sessions {
        let cookies: HashSet<_> = responses.iter().map(set_cookies).collect();
        assert_eq!(cookies.len(), responses.len(), "{name:?}: an id twice");
        for cookies in cookies.iter().take(3) {
            assert_eq!(now(text(app, "/visits", cookies)), "1", "{name:?}");
        }
    }
}
