//! What a request read of its session, under a layer that refuses what was decided on something old.

use crate::record::Item;
use std::collections::BTreeSet;

/// The keys whose stored value a request saw. It is there only where
/// [`Conflict::Refuse`](crate::Conflict::Refuse) asks for it.
#[derive(Clone, Default)]
pub(crate) struct Reads {
    /// All of them, also those that do not exist.
    all: bool,
    keys: BTreeSet<Box<str>>,
    /// Another version has taken the place of the one that was read, and differs in it.
    pub(crate) outdated: bool,
}

impl Reads {
    /// Adds a key, or all.
    pub(crate) fn note(&mut self, key: Option<&str>) {
        match key {
            None => self.all = true,
            Some(key) if self.keys.contains(key) => {}
            Some(key) => drop(self.keys.insert(key.into())),
        }
    }

    /// Whether any of it differs between these two versions.
    pub(crate) fn differ<'a>(
        &self,
        old: impl Iterator<Item = Item<'a>> + Clone,
        new: impl Iterator<Item = Item<'a>> + Clone,
    ) -> bool {
        if self.all {
            return !old.eq(new);
        }
        self.keys
            .iter()
            .any(|key| value(old.clone(), key) != value(new.clone(), key))
    }

    /// These, and those.
    pub(crate) fn and(mut self, others: Self) -> Self {
        self.all |= others.all;
        self.keys.extend(others.keys);
        self.outdated |= others.outdated;
        self
    }
}

fn value<'a>(mut entries: impl Iterator<Item = Item<'a>>, key: &str) -> Option<&'a [u8]> {
    let (_, value) = entries.find(|(other, _)| *other == key.as_bytes())?;
    Some(value)
}
