//! Which sessions live, and under which ids: what was logged out stays dead, what was rotated away
//! finds nothing, and nothing is gone without a cause.

use super::{Index, Violation};
use crate::record::{Found, Id, Kind, Loss, Outcome, Request};
use std::collections::HashMap;

pub(super) fn check(index: &Index<'_>, violations: &mut Vec<Violation>) {
    // The first that was given each id, and the first that was given any of each session.
    let mut ids: HashMap<Id, &Request> = HashMap::new();
    let mut sessions: HashMap<u128, &Request> = HashMap::new();
    for request in &index.history.requests {
        if let Some(id) = request.given {
            ids.entry(id).or_insert(request);
            sessions.entry(id.session).or_insert(request);
        }
    }

    for request in &index.history.requests {
        let mut broken = |what| {
            violations.push(Violation {
                what,
                request: request.number,
                session: request.sent.or(request.given).map(|id| id.session),
            });
        };
        let known = request.sent.filter(|id| ids.contains_key(id));
        match (&request.outcome, known) {
            (Outcome::Done(Found::Session(_)), None) => broken("an id that nobody got is alive"),
            (Outcome::Done(Found::Session(_)), Some(id)) => {
                if let Some(what) = should_be_dead(index, request, id) {
                    broken(what);
                }
                match (request.kind, request.given) {
                    (Kind::Rotate, Some(new)) if new.session == id.session => {
                        if ids[&new].number != request.number {
                            broken("a rotation gave an old id");
                        }
                    }
                    (Kind::Rotate, _) => broken("a rotation gave no id of its session"),
                    (_, None) => {}
                    (_, Some(new)) if new == id && request.kind != Kind::Logout => {}
                    _ => broken("an id was changed without a rotation"),
                }
            }
            (Outcome::Done(Found::Empty), known) => {
                if known.is_some_and(|id| !has_cause(index, request, id)) {
                    broken("a session is lost without a cause");
                }
                match (request.kind, request.given) {
                    (Kind::Increment | Kind::Insert | Kind::Rotate, Some(new)) => {
                        if sessions[&new.session].number != request.number {
                            broken("a new session has an old id");
                        }
                    }
                    (Kind::Increment | Kind::Insert | Kind::Rotate, None) => {
                        broken("an acknowledged write made no session");
                    }
                    (_, Some(_)) => broken("a session without data was made"),
                    (_, None) => {}
                }
            }
            (Outcome::Done(Found::Unseen), _) => {
                if request.kind != Kind::Logout || request.given.is_some() {
                    broken("acknowledged without a look at the session");
                }
            }
            (Outcome::Interrupted, known) => {
                let forged = request.sent.is_some() && known.is_none();
                if !forged && !known.is_some_and(|id| has_cause(index, request, id)) {
                    broken("interrupted without a cause");
                }
            }
            (Outcome::Refused | Outcome::Unknown, _) => {}
        }
        if !request.is_done() && request.given.is_some() {
            broken("an error gave an id");
        }
    }
}

/// Why this request should not have found the session of this id.
fn should_be_dead(index: &Index<'_>, request: &Request, id: Id) -> Option<&'static str> {
    let session = &index.sessions[&id.session];
    let before = |other: &&&Request| other.is_done() && other.end < request.begin;
    for change in session.changes.iter().filter(before) {
        if change.kind == Kind::Logout {
            return Some("a session is alive after its logout");
        }
        if change.kind == Kind::Rotate && change.sent == Some(id) && change.found().is_some() {
            return Some("an id is alive after its rotation");
        }
    }
    let made = session.made?;
    let lost = |loss: &&Loss| made.end < loss.begin && loss.end < request.begin;
    let lost = index.history.losses.iter().find(lost);
    lost.map(|_| "a session is back that the server had lost")
}

/// Whether something can have ended the session or retired the id before this request was over.
fn has_cause(index: &Index<'_>, request: &Request, id: Id) -> bool {
    let Some(session) = index.sessions.get(&id.session) else {
        return false;
    };
    let mut rotations = session
        .changes
        .iter()
        .filter(|it| it.kind == Kind::Rotate && it.sent == Some(id) && it.number != request.number);
    session.may_have_ended(request, &index.history.losses)
        || rotations.any(|it| it.begin < request.end)
}
