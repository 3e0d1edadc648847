//! What `insert` does not take leaves the session as it was.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;
use sessile::{Error, ErrorKind, Session};
use std::collections::BTreeMap;
use support::{Browser, Fault, layer, layer_with};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Deep {
    End,
    Down(Box<Self>),
}

fn arrays(depth: usize) -> Value {
    (0..depth).fold(Value::from(0), |inner, _| Value::from(vec![inner]))
}

fn objects(depth: usize) -> Value {
    (0..depth).fold(Value::from(0), |inner, _| serde_json::json!({ "a": inner }))
}

fn enums(depth: usize) -> Deep {
    (0..depth).fold(Deep::End, |inner, _| Deep::Down(Box::new(inner)))
}

struct Fails;

impl Serialize for Fails {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("canary-4711"))
    }
}

/// Nests deeper than any stack.
struct Endless;

impl Serialize for Endless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq([Self])
    }
}

/// Is longer than any memory.
struct Long;

impl Serialize for Long {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(std::iter::repeat(1))
    }
}

/// Tries this on a session with `kept`, and sees that nothing of it shows then or later.
async fn refused(insert: impl Fn(&Session) -> Result<(), Error>) -> Error {
    let (layer, store, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| session.insert("kept", 1).unwrap())
        .await;
    store.calls();
    let (error, answer) = browser
        .visit(&layer, async |session| {
            let error = insert(session).unwrap_err();
            assert!(!session.is_modified());
            assert_eq!(session.keys().unwrap(), ["kept"]);
            assert_eq!(session.get("kept").unwrap(), Some(1));
            error
        })
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(store.calls(), ["get"]);
    error
}

#[tokio::test]
async fn a_value_nests_64_levels_and_no_more() {
    let (layer, _, _) = layer();
    let mut browser = Browser::new();
    let check = |session: &Session| {
        assert_eq!(session.get_value("arrays").unwrap(), Some(arrays(64)));
        assert_eq!(session.get_value("objects").unwrap(), Some(objects(64)));
        assert_eq!(session.get("enums").unwrap(), Some(enums(64)));
    };
    browser
        .visit(&layer, async |session| {
            session.insert("arrays", arrays(64)).unwrap();
            session.insert("objects", objects(64)).unwrap();
            session.insert("enums", enums(64)).unwrap();
            check(session);
        })
        .await;
    browser.visit(&layer, async |session| check(session)).await;

    for key in ["new", "kept"] {
        let errors = [
            refused(|session| session.insert(key, arrays(65))).await,
            refused(|session| session.insert(key, objects(65))).await,
            refused(|session| session.insert(key, enums(65))).await,
            refused(|session| session.insert(key, Endless)).await,
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Encode);
            assert_eq!(error.key(), Some(key));
            assert!(error.to_string().contains("64"), "{error}");
        }
    }
}

#[tokio::test]
async fn map_keys_that_are_no_texts_are_refused() {
    let error = refused(|s| s.insert("k", BTreeMap::from([((1, 2), 3)]))).await;
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert!(error.to_string().contains("(i32, i32)"), "{error}");
    let error = refused(|s| s.insert("k", BTreeMap::from([(vec![1], 3)]))).await;
    assert_eq!(error.kind(), ErrorKind::Encode);
    let error = refused(|s| s.insert("kept", BTreeMap::from([(None::<u8>, 3)]))).await;
    assert_eq!(error.kind(), ErrorKind::Encode);
}

#[tokio::test]
async fn a_value_that_fails_to_serialize_is_refused_without_its_own_words() {
    let error = refused(|session| session.insert("k", Fails)).await;
    assert_eq!(error.kind(), ErrorKind::Encode);
    assert!(!format!("{error} {error:?}").contains("4711"));
}

