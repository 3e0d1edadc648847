//! What is written down of a run: each request, with when it began and ended and what came of it, and
//! when the server lost its memory.
//!
//! Times are counted: each begin and each end takes the next number.

/// What a request does to its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    /// Puts its number at the end of the log, and one more onto the count.
    Increment,
    /// Sets the note to its number. It leaves the log alone.
    Insert,
    /// Removes the note.
    Remove,
    /// An increment, and another id.
    Rotate,
    Logout,
}

impl Kind {
    /// Whether it is in the log of its session.
    pub(crate) const fn is_logged(self) -> bool {
        matches!(self, Self::Increment | Self::Rotate)
    }

    /// Whether it changes the note.
    pub(crate) const fn is_of_note(self) -> bool {
        matches!(self, Self::Insert | Self::Remove)
    }
}

/// An id, by its two halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Id {
    /// Which session it is of.
    pub(crate) session: u128,
    pub(crate) secret: u128,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// No two requests have the same. It is what a request writes, so it tells whose a value is.
    pub(crate) number: u64,
    pub(crate) user: u32,
    pub(crate) kind: Kind,
    pub(crate) sent: Option<Id>,
    pub(crate) begin: u64,
    pub(crate) end: u64,
    pub(crate) outcome: Outcome,
    /// The id that the answer set.
    pub(crate) given: Option<Id>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Acknowledged, and this is what it found before it did anything.
    Done(Found),
    /// Not done: the session was ended or rotated meanwhile.
    Interrupted,
    /// Not done, for another reason.
    Refused,
    /// Done or not, perhaps later than its end.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Session(Seen),
    Empty,
    /// It did not need to look.
    Unseen,
}

/// What was in the session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Seen {
    pub(crate) owner: u32,
    pub(crate) count: u64,
    pub(crate) log: Vec<u64>,
    pub(crate) note: Option<u64>,
}

/// The server lost its memory at some time between.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loss {
    pub(crate) begin: u64,
    pub(crate) end: u64,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) requests: Vec<Request>,
    pub(crate) losses: Vec<Loss>,
}

impl Request {
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.outcome, Outcome::Done(_))
    }

    pub(crate) const fn found(&self) -> Option<&Seen> {
        match &self.outcome {
            Outcome::Done(Found::Session(seen)) => Some(seen),
            _ => None,
        }
    }

    /// The session that it changed, or may have changed.
    pub(crate) fn target(&self) -> Option<u128> {
        let id = match &self.outcome {
            Outcome::Done(Found::Empty) if self.kind != Kind::Logout => self.given,
            Outcome::Done(_) | Outcome::Unknown => self.sent,
            Outcome::Interrupted | Outcome::Refused => None,
        };
        id.map(|id| id.session)
    }

    /// The session that it made.
    pub(crate) fn made(&self) -> Option<u128> {
        let found_none = self.outcome == Outcome::Done(Found::Empty);
        self.given.filter(|_| found_none).map(|id| id.session)
    }

    /// By when it has taken effect, if it has: an unknown one may do so at any time.
    pub(crate) const fn effective_by(&self) -> u64 {
        match self.outcome {
            Outcome::Unknown => u64::MAX,
            _ => self.end,
        }
    }
}
