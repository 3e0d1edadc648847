//! The explorer notices when the commit is weakened: each mutant below is a copy of this crate with
//! one change, and the explorer must find a schedule that breaks the invariant that it names.

use std::path::{Path, PathBuf};
use std::process::Command;

struct Mutant {
    name: &'static str,
    /// Part of the name of the exploration that is to find it.
    exploration: &'static str,
    file: &'static str,
    /// What is there, up to white space. It must be there once.
    old: &'static str,
    new: &'static str,
    /// What the explorer says, one of these.
    breaks: &'static [&'static str],
}

const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "a 5xx that saves",
        exploration: "one_fault",
        file: "commit/plan.rs",
        old: "_ if failed => Plan::Nothing,",
        new: "",
        breaks: &["(I2)"],
    },
    Mutant {
        name: "a rotation as add and delete",
        exploration: "one_fault",
        file: "commit/run.rs",
        old: "(Plan::Write, Some(base)) => commit.write(base, job.stale).await,",
        new: "(Plan::Write, Some(base)) if job.operations.is_cycle() => async {
            let id = SessionId::draw(&*settings.random)?;
            let key = settings.keyspace.key(&id.handle());
            let (ops, token) = (commit.operations, commit.token);
            let secret = Some(id.secret());
            let draft = merge::write(settings, base, ops, token, secret, settings.now())?;
            let value = draft.record.bytes().clone();
            let added = commit.verbs.add(key, value, draft.time_to_live).await?;
            let Some(Added::Done(version)) = added else {
                return Err(ErrorKind::CreationFailed.into());
            };
            commit.verbs.delete(base.key).await?;
            commit.written(id.handle(), key, draft, version);
            Ok(())
        }.await,
        (Plan::Write, Some(base)) => commit.write(base, job.stale).await,",
        breaks: &["(I1)", "(I2)", "(I3)", "(I6)", "(I9)"],
    },
    Mutant {
        name: "a merge that forgets to apply again",
        exploration: "one_fault",
        file: "commit/run.rs",
        old: "let operations = self.operations.rebase(&newest.record)?;",
        new: "let operations = operations.clone();",
        breaks: &["(I2)"],
    },
    Mutant {
        name: "a merge that forgets a removal",
        exploration: "one_fault",
        file: "operations.rs",
        old: "*result = run(update, old)?; } } Ok(rebased)",
        new: "*result = run(update, old)?; } }
            rebased.keys.retain(|change| change.pair().value().is_some());
            Ok(rebased)",
        breaks: &["(I2)"],
    },
    Mutant {
        name: "a retry without tokens",
        exploration: "one_fault",
        file: "commit/run.rs",
        old: "if self.verbs.in_doubt && header.tokens.contains(self.token) {",
        new: "if false {",
        breaks: &["(I2)", "(I3)", "(I6)"],
    },
    Mutant {
        name: "a retry after more commits than there are tokens",
        exploration: "more_commits",
        file: "commit/run.rs",
        old: "if self.verbs.in_doubt && !header.tokens.contains(tokens.newest()) {",
        new: "if false {",
        breaks: &["(I2)"],
    },
    Mutant {
        name: "a renewal that ignores the version",
        exploration: "renewal_is_due",
        file: "commit/run.rs",
        old: "async fn renew(&mut self, base: &Base) {",
        new: "async fn renew(&mut self, base: &Base) {
            let Ok(Some(newest)) = self.verbs.get(base.key).await else {
                return;
            };
            let base = &Base { version: newest.version, ..base.clone() };",
        breaks: &["(I2)", "(I3)"],
    },
    Mutant {
        name: "an add that is repeated under the same id",
        exploration: "two_first",
        file: "commit/run.rs",
        old: "while taken < TRIES { let id = SessionId::draw(&*self.settings.random)?;",
        new: "let id = SessionId::draw(&*self.settings.random)?; while taken < TRIES {",
        breaks: &["(I4)"],
    },
    Mutant {
        name: "a cookie from a renewal that did not go through",
        exploration: "renewal_is_due",
        file: "commit/run.rs",
        old: "if let Ok(Some(Replaced::Done(version))) = replace.await {",
        new: "let replaced = replace.await;
        {
            let version = match replaced {
                Ok(Some(Replaced::Done(version))) => version,
                _ => base.version,
            };",
        breaks: &["(I9)"],
    },
    Mutant {
        name: "a cookie with an interrupted answer",
        exploration: "one_fault",
        file: "commit/turn.rs",
        old: "if interrupted || matches!(outcome.found, Some(Found::Superseded)) {",
        new: "if matches!(outcome.found, Some(Found::Superseded)) {",
        breaks: &["(I4)"],
    },
    Mutant {
        name: "a superseded write that makes a session",
        exploration: "retired",
        file: "commit/plan.rs",
        old: "Presence::Superseded if recorded => Plan::Interrupt,",
        new: "Presence::Superseded if data => Plan::Create,",
        breaks: &["(I9)", "(I10)"],
    },
    Mutant {
        name: "a 5xx that swallows a saved cookie",
        exploration: "one_fault",
        file: "session/commits.rs",
        old: "if !cell.committing && cell.state.is_settled(&settings.lifetimes) {",
        new: "if failed {
                cell.state.owe(None);
            }
            if !cell.committing && cell.state.is_settled(&settings.lifetimes) {",
        breaks: &["(I3)", "(I9)"],
    },
    Mutant {
        name: "a merge over another secret",
        exploration: "one_fault",
        file: "commit/run.rs",
        old: "if header.secret != secret ||",
        new: "if false ||",
        breaks: &["(I2)", "(I9)", "(I10)"],
    },
    Mutant {
        name: "a logout that is called done when nobody knows",
        exploration: "one_fault",
        file: "verbs.rs",
        old: "if let Some(deleted) = self.run(Verb::Delete, key, delete).await? { break deleted; }",
        new: "break self.run(Verb::Delete, key, delete).await?.unwrap_or(Deleted::Missing);",
        breaks: &["(I1)"],
    },
    Mutant {
        name: "a renaming that gives up where its answer is lost",
        exploration: "former_cookie",
        file: "commit/run.rs",
        old: "let _ = commit.write(base, false).await;",
        new: "let _ = async {
                let (ops, token) = (commit.operations, commit.token);
                let secret = Some(Secret::draw(&*settings.random)?);
                let draft = merge::write(settings, base, ops, token, secret, settings.now())?;
                let value = draft.record.bytes().clone();
                let ttl = draft.time_to_live;
                let replaced = commit.verbs.replace(base.key, base.version, value, ttl).await?;
                if let Some(Replaced::Done(version)) = replaced {
                    commit.written(base.handle, base.key, draft, version);
                }
                Ok::<_, Error>(())
            }
            .await;",
        breaks: &["(I3)"],
    },
    Mutant {
        name: "a refusal that compares nothing",
        exploration: "refuse",
        file: "commit/run.rs",
        old: "if self.operations.reads_differ(&base.record, &newest.record) {",
        new: "if false {",
        breaks: &["(I2)"],
    },
    Mutant {
        name: "a refusal that forgets who asked for all keys",
        exploration: "refuse",
        file: "reads.rs",
        old: "if self.all { return !old.eq(new); }",
        new: "",
        breaks: &["(I2)"],
    },
    Mutant {
        name: "a refusal that takes the result of an update for the request's own",
        exploration: "refuse",
        file: "operations.rs",
        old: "Ok(place) => matches!(self.keys[place], Change::Set(_)),",
        new: "Ok(_) => true,",
        breaks: &["(I2)"],
    },
    Mutant {
        name: "a login over a session that is not entered in the list",
        exploration: "two_at_a_users_sessions",
        file: "commit/run.rs",
        old: "Box::pin(roster::enroll(&mut self.verbs, roster, base.key, None)).await?;",
        new: "let _ = roster;",
        breaks: &["is missing from the list"],
    },
    Mutant {
        name: "a new session that is not confirmed",
        exploration: "two_at_a_users_sessions",
        file: "commit/run.rs",
        old: "Box::pin(roster::confirm(&mut self.verbs, roster, key)).await?;",
        new: "let _ = roster;",
        breaks: &[
            "is missing from the list",
            "lives on after EndAll",
            "and two may",
        ],
    },
    Mutant {
        name: "an end of all that marks nothing",
        exploration: "two_at_a_users_sessions",
        file: "roster/keep.rs",
        old: "changed |= !entry.ended;",
        new: "",
        breaks: &["is missing from the list", "lives on after EndAll"],
    },
    Mutant {
        name: "a list that does not ask whose session it is",
        exploration: "two_at_a_users_sessions",
        file: "roster/keep.rs",
        old: "Some(owner) if owner.roster != roster => Standing::Gone,",
        new: "",
        breaks: &[
            "the other user lost a session",
            "a login is lost without a cause",
            "are listed, and",
        ],
    },
    Mutant {
        name: "a limit that writes the new session before the old one ended",
        exploration: "two_at_a_users_sessions",
        file: "roster/keep.rs",
        old: "for key in sessions.ended() { end(verbs, roster, key).await?; } return Ok(());",
        new: "return Ok(());",
        breaks: &["and two may"],
    },
    Mutant {
        name: "a write over the session of another user",
        exploration: "two_at_a_users_sessions",
        file: "commit/run.rs",
        old: "|| self.operations.claims().contradicts(newest.owner())",
        new: "",
        breaks: &["are listed, and"],
    },
    Mutant {
        name: "an expired session that is struck off and not ended",
        exploration: "expires_while",
        file: "roster/keep.rs",
        old: "verbs.delete(key).await?; verbs.settings.watch.tell(Event::Expired, Some(key));",
        new: "verbs.settings.watch.tell(Event::Expired, Some(key));",
        breaks: &["is missing from the list"],
    },
    Mutant {
        name: "an end that leaves an expired session to itself",
        exploration: "expires_while",
        file: "roster/keep.rs",
        old: "Standing::Gone => return Ok(false),",
        new: "Standing::Gone | Standing::Expired => return Ok(false),",
        breaks: &["lives on after", "is missing from the list"],
    },
];

