//! What a request knows about its session, and what it did to it. Nothing here waits.

mod reads;

use crate::cookie::Carried;
use crate::error::{Error, ErrorKind};
use crate::expiry::{Expiry, Lifetimes, Timestamp};
use crate::id::{Handle, SessionId};
use crate::operations::{Operations, Update};
use crate::owner::Claim;
use crate::record::{EMPTY, Item, MAX_OWNER, Record, entry_size};
use crate::store::{StoreKey, Version};
use bytes::Bytes;
use http::HeaderValue;
use std::sync::Arc;

/// A version of the session that is in the store.
#[derive(Clone)]
pub(crate) struct Base {
    pub(crate) handle: Handle,
    /// The store's key for that handle.
    pub(crate) key: StoreKey,
    pub(crate) record: Record,
    pub(crate) version: Version,
    /// When it was read, or written.
    pub(crate) at: Timestamp,
    /// Its id came by a former name of the cookie, and is to be another.
    pub(crate) by_former_name: bool,
}

impl Base {
    pub(crate) fn id(&self) -> SessionId {
        SessionId {
            handle: self.handle,
            secret: self.record.header().secret,
        }
    }

    /// Whether a request that used it should say so: when the deadline is to move, and once an hour where
    /// a user may look.
    pub(crate) fn is_to_be_renewed(&self, lifetimes: &Lifetimes) -> bool {
        let header = self.record.header();
        lifetimes.renewal_due(header.expiry, header.created, header.deadline, self.at)
            || self
                .record
                .owner()
                .is_some_and(|owner| owner.used != self.at.hours())
    }
}

/// What there is in the store, as far as the request knows.
pub(crate) enum Found {
    NotLoaded,
    Failed(Error),
    /// The load failed, and the request goes on with an empty session that is never saved.
    Anonymous(Error),
    Empty,
    /// The request came with an id that a rotation retired a moment ago.
    Superseded,
    Loaded(Base),
}

pub(crate) struct State {
    found: Found,
    carried: Carried,
    /// Which of the carried ids are known to have no entry.
    missing: [bool; Carried::MAX],
    /// There as soon as something is recorded.
    pending: Option<Arc<Operations>>,
    /// What a commit under way was given: still to be seen, and pending again if it fails.
    in_flight: Option<Arc<Operations>>,
    /// Updates are pending that were made on an older version.
    stale: bool,
    /// There as soon as something is left for the response.
    left: Option<Box<Left>>,
    /// Grows with each change, so that an update can tell whether it was overtaken.
    revision: u64,
    /// The size of the record that would be written, once it was asked for.
    size: Option<usize>,
    accessed: bool,
    /// It is noted what the request reads, to refuse it where that has changed.
    notes_reads: bool,
    /// The response has gone.
    responded: bool,
}

/// What a session has left for its response. In a box, since most responses are owed nothing.
#[derive(Default)]
struct Left {
    /// The cookie that a commit asked for, to be sent with the response whatever its status.
    cookie: Option<HeaderValue>,
    /// The closures of all updates, so that none is dropped under the lock of the session: what
    /// they captured may use it.
    closures: Vec<Update>,
}

/// How a session leaves its response.
#[must_use = "it is to be dropped without the lock"]
pub(crate) struct Parting {
    left: Option<Box<Left>>,
    accessed: bool,
    /// The request carried a cookie of a former name.
    pub(crate) former: bool,
}

impl Parting {
    /// Whether the response is to say anything of it.
    pub(crate) fn is_told(&self) -> bool {
        self.accessed || self.left.as_ref().is_some_and(|left| left.cookie.is_some())
    }

    /// What the browser is owed.
    pub(crate) fn cookie(&mut self) -> Option<HeaderValue> {
        self.left.as_mut()?.cookie.take()
    }
}

static NO_OPERATIONS: Operations = Operations::new();

impl State {
    pub(crate) const fn new(carried: Carried, notes_reads: bool) -> Self {
        Self {
            // Also without an id: code that forgets the load is to find out at the first request.
            found: Found::NotLoaded,
            carried,
            missing: [false; Carried::MAX],
            pending: None,
            in_flight: None,
            stale: false,
            left: None,
            revision: 0,
            size: None,
            accessed: false,
            notes_reads,
            responded: false,
        }
    }

    // The load

    pub(crate) const fn carried(&self) -> &Carried {
        &self.carried
    }

