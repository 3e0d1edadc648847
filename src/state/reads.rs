//! What the handler builds on, so that the request can be refused where another one changes it.

use super::{Found, NO_OPERATIONS, State};
use crate::error::{Error, ErrorKind};
use crate::operations::Operations;
use crate::reads::Reads;
use crate::record::{Entries, Item};
use bytes::Bytes;
use triomphe::Arc;

impl State {
    /// The value of a key, for the handler to build on.
    #[inline]
    pub(crate) fn read(&mut self, key: &str) -> Result<Option<Bytes>, Error> {
        let value = self.get(key)?;
        if self.notes_reads {
            self.note(Some(key));
        }
        Ok(value)
    }

    /// Whether a key has a value, for the handler to build on.
    pub(crate) fn has(&mut self, key: &str) -> Result<bool, Error> {
        let has = self.size_of(key.as_bytes())? > 0;
        if self.notes_reads {
            self.note(Some(key));
        }
        Ok(has)
    }

    /// All keys with their values, sorted, for the handler to build on.
    pub(crate) fn read_all(&mut self) -> Result<impl Iterator<Item = Item<'_>> + Clone, Error> {
        self.readable()?;
        if self.notes_reads {
            self.note(None);
        }
        self.entries()
    }

    /// Notes that the handler saw the value of this key, or of all, unless it set them itself.
    #[cold]
    pub(super) fn note(&mut self, key: Option<&str>) {
        let is_own = |key| self.operations().any(|it| it.sets(key));
        if !key.is_some_and(is_own) {
            Arc::make_mut(self.pending.get_or_insert_default()).note(key);
            // For a reload that is under way.
            self.revision += 1;
        }
    }

    /// Whether what was read while a commit was under way differs in what that left.
    #[cold]
    pub(super) fn reads_differ(&self, found: &Found) -> bool {
        fn entries(found: &Found) -> Entries<'_> {
            match found {
                Found::Loaded(base) => base.record.entries(),
                _ => Entries::NONE,
            }
        }
        let seen = |reads: &Reads| {
            let in_flight = self.in_flight.as_deref().unwrap_or(&NO_OPERATIONS);
            reads.differ(in_flight.entries(entries(&self.found)), entries(found))
        };
        self.pending().reads().is_some_and(seen)
    }

    /// The handed out operations did not need what was read.
    pub(crate) fn keep_reads(&mut self, operations: &Operations) {
        self.pending = operations.only_reads().map(Arc::new);
    }

    /// Something that was read is not there any more.
    pub(super) fn outdate(&mut self) {
        if let Some(pending) = &mut self.pending {
            Arc::make_mut(pending).outdate();
        }
    }

    /// The application knows of this error. What it read has changed: it is told so until it reloads, and
    /// then it begins anew.
    pub(crate) fn told(&mut self, error: &Error) {
        if error.kind() == ErrorKind::Stale {
            self.outdate();
        }
    }

    pub(crate) fn is_outdated(&self) -> bool {
        self.pending().reads().is_some_and(|reads| reads.outdated)
    }
}