/// A copy of this crate whose sources can be changed.
struct Workshop(PathBuf);

impl Workshop {
    fn open() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants");
        std::fs::create_dir_all(&copy).unwrap();
        for name in ["Cargo.toml", "Cargo.lock", "README.md", "docs"] {
            if root.join(name).is_file() {
                std::fs::copy(root.join(name), copy.join(name)).unwrap();
            } else if root.join(name).is_dir() {
                mirror(&root.join(name), &copy.join(name));
            }
        }
        for folder in ["src", "benches", "examples", "tests"] {
            mirror(&root.join(folder), &copy.join(folder));
        }
        Self(copy)
    }

    /// Whether the explorer accepts the crate as it is now, and what it says.
    fn explore(&self, exploration: &str) -> (bool, String) {
        let output = Command::new(env!("CARGO"))
            .args([
                "test",
                "--quiet",
                "--all-features",
                "--test",
                "explorer",
                exploration,
            ])
            .current_dir(&self.0)
            // Where the dependencies are compiled already.
            .env(
                "CARGO_TARGET_DIR",
                Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap(),
            )
            .env("EXPLORER_STOP", "1")
            .env("RUST_BACKTRACE", "0")
            .env_remove("EXPLORER_SHARE")
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }
}

/// Makes `to` hold what `from` holds, and leaves files alone that are the same already.
fn mirror(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(to).unwrap().map(Result::unwrap) {
        if !from.join(entry.file_name()).exists() && entry.path().is_file() {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let copy = to.join(entry.file_name());
        if entry.path().is_dir() {
            if entry.file_name() != "target" {
                mirror(&entry.path(), &copy);
            }
        } else if std::fs::read(&copy).ok() != Some(std::fs::read(entry.path()).unwrap()) {
            std::fs::copy(entry.path(), copy).unwrap();
        }
    }
}

/// `source` with the one occurrence of `old`, up to white space, replaced.
fn replace_once(source: &str, old: &str, new: &str) -> String {
    let letters: Vec<(usize, char)> = source
        .char_indices()
        .filter(|(_, letter)| !letter.is_whitespace())
        .collect();
    let wanted: Vec<char> = old
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    let places: Vec<_> = letters
        .windows(wanted.len())
        .filter(|window| window.iter().map(|(_, letter)| letter).eq(&wanted))
        .map(|window| (window[0].0, window[window.len() - 1]))
        .collect();
    assert_eq!(
        places.len(),
        1,
        "a mutant's place must be there once: {old}"
    );
    let (begin, (end, last)) = places[0];
    format!(
        "{}{new}{}",
        &source[..begin],
        &source[end + last.len_utf8()..]
    )
}

#[test]
fn the_explorer_catches_every_weakening_of_the_commit() {
    let workshop = Workshop::open();
    let mut missed = Vec::new();
    for mutant in MUTANTS {
        let path = workshop.0.join("src").join(mutant.file);
        let source = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, replace_once(&source, mutant.old, mutant.new)).unwrap();
        let (accepted, text) = workshop.explore(mutant.exploration);
        std::fs::write(&path, source).unwrap();
        let said = mutant
            .breaks
            .iter()
            .find(|invariant| text.contains(*invariant));
        match said {
            Some(invariant) if !accepted => println!("{}: caught, {invariant}", mutant.name),
            _ => missed.push(format!("{}:\n{text}", mutant.name)),
        }
    }
    println!(
        "{} of {} mutants caught",
        MUTANTS.len() - missed.len(),
        MUTANTS.len()
    );
    assert!(missed.is_empty(), "not caught:\n{}", missed.join("\n\n"));
}
