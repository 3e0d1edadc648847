//! How a full store makes room: by evicting what was longest idle, or by looking for what has
//! expired. No two locks are held at once.

use super::slab::NEVER;
use super::{MemoryStore, SHARDS, WhenFull, home};
use crate::store::{StoreError, StoreKey};
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

/// How often an eviction looks for the longest idle entry again because that was used meanwhile.
const SEARCHES: usize = 8;

/// How many slots are searched for expired entries before a write is refused: about a
/// millisecond's work. Stores that are smaller are searched whole.
const SLOTS_BEFORE_REFUSAL: u32 = 1 << 16;

impl MemoryStore {
    /// Makes room for an entry, or for its growth, at the cost of others. Somebody else may take it.
    pub(super) fn make_room(
        &self,
        key: &StoreKey,
        bytes: usize,
        entries: usize,
    ) -> Result<(), StoreError> {
        if entries > self.budget.max_entries {
            return Err(StoreError::full());
        }
        while !self.budget.has(bytes, entries) {
            match self.when_full {
                WhenFull::EvictLongestIdle if self.evict(key) => {}
                // Whoever holds the room is at work on it.
                WhenFull::EvictLongestIdle => thread::yield_now(),
                WhenFull::RefuseNew => return self.expire(bytes, entries),
            }
        }
        Ok(())
    }

    /// Evicts the session that is longest idle over the whole store, but for `spared`; where there is no
    /// session, a roster.
    fn evict(&self, spared: &StoreKey) -> bool {
        let mut skipped = SHARDS;
        for search in 1..=SEARCHES {
            let (mut first, mut stamp, mut runner_up) = (SHARDS, NEVER, NEVER);
            for (index, oldest) in self.oldest.iter().enumerate() {
                let oldest = if index == skipped {
                    NEVER
                } else {
                    oldest.load(Relaxed)
                };
                if oldest < stamp {
                    runner_up = stamp;
                    (first, stamp) = (index, oldest);
                } else {
                    runner_up = runner_up.min(oldest);
                }
            }
            if first == SHARDS {
                let last = skipped < SHARDS && self.evict_from(skipped, spared, false, NEVER);
                return last || self.evict_roster(spared);
            }
            // It may have been used since: then another shard's is the longest idle.
            let limit = if search == SEARCHES { NEVER } else { runner_up };
            if self.evict_from(first, spared, false, limit) {
                return true;
            }
            if first == home(spared) {
                skipped = first;
            }
        }
        false
    }

    /// Any will do: it has no sessions here.
    fn evict_roster(&self, spared: &StoreKey) -> bool {
        (0..SHARDS).any(|index| self.evict_from(index, spared, true, NEVER))
    }

    fn evict_from(&self, index: usize, spared: &StoreKey, rosters: bool, limit: u64) -> bool {
        let mut shard = self.lock(index);
        shard.evict(spared, rosters, limit, &self.budget).is_some()
    }

    /// Removes expired entries until there is this room.
    fn expire(&self, bytes: usize, entries: usize) -> Result<(), StoreError> {
        let now = self.now();
        let mut searched = 0;
        for index in 0..SHARDS {
            let mut shard = self.lock(index);
            if shard.soonest_expiry() <= now {
                searched += shard.sweep_all(now, &self.budget);
            }
            drop(shard);
            if self.budget.has(bytes, entries) {
                return Ok(());
            }
            if searched > SLOTS_BEFORE_REFUSAL {
                break;
            }
        }
        Err(StoreError::full())
    }
}
