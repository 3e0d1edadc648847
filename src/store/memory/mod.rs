//! The embedded store: sessions in the memory of this process.
//!
//! For an app that runs as one process, and for tests. Sessions end with the process.
//!
//! ```
//! use sessile::store::{Added, MemoryStore, Store, StoreKey};
//! use std::time::Duration;
//!
//! # futures_executor::block_on(async {
//! let store = MemoryStore::new();
//! let key = StoreKey::from_bytes([7; 32]);
//! let hour = Duration::from_secs(3600);
//!
//! let added = store.add(&key, "data".into(), hour).await?;
//! assert!(matches!(added, Added::Done(_)));
//! assert_eq!(store.add(&key, "other".into(), hour).await?, Added::Exists);
//!
//! let entry = store.get(&key).await?.expect("it was added");
//! assert_eq!(entry.value, "data");
//! assert_eq!(store.len(), 1);
//! # Ok::<(), sessile::store::StoreError>(())
//! # }).unwrap();
//! ```
//!
//! # How it works
//!
//! The keys are spread over shards, each with a lock of its own that is held for the time of a
//! look-up. The bounds are those of the whole store and not split among the shards: they are
//! kept strictly, and the entry that is evicted is the longest idle of all sessions. A roster, the list of a
//! user's sessions, is evicted only when there is no session left.
//!
//! There is no task and no timer: each call also removes a few of the expired entries. An
//! expired entry is never served, but counts in the figures until it is removed. The wall
//! clock plays no role. On Linux time goes on in ticks of the kernel, of 1 to 10 ms.
//!
//! The tables grow with the entries, and keep their size when the entries go. A value is kept in the
//! buffer that it came in: a slice of a larger one keeps all of that, and is charged as a slice.

mod budget;
mod builder;
mod room;
mod shard;
mod slab;

pub use builder::{MemoryStoreBuilder, WhenFull};

use super::{Added, Deleted, Entry, Replaced, Store, StoreError, StoreKey, Version};
use crate::clock::Clock;
use budget::Budget;
use bytes::Bytes;
use shard::Shard;
use slab::{NEVER, NIL};
use std::array;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const SHARDS: usize = 64;

/// A store in the memory of this process, bounded by bytes and by count.
///
/// See the [module](self). To share it among layers, or to look at its figures, put it in an
/// [`Arc`], which is a store too.
pub struct MemoryStore {
    shards: [Padded; SHARDS],
    /// When each shard's longest idle session was last used. Side by side, and apart from the
    /// locks, so that the longest idle of all is found at a glance.
    oldest: [AtomicU64; SHARDS],
    budget: Budget,
    when_full: WhenFull,
    clock: Arc<dyn Clock>,
}

/// A shard in cache lines of its own, so that threads at two shards do not slow each other.
#[repr(align(128))]
struct Padded(Mutex<Shard>);

