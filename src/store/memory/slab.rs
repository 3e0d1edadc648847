//! The entries of one shard: slots that never move, linked from the longest idle to the last used. The
//! rosters among them are linked by themselves, so that they are not evicted before the sessions.

use crate::store::StoreKey;
use bytes::Bytes;
use std::mem;

/// The index of no slot.
pub(super) const NIL: u32 = u32::MAX;

/// The stamp of an empty list, and the expiry of a slot that is free or never expires.
pub(super) const NEVER: u64 = u64::MAX;

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) key: StoreKey,
    pub(super) value: Bytes,
    pub(super) version: u64,
    /// When it is gone, in nanoseconds of uptime.
    pub(super) expiry: u64,
    /// When it was last used, likewise.
    stamp: u64,
    older: u32,
    /// In a free slot: the next free one.
    newer: u32,
}

/// The first chunk has room for so many slots, and each further one for twice as many as the one before:
/// to grow copies nothing, and the memory of slots that were never used is never touched.
const FIRST: usize = 8;

/// Enough for all indices of 32 bits.
const CHUNKS: usize = 30;

#[derive(Debug)]
pub(super) struct Slab {
    chunks: [Vec<Slot>; CHUNKS],
    /// How many slots there are, free ones included.
    len: u32,
    free: u32,
    sessions: Order,
    rosters: Order,
}

/// The two ends of a linked list.
#[derive(Debug)]
struct Order {
    oldest: u32,
    newest: u32,
    /// A copy of the oldest slot's stamp, so that nobody has to fetch that slot to read it.
    oldest_stamp: u64,
}

impl Order {
    const EMPTY: Self = Self {
        oldest: NIL,
        newest: NIL,
        oldest_stamp: NEVER,
    };
}

impl Slab {
    pub(super) const fn new() -> Self {
        Self {
            chunks: [const { Vec::new() }; CHUNKS],
            len: 0,
            free: NIL,
            sessions: Order::EMPTY,
            rosters: Order::EMPTY,
        }
    }

    #[inline]
    pub(super) fn slot(&self, index: u32) -> &Slot {
        let (chunk, place) = place(index);
        &self.chunks[chunk][place]
    }

    #[inline]
    pub(super) fn slot_mut(&mut self, index: u32) -> &mut Slot {
        let (chunk, place) = place(index);
        &mut self.chunks[chunk][place]
    }

    /// How many slots there are, free ones included.
    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    /// That of the sessions.
    pub(super) const fn oldest_stamp(&self) -> u64 {
        self.sessions.oldest_stamp
    }

    /// The longest idle session other than `spared`, or the longest idle roster, and when it was last
    /// used.
    pub(super) fn longest_idle(&self, spared: &StoreKey, rosters: bool) -> Option<(u32, u64)> {
        let mut index = if rosters {
            self.rosters.oldest
        } else {
            self.sessions.oldest
        };
        if index != NIL && self.slot(index).key == *spared {
            index = self.slot(index).newer;
        }
        (index != NIL).then(|| (index, self.slot(index).stamp))
    }

    /// Takes a slot for an entry, as the last used.
    #[inline]
    pub(super) fn insert(
        &mut self,
        key: StoreKey,
        value: Bytes,
        version: u64,
        expiry: u64,
        now: u64,
    ) -> u32 {
        let slot = Slot {
            key,
            value,
            version,
            expiry,
            stamp: now,
            older: NIL,
            newer: NIL,
        };
        let index = if self.free == NIL {
            let index = self.len;
            let (chunk, place) = place(index);
            let chunk = &mut self.chunks[chunk];
            if place == 0 {
                chunk.reserve_exact(index as usize + FIRST);
            }
            chunk.push(slot);
            self.len += 1;
            index
        } else {
            let index = self.free;
            self.free = mem::replace(self.slot_mut(index), slot).newer;
            index
        };
        self.link(index, now);
        index
    }

    /// Frees the slot and yields what it held.
    pub(super) fn remove(&mut self, index: u32) -> Bytes {
        self.unlink(index);
        let free = mem::replace(&mut self.free, index);
        let slot = self.slot_mut(index);
        slot.newer = free;
        slot.expiry = NEVER;
        mem::take(&mut slot.value)
    }

    /// Makes the entry the last used.
    #[inline]
    pub(super) fn touch(&mut self, index: u32, now: u64) {
        let order = self.order(index);
        if order.newest == index {
            if order.oldest == index {
                order.oldest_stamp = now;
            }
            self.slot_mut(index).stamp = now;
        } else {
            self.unlink(index);
            self.link(index, now);
        }
    }

    fn order(&mut self, index: u32) -> &mut Order {
        if self.slot(index).key.is_roster() {
            &mut self.rosters
        } else {
            &mut self.sessions
        }
    }

    fn link(&mut self, index: u32, now: u64) {
        let order = self.order(index);
        let before = mem::replace(&mut order.newest, index);
        if before == NIL {
            order.oldest = index;
            order.oldest_stamp = now;
        } else {
            self.slot_mut(before).newer = index;
        }
        let slot = self.slot_mut(index);
        slot.stamp = now;
        slot.older = before;
        slot.newer = NIL;
    }

    fn unlink(&mut self, index: u32) {
        let Slot { older, newer, .. } = *self.slot(index);
        if newer == NIL {
            self.order(index).newest = older;
        } else {
            self.slot_mut(newer).older = older;
        }
        if older == NIL {
            let stamp = if newer == NIL {
                NEVER
            } else {
                self.slot(newer).stamp
            };
            let order = self.order(index);
            order.oldest = newer;
            order.oldest_stamp = stamp;
        } else {
            self.slot_mut(older).newer = newer;
        }
    }
}

/// Which chunk a slot is in, and where in it.
const fn place(index: u32) -> (usize, usize) {
    let number = index as usize + FIRST;
    let chunk = number.ilog2() - FIRST.ilog2();
    (chunk as usize, number - (FIRST << chunk))
}
