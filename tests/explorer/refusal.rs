//! Handlers that read and then write, and what a request may be refused for under `Conflict::Refuse`.
//!
//! That what was acknowledged is serial is checked as ever: the model of these steps reads and writes in one.

use crate::program::{Program, Step, p};
use crate::schedule::{Ended, Scenario};
use bytes::Bytes;
use sessile::{Conflict, ErrorKind};
use std::collections::{BTreeMap, BTreeSet};

/// Every kind of handler that builds on what it reads. Three requests at once are made of the first six.
pub(crate) const READERS: &[Program] = &{
    use Step::*;
    [
        p("bump n", &[Bump("n")]),
        p("copy a to b", &[Copy("a", "b")]),
        p("take a to d", &[Take("a", "d")]),
        p("count the keys", &[Count("c")]),
        p("increment n, copy it", &[Increment("n"), Copy("n", "m")]),
        p("bump n until it is saved", &[BumpUntilSaved("n")]),
        p("look for a", &[Look("a", "n")]),
        p("insert a, copy it", &[Insert("a", 7), Copy("a", "b")]),
        p("bump n, increment it", &[Bump("n"), Increment("n")]),
        p("read a, insert b", &[Read("a"), Insert("b", 5)]),
        p("bump n, save, bump n", &[Bump("n"), Save, Bump("n")]),
        p(
            "bump n, try to save, insert b",
            &[Bump("n"), TrySave, Insert("b", 6)],
        ),
        p("login with a copy of a", &[Copy("a", "user"), Cycle]),
        p("bump n, logout", &[Bump("n"), Flush]),
        p("bump n, 500", &[Bump("n"), Fail]),
    ]
};

/// Whether what was refused had a cause.
pub(crate) fn check(scenario: &Scenario, ended: &Ended, wrong: &mut Vec<String>) {
    for (client, answer) in ended.answers.iter().enumerate() {
        let program = &scenario.programs[client];
        if answer.kind != Some(ErrorKind::Stale) {
            continue;
        }
        if answer.cookie.is_some() && answer.report.saved.is_empty() {
            wrong.push(format!(
                "request {client} was refused and sets a cookie (I4)"
            ));
        }
        if program.steps.contains(&Step::Flush) {
            wrong.push(format!("request {client} was refused a logout (I6)"));
        }
        let may_be_refused = scenario.conflict == Conflict::Refuse;
        if !may_be_refused || !overtaken(scenario, ended, client) {
            wrong.push(format!("request {client} was refused without a cause (I6)"));
        }
    }
}

/// Whether another request changed something that this one read, after it was loaded.
fn overtaken(scenario: &Scenario, ended: &Ended, client: usize) -> bool {
    let Some(key) = scenario.key else {
        return false;
    };
    let reads = Reads::of(scenario.programs[client].steps);
    let mut before = data(&scenario.world.entries[&key].value);
    for effect in &ended.world().effects {
        let Some(value) = effect.value.as_ref().filter(|_| effect.verb == "replace") else {
            continue;
        };
        let after = data(value);
        let came_between = effect.client != client && effect.step >= ended.answers[client].loaded;
        if came_between && reads.differ(&before, &after) {
            return true;
        }
        before = after;
    }
    false
}

/// The keys of which a handler sees the stored value.
#[derive(Default)]
struct Reads {
    all: bool,
    keys: BTreeSet<&'static str>,
    /// What it has set itself.
    own: BTreeSet<&'static str>,
    cleared: bool,
}

impl Reads {
    fn of(steps: &[Step]) -> Self {
        let mut reads = Self::default();
        for &step in steps {
            match step {
                Step::Read(key) => reads.read(key),
                Step::Insert(key, _) => reads.set(key),
                Step::Bump(key) | Step::BumpUntilSaved(key) | Step::Remove(key) => {
                    reads.read(key);
                    reads.set(key);
                }
                Step::Copy(key, to) | Step::Look(key, to) => {
                    reads.read(key);
                    reads.set(to);
                }
                Step::Take(key, to) => {
                    reads.read(key);
                    reads.set(key);
                    reads.set(to);
                }
                Step::Count(to) => {
                    reads.all |= !reads.cleared;
                    reads.set(to);
                }
                Step::Clear => {
                    reads.all = true;
                    reads.cleared = true;
                }
                // After a save that wrote, what it set is stored, and others change it.
                Step::Save | Step::TrySave => reads.own.clear(),
                Step::Increment(_) | Step::Cycle | Step::Flush | Step::Expire(_) | Step::Fail => {}
            }
        }
        reads
    }

    fn read(&mut self, key: &'static str) {
        if !self.cleared && !self.own.contains(key) {
            self.keys.insert(key);
        }
    }

    fn set(&mut self, key: &'static str) {
        self.own.insert(key);
    }

    fn differ(&self, before: &Data, after: &Data) -> bool {
        let differs = |key: &&str| before.get(*key) != after.get(*key);
        self.all && before != after || self.keys.iter().any(differs)
    }
}

type Data = BTreeMap<String, Bytes>;

/// The keys and values of a record without an owner: after a header of 86 bytes, for each key its length, that of
/// its value, both in four bytes, and the two themselves.
fn data(record: &Bytes) -> Data {
    let mut rest = record.slice(86..);
    let mut data = Data::new();
    while !rest.is_empty() {
        let length = |at: usize| u32::from_be_bytes(rest[at..at + 4].try_into().unwrap()) as usize;
        let (key, value) = (length(0), length(4));
        let mut entry = rest.split_to(8 + key + value).split_off(8);
        let key = entry.split_to(key);
        data.insert(String::from_utf8(key.into()).unwrap(), entry);
    }
    data
}
