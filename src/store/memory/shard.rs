//! One of the parts that the keys are spread over, each behind a lock of its own.

use super::budget::{Budget, Loss};
use super::slab::{NEVER, Slab, Slot};
use crate::store::{Entry, StoreKey, Version};
use bytes::Bytes;
use hashbrown::HashTable;
use std::mem;

/// What an entry is charged over its value: its slot, which holds the key; and about 56 bytes for
/// its place in the index, the reference count of its `Bytes`, and the allocator.
const PLACE: usize = mem::size_of::<Slot>() + 56;

/// How many slots a call looks at for expired entries. Two, so that a pass over the slots ends
/// even if every call adds one.
const SWEEP: u32 = 2;

/// What an entry with this value is charged.
pub(super) const fn charge(value: &Bytes) -> usize {
    value.len().saturating_add(PLACE)
}

/// A slot as the index names it, with a part of its key: neither a table that grows nor a slot of another key
/// has to be fetched then.
#[derive(Debug)]
struct Place {
    hash: u32,
    slot: u32,
}

/// The keys are hashes already.
fn hash(key: &StoreKey) -> u32 {
    let [a, b, c, d, ..] = *key.as_bytes();
    u32::from_ne_bytes([a, b, c, d])
}

/// The index looks at the highest bits, and at the lowest.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

/// The entries of one part of the keys.
#[derive(Debug)]
pub(super) struct Shard {
    index: HashTable<Place>,
    slab: Slab,
    /// The last version given out. A key is always in the same shard, so one counter for each
    /// shard is enough for a version never to come back.
    version: u64,
    /// The latest time seen. A thread reads the clock before it has the lock, and may come late.
    now: u64,
    sweep: Sweep,
}

/// The search for expired entries, a few slots a call, round and round.
#[derive(Debug)]
struct Sweep {
    /// No entry expires before. Until then there is nothing to search for.
    soonest: u64,
    /// The next slot to look at.
    cursor: u32,
    /// The soonest expiry among the slots of this pass and the writes since it began.
    soonest_of_pass: u64,
}

impl Shard {
    pub(super) const fn new() -> Self {
        Self {
            index: HashTable::new(),
            slab: Slab::new(),
            version: 0,
            now: 0,
            sweep: Sweep {
                soonest: NEVER,
                cursor: 0,
                soonest_of_pass: NEVER,
            },
        }
    }

    /// When the longest idle entry was last used.
    pub(super) const fn oldest_stamp(&self) -> u64 {
        self.slab.oldest_stamp()
    }

    /// Before this time there is no expired entry here.
    pub(super) const fn soonest_expiry(&self) -> u64 {
        self.sweep.soonest
    }

    /// The slot of this key's entry, at this time. A few of the expired entries are removed, and one that has
    /// expired is not found.
    #[inline]
    pub(super) fn find(&mut self, key: &StoreKey, now: u64, budget: &Budget) -> Option<u32> {
        self.now = self.now.max(now);
        if self.now >= self.sweep.soonest {
            self.sweep(SWEEP, budget);
        }
        let (slab, hash) = (&self.slab, hash(key));
        let is_it = |place: &Place| place.hash == hash && slab.slot(place.slot).key == *key;
        let index = self.index.find(spread(hash), is_it)?.slot;
        if self.now < slab.slot(index).expiry {
            return Some(index);
        }
        self.lose(index, Loss::Expired, budget);
        None
    }

    /// Reads the entry, which counts as a use.
    #[inline]
    pub(super) fn read(&mut self, index: u32) -> Entry {
        let slot = self.slab.slot(index);
        let (value, version) = (slot.value.clone(), Version::new(slot.version));
        self.slab.touch(index, self.now);
        Entry::new(value, version)
    }

    #[inline]
    pub(super) fn version(&self, index: u32) -> Version {
        Version::new(self.slab.slot(index).version)
    }

