//! The closures of updates. An application may let them use the session when they are dropped, so that is never
//! done under its lock.

use crate::operations::Update;
use std::mem;
use std::sync::Arc;

/// In a box, since most requests have none.
pub(crate) struct Closures(Option<Box<Lists>>);

#[derive(Default)]
struct Lists {
    /// All that operations may hold.
    kept: Vec<Update>,
    /// Those that nothing else holds any more.
    spent: Vec<Update>,
}

impl Closures {
    pub(super) const fn new() -> Self {
        Self(None)
    }

    pub(super) fn keep(&mut self, update: &Update) {
        let lists = self.0.get_or_insert_default();
        lists.kept.push(Arc::clone(update));
    }

    /// Looks for those that are spent, wherever operations have come to an end.
    pub(super) fn sort_out(&mut self) {
        if let Some(Lists { kept, spent }) = self.0.as_deref_mut() {
            spent.extend(kept.extract_if(.., |it| Arc::strong_count(it) == 1));
        }
    }

    /// Those that are to be dropped, without the lock.
    #[inline]
    pub(crate) fn take_spent(&mut self) -> Option<Vec<Update>> {
        let lists = self.0.as_mut()?;
        Some(mem::take(&mut lists.spent))
    }
}