impl MemoryStore {
    /// A store with the default bounds: 256 MiB and a million entries, of which the longest idle
    /// are evicted when it is full.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A store with other bounds.
    pub const fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder::new()
    }

    fn with(bytes: usize, entries: usize, when_full: WhenFull, clock: Arc<dyn Clock>) -> Self {
        // So that a slot's index always fits into 32 bits.
        let entries = entries.min(NIL as usize - 1);
        Self {
            shards: array::from_fn(|_| Padded(Mutex::new(Shard::new()))),
            oldest: array::from_fn(|_| AtomicU64::new(NEVER)),
            budget: Budget::new(bytes, entries),
            when_full,
            clock,
        }
    }

    /// How many entries there are, among them those that have expired and are not removed yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.budget.entries()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the entries take: their keys, their values, and about 120 bytes each for their place.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.budget.bytes()
    }

    /// How many entries were evicted so far, to make room for others.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.budget.evicted()
    }

    /// How many entries were removed so far because their time to live was over.
    #[must_use]
    pub fn expired(&self) -> u64 {
        self.budget.expired()
    }

    fn now(&self) -> u64 {
        nanoseconds(self.clock.uptime())
    }

    fn lock(&self, index: usize) -> Locked<'_> {
        let shard = self.shards[index]
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Locked {
            shard,
            oldest: &self.oldest[index],
        }
    }

    #[inline]
    pub(super) fn get_now(&self, key: &StoreKey) -> Option<Entry> {
        let now = self.now();
        let mut shard = self.lock(home(key));
        let index = shard.find(key, now, &self.budget)?;
        Some(shard.read(index))
    }

    pub(super) fn add_now(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Added, StoreError> {
        let ttl = nanoseconds(ttl);
        let charge = self.admit(&value)?;
        loop {
            let now = self.now();
            let mut shard = self.lock(home(key));
            if shard.find(key, now, &self.budget).is_some() {
                return Ok(Added::Exists);
            }
            if self.budget.take(charge, 1) {
                return Ok(Added::Done(shard.insert(key, value, ttl)));
            }
            drop(shard);
            self.make_room(key, charge, 1)?;
        }
    }

    pub(super) fn replace_now(
        &self,
        key: &StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Replaced, StoreError> {
        let ttl = nanoseconds(ttl);
        let charge = self.admit(&value)?;
        loop {
            let now = self.now();
            let mut shard = self.lock(home(key));
            let Some(index) = shard.find(key, now, &self.budget) else {
                return Ok(Replaced::Missing);
            };
            if shard.version(index) != expected {
                return Ok(Replaced::Conflict);
            }
            let before = shard.charge(index);
            let growth = charge.saturating_sub(before);
            if self.budget.take(growth, 0) {
                let (version, old) = shard.overwrite(index, value, ttl);
                drop(shard);
                drop(old);
                self.budget.give_back(before.saturating_sub(charge), 0);
                return Ok(Replaced::Done(version));
            }
            drop(shard);
            self.make_room(key, growth, 0)?;
        }
    }

    pub(super) fn delete_now(&self, key: &StoreKey) -> Deleted {
        let now = self.now();
        let mut shard = self.lock(home(key));
        let Some(index) = shard.find(key, now, &self.budget) else {
            return Deleted::Missing;
        };
        let value = shard.remove(index, &self.budget);
        drop(shard);
        drop(value);
        Deleted::Done
    }

    /// What an entry with this value is charged, if it could ever fit.
    fn admit(&self, value: &Bytes) -> Result<usize, StoreError> {
        let charge = shard::charge(value);
        if charge > self.budget.max_bytes {
            Err(StoreError::too_large())
        } else {
            Ok(charge)
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("len", &self.len())
            .field("bytes", &self.bytes())
            .field("evicted", &self.evicted())
            .field("expired", &self.expired())
            .field("max_entries", &self.budget.max_entries)
            .field("max_bytes", &self.budget.max_bytes)
            .field("when_full", &self.when_full)
            .finish_non_exhaustive()
    }
}

impl Store for MemoryStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Entry>, StoreError> {
        Ok(self.get_now(key))
    }

    async fn add(&self, key: &StoreKey, value: Bytes, ttl: Duration) -> Result<Added, StoreError> {
        self.add_now(key, value, ttl)
    }

    async fn replace(
        &self,
        key: &StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Replaced, StoreError> {
        self.replace_now(key, expected, value, ttl)
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        Ok(self.delete_now(key))
    }
}

/// A locked shard, which publishes its oldest stamp before it is unlocked.
struct Locked<'a> {
    shard: MutexGuard<'a, Shard>,
    oldest: &'a AtomicU64,
}

impl Deref for Locked<'_> {
    type Target = Shard;

    fn deref(&self) -> &Shard {
        &self.shard
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Shard {
        &mut self.shard
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let stamp = self.shard.oldest_stamp();
        if self.oldest.load(Relaxed) != stamp {
            self.oldest.store(stamp, Relaxed);
        }
    }
}

/// The shard of a key, by other bits than its place in the index.
fn home(key: &StoreKey) -> usize {
    usize::from(key.as_bytes()[8]) % SHARDS
}

/// Time as the shards count it: 584 years, and what is longer never ends.
fn nanoseconds(time: Duration) -> u64 {
    // Not `as_nanos`, which counts in 128 bits.
    let seconds = time.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(time.subsec_nanos().into())
}
