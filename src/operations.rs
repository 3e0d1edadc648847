//! What a request did to its session, so that it can be done again to a newer version.
//!
//! Operations on different keys do not touch each other, so their order is kept for each key
//! alone: what was last set, or the updates since the version that the request began with.

use crate::error::{Error, ErrorKind};
use crate::expiry::{Expiry, Timestamp};
use crate::owner::Claim;
use crate::reads::Reads;
use crate::record::{Header, Item, Pair, Record};
use smallvec::SmallVec;
use std::iter::Peekable;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A closure that makes the new value of a key from the old one.
pub(crate) type Update = Arc<dyn Fn(Option<&[u8]>) -> Result<Pair, Error> + Send + Sync>;

/// The changes that wait for a commit.
#[derive(Clone, Default)]
pub(crate) struct Operations {
    /// End the session, before everything below.
    flush: bool,
    /// Give the session another id.
    cycle: bool,
    /// Empty the session, before the keys below.
    clear: bool,
    /// Sorted. A request changes a few keys, for which a list is less work than a tree.
    keys: SmallVec<[Change; 1]>,
    expiry: Option<Expiry>,
    /// In a box, since few requests say whose session it is.
    claim: Option<Box<Claim>>,
    /// What the request read of the stored version: the operations rest on it. In a box, since few layers
    /// ask for it.
    reads: Option<Box<Reads>>,
    /// The size of the record that they make, or a little more, where it is known.
    size: Option<usize>,
}

static NO_CLAIM: Claim = Claim::NONE;

/// What was done to one key.
#[derive(Clone)]
enum Change {
    /// It was set or removed: what it held before does not matter.
    Set(Pair),
    /// It was updated, which gave this on the version that was at hand.
    Updated(Vec<Update>, Pair),
}

impl Change {
    const fn pair(&self) -> &Pair {
        match self {
            Self::Set(pair) | Self::Updated(_, pair) => pair,
        }
    }

    fn into_pair(self) -> Pair {
        match self {
            Self::Set(pair) | Self::Updated(_, pair) => pair,
        }
    }
}

impl Operations {
    pub(crate) const fn new() -> Self {
        Self {
            flush: false,
            cycle: false,
            clear: false,
            keys: SmallVec::new_const(),
            expiry: None,
            claim: None,
            reads: None,
            size: None,
        }
    }

    #[inline]
    pub(crate) fn set(&mut self, pair: Pair) {
        match self.place(pair.key()) {
            Ok(place) => self.keys[place] = Change::Set(pair),
            Err(place) => self.keys.insert(place, Change::Set(pair)),
        }
    }

