//! Cookie headers of any bytes: our cookie is found where a plain reading of the standard finds it,
//! and nowhere else.

mod support;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use futures_executor::block_on;
use http::{HeaderValue, Request, header};
use proptest::prelude::*;
use sessile::{Error, Session, SessionId};
use std::sync::{LazyLock, Mutex, PoisonError};
use support::{Answer, Browser, TestStore};
use tower::ServiceExt as _;

const NAME: &[u8] = b"__Host-id";

/// An app with one session, and the id of that.
struct World {
    app: Router,
    store: TestStore,
    id: String,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let (layer, store, _) = support::layer();
    let app = Router::new()
        .route(
            "/make",
            get(|session: Session| async move { session.insert("user", "alice") }),
        )
        .route("/", get(user))
        .route(
            "/logout",
            get(|session: Session| async move { session.flush() }),
        )
        .layer(layer);
    let mut browser = Browser::new();
    block_on(browser.get(&app, "/make"));
    let id = browser.id().unwrap().to_owned();
    World { app, store, id }
});

async fn user(session: Session) -> Result<String, Error> {
    Ok(session.get("user")?.unwrap_or_else(|| "nobody".to_owned()))
}

/// The answer, and what it asked of the store.
fn ask(path: &str, lines: &[Vec<u8>]) -> (Answer, Vec<&'static str>) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    WORLD.store.calls();
    let mut request = Request::builder().uri(path);
    for line in lines {
        request = request.header(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
    }
    let response = WORLD
        .app
        .clone()
        .oneshot(request.body(Body::empty()).unwrap());
    let answer = block_on(async { Browser::read(response.await.unwrap()).await });
    (answer, WORLD.store.calls())
}

fn body(line: Vec<u8>) -> String {
    ask("/", &[line]).0.body
}

/// What a server does with a Cookie header (RFC 6265bis, 5.8.3 turned around): the values of our
/// name, in the order sent.
fn values(lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    for line in lines {
        let (mut start, mut pairs) = (0, Vec::new());
        for end in 0..=line.len() {
            if end == line.len() || line[end] == b';' {
                pairs.push(&line[start..end]);
                start = end + 1;
            }
        }
        for pair in pairs {
            let blank = |byte: &&u8| matches!(**byte, 0x20 | 0x09);
            let before = pair.iter().take_while(blank).count();
            let after = pair[before..].iter().rev().take_while(blank).count();
            let pair = &pair[before..pair.len() - after];
            if let Some(equals) = pair.iter().position(|byte| *byte == b'=')
                && pair[..equals] == *NAME
            {
                values.push(pair[equals + 1..].to_vec());
            }
        }
    }
    values
}

/// An id has 43 characters of the URL's base64, and the last one carries four bits only.
fn is_id(value: &[u8]) -> bool {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits: Vec<_> = value
        .iter()
        .map_while(|byte| ALPHABET.iter().position(|letter| letter == byte))
        .collect();
    value.len() == 43 && digits.len() == 43 && digits[42] % 4 == 0
}

/// A piece of a header, more often one that means something.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let fixed: Vec<Vec<u8>> = [
        &b";"[..],
        b"; ",
        b"=",
        b" ",
        b"\t",
        b",",
        b"\"",
        b"__Host-id",
        b"__Host-id=",
        b"__host-id=",
        b"__%48ost-id=",
        b"$Version=1",
        b"$Path",
        b"\xc2\xa0",
        b"\xe2\x80\x80",
        b"\xc2\x85",
        b"\xff",
        b"other=1",
        b"__Host-id2=",
        b"__Host-id =",
        b"__Host-id=\"",
    ]
    .map(<[u8]>::to_vec)
    .into();
    let stranger: Vec<_> = (0..43_u8).map(|n| b'A' + n % 26).collect();
    let mut bad_end = WORLD.id.clone().into_bytes();
    bad_end[42] += 1;
    prop_oneof![
        6 => prop::sample::select(fixed),
        4 => Just(WORLD.id.clone().into_bytes()),
        3 => Just(format!("; __Host-id={}", WORLD.id).into_bytes()),
        1 => Just(format!("__Host-id={}", WORLD.id.to_ascii_lowercase()).into_bytes()),
        2 => Just([b"; __Host-id=", &stranger[..42], b"A"].concat()),
        1 => Just([b"; __Host-id=", &bad_end[..]].concat()),
        1 => Just([b"; __Host-id=", &stranger[..42]].concat()),
        2 => prop::collection::vec(any_byte(), 0..8),
    ]
}

/// What a header may hold.
fn is_allowed(byte: &u8) -> bool {
    *byte == b'\t' || (*byte >= 0x20 && *byte != 0x7f)
}

