//! The checker itself: it passes histories that are right, and finds what is wrong with others.

mod content;
mod identity;

use super::check;
use crate::record::Kind::{Increment, Insert, Logout, Read, Remove, Rotate};
use crate::record::{Found, History, Id, Kind, Loss, Outcome, Request, Seen};

const A: Id = id(1, 1);
/// The same session, after a rotation.
const A2: Id = id(1, 2);
const B: Id = id(2, 1);

const fn id(session: u128, secret: u128) -> Id {
    Id { session, secret }
}

/// A history in the making. The requests have the numbers 1, 2, 3…, and each begins after the one
/// before it has ended.
#[derive(Default)]
struct Tale(History);

impl Tale {
    fn tell(&mut self, kind: Kind, sent: Option<Id>, outcome: Outcome) -> &mut Request {
        let requests = &mut self.0.requests;
        let number = requests.len() as u64 + 1;
        requests.push(Request {
            number,
            user: 1,
            kind,
            sent,
            begin: 10 * number,
            end: 10 * number + 5,
            outcome,
            given: None,
        });
        requests.last_mut().unwrap()
    }

    /// Without a cookie, and this is the new session.
    fn makes(&mut self, kind: Kind, given: Id) -> &mut Request {
        let request = self.tell(kind, None, Outcome::Done(Found::Empty));
        request.given = Some(given);
        request
    }

    /// Finds this log and this note in the session.
    fn finds(
        &mut self,
        kind: Kind,
        sent: Id,
        log: &[u64],
        note: impl Into<Option<u64>>,
    ) -> &mut Request {
        let seen = Seen {
            owner: 1,
            count: log.len() as u64,
            log: log.to_vec(),
            note: note.into(),
        };
        self.tell(kind, Some(sent), Outcome::Done(Found::Session(seen)))
    }

    fn rotates(&mut self, sent: Id, log: &[u64], given: Id) -> &mut Request {
        let request = self.finds(Rotate, sent, log, None);
        request.given = Some(given);
        request
    }

    fn finds_none(&mut self, kind: Kind, sent: Id) -> &mut Request {
        self.tell(kind, Some(sent), Outcome::Done(Found::Empty))
    }

    fn is(&mut self, outcome: Outcome, kind: Kind, sent: Id) -> &mut Request {
        self.tell(kind, Some(sent), outcome)
    }

    /// The server loses its memory between the last request and the next.
    fn loses_memory(&mut self) {
        let end = 10 * self.0.requests.len() as u64 + 5;
        self.0.losses.push(Loss {
            begin: end + 1,
            end: end + 2,
        });
    }

    #[track_caller]
    fn is_right(&self) {
        assert_eq!(check(&self.0), []);
    }

    /// The last request shows that this is wrong.
    #[track_caller]
    fn is_wrong(&self, what: &str) {
        self.is_wrong_at(self.0.requests.len() as u64, what);
    }

    /// The request of this number does.
    #[track_caller]
    fn is_wrong_at(&self, request: u64, what: &str) {
        let found = check(&self.0);
        let mut shows = found.iter().map(|it| (it.request, it.what));
        assert!(shows.any(|it| it == (request, what)), "{found:?}");
    }
}

/// A session with the log 1, 2.
fn tale() -> Tale {
    let mut tale = Tale::default();
    tale.makes(Increment, A);
    tale.finds(Increment, A, &[1], None);
    tale
}

fn tell(rest: impl FnOnce(&mut Tale)) -> Tale {
    let mut tale = tale();
    rest(&mut tale);
    tale
}

#[test]
fn a_life_without_trouble_is_right() {
    let tale = tell(|it| {
        it.finds(Insert, A, &[1, 2], None);
        it.finds(Read, A, &[1, 2], 3);
        it.finds(Remove, A, &[1, 2], 3);
        it.rotates(A, &[1, 2], A2);
        it.finds_none(Read, A);
        it.finds(Increment, A2, &[1, 2, 6], None);
        it.is(Outcome::Interrupted, Increment, A);
        it.finds(Logout, A2, &[1, 2, 6, 8], None);
        it.finds_none(Read, A2);
        it.makes(Insert, B);
        it.finds(Read, B, &[], 12);
    });
    tale.is_right();
}

#[test]
fn an_unknown_write_may_be_applied_or_not_and_late_too() {
    for log in [
        &[1, 2][..],
        &[1, 2, 3],
        &[1, 2, 4],
        &[1, 2, 4, 3],
        &[1, 2, 3, 4],
    ] {
        let tale = tell(|it| {
            it.is(Outcome::Unknown, Increment, A);
            if log.contains(&4) {
                it.finds(Increment, A, &[1, 2], None);
            } else {
                it.is(Outcome::Refused, Increment, A);
            }
            it.finds(Read, A, log, None);
        });
        tale.is_right();
    }
    for note in [None, Some(3)] {
        let tale = tell(|it| {
            it.is(Outcome::Unknown, Insert, A);
            it.finds(Read, A, &[1, 2], note);
        });
        tale.is_right();
    }
}

#[test]
fn an_unknown_rotation_or_logout_may_have_ended_the_session_or_not() {
    for kind in [Rotate, Logout] {
        tell(|it| {
            it.is(Outcome::Unknown, kind, A);
            it.finds(Read, A, &[1, 2], None);
            it.finds_none(Read, A);
            it.is(Outcome::Interrupted, Insert, A);
        })
        .is_right();
    }
}

#[test]
fn requests_that_overlap_may_have_come_in_either_order() {
    tell(|it| {
        it.finds(Increment, A, &[1, 2], None).end = 100;
        it.finds(Increment, A, &[1, 2], None).end = 100;
        it.finds(Read, A, &[1, 2, 4], None);
        it.finds(Logout, A, &[1, 2, 4], None).end = 100;
        it.finds(Read, A, &[1, 2, 4, 3], None);
        it.finds_none(Read, A);
    })
    .is_right();
}
