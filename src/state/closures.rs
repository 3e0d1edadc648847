//! The closures of updates. An application may let them use the session when they are dropped, so that is never
//! done under its lock.

use crate::operations::Update;
use std::mem;
use std::sync::Arc;

pub(crate) struct Closures {
    /// All that operations may hold.
    kept: Vec<Update>,
    /// Those that nothing else holds any more.
    spent: Vec<Update>,
}

impl Closures {
    pub(super) const fn new() -> Self {
        Self {
            kept: Vec::new(),
            spent: Vec::new(),
        }
    }

    pub(super) fn keep(&mut self, update: &Update) {
        self.kept.push(Arc::clone(update));
    }

    /// Looks for those that are spent, wherever operations have come to an end.
    pub(super) fn sort_out(&mut self) {
        let spent = self.kept.extract_if(.., |it| Arc::strong_count(it) == 1);
        self.spent.extend(spent);
    }

    /// Whether some are to be dropped.
    #[inline]
    pub(crate) const fn are_spent(&self) -> bool {
        !self.spent.is_empty()
    }

    /// Those that are to be dropped, without the lock.
    #[cold]
    pub(crate) fn take_spent(&mut self) -> Vec<Update> {
        mem::take(&mut self.spent)
    }
}
