//! What the whole store may hold and what it does hold, in atomics that no lock guards.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// The bounds, and the figures that are held against them.
///
/// Room is taken before an entry is made and given back after it has gone, so what is in the
/// store is never more than these counters say, and they never say more than the bounds.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) max_bytes: usize,
    pub(super) max_entries: usize,
    bytes: AtomicUsize,
    entries: AtomicUsize,
    evicted: AtomicU64,
    expired: AtomicU64,
}

/// Why an entry went without being asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    Evicted,
    Expired,
}

impl Budget {
    pub(super) const fn new(max_bytes: usize, max_entries: usize) -> Self {
        Self {
            max_bytes,
            max_entries,
            bytes: AtomicUsize::new(0),
            entries: AtomicUsize::new(0),
            evicted: AtomicU64::new(0),
            expired: AtomicU64::new(0),
        }
    }

    /// Takes all of this room, or none of it.
    pub(super) fn take(&self, bytes: usize, entries: usize) -> bool {
        if !take(&self.entries, entries, self.max_entries) {
            return false;
        }
        let taken = take(&self.bytes, bytes, self.max_bytes);
        if !taken && entries > 0 {
            self.entries.fetch_sub(entries, Relaxed);
        }
        taken
    }

    pub(super) fn give_back(&self, bytes: usize, entries: usize) {
        if bytes > 0 {
            self.bytes.fetch_sub(bytes, Relaxed);
        }
        if entries > 0 {
            self.entries.fetch_sub(entries, Relaxed);
        }
    }

    pub(super) fn count(&self, loss: Loss) {
        match loss {
            Loss::Evicted => self.evicted.fetch_add(1, Relaxed),
            Loss::Expired => self.expired.fetch_add(1, Relaxed),
        };
    }

    /// Whether this room could be taken now.
    pub(super) fn has(&self, bytes: usize, entries: usize) -> bool {
        self.bytes().saturating_add(bytes) <= self.max_bytes
            && self.entries().saturating_add(entries) <= self.max_entries
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    pub(super) fn entries(&self) -> usize {
        self.entries.load(Relaxed)
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted.load(Relaxed)
    }

    pub(super) fn expired(&self) -> u64 {
        self.expired.load(Relaxed)
    }
}

fn take(counter: &AtomicUsize, amount: usize, max: usize) -> bool {
    let more = |held: usize| held.checked_add(amount).filter(|&sum| sum <= max);
    amount == 0 || counter.fetch_update(Relaxed, Relaxed, more).is_ok()
}
