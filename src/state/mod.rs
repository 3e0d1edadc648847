//! What a request knows about its session, and what it did to it. Nothing here waits.

mod changes;
mod closures;
mod handover;
mod reads;
mod view;

use closures::Closures;
pub(crate) use handover::{Losses, Parting};

use crate::cookie::Carried;
use crate::error::{Error, ErrorKind};
use crate::expiry::{Lifetimes, Timestamp};
use crate::id::{Handle, SessionId};
use crate::operations::Operations;
use crate::record::Record;
use crate::store::{StoreKey, Version};
use http::HeaderValue;
use triomphe::Arc;

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
        SessionId::new(self.handle, self.record.header().secret)
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
    /// It was found before anybody waited for the load, and is not seen yet.
    early: bool,
    carried: Carried,
    /// Which of the carried ids are known to have no entry.
    missing: [bool; Carried::MAX],
    /// There as soon as something is recorded.
    pending: Option<Arc<Operations>>,
    /// What a commit under way was given: still to be seen, and pending again if it fails.
    in_flight: Option<Arc<Operations>>,
    /// Updates are pending that were made on an older version.
    stale: bool,
    pub(crate) closures: Closures,
    losses: Losses,
    /// The cookie that a commit asked for, to be sent with the response whatever its status.
    cookie: Option<HeaderValue>,
    /// Grows with each change, so that an update can tell whether it was overtaken.
    revision: u64,
    /// The size of the record that would be written, once it was asked for.
    size: Option<usize>,
    accessed: bool,
    /// It is noted what the request reads, to refuse it where that has changed.
    notes_reads: bool,
    /// The response is decided.
    closed: bool,
}

static NO_OPERATIONS: Operations = Operations::new();
static NOT_LOADED: Found = Found::NotLoaded;

impl State {
    pub(crate) const fn new(carried: Carried, notes_reads: bool) -> Self {
        Self {
            // Also without an id: code that forgets the load is to find out at the first request.
            found: Found::NotLoaded,
            early: false,
            carried,
            missing: [false; Carried::MAX],
            pending: None,
            in_flight: None,
            stale: false,
            closures: Closures::new(),
            losses: Losses::NONE,
            cookie: None,
            revision: 0,
            size: None,
            accessed: false,
            notes_reads,
            closed: false,
        }
    }

    // The load

    pub(crate) const fn carried(&self) -> &Carried {
        &self.carried
    }

    pub(crate) const fn carried_mut(&mut self) -> &mut Carried {
        &mut self.carried
    }

    pub(crate) const fn is_not_loaded(&self) -> bool {
        matches!(self.found(), Found::NotLoaded)
    }

    /// Whether the load went well: then it is never done again.
    pub(crate) const fn is_loaded(&self) -> bool {
        !matches!(
            self.found(),
            Found::NotLoaded | Found::Failed(_) | Found::Anonymous(_)
        )
    }

    /// What came of the load, once it is done.
    pub(crate) fn load_result(&self) -> Result<(), Error> {
        match self.found() {
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
        match self.found() {
            Found::Loaded(base) => Some(base),
            _ => None,
        }
    }

    /// What was found, once the load was waited for: until then it is not loaded, on every store alike.
    pub(crate) const fn found(&self) -> &Found {
        if self.early { &NOT_LOADED } else { &self.found }
    }

    /// What was found is not seen yet.
    pub(crate) const fn hide(&mut self) {
        self.early = true;
    }

    /// The load was waited for.
    pub(crate) const fn show(&mut self) {
        self.early = false;
    }

    pub(crate) fn pending(&self) -> &Operations {
        self.pending.as_deref().unwrap_or(&NO_OPERATIONS)
    }

    /// The newest first.
    fn operations(&self) -> impl Iterator<Item = &Operations> {
        self.pending
            .as_deref()
            .into_iter()
            .chain(self.in_flight.as_deref())
    }

    /// Something of it has changed.
    const fn moved(&mut self) {
        self.revision += 1;
        self.size = None;
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
        if pending.is_empty() && !self.pending().is_empty() {
            self.losses.count(ErrorKind::Stale);
        }
        self.found = Found::Loaded(base);
        let is_there = !pending.is_empty() || pending.reads().is_some();
        self.pending = is_there.then(|| Arc::new(pending));
        self.stale = false;
        self.moved();
        self.closures.sort_out();
    }
}