    /// Records an update, together with what it gave.
    pub(crate) fn update(&mut self, update: Update, pair: Pair) {
        match self.place(pair.key()) {
            Ok(place) => match &mut self.keys[place] {
                // What was set or cleared here is the same on every version, and so is the result.
                Change::Set(old) => *old = pair,
                Change::Updated(updates, old) => {
                    updates.push(update);
                    *old = pair;
                }
            },
            Err(place) => {
                let change = if self.hides_base() {
                    Change::Set(pair)
                } else {
                    Change::Updated(vec![update], pair)
                };
                self.keys.insert(place, change);
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.clear = true;
        self.keys.clear();
    }

    pub(crate) fn set_expiry(&mut self, expiry: Expiry) {
        self.expiry = Some(expiry);
    }

    /// Adds to what was said about the user.
    pub(crate) fn claim(&mut self, later: Claim) {
        let earlier = self.claim.take().map_or(Claim::NONE, |claim| *claim);
        self.claim = Some(Box::new(earlier.then(later)));
    }

    /// Notes the size of the record that they make, or a little more, where it is known.
    pub(crate) const fn note_size(&mut self, size: Option<usize>) {
        self.size = size;
    }

    /// What is said about the user.
    pub(crate) fn claims(&self) -> &Claim {
        self.claim.as_deref().unwrap_or(&NO_CLAIM)
    }

    pub(crate) const fn cycle(&mut self) {
        self.cycle = true;
    }

    /// Notes that the request saw the stored value of this key, or of all.
    pub(crate) fn note(&mut self, key: Option<&str>) {
        self.reads.get_or_insert_default().note(key);
    }

    pub(crate) fn reads(&self) -> Option<&Reads> {
        self.reads.as_deref()
    }

    /// These reads, without an operation that rests on them.
    pub(crate) fn only_reads(&self) -> Option<Self> {
        let reads = self.reads.clone()?;
        Some(Self {
            reads: Some(reads),
            ..Self::new()
        })
    }

    /// What was read is not there any more.
    pub(crate) fn outdate(&mut self) {
        if let Some(reads) = &mut self.reads {
            reads.outdated = true;
        }
    }

    /// Whether what was read differs between these two versions.
    pub(crate) fn reads_differ(&self, old: &Record, new: &Record) -> bool {
        self.reads()
            .is_some_and(|reads| reads.differ(old.entries(), new.entries()))
    }

    /// Ends the session, and forgets what was recorded before.
    pub(crate) fn flush(&mut self) {
        *self = Self {
            flush: true,
            ..Self::new()
        };
    }

    /// The flush is done, what came after it is not.
    pub(crate) const fn flushed(&mut self) {
        self.flush = false;
    }

    pub(crate) const fn is_flush(&self) -> bool {
        self.flush
    }

    pub(crate) const fn is_cycle(&self) -> bool {
        self.cycle
    }

    /// Whether there are operations: flush and cycle are none.
    pub(crate) fn is_recorded(&self) -> bool {
        self.clear || !self.keys.is_empty() || self.expiry.is_some() || self.claim.is_some()
    }

    /// Whether nothing is to be done.
    pub(crate) fn is_empty(&self) -> bool {
        !self.flush && !self.cycle && !self.is_recorded()
    }

    pub(crate) const fn expiry(&self) -> Option<Expiry> {
        self.expiry
    }

    /// What these operations make of a key: `None` if they leave it as it was.
    pub(crate) fn get(&self, key: &[u8]) -> Option<Option<&Pair>> {
        match self.place(key) {
            Ok(place) => Some(Some(self.keys[place].pair())),
            Err(_) if self.hides_base() => Some(None),
            Err(_) => None,
        }
    }

    /// Whether they leave a key with a value.
    pub(crate) fn has_values(&self) -> bool {
        self.keys.iter().any(|it| it.pair().value().is_some())
    }

    /// Whether a key was set or removed here, so that what is stored does not show in it.
    pub(crate) fn sets(&self, key: &str) -> bool {
        match self.place(key.as_bytes()) {
            Ok(place) => matches!(self.keys[place], Change::Set(_)),
            Err(_) => false,
        }
    }

    /// Where a key is, or where it would be.
    fn place(&self, key: &[u8]) -> Result<usize, usize> {
        self.keys.binary_search_by(|it| it.pair().key().cmp(key))
    }

    /// What these operations make of the keys below, with their values, sorted.
    pub(crate) fn entries<'a>(
        &'a self,
        below: impl Iterator<Item = Item<'a>> + Clone,
    ) -> impl Iterator<Item = Item<'a>> + Clone {
        let below = (!self.hides_base()).then_some(below).into_iter().flatten();
        Merged {
            below: below.peekable(),
            above: self.keys.iter().peekable(),
        }
    }

    /// Writes the record that these operations make of this one.
    ///
    /// # Errors
    ///
    /// `TooLarge`, if it would take more than `limit` bytes.
    #[inline]
    pub(crate) fn write(
        &self,
        header: Header,
        base: Option<&Record>,
        now: Timestamp,
        limit: usize,
    ) -> Result<Record, Error> {
        let owner = self.claims().owner(base.and_then(Record::owner), now);
        let changes = self.keys.iter().map(Change::pair);
        let base = base.filter(|_| !self.hides_base());
        Record::write(header, owner, base, changes, self.size, limit)
    }

    /// Whether these operations change a byte of the record.
    #[inline]
    pub(crate) fn change(&self, base: &Record) -> bool {
        self.expiry
            .is_some_and(|expiry| expiry != base.header().expiry)
            || self
                .claim
                .as_ref()
                .is_some_and(|claim| claim.changes(base.owner()))
            || if self.hides_base() {
                !self.entries(base.entries()).eq(base.entries())
            } else {
                let mut pairs = self.keys.iter().map(Change::pair);
                pairs.any(|pair| pair.value() != base.get(pair.key()))
            }
    }

