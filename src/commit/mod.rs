//! The commit: what becomes of a session when its request ends, or when it is saved.
//!
//! [`turn`] takes it from the state of the session and back; [`plan`] decides, from a few facts
//! alone; [`run`] performs, with the verbs of the store; [`merge`] says what a record becomes;
//! [`report`] tells whoever watches.
//!
//! An id is a handle and a secret. The handle names the entry, and the record holds the secret, so
//! a rotation is one `replace` and a logout one `delete`, both on the same key: the store puts
//! them in order, and no second key can be left behind.

mod merge;
mod plan;
mod report;
mod run;
mod turn;

pub(crate) use report::report;
pub(crate) use run::{Job, Outcome, run};
pub(crate) use turn::{Moment, Task, begin, finish};
