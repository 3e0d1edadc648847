//! The checker itself: it passes histories that are right, and finds what is wrong with others.

use crate::checker::check;
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
        let found = check(&self.0);
        let last = self.0.requests.len() as u64;
        let shows = |it: &&crate::checker::Violation| it.what == what && it.request == last;
        assert!(found.iter().any(|it| shows(&it)), "{found:?}");
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
        // Unless the acknowledged one could not have come first.
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

#[test]
fn a_write_that_a_logout_interrupted_may_have_been_seen_before() {
    let mut right = tell(|it| {
        it.is(Outcome::Interrupted, Increment, A).end = 100;
        it.finds(Read, A, &[1, 2, 3], None);
        it.finds(Logout, A, &[1, 2, 3], None);
    });
    right.is_right();
    // The logout was later, so it was not the cause.
    right.0.requests[2].end = 45;
    let found = check(&right.0);
    let what = "a refused write is seen";
    assert!(found.iter().any(|it| it.what == what), "{found:?}");
    tell(|it| {
        it.rotates(A, &[1, 2], A2).end = 100;
        it.is(Outcome::Interrupted, Increment, A).end = 100;
        it.finds(Read, A2, &[1, 2, 3, 4], None);
    })
    .is_wrong(what);
}

#[test]
fn a_lost_write_is_found() {
    tell(|it| {
        it.finds(Read, A, &[1], None);
    })
    .is_wrong("an acknowledged write is lost");
    tell(|it| {
        it.finds(Insert, A, &[1, 2], None);
        it.finds(Read, A, &[1, 2], None);
    })
    .is_wrong("an acknowledged insert is lost");
}

#[test]
fn a_write_that_is_applied_twice_is_found() {
    tell(|it| {
        it.finds(Read, A, &[1, 2, 2], None);
    })
    .is_wrong("a write is applied twice");
    tell(|it| {
        it.is(Outcome::Unknown, Increment, A);
        it.finds(Read, A, &[1, 2, 3, 3], None);
    })
    .is_wrong("a write is applied twice");
}

#[test]
fn a_count_that_is_off_is_found() {
    let mut tale = tale();
    let read = tale.finds(Read, A, &[1, 2], None);
    let Outcome::Done(Found::Session(seen)) = &mut read.outcome else {
        unreachable!()
    };
    seen.count = 3;
    tale.is_wrong("the count is not that of the log");
}

#[test]
fn an_overwritten_value_that_is_back_is_found() {
    for kind in [Insert, Remove] {
        tell(|it| {
            it.finds(Insert, A, &[1, 2], None);
            it.finds(kind, A, &[1, 2], 3);
            it.finds(Read, A, &[1, 2], 3);
        })
        .is_wrong("an overwritten value is back");
    }
    // It was not known to be done, but then it was seen.
    tell(|it| {
        it.is(Outcome::Unknown, Insert, A);
        it.finds(Read, A, &[1, 2], 3);
        it.finds(Insert, A, &[1, 2], 3);
        it.finds(Read, A, &[1, 2], 3);
    })
    .is_wrong("an overwritten value is back");
}

#[test]
fn an_insert_that_is_applied_twice_is_found() {
    let tale = tell(|it| {
        it.is(Outcome::Unknown, Insert, A);
        it.is(Outcome::Unknown, Insert, A);
        it.finds(Read, A, &[1, 2], 3);
        it.finds(Read, A, &[1, 2], 4);
        it.finds(Read, A, &[1, 2], 3);
    });
    let found = check(&tale.0);
    assert!(found.iter().any(|it| it.what == "a value came twice"));
}

#[test]
fn a_write_out_of_order_is_found() {
    let out_of_time = tell(|it| {
        it.finds(Increment, A, &[1, 2], None);
        it.is(Outcome::Unknown, Increment, A);
        it.finds(Read, A, &[1, 2, 4, 3], None);
    });
    out_of_time.is_wrong("the order of writes is not that of time");
    let unknown = tell(|it| {
        it.is(Outcome::Unknown, Increment, A);
        it.finds(Read, A, &[1, 2, 3], None);
        it.finds(Increment, A, &[1, 2, 3], None);
        it.finds(Read, A, &[1, 2, 5, 3], None);
    });
    unknown.is_wrong("two reads disagree on the order of writes");
    let gone = tell(|it| {
        it.is(Outcome::Unknown, Increment, A);
        it.finds(Read, A, &[1, 2, 3], None);
        it.finds(Read, A, &[1, 2], None);
    });
    gone.is_wrong("a read went back in time");
}

#[test]
fn a_refused_write_that_is_seen_is_found() {
    for outcome in [Outcome::Refused, Outcome::Interrupted] {
        tell(|it| {
            it.is(outcome.clone(), Increment, A);
            it.finds(Read, A, &[1, 2, 3], None);
        })
        .is_wrong("a refused write is seen");
        tell(|it| {
            it.is(outcome, Insert, A);
            it.finds(Read, A, &[1, 2], 3);
        })
        .is_wrong("a refused write is seen");
    }
}

