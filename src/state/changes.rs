//! What the handler does to the session.

use super::{Found, State};
use crate::error::{Error, ErrorKind};
use crate::expiry::Expiry;
use crate::operations::{Operations, Update};
use crate::owner::Claim;
use crate::record::{EMPTY, MAX_OWNER, Pair, entry_size};
use triomphe::Arc;

impl State {
    pub(crate) const fn revision(&self) -> u64 {
        self.revision
    }

    /// Sets or removes a key, unless the session would grow over `limit` bytes.
    #[inline]
    pub(crate) fn set(&mut self, pair: Pair, limit: usize) -> Result<(), Error> {
        let size = self.check_size(&pair, limit)?;
        self.record(|pending| pending.set(pair));
        self.size = Some(size);
        Ok(())
    }

    pub(crate) fn update(&mut self, update: Update, pair: Pair, limit: usize) -> Result<(), Error> {
        let size = self.check_size(&pair, limit)?;
        self.closures.keep(&update);
        self.record(|pending| pending.update(update, pair));
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
        // What is in flight may become pending again, as it was.
        self.stale &= self.in_flight.is_some();
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

    /// The size with this value, if it is within the limit. What shrinks a session always is.
    fn check_size(&mut self, pair: &Pair, limit: usize) -> Result<usize, Error> {
        let (old, new) = (self.size_of(pair.key())?, pair.size());
        let size = match (self.size, self.found()) {
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
        let grown = size - old + new;
        if grown > limit && new > old {
            Err(ErrorKind::TooLarge.into())
        } else {
            Ok(grown)
        }
    }
}
