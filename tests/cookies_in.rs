//! The session's cookie is found by its bytes alone, whatever stands around it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use axum::body::Body;
use http::{HeaderValue, Request, header};
use sessile::{Session, SessionLayer};
use support::{Browser, TestStore, layer, respond};

const NAME: &str = "__Host-id";

/// A layer, and the id of a session in it that holds `n` = 1.
async fn session() -> (SessionLayer, TestStore, String) {
    let (layer, store, _) = layer();
    let browser = Browser::with_n(&layer).await;
    store.calls();
    (layer, store, browser.id().unwrap().to_owned())
}

/// What a request with these Cookie lines finds.
async fn found<L: AsRef<[u8]>>(layer: &SessionLayer, lines: &[L]) -> Option<u32> {
    let mut request = Request::new(Body::empty());
    for line in lines {
        let line = HeaderValue::from_bytes(line.as_ref()).unwrap();
        request.headers_mut().append(header::COOKIE, line);
    }
    let mut n = None;
    respond(layer, request, async |session: Session| {
        n = session.get("n").unwrap();
    })
    .await;
    n
}

#[tokio::test]
async fn it_is_found_among_others_and_in_any_line() {
    let (layer, _, id) = session().await;
    for line in [
        format!("{NAME}={id}"),
        format!("a=b; {NAME}={id}; c=d"),
        format!("a=b;{NAME}={id};c=d"),
        format!("; ;;\t;{NAME}={id};; "),
        format!("a=b;  \t {NAME}={id} \t ;c=d"),
        format!("a; =b; ==; {NAME}={id}"),
    ] {
        assert_eq!(found(&layer, &[&line]).await, Some(1), "{line}");
    }
    let lines = ["a=b", "", "c=d; e=f", &format!("g=h; {NAME}={id}"), "i=j"];
    assert_eq!(found(&layer, &lines).await, Some(1));
}

#[tokio::test]
async fn an_odd_byte_in_another_cookie_never_hides_ours() {
    let (layer, _, id) = session().await;
    let ours = format!("{NAME}={id}").into_bytes();
    let odd: [&[u8]; 14] = [
        b"a=\"",
        b"a=\"b; c\"",
        b"a=\\\"",
        b"a=%",
        b"a=%zz%00%3B",
        b"a=\xff\xfe\x80",
        b"\xc3\x28=b",
        b"a=\xc2\xa0",
        b"\xe2\x80\x83=b",
        b"a={\"b\": [1, 2]}",
        b"a=b,c=d",
        b"a=\tb\t",
        b"a b=c d",
        b"$Version=1; $Path=\"/\"",
    ];
    for other in odd {
        let before = [other, b"; ", &ours].concat();
        let after = [&ours, &b"; "[..], other].concat();
        let around = [other, b";", &ours, b";", other].concat();
        for line in [before, after, around] {
            let text = line.escape_ascii().to_string();
            assert_eq!(found(&layer, &[line]).await, Some(1), "{text}");
        }
        assert_eq!(found(&layer, &[other, &ours]).await, Some(1));
    }
}

#[tokio::test]
async fn what_merely_looks_like_it_is_another_cookie() {
    let (layer, store, id) = session().await;
    let lookalikes: Vec<Vec<u8>> = [
        "__host-id={}",
        "__HOST-ID={}",
        "__Host-Id={}",
        "__Host-id2={}",
        "_Host-id={}",
        "x__Host-id={}",
        "%5F_Host-id={}",
        "__%48ost-id={}",
        "\"__Host-id\"={}",
        "__Host-id ={}",
        "__Host-id\t={}",
        "__Host-id",
        "__Host-id{}",
        "={}",
        "=__Host-id={}",
        "a=__Host-id={}",
        "a=\"; x__Host-id={}\"",
        "$__Host-id={}",
        "__Host-id:{}",
    ]
    .iter()
    .map(|pattern| pattern.replace("{}", &id).into_bytes())
    // What a reader would trim that knows more of Unicode than is good for it.
    .chain(
        ["\u{a0}", "\u{2000}", "\u{85}", "\u{feff}", "\u{3000}"]
            .iter()
            .map(|space| format!("{space}{NAME}={id}").into_bytes()),
    )
    .chain([format!("{NAME}\u{a0}={id}").into_bytes()])
    .chain([[b"\xa0", NAME.as_bytes(), b"=", id.as_bytes()].concat()])
    .collect();
    for line in lookalikes {
        let text = line.escape_ascii().to_string();
        assert_eq!(found(&layer, &[line]).await, None, "{text}");
        assert!(store.calls().is_empty(), "{text}");
    }
}