    pub(crate) const fn is_not_loaded(&self) -> bool {
        matches!(self.found, Found::NotLoaded)
    }

    /// What came of the load, once it is done.
    pub(crate) fn load_result(&self) -> Result<(), Error> {
        match &self.found {
            Found::Failed(error) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// The carried id at this place has none.
    pub(crate) const fn has_no_entry(&mut self, index: usize) {
        self.missing[index] = true;
    }

    #[inline]
    pub(crate) fn loaded(&mut self, found: Found) {
        self.found = found;
        self.moved();
    }

    pub(crate) const fn base(&self) -> Option<&Base> {
        match &self.found {
            Found::Loaded(base) => Some(base),
            _ => None,
        }
    }

    // Reading

    pub(crate) const fn access(&mut self) {
        self.accessed = true;
    }

    pub(crate) const fn is_accessed(&self) -> bool {
        self.accessed
    }

    /// The stored version, if this session has one and is to keep it.
    pub(crate) fn readable(&self) -> Result<Option<&Base>, Error> {
        if self.operations().any(Operations::is_flush) {
            return Ok(None);
        }
        match &self.found {
            Found::NotLoaded => Err(ErrorKind::NotLoaded.into()),
            Found::Failed(error) => Err(error.clone()),
            Found::Empty | Found::Superseded | Found::Anonymous(_) => Ok(None),
            Found::Loaded(base) => Ok(Some(base)),
        }
    }

    #[inline]
    pub(crate) fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        let base = self.readable()?;
        Ok(match self.recorded(key) {
            Some(value) => value.cloned(),
            None => base.and_then(|base| base.record.get(key)),
        })
    }

    /// The size that a key has with its value.
    fn size_of(&self, key: &str) -> Result<usize, Error> {
        let base = self.readable()?;
        let value = match self.recorded(key) {
            Some(value) => value.map(|value| &**value),
            None => base.and_then(|base| base.record.find(key)),
        };
        Ok(value.map_or(0, |value| entry_size(key.as_bytes(), value)))
    }

    /// What was recorded for a key.
    fn recorded(&self, key: &str) -> Option<Option<&Bytes>> {
        self.operations().find_map(|it| it.get(key))
    }

    /// All keys with their values, sorted.
    pub(crate) fn entries(&self) -> Result<impl Iterator<Item = Item<'_>> + Clone, Error> {
        let base = self.readable()?.map(|base| base.record.entries());
        let in_flight = self.in_flight.as_deref().unwrap_or(&NO_OPERATIONS);
        Ok(self
            .pending()
            .entries(in_flight.entries(base.into_iter().flatten())))
    }

    /// The id, unless it is about to change.
    pub(crate) fn id(&self) -> Result<Option<SessionId>, Error> {
        let base = self.readable()?;
        Ok(base.filter(|base| !self.rotates(base)).map(Base::id))
    }

    fn rotates(&self, base: &Base) -> bool {
        base.by_former_name || self.operations().any(Operations::is_cycle)
    }

    pub(crate) fn expiry(&self) -> Result<Expiry, Error> {
        let base = self.readable()?;
        let recorded = self.operations().find_map(Operations::expiry);
        Ok(recorded
            .or(base.map(|base| base.record.header().expiry))
            .unwrap_or_default())
    }

    /// The key of its user's roster, if it is somebody's.
    pub(crate) fn roster(&self) -> Result<Option<StoreKey>, Error> {
        let owner = self.readable()?.and_then(|base| base.record.owner());
        let claimed = self.operations().find_map(|it| it.claims().roster);
        Ok(claimed.or(owner.map(|owner| owner.roster)))
    }

    pub(crate) fn authenticated_at(&self) -> Result<Option<Timestamp>, Error> {
        let owner = self.readable()?.and_then(|base| base.record.owner());
        let claimed = self
            .operations()
            .find_map(|it| it.claims().authenticated_at);
        Ok(claimed.or(owner.and_then(|owner| owner.authenticated_at)))
    }

    /// When the session would end if this were its last request.
    pub(crate) fn deadline(
        &self,
        lifetimes: &Lifetimes,
        now: Timestamp,
    ) -> Result<Timestamp, Error> {
        let expiry = self.expiry()?;
        let Some(base) = self.readable()? else {
            return Ok(lifetimes.deadline(expiry, now, now));
        };
        let header = base.record.header();
        let moved = header.next_deadline(lifetimes, expiry, self.rotates(base), now);
        Ok(moved.unwrap_or(header.deadline))
    }

