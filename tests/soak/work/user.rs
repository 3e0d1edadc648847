//! What a user knows of his session, from the answers that he got.

use super::Limits;
use super::http::Answer;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What a user does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Read,
    Increment,
    Insert,
    Login,
    Logout,
}

impl Kind {
    pub const fn path(self) -> &'static str {
        match self {
            Self::Read => "/read",
            Self::Increment => "/increment",
            Self::Insert => "/insert",
            Self::Login => "/login",
            Self::Logout => "/logout",
        }
    }
}

/// A request with the user's cookie, and what became of it.
#[derive(Debug)]
pub struct Outcome {
    pub kind: Kind,
    pub value: u64,
    pub sent: Moment,
    /// None if the user hung up.
    pub answer: Option<Answer>,
}

/// A time, and how many requests had been sent by all users until then.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub time: Instant,
    pub count: u64,
}

pub struct User {
    pub name: u64,
    pub session: Option<Known>,
    /// Ids that must never find anything again.
    pub dead: VecDeque<String>,
    /// Does nothing until then.
    pub rests_until: Instant,
}

/// A live session, as far as its user knows.
#[derive(Debug)]
pub struct Known {
    pub id: String,
    /// The count is at least what was acknowledged or seen.
    pub low: u64,
    /// The count is at most that and what was sent by requests that hung up.
    pub high: u64,
    /// What the note may be.
    pub notes: Vec<u64>,
    /// A request that hung up may have left a note, also later.
    pub notes_in_doubt: bool,
    /// A request that hung up may have ended it or changed its id.
    pub in_doubt: bool,
    pub created: Moment,
    /// When the last request was sent that found it.
    pub used: Moment,
}

/// Why a session that was not logged out may be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    Expired,
    Evicted,
    InDoubt,
}

impl User {
    pub fn new(name: u64) -> Self {
        Self {
            name,
            session: None,
            dead: VecDeque::new(),
            rests_until: Instant::now(),
        }
    }

    pub fn cookie(&self) -> String {
        let id = self.session.as_ref().map(|known| &known.id);
        id.map_or(String::new(), |id| format!("id={id}"))
    }

    pub fn bury(&mut self, id: String) {
        self.dead.push_back(id);
        if self.dead.len() > 8 {
            self.dead.pop_front();
        }
    }
}

impl Known {
    /// A session that this request has made.
    pub fn fresh(id: String, outcome: &Outcome) -> Self {
        let count = u64::from(outcome.kind == Kind::Increment);
        let note = (outcome.kind == Kind::Insert).then_some(outcome.value);
        Self {
            id,
            low: count,
            high: count,
            notes: vec![note.unwrap_or(0)],
            notes_in_doubt: false,
            in_doubt: false,
            created: outcome.sent,
            used: outcome.sent,
        }
    }

    /// A request that hung up may have done this.
    pub fn may_have(&mut self, kind: Kind, value: u64) {
        match kind {
            Kind::Read => {}
            Kind::Increment => self.high += 1,
            Kind::Insert => {
                self.notes.push(value);
                self.notes_in_doubt = true;
            }
            Kind::Login | Kind::Logout => self.in_doubt = true,
        }
    }

    /// Why the session can be gone by now.
    pub fn loss(&self, limits: &Limits, now: Moment) -> Option<Loss> {
        let slack = Duration::from_millis(50);
        let unused = now.time - self.used.time + slack;
        let age = now.time - self.created.time + slack;
        if self.in_doubt {
            Some(Loss::InDoubt)
        } else if unused >= limits.idle * 9 / 10 || age >= limits.absolute {
            // A use moves the end only once a tenth of the idle lifetime has passed.
            Some(Loss::Expired)
        } else if limits.may_have_evicted(self.used.count, now.count) {
            Some(Loss::Evicted)
        } else {
            None
        }
    }
}

/// What finds the session, whatever the secret: 21 of the handle's 21⅓ characters.
pub fn handle(id: &str) -> &str {
    &id[..21]
}
