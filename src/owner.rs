//! Whose session it is, as the record says it.

use crate::expiry::Timestamp;
use crate::store::StoreKey;

/// How long the label of a session may be, in bytes.
pub(crate) const MAX_LABEL: usize = u8::MAX as usize;

/// The user of a session. Who that is never changes: another user's login makes another session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner<'a> {
    /// The key of the list of this user's sessions.
    pub(crate) roster: StoreKey,
    pub(crate) authenticated_at: Option<Timestamp>,
    /// When the session was last used, in hours since 1970.
    pub(crate) used: u32,
    pub(crate) label: &'a str,
}

/// What a request says about the user of its session.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) roster: Option<StoreKey>,
    pub(crate) authenticated_at: Option<Timestamp>,
    pub(crate) label: Option<Box<str>>,
}

impl Claim {
    pub(crate) const NONE: Self = Self {
        roster: None,
        authenticated_at: None,
        label: None,
    };

    /// The owner that this makes of a stored one.
    pub(crate) fn owner<'a>(
        &'a self,
        stored: Option<Owner<'a>>,
        now: Timestamp,
    ) -> Option<Owner<'a>> {
        Some(Owner {
            roster: stored.map(|it| it.roster).or(self.roster)?,
            authenticated_at: self
                .authenticated_at
                .or(stored.and_then(|it| it.authenticated_at)),
            used: now.hours(),
            label: match &self.label {
                Some(label) => label,
                None => stored.map_or("", |it| it.label),
            },
        })
    }

    /// Whether that differs from the stored one in more than its last use.
    pub(crate) fn changes(&self, stored: Option<Owner<'_>>) -> bool {
        let used = stored.map_or(0, |it| it.used);
        let owner = self.owner(stored, Timestamp::from_hours(used));
        owner != stored
    }

    /// Whether the session is known to be somebody else's.
    pub(crate) fn contradicts(&self, stored: Option<Owner<'_>>) -> bool {
        matches!((self.roster, stored), (Some(roster), Some(stored)) if roster != stored.roster)
    }

    /// This, and then that.
    pub(crate) fn then(self, later: Self) -> Self {
        Self {
            roster: later.roster.or(self.roster),
            authenticated_at: later.authenticated_at.or(self.authenticated_at),
            label: later.label.or(self.label),
        }
    }
}
