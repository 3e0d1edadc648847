//! What a commit asks and does, and how the session leaves its response.

use super::{Found, State};
use crate::cookie::Carried;
use crate::error::ErrorKind;
use crate::expiry::Lifetimes;
use crate::id::Handle;
use crate::operations::Operations;
use http::HeaderValue;
use triomphe::Arc;

/// How often changes were given up, and why the last time: for a save of them that waits.
#[derive(Clone, Copy)]
pub(crate) struct Losses {
    times: u32,
    why: ErrorKind,
}

impl Losses {
    pub(super) const NONE: Self = Self {
        times: 0,
        why: ErrorKind::ResponseSent,
    };

    pub(super) const fn count(&mut self, why: ErrorKind) {
        self.times += 1;
        self.why = why;
    }

    /// Why changes were lost, if some were since then.
    pub(crate) fn since(self, then: Self) -> Option<ErrorKind> {
        (self.times != then.times).then_some(self.why)
    }
}

/// How a session leaves its response.
pub(crate) struct Parting {
    /// What the browser is owed.
    pub(crate) cookie: Option<HeaderValue>,
    accessed: bool,
    /// The request carried a cookie of a former name.
    pub(crate) former: bool,
}

impl Parting {
    /// Whether the response is to say anything of it.
    pub(crate) const fn is_told(&self) -> bool {
        self.accessed || self.cookie.is_some()
    }
}

impl State {
    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether it shows at a glance that no row of the commit table fits but the last.
    #[inline]
    pub(crate) fn is_settled(&self, lifetimes: &Lifetimes) -> bool {
        self.pending.is_none() && !self.is_by_former_name() && !self.is_renewal_due(lifetimes)
    }

    /// Whether the session was used, and is to say so.
    #[inline]
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
    #[inline]
    pub(crate) fn is_changed(&self) -> bool {
        match self.found() {
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
            if !missing && !handles.contains(&id.handle()) {
                handles.push(id.handle());
            }
        }
        handles
    }

    /// Hands out the pending operations, and whether their updates were made on an older version.
    #[inline]
    pub(crate) fn begin_commit(&mut self) -> (Arc<Operations>, bool) {
        let mut operations = self.pending.take().unwrap_or_default();
        Arc::make_mut(&mut operations).note_size(self.size);
        self.in_flight = Some(Arc::clone(&operations));
        (operations, self.stale)
    }

    /// The operations handed out are done, or given up. What was recorded meanwhile was made as if
    /// they were done on the version that was at hand.
    #[inline]
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
        self.closures.sort_out();
    }

    /// The operations handed out are not done, or nobody knows, and are not tried again.
    pub(crate) fn give_up_commit(&mut self, why: ErrorKind) {
        self.losses.count(match why {
            ErrorKind::Unknown => ErrorKind::Unknown,
            _ => ErrorKind::ResponseSent,
        });
        self.end_commit(None);
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
    pub(crate) fn forget(&mut self) {
        if !self.pending().is_empty() {
            self.losses.count(ErrorKind::ResponseSent);
        }
        self.pending = None;
        // What is in flight may become pending again, as it was.
        self.stale &= self.in_flight.is_some();
        self.moved();
        self.closures.sort_out();
    }

    /// The pending operations are done, since they change nothing. What was read still counts.
    pub(crate) fn done_unchanged(&mut self) {
        self.pending = self.pending().only_reads().map(Arc::new);
        self.moved();
        self.closures.sort_out();
    }

    pub(crate) fn owe(&mut self, cookie: Option<HeaderValue>) {
        self.cookie = cookie;
    }

    /// The response is decided, or will never be: from now on no cookie goes with it but what is owed already.
    pub(crate) const fn close(&mut self) {
        self.closed = true;
    }

    /// What goes with the response.
    pub(crate) const fn leave(&mut self) -> Parting {
        Parting {
            cookie: self.cookie.take(),
            accessed: self.accessed,
            former: self.carried.former,
        }
    }

    /// Whether operations are handed out.
    pub(crate) const fn is_in_flight(&self) -> bool {
        self.in_flight.is_some()
    }

    pub(crate) const fn losses(&self) -> Losses {
        self.losses
    }

    /// Whether changes were made after the response that nobody saved.
    pub(crate) fn is_forsaken(&self) -> bool {
        let pending = self.pending.as_deref();
        self.closed && pending.is_some_and(|it| !it.is_empty()) && self.is_modified()
    }
}
