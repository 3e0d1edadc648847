//! The session as it would be read now: the stored version, under what was done to it.

use super::{Base, Found, NO_OPERATIONS, State};
use crate::error::{Error, ErrorKind};
use crate::expiry::{Expiry, Lifetimes, Timestamp};
use crate::id::SessionId;
use crate::operations::Operations;
use crate::record::{Item, Pair, entry_size};
use crate::store::StoreKey;
use bytes::Bytes;

impl State {
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
        match self.found() {
            Found::NotLoaded => Err(ErrorKind::NotLoaded.into()),
            Found::Failed(error) => Err(error.clone()),
            Found::Empty | Found::Superseded | Found::Anonymous(_) => Ok(None),
            Found::Loaded(base) => Ok(Some(base)),
        }
    }

    #[inline]
    pub(crate) fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        let base = self.readable()?;
        Ok(match self.recorded(key.as_bytes()) {
            Some(pair) => pair.and_then(Pair::value).map(Bytes::copy_from_slice),
            None => base.and_then(|base| base.record.view(key.as_bytes())),
        })
    }

    /// The size that a key has with its value; 0 if it has none.
    pub(super) fn size_of(&self, key: &[u8]) -> Result<usize, Error> {
        let base = self.readable()?;
        Ok(match self.recorded(key) {
            Some(pair) => pair.map_or(0, Pair::size),
            None => base
                .and_then(|base| base.record.get(key))
                .map_or(0, |value| entry_size(key, value)),
        })
    }

    /// What was recorded for a key.
    fn recorded(&self, key: &[u8]) -> Option<Option<&Pair>> {
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
}
