//! Sessions and ids that are alive and should not be, and the other way round.

use super::{A, A2, B, tale, tell};
use crate::record::Kind::{Increment, Insert, Logout, Read, Rotate};
use crate::record::{Found, Outcome};

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
