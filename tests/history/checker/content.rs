//! What sessions hold: every acknowledged write once, every unknown one at most once, no other, and
//! all in one order that time agrees with.

use super::{Index, Session, Violation};
use crate::record::{Kind, Outcome, Request, Seen};
use std::collections::{HashMap, HashSet};

pub(super) fn check(
    index: &Index<'_>,
    name: u128,
    session: &Session<'_>,
    violations: &mut Vec<Violation>,
) {
    let mut broken = |what, request: &Request| {
        violations.push(Violation {
            what,
            request: request.number,
            session: Some(name),
        });
    };
    for (read, seen) in reads(session) {
        if seen.owner != read.user {
            broken("a neighbour's session", read);
        }
        for number in seen.log.iter().chain(&seen.note) {
            if let Some(what) = is_foreign(index, session, read, *number) {
                broken(what, read);
            }
        }
        let logged: HashSet<_> = seen.log.iter().collect();
        if logged.len() < seen.log.len() {
            broken("a write is applied twice", read);
        }
        if seen.count != seen.log.len() as u64 {
            broken("the count is not that of the log", read);
        }
        let mut before = session.changes.iter().filter(|it| precedes(it, read));
        if before.any(|it| it.kind.is_logged() && !logged.contains(&it.number)) {
            broken("an acknowledged write is lost", read);
        }
    }
    check_order(index, session, &mut broken);
    check_note(session, &mut broken);
}

fn reads<'a>(session: &'a Session<'a>) -> impl Iterator<Item = (&'a Request, &'a Seen)> {
    let reads = session.reads.iter();
    reads.filter_map(|read| read.found().map(|seen| (*read, seen)))
}

/// Whether it was acknowledged before the other began.
fn precedes(request: &Request, other: &Request) -> bool {
    request.is_done() && request.end < other.begin
}

/// Why this session cannot hold what the request of this number writes.
fn is_foreign(
    index: &Index<'_>,
    session: &Session<'_>,
    read: &Request,
    number: u64,
) -> Option<&'static str> {
    let Some(writer) = index.by_number.get(&number) else {
        return Some("a value that nobody wrote");
    };
    let may_have_changed_it = session.changes.iter().any(|it| it.number == number);
    match writer.outcome {
        _ if writer.user != read.user => Some("a neighbour's value"),
        // It is not done now, but may have been while the session lived.
        Outcome::Interrupted if may_have_changed_it && read.begin < writer.end => None,
        Outcome::Interrupted | Outcome::Refused => Some("a refused write is seen"),
        _ if !may_have_changed_it => Some("a value of another session"),
        _ if writer.number == read.number => Some("a write that sees itself"),
        _ => None,
    }
}

/// The log is the order of the writes: all reads agree on it, it agrees with time, and each write came
/// under the id that the one before had left.
fn check_order(
    index: &Index<'_>,
    session: &Session<'_>,
    broken: &mut impl FnMut(&'static str, &Request),
) {
    let mut by_length: Vec<_> = reads(session).collect();
    by_length.sort_by_key(|(_, seen)| seen.log.len());
    for pair in by_length.windows(2) {
        let [(_, short), (read, long)] = pair else {
            continue;
        };
        if !long.log.starts_with(&short.log) {
            return broken("two reads disagree on the order of writes", read);
        }
    }
    let Some(&(last, Seen { log, .. })) = by_length.last() else {
        return;
    };

    let mut seen_by: HashMap<u64, u64> = HashMap::new();
    for (read, seen) in &by_length {
        for number in &seen.log {
            let end = seen_by.entry(*number).or_insert(u64::MAX);
            *end = read.end.min(*end);
        }
        let earlier =
            |(other, seen): &(&Request, &Seen)| (other.end < read.begin).then_some(seen.log.len());
        let length = by_length.iter().filter_map(earlier).max();
        if length > Some(seen.log.len()) {
            broken("a read went back in time", read);
        }
    }
    let mut latest_begin = 0;
    let mut id = session.made.map(|made| made.given);
    for number in log {
        let Some(write) = index.by_number.get(number) else {
            continue;
        };
        if write.effective_by().min(seen_by[number]) < latest_begin {
            broken("the order of writes is not that of time", last);
        }
        latest_begin = write.begin.max(latest_begin);
        let is_first = session.made.is_some_and(|made| made.number == *number);
        if is_first {
            continue;
        }
        if id.is_some_and(|id| id != write.sent) {
            broken("a write came under an id that was retired", write);
        }
        if write.kind == Kind::Rotate {
            // None if nobody was told.
            id = Some(write.given);
        }
    }
}

/// The note is what the last insert left, or the last remove.
fn check_note(session: &Session<'_>, broken: &mut impl FnMut(&'static str, &Request)) {
    let changes = || session.changes.iter().filter(|it| it.kind.is_of_note());
    // When each value was seen: the end of the first read, and the begin of the last.
    let mut times: HashMap<u64, (u64, u64)> = HashMap::new();
    for (read, seen) in reads(session) {
        if let Some(note) = seen.note {
            let (first, last) = times.entry(note).or_insert((u64::MAX, 0));
            (*first, *last) = (read.end.min(*first), read.begin.max(*last));
        }
    }
    let seen_by = |request: &Request| times.get(&request.number).map_or(u64::MAX, |it| it.0);
    let by = |request: &Request| request.effective_by().min(seen_by(request));
    for (read, seen) in reads(session) {
        let Some(note) = seen.note else {
            let mut inserts = changes().filter(|it| it.kind == Kind::Insert);
            let is_removed = |insert: &Request| {
                let mut removes = changes().filter(|it| it.kind == Kind::Remove);
                removes.any(|it| it.begin < read.end && it.effective_by() > insert.begin)
            };
            if inserts.any(|insert| precedes(insert, read) && !is_removed(insert)) {
                broken("an acknowledged insert is lost", read);
            }
            continue;
        };
        let Some(insert) = changes().find(|it| it.number == note) else {
            continue;
        };
        if changes().any(|it| it.begin > by(insert) && precedes(it, read)) {
            broken("an overwritten value is back", read);
        }
    }
    // Each value is written once, so it does not come again after another.
    for (read, seen) in reads(session) {
        let again = |(note, (first, last)): (&u64, &(u64, u64))| {
            seen.note != Some(*note) && read.begin > *first && read.end < *last
        };
        if times.iter().any(again) {
            broken("a value came twice", read);
        }
    }
}