#[tokio::test]
async fn an_update_that_gives_what_cannot_be_stored_is_refused() {
    let error = refused(|s| s.update("k", |_| Some(arrays(65))).map(drop)).await;
    assert_eq!(error.kind(), ErrorKind::Encode);
    let error = refused(|s| {
        s.update("kept", |_| Some(Value::from("x".repeat(70_000))))
            .map(drop)
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[tokio::test]
async fn what_would_grow_over_the_limit_is_refused() {
    for key in ["new", "kept"] {
        let error = refused(|session| session.insert(key, "x".repeat(64 * 1024))).await;
        assert_eq!(error.kind(), ErrorKind::TooLarge);
        assert_eq!(error.status(), 500);
    }
    let error = refused(|session| session.insert("new", Long)).await;
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    // Keys count as well.
    let error = refused(|session| session.insert(&"k".repeat(64 * 1024), 1)).await;
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}

#[tokio::test]
async fn the_limit_can_be_reached_to_the_byte() {
    let (layer, store, _) = layer_with(|builder| builder.max_size(1000));
    let mut browser = Browser::new();
    let (room, answer) = browser
        .visit(&layer, async |session| {
            let room = (0..1000)
                .rev()
                .find(|n| session.insert("k", "x".repeat(*n)).is_ok())
                .unwrap();
            assert_eq!(
                session
                    .insert("k", "x".repeat(room + 1))
                    .unwrap_err()
                    .kind(),
                ErrorKind::TooLarge
            );
            assert_eq!(session.get("k").unwrap(), Some("x".repeat(room)));
            assert_eq!(
                session.insert("", ()).unwrap_err().kind(),
                ErrorKind::TooLarge
            );
            room
        })
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(store.record().len(), 1000);
    // In a full session there is room where something shrinks.
    browser
        .visit(&layer, async |session| {
            session.insert("k", "y".repeat(room - 20)).unwrap();
            session.insert("l", 1).unwrap();
        })
        .await;
    let (keys, _) = browser
        .visit(&layer, async |session| session.keys().unwrap())
        .await;
    assert_eq!(keys, ["k", "l"]);
}

#[tokio::test]
async fn a_session_over_a_limit_that_was_lowered_can_be_used_and_made_smaller() {
    let (large, store, clock) = layer_with(|builder| builder.max_size(4000));
    let mut browser = Browser::new();
    browser
        .visit(&large, async |session| {
            session.insert("big", "x".repeat(3000)).unwrap();
            session.insert("small", "yes").unwrap();
        })
        .await;
    let small = sessile::SessionLayer::builder(store.clone())
        .clock(clock)
        .max_size(1000)
        .build()
        .unwrap();
    let (error, answer) = browser
        .visit(&small, async |session| {
            session.insert("more", 1).unwrap_err()
        })
        .await;
    assert_eq!(
        (error.kind(), answer.status.as_u16()),
        (ErrorKind::TooLarge, 200)
    );
    let ((), answer) = browser
        .visit(&small, async |session| session.cycle_id())
        .await;
    assert_eq!(answer.status, 200, "a login works");
    let ((), answer) = browser
        .visit(&small, async |session| {
            assert_eq!(session.remove("small").unwrap(), Some("yes".to_owned()));
        })
        .await;
    assert_eq!(answer.status, 200);
    let (keys, _) = browser
        .visit(&small, async |session| session.keys().unwrap())
        .await;
    assert_eq!(keys, ["big"]);
}

#[tokio::test]
async fn what_the_store_finds_too_large_is_a_500_and_the_session_stays() {
    let (layer, store, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| session.insert("n", 1).unwrap())
        .await;
    store.fail_next("replace", Fault::TooLarge);
    let ((), answer) = browser
        .visit(&layer, async |session| session.insert("n", 2).unwrap())
        .await;
    assert_eq!(answer.status, 500);
    assert!(answer.set_cookies().is_empty());
    let (n, _) = browser
        .visit(&layer, async |session| session.get("n").unwrap())
        .await;
    assert_eq!(n, Some(1));
}
