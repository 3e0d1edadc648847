//! What sessions hold that they should not, or do not hold that they should.

use super::{A, A2, B, id, tale, tell};
use crate::record::Kind::{Increment, Insert, Logout, Read, Remove};
use crate::record::{Found, Outcome};

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
    tell(|it| {
        it.is(Outcome::Unknown, Insert, A);
        it.is(Outcome::Unknown, Insert, A);
        it.finds(Read, A, &[1, 2], 3);
        it.finds(Read, A, &[1, 2], 4);
        it.finds(Read, A, &[1, 2], 3);
    })
    .is_wrong_at(6, "a value came twice");
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
fn a_write_that_a_logout_interrupted_may_have_been_seen_before() {
    let what = "a refused write is seen";
    let mut tale = tell(|it| {
        it.is(Outcome::Interrupted, Increment, A).end = 100;
        it.finds(Read, A, &[1, 2, 3], None);
        it.finds(Logout, A, &[1, 2, 3], None);
    });
    tale.is_right();
    // But not if the logout began later, and so was not the cause.
    tale.0.requests[2].end = 45;
    tale.is_wrong_at(4, what);
    tell(|it| {
        it.rotates(A, &[1, 2], A2).end = 100;
        it.is(Outcome::Interrupted, Increment, A).end = 100;
        it.finds(Read, A2, &[1, 2, 3, 4], None);
    })
    .is_wrong(what);
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
fn a_write_under_an_id_that_was_retired_before_it_is_found() {
    tell(|it| {
        it.rotates(A, &[1, 2], A2).end = 100;
        // It began before the rotation was over, but the log shows that it came after.
        it.finds(Increment, A, &[1, 2], None);
        it.finds(Read, A2, &[1, 2, 3, 4], None).begin = 110;
    })
    .is_wrong_at(4, "a write came under an id that was retired");
}

#[test]
fn two_rotations_of_one_id_are_found() {
    tell(|it| {
        it.rotates(A, &[1, 2], A2).end = 100;
        it.rotates(A, &[1, 2], id(1, 3)).end = 100;
        it.finds(Read, id(1, 3), &[1, 2, 3, 4], None).begin = 110;
    })
    .is_wrong_at(4, "a write came under an id that was retired");
}
