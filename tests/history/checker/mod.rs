//! Proves of a history that each promise was kept, or says which was not.
//!
//! It knows nothing of stores and layers: all that it goes by is what clients were told, and when. A
//! request that ended before another began came before it; of two that overlap, either may have
//! come first.

mod content;
mod identity;
mod tests;

use crate::record::{History, Kind, Loss, Outcome, Request};
use std::collections::HashMap;

/// A promise that was broken, as a request shows it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) what: &'static str,
    /// The number of the request.
    pub(crate) request: u64,
    pub(crate) session: Option<u128>,
}

pub(crate) fn check(history: &History) -> Vec<Violation> {
    let index = Index::new(history);
    let mut violations = Vec::new();
    identity::check(&index, &mut violations);
    for (&name, session) in &index.sessions {
        content::check(&index, name, session, &mut violations);
    }
    violations.sort_by_key(|violation| violation.request);
    violations
}

struct Index<'a> {
    history: &'a History,
    by_number: HashMap<u64, &'a Request>,
    sessions: HashMap<u128, Session<'a>>,
}

#[derive(Default)]
struct Session<'a> {
    /// What made it, if that is known.
    made: Option<&'a Request>,
    /// All that changed it or may have.
    changes: Vec<&'a Request>,
    /// All that found it, in the order in which they began.
    reads: Vec<&'a Request>,
}

impl<'a> Index<'a> {
    fn new(history: &'a History) -> Self {
        let mut sessions: HashMap<u128, Session<'a>> = HashMap::new();
        for request in &history.requests {
            if let Some(name) = request.made() {
                sessions.entry(name).or_default().made = Some(request);
            }
            if let Some(name) = request.target()
                && request.kind != Kind::Read
            {
                sessions.entry(name).or_default().changes.push(request);
            }
            if let (Some(_), Some(id)) = (request.found(), request.sent) {
                sessions.entry(id.session).or_default().reads.push(request);
            }
        }
        let interrupted = history.requests.iter();
        let interrupted = interrupted.filter(|it| it.outcome == Outcome::Interrupted);
        for request in interrupted {
            let session = request.sent.and_then(|id| sessions.get_mut(&id.session));
            if let Some(session) = session
                && session.may_have_ended(request, &history.losses)
            {
                session.changes.push(request);
            }
        }
        for session in sessions.values_mut() {
            session.reads.sort_by_key(|read| read.begin);
        }
        let requests = history.requests.iter();
        Self {
            history,
            by_number: requests.map(|it| (it.number, it)).collect(),
            sessions,
        }
    }
}

impl Session<'_> {
    /// Whether it can have ended before this request was over. One that was interrupted for this reason
    /// may have been done before: what it did has gone with the session.
    fn may_have_ended(&self, request: &Request, losses: &[Loss]) -> bool {
        let logouts = self.changes.iter().filter(|it| it.kind == Kind::Logout);
        let mut others = logouts.filter(|it| it.number != request.number);
        let made = self.made.map_or(0, |made| made.begin);
        others.any(|it| it.begin < request.end)
            || losses
                .iter()
                .any(|loss| loss.begin < request.end && loss.end > made)
    }
}
