//! Each kind of cookie is kept as it was configured, and removed.

use crate::app::pages;
use crate::browser;
use crate::driver::{Chromium, Cookie};
use crate::support::served::Served;
use axum::Router;
use sessile::{SameSite, SessionLayerBuilder};
use std::time::SystemTime;

const FORTNIGHT: u64 = 14 * 24 * 60 * 60;

/// A kind of cookie, under a path of that name, and what the browser has to make of it.
struct Kind {
    path: &'static str,
    settings: fn(SessionLayerBuilder) -> SessionLayerBuilder,
    /// Its name, domain, path and SameSite.
    kept: [&'static str; 4],
    /// Whether it outlives the browser.
    persistent: bool,
}

const HOST: &str = "www.shop.localhost";

const KINDS: [Kind; 6] = [
    Kind {
        path: "default",
        settings: |b| b,
        kept: ["__Host-id", HOST, "/", "Lax"],
        persistent: true,
    },
    Kind {
        path: "path",
        settings: |b| b.cookie_name("__Secure-path").cookie_path("/path"),
        kept: ["__Secure-path", HOST, "/path", "Lax"],
        persistent: true,
    },
    Kind {
        path: "domain",
        settings: |b| b.cookie_name("domain").cookie_domain("shop.localhost"),
        kept: ["domain", ".shop.localhost", "/", "Lax"],
        persistent: true,
    },
    Kind {
        path: "partitioned",
        settings: |b| {
            let b = b.cookie_name("__Host-partitioned").cookie_partitioned(true);
            b.cookie_same_site(SameSite::None)
        },
        kept: ["__Host-partitioned", HOST, "/", "None"],
        persistent: true,
    },
    Kind {
        path: "strict",
        settings: |b| {
            b.cookie_name("__Host-Http-strict")
                .cookie_same_site(SameSite::Strict)
        },
        kept: ["__Host-Http-strict", HOST, "/", "Strict"],
        persistent: true,
    },
    Kind {
        path: "brief",
        settings: |b| b.cookie_name("__Host-brief").cookie_persistent(false),
        kept: ["__Host-brief", HOST, "/", "Lax"],
        persistent: false,
    },
];

impl Kind {
    fn found(&self, browser: &Chromium) -> Option<Cookie> {
        let mut cookies = browser.cookies();
        cookies.retain(|cookie| cookie.name == self.kept[0]);
        assert!(cookies.len() < 2, "{cookies:?}");
        cookies.pop()
    }

    fn check(&self, cookie: &Cookie) {
        let Cookie {
            name,
            domain,
            path,
            same_site,
            ..
        } = cookie;
        assert_eq!([name, domain, path, same_site], self.kept);
        assert!(cookie.secure && cookie.http_only, "{cookie:?}");
        assert_eq!(cookie.expiry.is_some(), self.persistent, "{cookie:?}");
        if let Some(expiry) = cookie.expiry {
            let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
            assert!((FORTNIGHT - 60..=FORTNIGHT + 1).contains(&(expiry - now)));
        }
    }
}

#[test]
fn each_kind_is_kept_as_configured_and_removed() {
    let Some(mut browser) = browser() else { return };
    let app = KINDS.iter().fold(Router::new(), |app, kind| {
        app.nest(&format!("/{}", kind.path), pages(kind.settings))
    });
    let app = Served::over_http(app);
    let url = |kind: &Kind, page| format!("http://{HOST}:{}/{}/{page}", app.port, kind.path);

    for kind in &KINDS {
        browser.open(&url(kind, "count"));
        browser.open(&url(kind, "count"));
        assert_eq!(browser.text(), "2 visits", "{}", kind.path);
        kind.check(&kind.found(&browser).unwrap());
    }
    browser.restart();
    for kind in &KINDS {
        browser.open(&url(kind, "count"));
        let visits = if kind.persistent {
            "3 visits"
        } else {
            "1 visits"
        };
        assert_eq!(browser.text(), visits, "{}", kind.path);
        kind.check(&kind.found(&browser).unwrap());
    }
    for kind in &KINDS {
        browser.open(&url(kind, "end"));
        assert_eq!(kind.found(&browser), None, "{}", kind.path);
        browser.open(&url(kind, "count"));
        assert_eq!(browser.text(), "1 visits", "{}", kind.path);
    }
}

#[test]
fn a_cookie_of_the_domain_is_for_all_its_hosts_and_one_of_a_host_for_that_alone() {
    let Some(browser) = browser() else { return };
    let domain = pages(|b| b.cookie_name("id").cookie_domain("shop.localhost"));
    let app = Router::new()
        .nest("/host", pages(|b| b))
        .nest("/domain", domain);
    let app = Served::over_http(app);
    for (path, elsewhere) in [("host", "0 visits"), ("domain", "1 visits")] {
        browser.open(&format!(
            "http://www.shop.localhost:{}/{path}/count",
            app.port
        ));
        browser.open(&format!(
            "http://pay.shop.localhost:{}/{path}/show",
            app.port
        ));
        assert_eq!(browser.text(), elsewhere, "{path}");
        browser.open(&format!("http://shop2.localhost:{}/{path}/show", app.port));
        assert_eq!(browser.text(), "0 visits", "{path}");
    }
}

#[test]
fn the_defaults_work_over_https_and_not_over_plain_http() {
    let Some(browser) = browser() else { return };
    let (https, http) = (
        Served::over_https(pages(|b| b)),
        Served::over_http(pages(|b| b)),
    );
    for (scheme, port, count) in [("https", https.port, 2), ("http", http.port, 1)] {
        for _ in 0..2 {
            browser.open(&format!("{scheme}://www.example.test:{port}/count"));
        }
        assert_eq!(browser.text(), format!("{count} visits"), "{scheme}");
    }
    // The address that a developer's own machine has counts as safe.
    for host in ["localhost", "127.0.0.1"] {
        browser.open(&format!("http://{host}:{}/count", http.port));
        browser.reload();
        assert_eq!(browser.text(), "2 visits", "{host}");
    }
}

#[test]
fn the_switch_for_plain_http_makes_a_cookie_that_is_kept_there() {
    let Some(browser) = browser() else { return };
    let app = Served::over_http(pages(SessionLayerBuilder::plain_http));
    for host in ["www.example.test", "127.0.0.1"] {
        browser.open(&format!("http://{host}:{}/count", app.port));
        browser.reload();
        assert_eq!(browser.text(), "2 visits");
        let cookie = browser.cookies().pop().unwrap();
        assert_eq!(
            (&*cookie.name, cookie.secure, cookie.http_only),
            ("id", false, true)
        );
        browser.open(&format!("http://{host}:{}/end", app.port));
        assert_eq!(browser.cookies(), []);
    }
}
