//! The browser: which cookies it keeps, what it sends, and which session it has.

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use http::{HeaderMap, Request, Response, StatusCode, header};
use sessile::test_util::{Browser, Fault, TestStore};
use sessile::{Error, ErrorKind, Session, SessionLayer};
use std::convert::Infallible;
use tower::service_fn;

fn taken(lines: &[&str]) -> Browser {
    let mut headers = HeaderMap::new();
    for line in lines {
        let value = http::HeaderValue::from_bytes(line.as_bytes()).unwrap();
        headers.append(header::SET_COOKIE, value);
    }
    let mut browser = Browser::new();
    browser.set_cookie("kept", "0");
    browser.take(&headers);
    browser
}

fn sent(browser: &Browser) -> String {
    let header = browser.header().unwrap();
    assert!(header.is_sensitive());
    header.to_str().unwrap().to_owned()
}

#[test]
fn cookies_are_kept_by_name_and_sent_in_one_line() {
    for (lines, header) in [
        (&["a=1; Path=/; Secure"][..], "a=1; kept=0"),
        (&["a=1", "b=2", "a=3"], "a=3; b=2; kept=0"),
        (&[" a = 1 ; HttpOnly"], "a=1; kept=0"),
        (&["a=b=c; Max-Age=1"], "a=b=c; kept=0"),
        (&["a=; Path=/"], "a=; kept=0"),
        (&["A=1", "a=2"], "A=1; a=2; kept=0"),
        // No pair, so no cookie.
        (&["nothing", ""], "kept=0"),
    ] {
        assert_eq!(sent(&taken(lines)), header, "{lines:?}");
    }
    assert_eq!(Browser::new().header(), None);
}

#[test]
fn an_age_of_zero_or_less_takes_a_cookie_away_and_nothing_else_does() {
    for (attributes, removes) in [
        ("; Max-Age=0", true),
        ("; Path=/; max-age=0; Secure", true),
        ("; MAX-AGE = -1 ", true),
        ("; Max-Age=00", true),
        ("; Max-Age=01", false),
        ("; Max-Age=0.5", false),
        ("; Max-Age", false),
        ("; X-Max-Age=0", false),
        ("; Expires=Thu, 01 Jan 1970 00:00:00 GMT", false),
    ] {
        let line = format!("kept=1{attributes}");
        let cookie = taken(&[&line]).cookie("kept").map(str::to_owned);
        assert_eq!(cookie.is_none(), removes, "{line}");
    }
}

#[test]
fn debug_shows_names_and_no_values() {
    let mut browser = taken(&["id=secret"]);
    assert_eq!(format!("{browser:?}"), r#"{"id", "kept"}"#);
    assert_eq!(browser.cookie("id"), Some("secret"));
    browser.remove_cookie("id");
    assert_eq!(browser.cookie("id"), None);
    assert_eq!(
        format!("{:?}", browser.request("GET", "/").headers()),
        r#"{"cookie": Sensitive}"#
    );
}

/// Answers with what it was sent.
async fn echo(request: Request<Body>) -> String {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1000).await.unwrap();
    let header = |name| parts.headers.get(name).map(|value| value.to_str().unwrap());
    let (cookie, kind) = (header(header::COOKIE), header(header::CONTENT_TYPE));
    let (method, uri) = (parts.method, parts.uri);
    format!("{method} {uri} {cookie:?} {kind:?} {body:?}")
}