    /// The same operations, with each update done again on this version.
    ///
    /// # Errors
    ///
    /// What an update returned, or [`Conflict`](ErrorKind::Conflict) if it panicked or could not
    /// read the value.
    pub(crate) fn rebase(&self, base: &Record) -> Result<Self, Error> {
        let mut rebased = self.clone();
        rebased.size = None;
        for change in &mut rebased.keys {
            let Change::Updated(updates, result) = change else {
                continue;
            };
            for (index, update) in updates.iter().enumerate() {
                let old = match index {
                    0 => base.get(result.key()),
                    _ => result.value(),
                };
                *result = run(update, old)?;
            }
        }
        Ok(rebased)
    }

    /// These operations on the newest version, for an application that asks for it. What was read before
    /// is forgotten if nothing rests on it.
    ///
    /// # Errors
    ///
    /// [`Stale`](ErrorKind::Stale) if something does, and it has changed. Who knows that already begins
    /// anew. Else as [`rebase`](Self::rebase).
    pub(crate) fn renew(&self, old: &Record, newest: &Record) -> Result<Self, Error> {
        if self.is_empty() || self.reads().is_some_and(|reads| reads.outdated) {
            Ok(Self::new())
        } else if self.reads_differ(old, newest) {
            Err(ErrorKind::Stale.into())
        } else {
            self.rebase(newest)
        }
    }

    /// These operations, and then those.
    pub(crate) fn then(mut self, later: Self) -> Self {
        if later.flush {
            return later;
        }
        if later.clear {
            self.clear();
        }
        let hides_base = self.hides_base();
        for change in later.keys {
            match self.place(change.pair().key()) {
                Ok(place) => match (&mut self.keys[place], change) {
                    (Change::Set(old), change) => *old = change.into_pair(),
                    (Change::Updated(updates, old), Change::Updated(more, pair)) => {
                        updates.extend(more);
                        *old = pair;
                    }
                    (here, change) => *here = change,
                },
                Err(place) => {
                    let change = match change {
                        Change::Updated(_, pair) if hides_base => Change::Set(pair),
                        change => change,
                    };
                    self.keys.insert(place, change);
                }
            }
        }
        self.cycle |= later.cycle;
        self.expiry = later.expiry.or(self.expiry);
        if let Some(claim) = later.claim {
            self.claim(*claim);
        }
        self.reads = match (self.reads, later.reads) {
            (Some(reads), Some(more)) => Some(Box::new(reads.and(*more))),
            (reads, more) => reads.or(more),
        };
        self
    }

    const fn hides_base(&self) -> bool {
        self.clear || self.flush
    }
}

/// Runs an update outside of the handler, where nobody can catch its panic.
fn run(update: &Update, old: Option<&[u8]>) -> Result<Pair, Error> {
    match catch_unwind(AssertUnwindSafe(|| update(old))) {
        Ok(Err(error)) if error.kind() == ErrorKind::TooLarge => Err(error),
        Ok(Err(_)) | Err(_) => Err(ErrorKind::Conflict.into()),
        Ok(Ok(new)) => Ok(new),
    }
}

/// Two sorted lists as one: where both have a key, what is above counts.
#[derive(Clone)]
struct Merged<B: Iterator<Item: Clone>, A: Iterator<Item: Clone>> {
    below: Peekable<B>,
    above: Peekable<A>,
}

impl<'a, B, A> Iterator for Merged<B, A>
where
    B: Iterator<Item = Item<'a>>,
    A: Iterator<Item = &'a Change>,
{
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let below = self.below.peek().map(|(key, _)| *key);
            let above = self.above.peek().map(|it| it.pair().key());
            if below.is_some_and(|below| above.is_none_or(|above| below < above)) {
                return self.below.next();
            }
            if below.is_some() && below == above {
                self.below.next();
            }
            let pair = self.above.next()?.pair();
            if let Some(value) = pair.value() {
                return Some((pair.key(), value));
            }
        }
    }
}
