//! The decision.

/// What the load found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    NotLoaded,
    Failed,
    /// The load failed, and the session stands in for it.
    Anonymous,
    Empty,
    /// The id was retired by a rotation a moment ago.
    Superseded,
    Loaded,
}

/// All that the decision depends on.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "the columns of a table")]
pub(crate) struct Facts {
    pub(crate) presence: Presence,
    pub(crate) flushed: bool,
    pub(crate) cycled: bool,
    /// There are operations.
    pub(crate) recorded: bool,
    /// They change a byte of what was loaded.
    pub(crate) changed: bool,
    /// It was found by a former name of the cookie, so it is to have another id.
    pub(crate) renamed: bool,
    /// There is data for a new session.
    pub(crate) data: bool,
    /// The session was accessed, and its deadline is due to be moved.
    pub(crate) renewal: bool,
    /// The answer is a 5xx, or the inner service failed.
    pub(crate) failed: bool,
    /// The application waits for it.
    pub(crate) saved: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    Nothing,
    /// Load first, then decide again.
    Load,
    /// Answer with the load's error.
    Refuse,
    /// Answer that another request ended or rotated the session.
    Interrupt,
    Create,
    Write,
    /// Another id, and nothing else.
    Rename,
    Renew,
    Flush {
        create: bool,
    },
}

/// The first row that fits counts.
pub(crate) fn plan(facts: Facts) -> Plan {
    let Facts {
        presence,
        flushed,
        cycled,
        recorded,
        changed,
        renamed,
        data,
        renewal,
        failed,
        saved,
    } = facts;
    match presence {
        _ if flushed => Plan::Flush {
            create: data && !failed,
        },
        _ if failed => Plan::Nothing,
        Presence::NotLoaded if recorded || cycled => Plan::Load,
        Presence::Failed if recorded || cycled => Plan::Refuse,
        Presence::Anonymous if cycled || saved && recorded => Plan::Refuse,
        Presence::Superseded if cycled && data => Plan::Create,
        Presence::Superseded if cycled => Plan::Nothing,
        Presence::Superseded if recorded => Plan::Interrupt,
        Presence::Empty if data => Plan::Create,
        Presence::Loaded if changed || cycled => Plan::Write,
        Presence::Loaded if renamed => Plan::Rename,
        Presence::Loaded if renewal => Plan::Renew,
        _ => Plan::Nothing,
    }
}
