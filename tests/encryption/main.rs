//! Encryption at rest: what the inner store sees, what opens and what does not, and what the layer makes of
//! it.

#![cfg(feature = "encryption")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod at_rest;
mod contract;
mod damage;
mod keys;
mod policy;
mod randomness;
mod rotation;
#[path = "../support/mod.rs"]
mod support;

use bytes::Bytes;
use futures_executor::block_on;
use sessile::store::{EncryptedStore, EncryptionKey, Store, StoreKey};
use sessile::{SessionLayer, Unreadable};
use support::{DAY, TestStore};

/// The key whose bytes are all the same.
fn key(byte: u8) -> EncryptionKey {
    EncryptionKey::from_bytes([byte; 32])
}

/// A store with these keys, the first of which writes.
fn encrypted<S: Store>(inner: S, keys: &[u8]) -> EncryptedStore<S> {
    EncryptedStore::new(inner, keys.iter().map(|&byte| key(byte))).unwrap()
}

fn place(byte: u8) -> StoreKey {
    StoreKey::from_bytes([byte; 32])
}

/// What the inner store holds after this value was written under `place(1)`.
fn sealed(keys: &[u8], value: &[u8]) -> Bytes {
    let inner = TestStore::new();
    let store = encrypted(inner.clone(), keys);
    let value = Bytes::copy_from_slice(value);
    block_on(store.add(&place(1), value, DAY)).unwrap();
    inner.record()
}

/// What a store with these keys reads where the inner one holds this. What it cannot open is empty, with
/// the version that the inner store has.
fn opened(keys: &[u8], place: StoreKey, bytes: impl Into<Bytes>) -> Bytes {
    let inner = TestStore::new();
    // So that the version is not the first.
    inner.hold(place, "");
    inner.hold(place, bytes);
    let version = inner.entry(&place).unwrap().version;
    let entry = block_on(encrypted(inner, keys).get(&place)).unwrap();
    let entry = entry.expect("an entry that does not open is not missing");
    assert_eq!(entry.version, version);
    entry.value
}

/// An app whose path is what its handler does, over this inner store.
fn app(inner: &TestStore, keys: &[u8], unreadable: Unreadable) -> axum::Router {
    let builder = SessionLayer::builder(encrypted(inner.clone(), keys));
    let builder = builder
        .unreadable(unreadable)
        .error_response(support::kind_of);
    support::scripted(builder.build().unwrap())
}
