//! Ids, the keys of the store and the data of a session turn up in no error, no `Debug`, no log event
//! and no error answer.

mod support;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_executor::block_on;
use http::{Request, Response, header};
use sessile::observe::{Event, Observer};
use sessile::store::{Entry, MemoryStore, Store as _, StoreError, StoreKey, Version};
use sessile::test_util::RandomError;
use sessile::{ConfigError, Error, Key, Session, SessionId, SessionLayer, SessionRejection};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Debug;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use support::log::Log;
use support::{Browser, DAY, Fault, TestStore, layer, layer_with};
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};
use tower_http::trace::{DefaultOnResponse, TraceLayer};

/// The value of a key, and the key.
const VALUE: &str = "canary-in-a-value";
const KEY: Key<String> = Key::new("canary-as-a-key");
/// Who the user is, and what the session is called in front of him.
const PRINCIPAL: &str = "canary-as-a-principal";
const LABEL: &str = "canary-as-a-label";
/// A cookie that is no id.
const COOKIE: &str = "canary-as-a-cookie";

/// What was printed, with what it was.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<String>>>);

impl Printed {
    fn text(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn debug(&self, value: &impl Debug) {
        self.text(format!("{value:?}"));
        self.text(format!("{value:#?}"));
    }

    fn error(&self, error: &impl std::error::Error) {
        self.debug(error);
        self.text(error.to_string());
        assert!(error.source().is_none());
    }

    /// Looks for each of the secrets.
    fn assert_silent(&self, secrets: &[String]) {
        let printed = self.0.lock().unwrap();
        assert!(!printed.is_empty());
        for text in &*printed {
            for secret in secrets {
                assert!(!text.contains(secret), "{secret} is in {text}");
            }
        }
    }
}

impl Observer for Printed {
    fn event(&self, event: &Event) {
        self.debug(event);
    }
}

/// The ways in which bytes are printed.
fn spellings(bytes: &[u8]) -> Vec<String> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{bytes:?}");
    vec![
        URL_SAFE_NO_PAD.encode(bytes),
        hex.to_uppercase(),
        hex,
        list.trim_matches(['[', ']']).to_owned(),
        format!("{bytes:#?}").replace("[\n", "").replace("\n]", ""),
    ]
}

/// The id of a browser, as a whole and in halves, and the data.
fn secrets(id: &str) -> Vec<String> {
    let bytes = URL_SAFE_NO_PAD.decode(id).unwrap();
    let (handle, secret) = bytes.split_at(16);
    let mut secrets = vec![
        VALUE.to_owned(),
        // What both halves have to themselves of the 43 characters.
        id[..21].to_owned(),
        id[22..].to_owned(),
    ];
    secrets.extend([handle, secret].into_iter().flat_map(spellings));
    secrets
}

fn keys(store: &TestStore) -> Vec<String> {
    let keys = store.keys().into_iter();
    keys.flat_map(|key| spellings(key.as_bytes())).collect()
}

async fn fill(session: Session) -> Result<(), Error> {
    session.insert(KEY, VALUE.to_owned())
}

async fn login(session: Session) -> Result<(), Error> {
    session.renew_for(PRINCIPAL)?;
    session.set_label(LABEL);
    Ok(())
}

async fn look(State(printed): State<Printed>, session: Session) -> Result<(), Error> {
    printed.debug(&session);
    let id = session.id()?.unwrap();
    printed.debug(&id);
    session.insert("more", VALUE)?;
    session.cycle_id();
    printed.debug(&session);
    printed.debug(&Some((session.clone(), id)));
    Ok(())
}

/// Each error that a handler can meet, with the value at hand.
async fn meet(State(printed): State<Printed>, session: Session) -> Result<(), Error> {
    let name = KEY.name();
    let errors = [
        session.get::<u32>(name).unwrap_err(),
        session.get::<BTreeMap<String, u8>>(name).unwrap_err(),
        session.remove::<u32>(name).unwrap_err(),
        session
            .update(name, |number: Option<u32>| number)
            .unwrap_err(),
        session
            .insert("n", BTreeMap::from([((1, 2), VALUE)]))
            .unwrap_err(),
        session.insert("n", VALUE.repeat(10_000)).unwrap_err(),
        session.insert("n", deep()).unwrap_err(),
    ];
    for error in &errors {
        printed.error(error);
        assert_eq!(
            error.key().unwrap_or(name),
            if error.key() == Some("n") { "n" } else { name }
        );
    }
    let [error, ..] = errors;
    Err(error)
}

