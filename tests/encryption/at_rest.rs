//! What the inner store gets to see.

use crate::support::{Browser, TestStore};
use crate::{encrypted, opened, place, sealed};
use bytes::Bytes;
use http::StatusCode;
use sessile::store::{EncryptedStore, EncryptionKey, MemoryStore, StoreKey};
use sessile::{Error, Session, SessionLayer};
use std::sync::Arc;

/// A key and a value to look for.
const KEY: &str = "canary-as-a-key";
const VALUE: &str = "canary-in-a-value";

fn holds_a_canary(bytes: &[u8]) -> bool {
    bytes.windows(6).any(|window| window == b"canary")
}

async fn fill(session: Session) -> Result<(), Error> {
    session.insert(KEY, VALUE)
}

#[tokio::test]
async fn the_inner_store_holds_neither_keys_nor_values() {
    for encrypts in [false, true] {
        let inner = TestStore::new();
        let layer = if encrypts {
            SessionLayer::new(encrypted(inner.clone(), &[1]))
        } else {
            SessionLayer::new(inner.clone())
        };
        let mut browser = Browser::new();
        browser.answer(&layer, fill).await;
        assert_ne!(holds_a_canary(&inner.record()), encrypts);
        let (value, _) = browser
            .visit(&layer, async |session| session.get::<String>(KEY).unwrap())
            .await;
        assert_eq!(value.as_deref(), Some(VALUE));
    }
}

#[tokio::test]
async fn a_layer_without_the_key_fails_who_asks_and_nobody_else() {
    let inner = Arc::new(MemoryStore::new());
    let mut browser = Browser::new();
    browser
        .answer(
            &SessionLayer::new(encrypted(Arc::clone(&inner), &[1])),
            fill,
        )
        .await;
    let keyless = SessionLayer::new(inner);
    let answer = browser.answer(&keyless, fill).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    let answer = browser.answer(&keyless, async |_| "no session").await;
    assert_eq!(
        (answer.status, &*answer.body),
        (StatusCode::OK, "no session")
    );
    // So that a logout always works.
    let logout = async |session: Session| session.flush();
    let answer = browser.answer(&keyless, logout).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(browser.id(), None);
}

#[cfg(feature = "redis")]
#[tokio::test]
async fn a_redis_server_holds_neither_keys_nor_values() {
    use crate::support::redis::{cli, redis, store_at};
    for encrypts in [false, true] {
        let server = redis(&[]);
        let store = store_at(server.port());
        let layer = if encrypts {
            SessionLayer::new(encrypted(store, &[1]))
        } else {
            SessionLayer::new(store)
        };
        let mut browser = Browser::new();
        browser.answer(&layer, fill).await;
        let name = cli(server.port(), &["keys", "*"]);
        let text = cli(server.port(), &["--no-raw", "get", &name]);
        assert!(text.len() > 100, "{text}");
        assert_ne!(holds_a_canary(text.as_bytes()), encrypts);
    }
}

#[test]
fn two_writes_of_one_value_have_nothing_in_common() {
    let (one, other) = (sealed(&[1], &[0; 64]), sealed(&[1], &[0; 64]));
    // The form and the key's id are the same, the rest is not.
    assert_eq!(one[..5], other[..5]);
    for at in [5..17, 17..33, 33..49, 49..65, 65..81, 81..97] {
        assert_ne!(one[at.clone()], other[at.clone()], "{at:?}");
    }
}

#[test]
fn an_entry_is_33_bytes_longer_than_its_value() {
    for length in [0, 1, 100, 20_000] {
        let sealed = sealed(&[1], &vec![7; length]);
        assert_eq!(sealed.len(), length + 33);
        assert_eq!(opened(&[1], place(1), sealed), vec![7; length]);
    }
}

/// Made with the AES-256-GCM-SIV of OpenSSL, through Python's `cryptography`.
#[test]
fn an_entry_of_another_implementation_opens() {
    let hex =
        "e161cbd55cc8c9cacbcccdcecfd0d1d2d37215a8f3e3e925403c709c31c8492166e2da7d4d05ec0efe0c";
    let bytes: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect();
    let count_from = |first: u8| std::array::from_fn(|at| first + u8::try_from(at).unwrap());
    let place = StoreKey::from_bytes(count_from(100));
    let inner = TestStore::new();
    inner.hold(place, bytes);
    let key = EncryptionKey::from_bytes(count_from(0));
    let store = EncryptedStore::new(inner, [key]).unwrap();
    let entry = futures_executor::block_on(sessile::store::Store::get(&store, &place));
    assert_eq!(entry.unwrap().unwrap().value, Bytes::from("a session"));
}
