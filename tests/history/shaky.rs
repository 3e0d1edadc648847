//! The memory store, as if a bad network were before it.

use crate::support::dice::Dice;
use bytes::Bytes;
use sessile::store::{
    Added, Deleted, Entry, MemoryStore, Replaced, Store, StoreError, StoreKey, Version,
};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::sleep;

pub(crate) struct Shaky {
    store: Mutex<Arc<MemoryStore>>,
    dice: Mutex<Dice>,
    is_calm: AtomicBool,
    /// It says that nothing was done where something was.
    lies: bool,
}

impl Shaky {
    pub(crate) fn new(seed: u64, lies: bool) -> Arc<Self> {
        Arc::new(Self {
            store: Mutex::default(),
            dice: Mutex::new(Dice::new(seed)),
            is_calm: AtomicBool::new(false),
            lies,
        })
    }

    pub(crate) fn calm(&self) {
        self.is_calm.store(true, SeqCst);
    }

    pub(crate) fn forget(&self) {
        *self.store.lock().unwrap() = Arc::default();
    }

    async fn run<T, F>(&self, verb: impl FnOnce(Arc<MemoryStore>) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let verb = verb(Arc::clone(&self.store.lock().unwrap()));
        let (choice, delay) = {
            let mut dice = self.dice.lock().unwrap();
            (dice.below(1000), dice.micros(2000))
        };
        match choice {
            _ if self.is_calm.load(SeqCst) => verb.await,
            0..20 => Err(StoreError::unavailable()),
            20..40 => Err(StoreError::in_doubt()),
            40..80 => {
                let _ = verb.await;
                Err(if self.lies {
                    StoreError::unavailable()
                } else {
                    StoreError::in_doubt()
                })
            }
            // It takes effect after its caller has given up.
            80..100 => {
                tokio::spawn(async move {
                    sleep(delay).await;
                    verb.await
                });
                Err(StoreError::in_doubt())
            }
            100..300 => {
                sleep(delay).await;
                verb.await
            }
            300..500 => {
                let result = verb.await;
                sleep(delay).await;
                result
            }
            _ => verb.await,
        }
    }
}

impl Store for Shaky {
    async fn get(&self, key: &StoreKey) -> Result<Option<Entry>, StoreError> {
        let key = *key;
        self.run(|store| async move { store.get(&key).await }).await
    }

    async fn add(&self, key: &StoreKey, value: Bytes, ttl: Duration) -> Result<Added, StoreError> {
        let key = *key;
        self.run(|store| async move { store.add(&key, value, ttl).await })
            .await
    }

    async fn replace(
        &self,
        key: &StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Replaced, StoreError> {
        let key = *key;
        self.run(|store| async move { store.replace(&key, expected, value, ttl).await })
            .await
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        let key = *key;
        self.run(|store| async move { store.delete(&key).await })
            .await
    }
}
