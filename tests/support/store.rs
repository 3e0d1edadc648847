//! The kit's store, with verbs as plain words: a table of calls reads well.

use bytes::Bytes;
use sessile::store::{Added, Deleted, Entry, Replaced, Store, StoreError, StoreKey, Version};
use sessile::test_util::{self, Verb};
pub use sessile::test_util::{Fault, Gate};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Debug, Clone, Default)]
pub struct TestStore {
    store: test_util::TestStore,
    added: Arc<Mutex<Vec<StoreKey>>>,
}

impl Deref for TestStore {
    type Target = test_util::TestStore;

    fn deref(&self) -> &test_util::TestStore {
        &self.store
    }
}

/// All that there is to know about the entries.
pub type Entries = HashMap<StoreKey, (Bytes, Version, Duration)>;

impl TestStore {
    pub fn new() -> Self {
        Self::default()
    }

    /// The calls since this was last asked.
    pub fn calls(&self) -> Vec<&'static str> {
        let calls = self.store.calls().into_iter().map(Verb::name).collect();
        self.forget_calls();
        calls
    }

    pub fn fail_next(&self, verb: &str, fault: Fault) {
        self.store.fail_next(named(verb), fault);
    }

    pub fn gate_next(&self, verb: &str) -> Gate {
        self.store.gate_next(named(verb))
    }

    /// Waits until `count` calls of this verb have been made since the calls were last asked for.
    pub async fn called(&self, verb: &str, count: usize) {
        let made = || {
            let calls = self.store.calls().into_iter();
            calls.filter(|call| *call == named(verb)).count()
        };
        while made() < count {
            tokio::task::yield_now().await;
        }
    }

    /// The keys that `add` was called with, in order.
    pub fn added(&self) -> Vec<StoreKey> {
        self.added.lock().unwrap().clone()
    }

    pub fn entries(&self) -> Entries {
        let all = self.keys().into_iter().map(|key| {
            let entry = self.entry(&key).unwrap();
            let time_to_live = self.time_to_live(&key).unwrap();
            (key, (entry.value, entry.version, time_to_live))
        });
        all.collect()
    }

    /// The key of the roster.
    pub fn roster(&self) -> StoreKey {
        let mut keys = self.keys().into_iter();
        keys.find(StoreKey::is_roster).unwrap()
    }

    fn only(&self) -> StoreKey {
        let keys = self.keys();
        assert_eq!(keys.len(), 1);
        keys[0]
    }

    /// The one entry's bytes.
    pub fn record(&self) -> Bytes {
        self.entry(&self.only()).unwrap().value
    }

    /// Puts other bytes in place of the one entry's, as nobody should.
    pub fn tamper(&self, bytes: impl Into<Bytes>) {
        self.put(&self.only(), bytes);
    }

    /// Holds this entry, and no other.
    pub fn hold(&self, key: StoreKey, bytes: impl Into<Bytes>) {
        self.evict_all();
        self.put(&key, bytes);
    }
}

fn named(verb: &str) -> Verb {
    let verbs = [Verb::Get, Verb::Add, Verb::Replace, Verb::Delete];
    let named = verbs.into_iter().find(|each| each.name() == verb);
    named.unwrap_or_else(|| panic!("no such verb: {verb}"))
}

impl Store for TestStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Entry>, StoreError> {
        self.store.get(key).await
    }

    async fn add(&self, key: &StoreKey, value: Bytes, ttl: Duration) -> Result<Added, StoreError> {
        self.added.lock().unwrap().push(*key);
        self.store.add(key, value, ttl).await
    }

    async fn replace(
        &self,
        key: &StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Replaced, StoreError> {
        self.store.replace(key, expected, value, ttl).await
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        self.store.delete(key).await
    }
}
