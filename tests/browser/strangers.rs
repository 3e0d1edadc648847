//! What scripts, sister domains and other sites can do to a session: nothing.

use crate::app::pages;
use crate::browser;
use crate::driver::Chromium;
use crate::support::served::Served;
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use sessile::SameSite;

const FORGED: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A page of another site, or of a sister domain.
fn page(html: String) -> Served {
    Served::over_http(Router::new().route("/", get(async || Html(html))))
}

fn visits(browser: &Chromium, url: &str) -> String {
    browser.open(url);
    browser.text()
}

#[test]
fn a_script_can_neither_read_nor_replace_the_cookie() {
    let Some(browser) = browser() else { return };
    let app = Served::over_http(pages(|b| b));
    let url = format!("http://www.shop.localhost:{}", app.port);
    visits(&browser, &format!("{url}/count"));
    let cookies = browser.cookies();
    assert_eq!(cookies.len(), 1);
    for attributes in ["; Path=/; Secure", "; Path=/; Secure; Max-Age=0", ""] {
        let seen = browser.run(&format!(
            "document.cookie = '__Host-id={FORGED}{attributes}'; return document.cookie"
        ));
        assert_eq!(seen, "");
        assert_eq!(browser.cookies(), cookies);
    }
    assert_eq!(visits(&browser, &format!("{url}/show")), "1 visits");
}

#[test]
fn an_id_that_a_script_made_up_finds_nothing_and_is_not_adopted() {
    let Some(browser) = browser() else { return };
    let app = Served::over_http(pages(|b| b));
    let url = format!("http://www.shop.localhost:{}", app.port);
    visits(&browser, &format!("{url}/show"));
    browser.run(&format!(
        "document.cookie = '__Host-id={FORGED}; Path=/; Secure'"
    ));
    assert_eq!(browser.cookies()[0].value, FORGED);
    assert_eq!(visits(&browser, &format!("{url}/show")), "0 visits");
    assert_eq!(visits(&browser, &format!("{url}/count")), "1 visits");
    let cookie = browser.cookies().pop().unwrap();
    assert!(cookie.http_only && cookie.value != FORGED);
}

#[test]
fn a_sister_domain_can_set_no_cookie_of_that_name() {
    let Some(browser) = browser() else { return };
    let app = Served::over_http(pages(|b| b));
    let url = format!("http://www.shop.localhost:{}", app.port);
    let sister = page("sister".to_owned());
    visits(&browser, &format!("{url}/count"));
    let cookies = browser.cookies();

    visits(
        &browser,
        &format!("http://blog.shop.localhost:{}/", sister.port),
    );
    for name in ["__Host-id", "__host-id", "tame"] {
        browser.run(&format!(
            "document.cookie = '{name}={FORGED}; Path=/; Secure; Domain=shop.localhost'"
        ));
    }
    assert_eq!(visits(&browser, &format!("{url}/show")), "1 visits");
    let mut seen = browser.cookies();
    // The domain does reach the app with a name that promises nothing.
    seen.retain(|cookie| cookie.name != "tame");
    assert_eq!(seen.len() + 1, browser.cookies().len());
    assert_eq!(seen, cookies);
}

#[test]
fn another_site_leads_to_the_session_and_does_not_post_into_it() {
    let Some(browser) = browser() else { return };
    let strict = pages(|b| {
        b.cookie_same_site(SameSite::Strict)
            .cookie_name("__Host-strict")
    });
    let app = Served::over_http(
        Router::new()
            .nest("/lax", pages(|b| b))
            .nest("/strict", strict),
    );
    for (path, followed) in [("lax", "1 visits"), ("strict", "0 visits")] {
        let url = format!("http://www.shop.localhost:{}/{path}", app.port);
        let page = page(format!(
            "<a href={url}/show>shop</a><form method=post action={url}/count><button>ok</button></form>"
        ));
        let other = format!("http://evil.localhost:{}/", page.port);
        assert_eq!(visits(&browser, &format!("{url}/count")), "1 visits");
        let cookies = browser.cookies();

        browser.open(&other);
        browser.click("a");
        browser.shows(followed);
        browser.open(&other);
        browser.run(&format!(
            "return fetch('{url}/count', {{ mode: 'no-cors', credentials: 'include' }}).then(() => 0)"
        ));
        assert_eq!(
            visits(&browser, &format!("{url}/show")),
            "1 visits",
            "{path}"
        );
        assert_eq!(browser.cookies(), cookies);
        // A session of its own, which takes the place of the other: no visit of that is counted.
        browser.open(&other);
        browser.click("button");
        browser.shows("1 visits");
    }
}

#[test]
fn an_embedded_page_has_a_session_for_each_site_that_embeds_it() {
    let Some(browser) = browser() else { return };
    let app = Served::over_http(pages(|b| {
        b.cookie_same_site(SameSite::None).cookie_partitioned(true)
    }));
    let url = format!("http://www.shop.localhost:{}", app.port);
    let frame = page(format!("<iframe src={url}/count></iframe>"));
    let embedded = |site: &str| {
        browser.open(&format!("http://{site}.localhost:{}/", frame.port));
        browser.enter_frame();
        browser.text()
    };
    assert_eq!(embedded("one"), "1 visits");
    assert_eq!(embedded("one"), "2 visits");
    assert_eq!(embedded("other"), "1 visits");
    assert_eq!(visits(&browser, &format!("{url}/show")), "0 visits");
    assert_eq!(embedded("one"), "3 visits");
}
