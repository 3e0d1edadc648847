//! A store of your own, judged: `cargo run --example custom_store --features conformance`.

use bytes::Bytes;
use sessile::conformance;
use sessile::store::{Added, Deleted, Entry, Replaced, Store, StoreError, StoreKey, Version};
use std::{collections::HashMap, sync::Arc, time::Duration, time::SystemTime};
use tokio::sync::{Mutex, MutexGuard};

/// Whoever holds the lock is alone, so each verb is atomic.
#[derive(Clone, Default)]
struct MyStore(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    rows: HashMap<StoreKey, (Entry, SystemTime)>,
    writes: u64,
}

impl MyStore {
    /// The table, without the rows whose time is up.
    async fn table(&self) -> MutexGuard<'_, Table> {
        let mut table = self.0.lock().await;
        table.rows.retain(|_, (_, end)| SystemTime::now() < *end);
        table
    }
}

impl Table {
    fn write(&mut self, key: &StoreKey, value: Bytes, ttl: Duration) -> Version {
        self.writes += 1; // Of all keys together, so that none ever sees a version again.
        let (version, end) = (Version::new(self.writes), SystemTime::now() + ttl);
        self.rows.insert(*key, (Entry::new(value, version), end));
        version
    }
}

impl Store for MyStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Entry>, StoreError> {
        let table = self.table().await;
        Ok(table.rows.get(key).map(|(entry, _)| entry.clone()))
    }

    async fn add(&self, key: &StoreKey, value: Bytes, ttl: Duration) -> Result<Added, StoreError> {
        let mut table = self.table().await;
        Ok(match table.rows.contains_key(key) {
            true => Added::Exists,
            false => Added::Done(table.write(key, value, ttl)),
        })
    }

    async fn replace(
        &self,
        key: &StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Replaced, StoreError> {
        let mut table = self.table().await;
        Ok(match table.rows.get(key) {
            None => Replaced::Missing,
            Some((entry, _)) if entry.version != expected => Replaced::Conflict,
            Some(_) => Replaced::Done(table.write(key, value, ttl)),
        })
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        let removed = self.table().await.rows.remove(key);
        Ok(removed.map_or(Deleted::Missing, |_| Deleted::Done))
    }
}

#[tokio::main]
async fn main() {
    let store = MyStore::default();
    // Panics if a sentence does not hold, and says which.
    conformance::all(&store, Duration::from_millis(200), tokio::time::sleep).await;
    conformance::what_one_client_did_another_sees(&store, &store.clone()).await;
    println!("the store keeps every sentence of the contract");
}