#[tokio::test]
async fn requests_carry_the_cookies_unless_they_have_their_own() {
    let app: Router = Router::new().fallback(echo);
    let mut browser = Browser::new();
    let answer = browser.get(&app, "/a?b").await;
    assert_eq!(answer.body(), r#"GET /a?b None None b"""#);
    browser.set_cookie("id", "1");
    let answer = browser.get(&app, "/").await;
    assert_eq!(answer.body(), r#"GET / Some("id=1") None b"""#);
    let answer = browser.post(&app, "/", "n=1").await;
    let form = r#"Some("application/x-www-form-urlencoded")"#;
    assert_eq!(
        answer.body(),
        &*format!(r#"POST / Some("id=1") {form} b"n=1""#)
    );

    let request = Request::put("/").body(Body::from("{}")).unwrap();
    let answer = browser.send(&app, request).await;
    assert_eq!(answer.body(), r#"PUT / Some("id=1") None b"{}""#);
    let request = Request::get("/").header(header::COOKIE, "id=2");
    let answer = browser
        .send(&app, request.body(Body::empty()).unwrap())
        .await;
    assert_eq!(answer.body(), r#"GET / Some("id=2") None b"""#);
}

#[tokio::test]
async fn any_service_and_any_body_will_do() {
    let app = service_fn(async |_: Request<()>| {
        let response = Response::builder()
            .header(header::SET_COOKIE, "a=1")
            .status(201);
        Ok::<_, Infallible>(response.body("made".to_owned()).unwrap())
    });
    let mut browser = Browser::new();
    let answer = browser.send(&app, Request::new(())).await;
    assert_eq!(
        (answer.status(), &answer.body()[..]),
        (StatusCode::CREATED, &b"made"[..])
    );
    assert_eq!(browser.cookie("a"), Some("1"));
}

fn app(layer: &SessionLayer) -> Router {
    let increment = async |session: Session| {
        let n = session.update("n", |n: Option<u32>| Some(n.unwrap_or(0) + 1));
        n.map(|n| n.unwrap().to_string())
    };
    Router::new()
        .route("/", get(increment))
        .route("/login", post(async |session: Session| session.cycle_id()))
        .route("/logout", post(async |session: Session| session.flush()))
        .layer(layer.clone())
}

#[tokio::test]
async fn a_session_made_by_hand_is_the_one_that_requests_find_and_change() {
    for name in ["__Host-id", "__Secure-shop"] {
        let layer = SessionLayer::builder(TestStore::new()).cookie_name(name);
        let layer = layer.build().unwrap();
        let app = app(&layer);
        let mut browser = Browser::with_session(&layer, |session| session.insert("n", 5))
            .await
            .unwrap();
        assert_eq!(browser.cookie_names().collect::<Vec<_>>(), [name]);
        assert_eq!(browser.get(&app, "/").await.body(), "6");
        let session = browser.session(&layer).await.unwrap().unwrap();
        assert_eq!(session.get("n").unwrap(), Some(6));
    }
}

#[tokio::test]
async fn the_session_is_read_back_under_its_newest_id_and_gone_after_a_logout() {
    let layer = SessionLayer::new(TestStore::new());
    let app = app(&layer);
    let fill = |session: &Session| session.update("n", |_: Option<u32>| Some(1));
    let mut browser = Browser::with_session(&layer, fill).await.unwrap();
    let before = browser.clone();
    browser.post(&app, "/login", "").await;
    assert_ne!(browser, before);
    let session = browser.session(&layer).await.unwrap().unwrap();
    assert_eq!(session.get("n").unwrap(), Some(1));
    assert!(before.session(&layer).await.unwrap().is_none());

    let other_tab = browser.clone();
    browser.post(&app, "/logout", "").await;
    assert_eq!(browser, Browser::new());
    assert!(browser.session(&layer).await.unwrap().is_none());
    assert!(other_tab.session(&layer).await.unwrap().is_none());
}

#[tokio::test]
async fn what_makes_no_session_gives_no_cookie_and_what_fails_is_told() {
    let store = TestStore::new();
    let layer = SessionLayer::new(store.clone());
    let browser = Browser::with_session(&layer, |_| Ok(())).await.unwrap();
    assert_eq!((browser, store.len()), (Browser::new(), 0));

    let refuse = |_: &Session| Err::<(), Error>(ErrorKind::TooManySessions.into());
    let error = Browser::with_session(&layer, refuse).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManySessions);

    store.fail_all(Fault::Full);
    let insert = |session: &Session| session.insert("n", 1);
    let error = Browser::with_session(&layer, insert).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreFull);

    let mut browser = Browser::new();
    browser.set_cookie("__Host-id", "no id");
    assert!(browser.session(&layer).await.unwrap().is_none());
    browser.set_cookie("__Host-id", "A".repeat(43));
    store.fail_all(Fault::Unavailable);
    let error = browser.session(&layer).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    store.restore();
    assert!(browser.session(&layer).await.unwrap().is_none());
}