    #[inline]
    pub(super) fn charge(&self, index: u32) -> usize {
        charge(&self.slab.slot(index).value)
    }

    /// Makes an entry. There must be none with this key, and its room must be taken.
    #[inline]
    pub(super) fn insert(&mut self, key: &StoreKey, value: Bytes, ttl: u64) -> Version {
        self.version += 1;
        let expiry = self.expiry(ttl);
        let index = self
            .slab
            .insert(*key, value, self.version, expiry, self.now);
        let (hash, slot) = (hash(key), index);
        self.index
            .insert_unique(spread(hash), Place { hash, slot }, |place| {
                spread(place.hash)
            });
        Version::new(self.version)
    }

    /// Overwrites an entry and yields the old value. The room it grows by must be taken.
    #[inline]
    pub(super) fn overwrite(&mut self, index: u32, value: Bytes, ttl: u64) -> (Version, Bytes) {
        self.version += 1;
        let version = self.version;
        let expiry = self.expiry(ttl);
        self.slab.touch(index, self.now);
        let slot = self.slab.slot_mut(index);
        slot.version = version;
        slot.expiry = expiry;
        (Version::new(version), mem::replace(&mut slot.value, value))
    }

    /// Removes the entry and yields its value.
    pub(super) fn remove(&mut self, index: u32, budget: &Budget) -> Bytes {
        let hash = hash(&self.slab.slot(index).key);
        let found = self
            .index
            .find_entry(spread(hash), |place| place.slot == index);
        if let Ok(entry) = found {
            entry.remove();
        }
        let value = self.slab.remove(index);
        budget.give_back(charge(&value), 1);
        value
    }

    /// Evicts the longest idle session other than `spared`, or roster, unless it was used after `limit`.
    /// Yields its value.
    pub(super) fn evict(
        &mut self,
        spared: &StoreKey,
        rosters: bool,
        limit: u64,
        budget: &Budget,
    ) -> Option<Bytes> {
        let (index, stamp) = self.slab.longest_idle(spared, rosters)?;
        if stamp > limit {
            return None;
        }
        let expired = self.now >= self.slab.slot(index).expiry;
        Some(self.lose(
            index,
            if expired {
                Loss::Expired
            } else {
                Loss::Evicted
            },
            budget,
        ))
    }

    /// Removes all expired entries, and yields how many slots it looked at.
    pub(super) fn sweep_all(&mut self, now: u64, budget: &Budget) -> u32 {
        self.now = self.now.max(now);
        self.sweep.cursor = 0;
        self.sweep.soonest_of_pass = NEVER;
        let slots = self.slab.len();
        self.sweep(slots, budget);
        slots
    }

    fn sweep(&mut self, slots: u32, budget: &Budget) {
        for _ in 0..slots {
            if self.sweep.cursor >= self.slab.len() {
                break;
            }
            let index = self.sweep.cursor;
            let expiry = self.slab.slot(index).expiry;
            if self.now >= expiry {
                self.lose(index, Loss::Expired, budget);
            } else {
                self.sweep.soonest_of_pass = self.sweep.soonest_of_pass.min(expiry);
            }
            self.sweep.cursor += 1;
        }
        if self.sweep.cursor >= self.slab.len() {
            self.sweep.cursor = 0;
            self.sweep.soonest = mem::replace(&mut self.sweep.soonest_of_pass, NEVER);
        }
    }

    fn lose(&mut self, index: u32, loss: Loss, budget: &Budget) -> Bytes {
        budget.count(loss);
        self.remove(index, budget)
    }

    /// When an entry expires that is written now.
    fn expiry(&mut self, ttl: u64) -> u64 {
        let expiry = self.now.saturating_add(ttl);
        self.sweep.soonest = self.sweep.soonest.min(expiry);
        self.sweep.soonest_of_pass = self.sweep.soonest_of_pass.min(expiry);
        expiry
    }
}
