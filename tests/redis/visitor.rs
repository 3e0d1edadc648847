//! One user with a session, and what he must see while the server is in trouble and after it.

use crate::support::{Answer, Browser, Started, kind_of, scripted};
use axum::Router;
use http::StatusCode;
use sessile::SessionLayer;
use sessile::store::Store;
use std::time::{Duration, Instant};

pub(crate) const AT_ONCE: Duration = Duration::from_millis(500);
/// A load and a commit have two seconds each.
pub(crate) const IN_TIME: Duration = Duration::from_millis(4400);

pub(crate) struct Visitor {
    pub(crate) app: Router,
    pub(crate) browser: Browser,
}

pub(crate) fn app(store: impl Store) -> Router {
    let layer = SessionLayer::builder(store).error_response(kind_of);
    scripted(layer.build().unwrap())
}

impl Visitor {
    /// Somebody whose session holds `a` = 1.
    pub(crate) async fn of(store: impl Store) -> Self {
        Self::of_app(app(store)).await
    }

    pub(crate) async fn of_app(app: Router) -> Self {
        let mut browser = Browser::new();
        let answer = browser.get(&app, "/insert:a:1").await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        Self { app, browser }
    }

    pub(crate) fn start(&self, path: &str) -> Started {
        self.browser.start(&self.app, path)
    }

    /// Every request is answered within this time, as it must be while the server is away: 503 with the
    /// cookie left alone, or served, where it touches no session.
    pub(crate) async fn sees_it_away(&self, within: Duration) {
        for path in ["/show", "/insert:b:2", "/cycle", "/flush"] {
            let began = Instant::now();
            let answer = self.browser.clone().get(&self.app, path).await;
            assert_unavailable(path, &answer);
            let time = began.elapsed();
            assert!(time <= within, "{path} took {time:?}");
        }
        let began = Instant::now();
        let other = Browser::new().get(&self.app, "/insert:a:1").await;
        assert_unavailable("a first visit", &other);
        assert!(began.elapsed() <= within);

        for browser in [self.browser.clone(), Browser::new()] {
            let answer = browser.clone().get(&self.app, "/").await;
            assert_eq!(answer.status, StatusCode::OK, "a route without a session");
            assert_eq!(answer.set_cookies(), [""; 0]);
        }
    }

    /// Within a second from now, everything works, and the session holds this.
    pub(crate) async fn sees_it_back(&self, holds: &str) {
        let began = Instant::now();
        loop {
            let answer = self.browser.clone().get(&self.app, "/load/show").await;
            if answer.status == StatusCode::OK {
                assert_eq!(answer.body.trim_end(), holds);
                break;
            }
            assert_unavailable("before it is back", &answer);
            let time = began.elapsed();
            assert!(time < Duration::from_secs(1), "not back after {time:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut new = Browser::new();
        for (path, body) in [
            ("/insert:x:1", ""),
            ("/increment:x", ""),
            ("/show", "x=2 "),
            ("/flush", ""),
        ] {
            let answer = new.get(&self.app, path).await;
            assert_eq!(
                (answer.status, &*answer.body),
                (StatusCode::OK, body),
                "{path}"
            );
        }
        assert_eq!(new.id(), None);
    }
}

#[track_caller]
pub(crate) fn assert_unavailable(what: &str, answer: &Answer) {
    assert_eq!(
        answer.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{what}: {}",
        answer.body
    );
    assert_eq!(answer.set_cookies(), [""; 0], "{what}");
}