#[tokio::test]
async fn a_value_is_the_id_or_malformed() {
    let (layer, store, id) = session().await;
    let malformed = [
        String::new(),
        "A".to_owned(),
        id[1..].to_owned(),
        format!("{id}A"),
        format!("{id}="),
        format!("\"{id}\""),
        format!("={id}"),
        format!("{} ", &id[..42]),
        id.replace(&id[..1], "+"),
        id.replace(&id[..1], "%"),
        format!("%{:02x}{}", id.as_bytes()[0], &id[1..]),
        format!("{}\u{e9}", &id[..41]),
    ];
    for value in malformed {
        assert_eq!(
            found(&layer, &[format!("{NAME}={value}")]).await,
            None,
            "{value}"
        );
        assert!(store.calls().is_empty(), "{value}");
    }
}

#[tokio::test]
async fn a_last_character_that_no_encoder_writes_is_malformed() {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (layer, store, id) = session().await;
    let (mut same, mut other, mut malformed) = (0, 0, 0);
    for (at, last) in ALPHABET.chars().enumerate() {
        let value = format!("{}{last}", &id[..42]);
        let n = found(&layer, &[format!("{NAME}={value}")]).await;
        let called = !store.calls().is_empty();
        // The last character carries four bits, the two below them are zero.
        assert_eq!(called, at % 4 == 0, "{last}");
        match (called, n) {
            (true, Some(1)) => same += 1,
            (true, _) => other += 1,
            (false, n) => {
                assert_eq!(n, None);
                malformed += 1;
            }
        }
    }
    assert_eq!((same, other, malformed), (1, 15, 48));
}

#[tokio::test]
async fn two_hundred_cookies_and_8_kb_of_junk_hide_nothing() {
    let (layer, _, id) = session().await;
    let many: String = (0..100).map(|n| format!("c{n}={n}; ")).collect();
    let line = format!("{many}{NAME}={id}; {many}");
    assert_eq!(found(&layer, &[line]).await, Some(1));
    let junk: Vec<u8> = (0..8192_u32)
        .map(|n| match (n * 31 % 251) as u8 {
            byte @ (0..32 | 127 | b';') => byte / 8 + 33,
            byte => byte,
        })
        .collect();
    let ours = format!("{NAME}={id}").into_bytes();
    let line = [&junk, &b"; "[..], &ours, b"; ", &junk].concat();
    assert_eq!(found(&layer, &[line]).await, Some(1));
    assert_eq!(found(&layer, &[&junk, &ours, &junk]).await, Some(1));
}

#[tokio::test]
async fn of_several_ids_three_count_in_the_order_sent_until_one_loads() {
    let (layer, store, id) = session().await;
    let unknown = |n: u8| {
        format!(
            "{NAME}={}",
            char::from(b'B' + n).to_string().repeat(42) + "A"
        )
    };
    let ours = format!("{NAME}={id}");
    let [a, b, c] = [unknown(0), unknown(1), unknown(2)];
    for (line, n, gets) in [
        (format!("{ours}; {a}; {b}"), Some(1), 1),
        (format!("{a}; {ours}"), Some(1), 2),
        (format!("{a}; {b}; {ours}"), Some(1), 3),
        (format!("{a}; {b}; {c}; {ours}"), None, 3),
        // What is malformed takes no place.
        (
            format!("{NAME}=x; {NAME}=; {NAME}={a}; {a}; {b}; {ours}"),
            Some(1),
            3,
        ),
    ] {
        assert_eq!(found(&layer, &[&line]).await, n, "{line}");
        assert_eq!(store.calls(), vec!["get"; gets], "{line}");
    }
    assert_eq!(
        found(&layer, &[&a, &b, &ours]).await,
        Some(1),
        "in three lines"
    );
}

#[tokio::test]
async fn a_logout_ends_all_sessions_that_the_request_has_an_id_of() {
    let (layer, store, first) = session().await;
    let second = Browser::with_n(&layer).await.id().unwrap().to_owned();
    let bystander = Browser::with_n(&layer).await.id().unwrap().to_owned();
    let mut request = Request::new(Body::empty());
    let line = format!("{NAME}={first}; {NAME}=x; {NAME}={second}");
    request
        .headers_mut()
        .insert(header::COOKIE, line.parse().unwrap());
    respond(&layer, request, async |session: Session| session.flush()).await;
    assert_eq!(store.len(), 1);
    assert_eq!(
        found(&layer, &[format!("{NAME}={bystander}")]).await,
        Some(1)
    );
}

#[tokio::test]
async fn an_id_is_void_under_another_cookie_name_or_application() {
    let (layer, store, id) = session().await;
    assert_eq!(found(&layer, &[format!("{NAME}={id}")]).await, Some(1));
    let builder = || sessile::SessionLayer::builder(store.clone());
    let renamed = builder().cookie_name("__Host-di").build().unwrap();
    assert_eq!(found(&renamed, &[format!("__Host-di={id}")]).await, None);
    let labelled = builder().application("shop").build().unwrap();
    assert_eq!(found(&labelled, &[format!("{NAME}={id}")]).await, None);
}
