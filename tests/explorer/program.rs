//! What a handler does, as data: run on a real session, and on the model of one.

use sessile::{Error, ErrorKind, Expiry, Session};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Read(&'static str),
    Insert(&'static str, i64),
    Remove(&'static str),
    Clear,
    Increment(&'static str),
    Cycle,
    Flush,
    Expire(Life),
    /// Reads a number, and inserts the next one.
    Bump(&'static str),
    /// The same with a save, and anew from a reload for as long as that is refused.
    BumpUntilSaved(&'static str),
    /// Reads the first key, and inserts that under the second one.
    Copy(&'static str, &'static str),
    /// The same, and takes the first key away.
    Take(&'static str, &'static str),
    /// Inserts whether the first key is there under the second one.
    Look(&'static str, &'static str),
    /// Inserts how many keys there are.
    Count(&'static str),
    /// `save().await?`
    Save,
    /// `let _ = save().await;`
    TrySave,
    /// The answer is a 500.
    Fail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Default,
    Hour,
    Browser,
}

impl From<Life> for Expiry {
    fn from(life: Life) -> Self {
        match life {
            Life::Default => Self::Default,
            Life::Hour => Self::AfterInactivity(Duration::from_secs(3600)),
            Life::Browser => Self::BrowserSession,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    pub(crate) steps: &'static [Step],
}

pub(crate) const fn p(name: &'static str, steps: &'static [Step]) -> Program {
    Program { name, steps }
}

/// More commits than the record keeps tokens of.
pub(crate) const FIVE_SAVES: Program = {
    use Step::*;
    p(
        "five saves",
        &[
            Insert("b", 1),
            Save,
            Insert("b", 2),
            Save,
            Insert("b", 3),
            Save,
            Insert("b", 4),
            Save,
            Insert("b", 5),
        ],
    )
};

/// The kinds that three requests at once are made of; the first five without a fault.
pub(crate) const NINE: [&str; 9] = [
    "increment",
    "insert a",
    "logout",
    "login",
    "read",
    "remove a",
    "clear, insert c",
    "login, save, insert",
    "an hour",
];

pub(crate) fn program(name: &str) -> Program {
    *PROGRAMS
        .iter()
        .find(|program| program.name == name)
        .expect("a program of this name")
}

/// Every kind of handler.
pub(crate) const PROGRAMS: &[Program] = &{
    use Step::*;
    [
        p("untouched", &[]),
        p("read", &[Read("a")]),
        p("insert a", &[Insert("a", 7)]),
        p("insert a and b", &[Insert("a", 8), Insert("b", 8)]),
        p("insert the same, and b", &[Insert("a", 1), Insert("b", 9)]),
        p("remove a", &[Remove("a")]),
        p("clear, insert c", &[Clear, Insert("c", 3)]),
        p("clear", &[Clear]),
        p("increment", &[Increment("n")]),
        p("increment twice", &[Increment("n"), Increment("n")]),
        p("cycle", &[Cycle]),
        p("login", &[Cycle, Insert("user", 1)]),
        p("login over another user", &[Flush, Insert("user", 2)]),
        p("logout", &[Flush]),
        p("insert, logout", &[Insert("a", 5), Flush]),
        p("an hour", &[Expire(Life::Hour)]),
        p(
            "browser session, insert",
            &[Expire(Life::Browser), Insert("a", 4)],
        ),
        p("insert, 500", &[Insert("a", 6), Fail]),
        p("login, 500", &[Cycle, Insert("user", 3), Fail]),
        p("logout, 500", &[Flush, Fail]),
        p(
            "insert, save, increment",
            &[Insert("a", 2), Save, Increment("n")],
        ),
        p("increment, save, 500", &[Increment("n"), Save, Fail]),
        p(
            "login, save, insert",
            &[Cycle, Insert("user", 4), Save, Insert("b", 2)],
        ),
        p("cycle, save, 500", &[Cycle, Save, Fail]),
        p(
            "increment, try to save, insert",
            &[Increment("n"), TrySave, Insert("b", 6)],
        ),
        p("logout, save, insert", &[Flush, Save, Insert("a", 3)]),
    ]
};

/// How a stretch of operations, up to a save or to the answer, came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Acknowledged,
    Refused,
    Unknown,
}

impl From<ErrorKind> for Verdict {
    fn from(kind: ErrorKind) -> Self {
        if kind == ErrorKind::Unknown {
            Self::Unknown
        } else {
            Self::Refused
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Stretch {
    pub(crate) steps: Vec<Step>,
    pub(crate) verdict: Verdict,
}

/// What the handler saw and did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    /// Whether there was a session; `None` if it was never looked at.
    pub(crate) found: Option<bool>,
    /// The error that ended the handler.
    pub(crate) error: Option<ErrorKind>,
    pub(crate) saved: Vec<Stretch>,
    /// The operations since the last save.
    pub(crate) open: Vec<Step>,
}

/// Runs a program on a real session, and returns the status of its answer.
pub(crate) async fn run(program: &Program, session: &Session, report: &mut Report) -> u16 {
    let mut status = 200;
    if program
        .steps
        .iter()
        .any(|step| !matches!(step, Step::Flush | Step::Fail | Step::Save | Step::TrySave))
    {
        report.found = session.is_new().ok().map(|new| !new);
    }
    for &step in program.steps {
        let done = match step {
            Step::Fail => {
                status = 500;
                continue;
            }
            Step::Save | Step::TrySave => match session.save().await {
                Ok(()) => {
                    let steps = std::mem::take(&mut report.open);
                    report.saved.push(Stretch {
                        steps,
                        verdict: Verdict::Acknowledged,
                    });
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Unknown => {
                    let steps = std::mem::take(&mut report.open);
                    report.saved.push(Stretch {
                        steps,
                        verdict: Verdict::Unknown,
                    });
                    if step == Step::TrySave {
                        continue;
                    }
                    Err(error)
                }
                Err(_) if step == Step::TrySave => continue,
                Err(error) => Err(error),
            },
            Step::Read(key) => session.get::<i64>(key).map(drop),
            Step::Insert(key, value) => session.insert(key, value),
            Step::Remove(key) => session.remove::<i64>(key).map(drop),
            Step::Increment(key) => session
                .update(key, |n: Option<i64>| Some(n.unwrap_or(0) + 1))
                .map(drop),
            Step::Bump(key) => bump(session, key),
            Step::BumpUntilSaved(key) => match bump_until_saved(session, key).await {
                Err(error) if error.kind() != ErrorKind::Unknown => Err(error),
                done => {
                    report.saved.push(Stretch {
                        steps: vec![Step::Bump(key)],
                        verdict: done
                            .as_ref()
                            .map_or(Verdict::Unknown, |()| Verdict::Acknowledged),
                    });
                    match done {
                        Ok(()) => continue,
                        Err(error) => Err(error),
                    }
                }
            },
            Step::Copy(from, to) => session
                .get::<i64>(from)
                .and_then(|value| session.insert(to, value.unwrap_or(-1))),
            Step::Take(from, to) => session
                .remove::<i64>(from)
                .and_then(|value| session.insert(to, value.unwrap_or(-1))),
            Step::Look(key, to) => session
                .contains_key(key)
                .and_then(|there| session.insert(to, i64::from(there))),
            Step::Count(to) => session
                .len()
                .and_then(|keys| session.insert(to, keys as i64)),
            Step::Clear | Step::Cycle | Step::Flush | Step::Expire(_) => {
                record(step, session);
                Ok(())
            }
        };
        if let Err(error) = done {
            report.error = Some(error.kind());
            return error.status().as_u16();
        }
        report.open.push(step);
    }
    status
}

fn bump(session: &Session, key: &str) -> Result<(), Error> {
    let n = session.get::<i64>(key)?.unwrap_or(0);
    session.insert(key, n + 1)
}

async fn bump_until_saved(session: &Session, key: &str) -> Result<(), Error> {
    // Each try that is refused means that another request was not.
    for _ in 0..5 {
        bump(session, key)?;
        match session.save().await {
            Err(error) if error.kind() == ErrorKind::Stale => session.reload().await?,
            done => return done,
        }
    }
    Err(ErrorKind::Stale.into())
}

/// What never fails.
fn record(step: Step, session: &Session) {
    match step {
        Step::Clear => session.clear(),
        Step::Cycle => session.cycle_id(),
        Step::Flush => session.flush(),
        Step::Expire(life) => session.set_expiry(life),
        _ => unreachable!("{step:?} can fail"),
    }
}

/// The model of a session: its data and its expiry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) data: BTreeMap<String, i64>,
    pub(crate) life: Life,
}

impl Model {
    pub(crate) fn empty() -> Self {
        Self {
            data: BTreeMap::new(),
            life: Life::Default,
        }
    }

    /// What operations make of a session; `None` is an ended one.
    pub(crate) fn apply(mut self, steps: &[Step]) -> Option<Self> {
        for &step in steps {
            match step {
                Step::Insert(key, value) => drop(self.data.insert(key.to_owned(), value)),
                Step::Remove(key) => drop(self.data.remove(key)),
                Step::Clear => self.data.clear(),
                Step::Copy(from, to) => {
                    let value = self.data.get(from).copied().unwrap_or(-1);
                    self.data.insert(to.to_owned(), value);
                }
                Step::Take(from, to) => {
                    let value = self.data.remove(from).unwrap_or(-1);
                    self.data.insert(to.to_owned(), value);
                }
                Step::Look(key, to) => {
                    let there = self.data.contains_key(key);
                    self.data.insert(to.to_owned(), i64::from(there));
                }
                Step::Count(to) => {
                    let keys = self.data.len() as i64;
                    self.data.insert(to.to_owned(), keys);
                }
                Step::Increment(key) | Step::Bump(key) | Step::BumpUntilSaved(key) => {
                    *self.data.entry(key.to_owned()).or_default() += 1
                }
                Step::Expire(life) => self.life = life,
                Step::Flush => return None,
                Step::Read(_) | Step::Cycle | Step::Save | Step::TrySave | Step::Fail => {}
            }
        }
        Some(self)
    }
}
