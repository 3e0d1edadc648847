//! The settings of a memory store.

use super::MemoryStore;
use crate::clock::{Clock, SystemClock};
use std::sync::Arc;

/// What a [`MemoryStore`] does with a new entry when it is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WhenFull {
    /// Removes the entries that nobody has used for the longest time, over the whole store, until
    /// there is room. Those users are logged out. Never the entry that is being written.
    #[default]
    EvictLongestIdle,
    /// Refuses what does not fit, with [`StoreError::full`](crate::store::StoreError::full),
    /// after it has looked for expired entries to remove. Nobody is logged out, but nobody can
    /// log in either, and a session that grows cannot be saved.
    RefuseNew,
}

/// Sets up a [`MemoryStore`]. From [`MemoryStore::builder`].
///
/// ```
/// use sessile::store::MemoryStore;
/// use sessile::store::memory::WhenFull;
///
/// let store = MemoryStore::builder()
///     .max_bytes(64 << 20)
///     .max_entries(100_000)
///     .when_full(WhenFull::RefuseNew)
///     .build();
/// # assert!(store.is_empty());
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct MemoryStoreBuilder {
    max_bytes: usize,
    max_entries: usize,
    when_full: WhenFull,
    clock: Option<Arc<dyn Clock>>,
}

impl MemoryStoreBuilder {
    pub(super) const fn new() -> Self {
        Self {
            max_bytes: 256 << 20,
            max_entries: 1_000_000,
            when_full: WhenFull::EvictLongestIdle,
            clock: None,
        }
    }

    /// How many bytes the entries may take, each charged its key, its value and about 120 bytes
    /// for its place. The default is 256 MiB.
    ///
    /// A value that alone takes more is refused as
    /// [too large](crate::store::StoreError::too_large). So 0 makes a store that holds nothing.
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How many entries there may be. The default is a million, and the most is 2³² − 2.
    ///
    /// With 0 every `add` is refused as [full](crate::store::StoreError::full).
    pub const fn max_entries(mut self, entries: usize) -> Self {
        self.max_entries = entries;
        self
    }

    /// What to do when there is no room. The default is
    /// [`EvictLongestIdle`](WhenFull::EvictLongestIdle).
    pub const fn when_full(mut self, what: WhenFull) -> Self {
        self.when_full = what;
        self
    }

    /// Where the time comes from. Only the uptime counts.
    #[cfg(feature = "test-util")]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The store.
    #[must_use]
    pub fn build(self) -> MemoryStore {
        let clock = self.clock.unwrap_or_else(|| Arc::new(SystemClock));
        MemoryStore::with(self.max_bytes, self.max_entries, self.when_full, clock)
    }
}