fn deep() -> serde_json::Value {
    (0..100).fold(VALUE.into(), |inner, _| {
        serde_json::Value::Array(vec![inner])
    })
}

fn app(printed: &Printed, layer: SessionLayer) -> Router {
    Router::new()
        .route("/fill", get(fill))
        .route("/login", get(login))
        .route("/look", get(look))
        .route("/meet", get(meet))
        .route(
            "/logout",
            get(|session: Session| async move { session.flush() }),
        )
        .layer(layer)
        .with_state(printed.clone())
}

#[test]
fn handles_and_errors_print_no_id_and_no_data() {
    let (printed, (layer, store, _)) = (Printed::default(), layer());
    let app = app(&printed, layer);
    let mut browser = Browser::new();
    block_on(browser.get(&app, "/fill"));
    let mut known = secrets(browser.id().unwrap());
    known.extend(keys(&store));
    // What is looked for is there.
    assert!(String::from_utf8_lossy(&store.record()).contains(VALUE));

    assert_eq!(block_on(browser.get(&app, "/look")).status, 200);
    known.extend(secrets(browser.id().unwrap()));
    let answer = block_on(browser.get(&app, "/meet"));
    assert_eq!(answer.status, 500);
    printed.assert_silent(&known);
}

#[test]
fn the_layer_its_service_and_its_future_print_nothing_of_the_session() {
    let (printed, (layer, store, _)) = (Printed::default(), layer());
    let mut browser = Browser::new();
    block_on(browser.get(&app(&printed, layer.clone()), "/fill"));
    let mut known = secrets(browser.id().unwrap());
    known.extend(keys(&store));
    known.push(KEY.name().to_owned());

    let mut service = layer.layer(service_fn(async |request: Request<Body>| {
        let session = request.extensions().get::<Session>().unwrap();
        Ok::<_, Infallible>(Response::new(session.get(KEY).unwrap().unwrap()))
    }));
    printed.debug(&layer);
    printed.debug(&layer.layer(()));
    let mut future = pin!(service.call(browser.request("GET", "/")));
    printed.debug(&future);
    let response = block_on(future.as_mut()).unwrap();
    printed.debug(&future);
    assert_eq!(response.headers().len(), 2);
    printed.assert_silent(&known);
}

#[test]
fn what_a_store_handles_prints_neither_key_nor_value() {
    let (printed, store) = (Printed::default(), Arc::new(MemoryStore::new()));
    let key = StoreKey::from_bytes(*b"canary-in-the-key-of-an-entry-32");
    let value = bytes::Bytes::from_static(VALUE.as_bytes());
    let time = std::time::Duration::from_secs(60);
    printed.debug(&block_on(store.add(&key, value.clone(), time)).unwrap());
    let entry = block_on(store.get(&key)).unwrap().unwrap();
    assert_eq!(entry.value, value);
    printed.debug(&entry);
    printed.debug(&Entry::new(value, Version::new(7)));
    printed.debug(&key);
    printed.debug(&store);
    printed.debug(&MemoryStore::builder());
    for error in [
        StoreError::unavailable(),
        StoreError::in_doubt(),
        StoreError::too_large(),
        StoreError::full(),
    ] {
        printed.error(&error);
    }
    let mut known = spellings(key.as_bytes());
    known.extend(spellings(VALUE.as_bytes()));
    known.extend([VALUE.to_owned(), "canary-in-the-key".to_owned()]);
    printed.assert_silent(&known);
}