    pub(crate) fn is_modified(&self) -> bool {
        self.pending().is_flush() || self.pending().is_cycle() || self.is_changed()
    }

    /// The newest first.
    fn operations(&self) -> impl Iterator<Item = &Operations> {
        self.pending
            .as_deref()
            .into_iter()
            .chain(self.in_flight.as_deref())
    }

    // Changing

    pub(crate) const fn revision(&self) -> u64 {
        self.revision
    }

    /// Sets or removes a key, unless the session would grow over `limit` bytes.
    pub(crate) fn set(
        &mut self,
        key: &str,
        value: Option<Bytes>,
        limit: usize,
    ) -> Result<(), Error> {
        let size = self.check_size(key, value.as_ref(), limit)?;
        self.record(|pending| pending.set(key, value));
        self.size = Some(size);
        Ok(())
    }

    pub(crate) fn update(
        &mut self,
        key: &str,
        update: Update,
        value: Option<Bytes>,
        limit: usize,
    ) -> Result<(), Error> {
        let size = self.check_size(key, value.as_ref(), limit)?;
        let left = self.left.get_or_insert_default();
        left.closures.push(Arc::clone(&update));
        self.record(|pending| pending.update(key, update, value));
        self.size = Some(size);
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        if self.notes_reads {
            self.note(None);
        }
        self.record(Operations::clear);
    }

    pub(crate) fn flush(&mut self) {
        self.record(Operations::flush);
        self.stale = false;
    }

    pub(crate) fn cycle(&mut self) {
        self.record(Operations::cycle);
    }

    pub(crate) fn set_expiry(&mut self, expiry: Expiry) {
        self.record(|pending| pending.set_expiry(expiry));
    }

    /// Makes the session this user's. That of somebody else ends, and a new one begins.
    pub(crate) fn bind(&mut self, claim: Claim) -> Result<(), Error> {
        let theirs = self.roster()?;
        if theirs.is_some_and(|theirs| claim.roster.is_some_and(|roster| roster != theirs)) {
            self.flush();
        }
        self.claim(claim);
        Ok(())
    }

    pub(crate) fn claim(&mut self, claim: Claim) {
        self.record(|pending| pending.claim(claim));
    }

    fn record(&mut self, operation: impl FnOnce(&mut Operations)) {
        self.accessed = true;
        operation(Arc::make_mut(self.pending.get_or_insert_default()));
        self.moved();
    }

    const fn moved(&mut self) {
        self.revision += 1;
        self.size = None;
    }

    /// The size with this value, if it is within the limit. What shrinks a session always is.
    fn check_size(&mut self, key: &str, new: Option<&Bytes>, limit: usize) -> Result<usize, Error> {
        let old = self.size_of(key)?;
        let size = match (self.size, &self.found) {
            (Some(size), _) => size,
            (None, found) if self.operations().all(Operations::is_empty) => match found {
                Found::Loaded(base) => base.record.bytes().len(),
                _ => EMPTY,
            },
            _ => {
                let owner = self.roster()?.map_or(0, |_| MAX_OWNER);
                EMPTY
                    + owner
                    + self
                        .entries()?
                        .map(|(key, value)| entry_size(key, value))
                        .sum::<usize>()
            }
        };
        let new = new.map_or(0, |value| entry_size(key.as_bytes(), value));
        let grown = size - old + new;
        if grown > limit && new > old {
            Err(ErrorKind::TooLarge.into())
        } else {
            Ok(grown)
        }
    }

    // What a commit asks and does

    pub(crate) const fn found(&self) -> &Found {
        &self.found
    }

    pub(crate) fn pending(&self) -> &Operations {
        self.pending.as_deref().unwrap_or(&NO_OPERATIONS)
    }

    pub(crate) const fn has_responded(&self) -> bool {
        self.responded
    }

    /// Whether it shows at a glance that no row of the commit table fits but the last.
    pub(crate) fn is_settled(&self, lifetimes: &Lifetimes) -> bool {
        self.pending.is_none() && !self.is_by_former_name() && !self.is_renewal_due(lifetimes)
    }