#[test]
fn a_value_from_elsewhere_is_found() {
    let mut neighbours = tale();
    neighbours.makes(Insert, B).user = 2;
    neighbours.finds(Read, A, &[1, 2], 3);
    neighbours.is_wrong("a neighbour's value");

    let mut owned = tale();
    owned.finds(Read, A, &[1, 2], None).user = 2;
    owned.is_wrong("a neighbour's session");

    tell(|it| {
        it.makes(Insert, B);
        it.finds(Read, A, &[1, 2], 3);
    })
    .is_wrong("a value of another session");
    tell(|it| {
        it.finds(Read, A, &[1, 2], 7);
    })
    .is_wrong("a value that nobody wrote");
    tell(|it| {
        it.finds(Increment, A, &[1, 2, 3], None);
    })
    .is_wrong("a write that sees itself");
}

#[test]
fn a_session_that_is_alive_after_its_logout_is_found() {
    for sent in [A, A2] {
        tell(|it| {
            it.rotates(A, &[1, 2], A2);
            // Under whichever of its ids.
            it.tell(Logout, Some(sent), Outcome::Done(Found::Unseen));
            it.finds(Read, A2, &[1, 2, 3], None);
        })
        .is_wrong("a session is alive after its logout");
    }
}

#[test]
fn an_id_that_is_alive_after_its_rotation_is_found() {
    tell(|it| {
        it.rotates(A, &[1, 2], A2);
        it.finds(Read, A, &[1, 2, 3], None);
    })
    .is_wrong("an id is alive after its rotation");
}

#[test]
fn a_write_under_an_id_that_was_retired_before_it_is_found() {
    let tale = tell(|it| {
        it.rotates(A, &[1, 2], A2).end = 100;
        // It began before the rotation was over, but the log shows that it came after.
        it.finds(Increment, A, &[1, 2], None);
        it.finds(Read, A2, &[1, 2, 3, 4], None).begin = 110;
    });
    let found = check(&tale.0);
    let what = "a write came under an id that was retired";
    assert!(found.iter().any(|it| it.what == what), "{found:?}");
}

#[test]
fn two_rotations_of_one_id_are_found() {
    let tale = tell(|it| {
        it.rotates(A, &[1, 2], A2).end = 100;
        it.rotates(A, &[1, 2], id(1, 3)).end = 100;
        it.finds(Read, id(1, 3), &[1, 2, 3, 4], None).begin = 110;
    });
    let found = check(&tale.0);
    let what = "a write came under an id that was retired";
    assert!(found.iter().any(|it| it.what == what), "{found:?}");
}

#[test]
fn ids_that_are_not_as_they_should_be_are_found() {
    tell(|it| {
        it.finds(Read, A2, &[1, 2], None);
    })
    .is_wrong("an id that nobody got is alive");
    tell(|it| {
        it.rotates(A, &[1, 2], A);
    })
    .is_wrong("a rotation gave an old id");
    tell(|it| {
        it.finds(Rotate, A, &[1, 2], None);
    })
    .is_wrong("a rotation gave no id of its session");
    tell(|it| {
        it.finds(Increment, A, &[1, 2], None).given = Some(A2);
    })
    .is_wrong("an id was changed without a rotation");
    tell(|it| {
        it.makes(Increment, A2);
    })
    .is_wrong("a new session has an old id");
    tell(|it| {
        it.tell(Insert, None, Outcome::Done(Found::Empty));
    })
    .is_wrong("an acknowledged write made no session");
    tell(|it| {
        it.makes(Read, B);
    })
    .is_wrong("a session without data was made");
    tell(|it| {
        it.is(Outcome::Refused, Rotate, A).given = Some(A2);
    })
    .is_wrong("an error gave an id");
    tell(|it| {
        it.tell(Insert, Some(A), Outcome::Done(Found::Unseen));
    })
    .is_wrong("acknowledged without a look at the session");
}

#[test]
fn a_session_that_is_gone_without_a_cause_is_found() {
    let what = "a session is lost without a cause";
    tell(|it| {
        it.finds_none(Read, A);
    })
    .is_wrong(what);
    tell(|it| {
        it.rotates(A, &[1, 2], A2);
        it.finds_none(Read, A2);
    })
    .is_wrong(what);
    for outcome in [Outcome::Refused, Outcome::Interrupted] {
        tell(|it| {
            it.is(outcome, Logout, A);
            it.finds_none(Read, A);
        })
        .is_wrong(what);
    }
}

#[test]
fn an_interruption_without_a_cause_is_found() {
    tell(|it| {
        it.is(Outcome::Interrupted, Increment, A);
    })
    .is_wrong("interrupted without a cause");
    let mut nobody = tale();
    nobody.tell(Increment, None, Outcome::Interrupted);
    nobody.is_wrong("interrupted without a cause");
    // An id that was never given out may be taken for one that was retired.
    tell(|it| {
        it.is(Outcome::Interrupted, Increment, A2);
    })
    .is_right();
}

#[test]
fn what_the_server_has_lost_is_gone_and_stays_so() {
    tell(|it| {
        it.loses_memory();
        it.finds_none(Read, A);
        it.is(Outcome::Interrupted, Increment, A);
    })
    .is_right();
    tell(|it| {
        it.loses_memory();
        it.finds(Read, A, &[1, 2], None);
    })
    .is_wrong("a session is back that the server had lost");
    // What was made later was not lost.
    tell(|it| {
        it.loses_memory();
        it.makes(Increment, B);
        it.finds_none(Read, B);
    })
    .is_wrong("a session is lost without a cause");
}