#[test]
fn errors_of_other_kinds_tell_nothing_either() {
    let (printed, (layer, store, _)) = (Printed::default(), layer());
    let mut browser = Browser::new();
    block_on(browser.get(&app(&printed, layer), "/fill"));
    let id = browser.id().unwrap();
    printed.error(&format!("{id}x").parse::<SessionId>().unwrap_err());
    printed.error(&VALUE.parse::<SessionId>().unwrap_err());
    printed.error(&RandomError);
    printed.error(&SessionRejection::MissingLayer);
    let config: ConfigError = SessionLayer::builder(store.clone())
        .cookie_name("__Host-id")
        .cookie_secure(false)
        .build()
        .unwrap_err();
    printed.error(&config);
    printed.debug(&SessionLayer::builder(store));
    printed.assert_silent(&secrets(id));
}

#[test]
fn error_answers_and_logs_tell_nothing() {
    let (printed, log) = (Printed::default(), Log::default());
    let mut known: Vec<_> = [KEY.name(), PRINCIPAL, LABEL, COOKIE]
        .map(str::to_owned)
        .into();
    tracing::subscriber::with_default(log.clone(), || {
        for (verb, fault, path) in [
            ("get", Fault::Unavailable, "/look"),
            ("get", Fault::Lost, "/look"),
            ("replace", Fault::Denied, "/look"),
            ("replace", Fault::TooLarge, "/look"),
            ("replace", Fault::Full, "/look"),
            ("replace", Fault::Lost, "/look"),
            ("delete", Fault::Unavailable, "/logout"),
            ("add", Fault::Full, "/fill"),
            ("none", Fault::Full, "/meet"),
            ("none", Fault::Full, "/nowhere"),
        ] {
            let observer = printed.clone();
            let (layer, store, clock) =
                layer_with(|builder| builder.plain_http().observer(observer));
            let sessions = layer.sessions();
            let headers = DefaultOnResponse::new().include_headers(true);
            let app = app(&Printed::default(), layer)
                .layer(TraceLayer::new_for_http().on_response(headers));
            let mut browser = Browser::new();
            let send = |browser: &mut Browser, path| {
                let mut answer = block_on(browser.get(&app, path));
                answer.headers.remove(header::SET_COOKIE);
                answer
            };
            send(&mut Browser::with_cookie("id", COOKIE), "/logout");
            let mut old = Browser::new();
            send(&mut old, "/login");
            known.extend(secrets(old.cookie("id").unwrap()));
            block_on(sessions.of(PRINCIPAL).end_all()).unwrap();
            send(&mut old, "/logout");
            send(&mut old, "/login");
            known.extend(secrets(old.cookie("id").unwrap()));
            clock.advance(15 * DAY);
            send(&mut old, "/logout");
            send(&mut browser, "/fill");
            known.extend(secrets(browser.cookie("id").unwrap()));
            known.extend(keys(&store));
            if verb == "add" {
                browser = Browser::new();
            }
            if verb != "none" {
                store.fail_next(verb, fault);
                store.fail_next(verb, fault);
            }
            let answer = send(&mut browser, path);
            assert!(answer.status.as_u16() >= 400, "{verb} {path}");
            printed.debug(&answer);
        }
        warn_of_changes_after_the_response();
    });
    let log = log.text();
    // It was listening.
    for event in [
        "the session cookie is sent over plain http",
        "a session was changed after its response, and never saved",
        "created",
        "loaded",
        "unknown_id",
        "malformed_cookie",
        "ended",
        "expired",
        "refused",
        "store_error",
        "finished processing request",
        "set-cookie",
    ] {
        assert!(log.contains(event), "{event} is not in {log}");
    }
    printed.text(log);
    printed.assert_silent(&known);
}

fn warn_of_changes_after_the_response() {
    let (layer, ..) = layer();
    let kept = Mutex::new(None);
    let service = layer.layer(service_fn(async |request: Request<()>| {
        let session = request.extensions().get::<Session>().unwrap().clone();
        session.insert(KEY, VALUE.to_owned()).unwrap();
        *kept.lock().unwrap() = Some(session);
        Ok::<_, Infallible>(Response::new(String::new()))
    }));
    block_on(service.oneshot(Request::new(()))).unwrap();
    let session = kept.lock().unwrap().take().unwrap();
    session.insert(KEY, format!("{VALUE}, again")).unwrap();
}