fn any_byte() -> impl Strategy<Value = u8> {
    any::<u8>().prop_filter("a control character", is_allowed)
}

fn lines() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let line = prop::collection::vec(piece(), 0..12).prop_map(|pieces| pieces.concat());
    prop::collection::vec(line, 0..4)
}

fn check(lines: &[Vec<u8>]) {
    let expected = values(lines);
    let ids: Vec<_> = expected
        .iter()
        .filter(|value| is_id(value))
        .take(3)
        .collect();
    let ours = ids.iter().position(|id| **id == WORLD.id.as_bytes());

    let (answer, verbs) = ask("/", lines);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, if ours.is_some() { "alice" } else { "nobody" });
    assert_eq!(answer.set_cookies().len(), 0);
    // One call for each id up to the one that loads, and none for anything else.
    let calls = ours.map_or(ids.len(), |index| index + 1);
    assert_eq!(verbs, vec!["get"; calls]);
    assert!(calls <= 3);
}

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(2000)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn our_cookie_is_found_where_a_plain_reading_finds_it(lines in lines()) {
        check(&lines);
    }

    #[test]
    fn any_bytes_are_harmless(line in prop::collection::vec(any_byte(), 0..300)) {
        check(&[line]);
    }

    #[test]
    fn only_the_text_of_an_id_is_an_id(value in "[A-Za-z0-9_+/=-]{40,46}|[A-Za-z0-9_-]{43}") {
        prop_assert_eq!(value.parse::<SessionId>().is_ok(), is_id(value.as_bytes()));
    }

    #[test]
    fn an_id_has_one_text(value in "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]") {
        prop_assert_eq!(value.parse::<SessionId>().unwrap().expose(), value);
    }
}

#[test]
fn no_byte_passes_for_another_in_any_place_of_an_id() {
    for place in 0..43 {
        for byte in (0..=255).filter(is_allowed) {
            let mut id = WORLD.id.clone().into_bytes();
            id[place] = byte;
            check(&[[b"__Host-id=", &id[..]].concat()]);
        }
    }
}

#[test]
fn two_hundred_cookies_and_much_junk_hide_nothing() {
    let ours = format!("__Host-id={}", WORLD.id).into_bytes();
    let many: Vec<_> = (0..200).map(|n| format!("cookie{n}=value{n}; ")).collect();
    let junk = vec![0xfe; 8 * 1024];
    for before in [
        many.concat().into_bytes(),
        [&junk[..], b";"].concat(),
        b"$Version=1; $Path=/; ".to_vec(),
        b"a=\"b; ".to_vec(),
        b";;;; ;\t;".to_vec(),
        b"__Host-id; __Host-id=; __Host-id=\"\"; ".to_vec(),
        b"__Host-id=short; ".repeat(200),
    ] {
        let line = [&before[..], &ours].concat();
        assert_eq!(body(line.clone()), "alice");
        check(&[line]);
        check(&[before, ours.clone()]);
    }
}

#[test]
fn a_forged_name_is_not_ours() {
    for name in [
        "__host-id",
        "__HOST-ID",
        "__%48ost-id",
        "\u{a0}__Host-id",
        "\u{2000}__Host-id",
        "\u{85}__Host-id",
        "__Host-id\u{a0}",
        "__Host-id ",
        "\"__Host-id\"",
        "$__Host-id",
        ",__Host-id",
        "x __Host-id",
        "__Host-id\t",
    ] {
        let line = format!("{name}={}", WORLD.id).into_bytes();
        assert_eq!(body(line.clone()), "nobody", "{name:?}");
        check(&[line]);
    }
}

#[test]
fn a_malformed_cookie_costs_no_call_and_is_removed_at_a_logout() {
    for value in [
        "",
        "x",
        "\"\"",
        &"A".repeat(44),
        &format!("\"{}\"", WORLD.id),
        &"%41".repeat(43),
    ] {
        let line = format!("__Host-id={value}").into_bytes();
        assert_eq!(body(line.clone()), "nobody", "{value}");
        let (answer, verbs) = ask("/logout", &[line]);
        assert_eq!((answer.status.as_u16(), verbs.len()), (200, 0), "{value}");
        assert_eq!(answer.set_cookies().len(), 1, "{value}");
        assert!(answer.set_cookies()[0].contains("Max-Age=0"), "{value}");
    }
    // Where there was none, none is removed.
    let (answer, verbs) = ask("/logout", &[b"other=1".to_vec()]);
    assert_eq!((answer.set_cookies().len(), verbs.len()), (0, 0));
}
