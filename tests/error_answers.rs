//! The answer of a request whose session could not be committed takes the place of the handler's.

mod support;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use futures_executor::block_on;
use http::{StatusCode, header};
use sessile::{Error, ErrorKind, Session, SessionLayerBuilder};
use support::{Answer, Browser, Fault, TestStore, layer_with};

/// A handler that says much, beside a change of the session.
async fn talk(session: Session) -> Result<impl IntoResponse, Error> {
    session.insert("user", "bob")?;
    Ok((
        StatusCode::CREATED,
        [
            (header::SET_COOKIE, "theme=dark"),
            (header::SET_COOKIE, "lang=en"),
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "public, max-age=600"),
            (header::ETAG, "\"1\""),
            (header::LOCATION, "/secret"),
            (header::VARY, "accept"),
        ],
        "{\"balance\": 100}",
    ))
}

/// The answer where the first or the second change of a session meets these faults.
fn answer(
    second: bool,
    faults: &[(&'static str, Fault)],
    settings: impl FnOnce(SessionLayerBuilder) -> SessionLayerBuilder,
) -> Answer {
    let (layer, store, _) = layer_with(settings);
    let app = Router::new()
        .route("/", get(talk))
        .route(
            "/make",
            get(|session: Session| async move { session.insert("n", 1) }),
        )
        .layer(layer);
    let mut browser = Browser::new();
    if second {
        block_on(browser.get(&app, "/make"));
    }
    let before = browser.clone();
    for (verb, fault) in faults {
        store.fail_next(verb, *fault);
    }
    let answer = block_on(browser.get(&app, "/"));
    // Nothing that the browser has is touched.
    assert_eq!(browser, before);
    answer
}

/// Whether it is the second change, what goes wrong, the error, and its status.
type Case = (bool, &'static [(&'static str, Fault)], ErrorKind, u16);

const CASES: [Case; 9] = [
    (
        true,
        &[("replace", Fault::Denied)],
        ErrorKind::Interrupted,
        400,
    ),
    (
        true,
        &[
            ("replace", Fault::Unavailable),
            ("replace", Fault::Unavailable),
        ],
        ErrorKind::Unavailable,
        503,
    ),
    (
        true,
        &[("replace", Fault::Lost), ("replace", Fault::Unavailable)],
        ErrorKind::Unknown,
        503,
    ),
    (
        true,
        &[("replace", Fault::TooLarge)],
        ErrorKind::TooLarge,
        500,
    ),
    (true, &[("replace", Fault::Full)], ErrorKind::StoreFull, 503),
    (
        false,
        &[
            ("add", Fault::Denied),
            ("add", Fault::Denied),
            ("add", Fault::Denied),
        ],
        ErrorKind::CreationFailed,
        503,
    ),
    (
        false,
        &[("add", Fault::Unavailable), ("add", Fault::Unavailable)],
        ErrorKind::Unavailable,
        503,
    ),
    (
        false,
        &[("add", Fault::Lost), ("add", Fault::Unavailable)],
        ErrorKind::Unknown,
        503,
    ),
    (false, &[("add", Fault::Full)], ErrorKind::StoreFull, 503),
];

#[test]
fn an_error_answer_replaces_the_handlers_whole() {
    for (second, faults, kind, status) in CASES {
        let answer = answer(second, faults, |builder| builder);
        let text = match status {
            400 => "The session has ended. Please try again.",
            503 => "Sessions are not available right now. Please try again later.",
            _ => "The session could not be processed.",
        };
        assert_eq!(
            (answer.status.as_u16(), &*answer.body),
            (status, text),
            "{kind:?}"
        );
        let mut headers: Vec<_> = answer
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        headers.sort_unstable();
        assert_eq!(
            headers,
            [
                ("cache-control", "no-store"),
                // This one is axum's.
                ("content-length", &*text.len().to_string()),
                ("content-type", "text/plain; charset=utf-8"),
                ("vary", "cookie"),
            ],
            "{kind:?}"
        );
    }
}

#[test]
fn a_closure_of_the_app_makes_the_error_answer() {
    for (second, faults, kind, status) in CASES {
        let answer = answer(second, faults, |builder| {
            builder.error_response(|error| {
                http::Response::builder()
                    .status(StatusCode::IM_A_TEAPOT)
                    .header("kind", format!("{:?}", error.kind()))
                    .header("status", error.status().as_u16())
                    .header(header::VARY, "accept-language")
                    .body("sorry".into())
                    .unwrap()
            })
        });
        assert_eq!((answer.status.as_u16(), &*answer.body), (418, "sorry"));
        assert_eq!(answer.headers["kind"], format!("{kind:?}"));
        assert_eq!(answer.headers["status"], status.to_string());
        let vary: Vec<_> = answer.headers.get_all(header::VARY).iter().collect();
        assert_eq!(vary, ["accept-language, cookie"]);
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
        assert!(answer.set_cookies().is_empty());
        assert!(!answer.headers.contains_key(header::ETAG));
    }
}

#[test]
fn an_error_answer_keeps_what_its_closure_says_about_caches() {
    let (second, faults, ..) = CASES[0];
    let answer = answer(second, faults, |builder| {
        builder.error_response(|_| {
            http::Response::builder()
                .header(header::CACHE_CONTROL, "private, max-age=1")
                .body("sorry".into())
                .unwrap()
        })
    });
    assert_eq!(
        answer.header(header::CACHE_CONTROL),
        Some("private, max-age=1")
    );
    assert_eq!(answer.header(header::VARY), Some("cookie"));
}

#[test]
fn an_error_answer_is_private_also_where_the_cache_setting_is_off() {
    let (second, faults, ..) = CASES[0];
    let answer = answer(second, faults, |builder| builder.cache_control(false));
    assert_eq!(answer.header(header::CACHE_CONTROL), Some("no-store"));
    assert_eq!(answer.header(header::VARY), Some("cookie"));
}

/// A 5xx of the handler commits nothing, so there is nothing that could replace it.
#[test]
fn a_5xx_of_the_handler_is_left_as_it_is() {
    async fn fail(session: Session) -> impl IntoResponse {
        session.insert("user", "bob").unwrap();
        (
            StatusCode::BAD_GATEWAY,
            [(header::SET_COOKIE, "theme=dark")],
            "no luck",
        )
    }
    let (layer, store, _): (_, TestStore, _) = layer_with(|builder| builder);
    store.fail_all(Fault::Unavailable);
    let app = Router::new().route("/", get(fail)).layer(layer);
    let answer = block_on(Browser::new().get(&app, "/"));
    assert_eq!((answer.status.as_u16(), &*answer.body), (502, "no luck"));
    assert_eq!(answer.set_cookies(), ["theme=dark"]);
    assert!(store.calls().is_empty());
}