    /// Whether the session was used, and is to say so.
    pub(crate) fn is_renewal_due(&self, lifetimes: &Lifetimes) -> bool {
        self.accessed
            && self
                .base()
                .is_some_and(|base| base.is_to_be_renewed(lifetimes))
    }

    /// Whether the session is to have another id, since it was found by a former name of the cookie.
    pub(crate) fn is_by_former_name(&self) -> bool {
        self.base().is_some_and(|base| base.by_former_name)
    }

    /// Whether there is data for a new session, or a user.
    pub(crate) fn has_data(&self) -> bool {
        let pending = self.pending();
        pending.claims().roster.is_some() || pending.has_values()
    }

    /// Whether the pending operations change a byte of the stored version.
    pub(crate) fn is_changed(&self) -> bool {
        match &self.found {
            Found::Loaded(base) if !self.pending().is_flush() => {
                self.stale && self.pending().is_recorded() || self.pending().change(&base.record)
            }
            _ => self.has_data(),
        }
    }

    /// What a flush deletes: the session, and whatever else the request has an id of.
    pub(crate) fn handles(&self) -> Vec<Handle> {
        let mut handles: Vec<_> = self.base().map(|base| base.handle).into_iter().collect();
        for (id, missing) in self.carried.ids().zip(self.missing) {
            if !missing && !handles.contains(&id.handle) {
                handles.push(id.handle);
            }
        }
        handles
    }

    /// Hands out the pending operations, and whether their updates were made on an older version.
    pub(crate) fn begin_commit(&mut self) -> (Arc<Operations>, bool) {
        let operations = self.pending.take().unwrap_or_default();
        self.in_flight = Some(Arc::clone(&operations));
        (operations, self.stale)
    }

    /// The operations handed out are done, or given up. What was recorded meanwhile was made as if
    /// they were done on the version that was at hand.
    pub(crate) fn end_commit(&mut self, found: Option<Found>) {
        if let Some(found) = found {
            if self.notes_reads && self.reads_differ(&found) {
                self.outdate();
            }
            self.found = found;
        }
        self.in_flight = None;
        self.stale = self.pending().is_recorded();
        self.moved();
    }

    /// The operations handed out are not done, and pending again.
    pub(crate) fn undo_commit(&mut self) {
        if let Some(operations) = self.in_flight.take() {
            self.pending = Some(match self.pending.take() {
                Some(later) => {
                    Arc::new(Arc::unwrap_or_clone(operations).then(Arc::unwrap_or_clone(later)))
                }
                None => operations,
            });
            self.moved();
        }
    }

    /// The session was ended: no id that the request carried has an entry any more.
    pub(crate) fn flushed(&mut self) {
        self.missing = [true; Carried::MAX];
        self.found = Found::Empty;
        if let Some(pending) = &mut self.pending {
            Arc::make_mut(pending).flushed();
        }
        self.moved();
    }

    /// Forgets the pending operations.
    pub(crate) fn settle(&mut self) {
        self.pending = None;
        self.stale = false;
        self.moved();
    }

    pub(crate) fn owe(&mut self, cookie: Option<HeaderValue>) {
        if cookie.is_some() || self.left.is_some() {
            self.left.get_or_insert_default().cookie = cookie;
        }
    }

    /// The response is on its way, or will never be.
    pub(crate) fn respond(&mut self) -> Parting {
        self.responded = true;
        Parting {
            left: self.left.take(),
            accessed: self.accessed,
            former: self.carried.former,
        }
    }

    /// Whether changes were made after the response that nobody saved.
    pub(crate) fn is_forsaken(&self) -> bool {
        self.responded && !self.pending().is_empty() && self.is_modified()
    }

    // The reload

    /// The version to read anew. `None` if there is none, or if its load failed: then that is to be
    /// done again.
    pub(crate) fn retry_load(&mut self) -> Option<Base> {
        if let Found::Failed(_) | Found::Anonymous(_) = self.found {
            if self.pending().is_empty() {
                self.pending = None;
            } else if let Found::Anonymous(_) = self.found {
                // It rests on nothing that was stored.
                self.outdate();
            }
            self.found = Found::NotLoaded;
            self.stale = self.pending().is_recorded();
        }
        self.base().cloned()
    }

    pub(crate) fn rebased(&mut self, base: Base, pending: Operations) {
        self.found = Found::Loaded(base);
        self.pending = Some(Arc::new(pending));
        self.stale = false;
        self.moved();
    }
}
