//! The one place that performs a commit.

use super::merge::{self, Draft};
use super::plan::Plan;
use crate::error::{Error, ErrorKind};
use crate::expiry::Timestamp;
use crate::id::{Handle, Secret, SessionId};
use crate::observe::Event;
use crate::operations::Operations;
use crate::record::Header;
use crate::roster;
use crate::settings::Settings;
use crate::state::{Base, Found};
use crate::store::{Added, Replaced, StoreKey, Version};
use crate::verbs::Verbs;
use http::HeaderValue;
use triomphe::Arc;

/// What a commit is given.
pub(crate) struct Job {
    pub(crate) plan: Plan,
    /// Where the store does not answer, nothing is done, and that is no error.
    pub(crate) may_fail: bool,
    pub(crate) base: Option<Base>,
    pub(crate) operations: Arc<Operations>,
    /// A session that is stored gets another id.
    pub(crate) rotates: bool,
    /// The updates among them were made on an older version than `base`.
    pub(crate) stale: bool,
    /// What a flush deletes.
    pub(crate) handles: Vec<Handle>,
}

/// What came of a commit, besides its result.
#[derive(Default)]
pub(crate) struct Outcome {
    /// What the session is now, if that changed.
    pub(crate) found: Option<Found>,
    pub(crate) cookie: CookieChange,
    /// It was to change a session that is stored, so what is in doubt may be done.
    pub(crate) was_write: bool,
    /// Others had come between.
    pub(crate) merged: bool,
    /// The deadline was moved, or the last use noted.
    pub(crate) renewed: bool,
}

/// What the browser has to be told.
#[derive(Default)]
pub(crate) enum CookieChange {
    #[default]
    Untouched,
    Set(HeaderValue),
    /// Wherever the request carried one.
    Remove,
}

/// What a write found instead of its base.
enum Seen {
    /// What it had written itself.
    Own,
    /// Its base, after all.
    Same,
    /// A version that it is to be merged with.
    Newer(Base),
}

/// Performs a commit. It has one budget of time, and works around one error of the store.
pub(crate) async fn run(
    settings: &Settings,
    job: &Job,
    outcome: &mut Outcome,
) -> Result<(), Error> {
    outcome.was_write = job.plan == Plan::Write;
    let mut commit = Commit {
        settings,
        operations: &job.operations,
        rotates: job.rotates,
        token: settings.random.unique(),
        verbs: Verbs::new(settings),
        outcome,
    };
    match (job.plan, &job.base) {
        (Plan::Create, _) => match commit.create().await {
            Err(error) if job.may_fail && error.is_of_store() => Ok(()),
            result => result,
        },
        (Plan::Write, Some(base)) => commit.write(base, job.stale).await,
        // Nobody asked for these, so whatever is in their way is no error.
        (Plan::Rename, Some(base)) => {
            let _ = commit.write(base, false).await;
            Ok(())
        }
        (Plan::Renew, Some(base)) => {
            commit.renew(base).await;
            Ok(())
        }
        (Plan::Flush { create }, _) => commit.flush(job, create).await,
        _ => Ok(()),
    }
}

struct Commit<'a> {
    settings: &'a Settings,
    operations: &'a Operations,
    rotates: bool,
    /// By this the commit recognises a write of its own.
    token: u64,
    verbs: Verbs<'a>,
    outcome: &'a mut Outcome,
}

impl Commit<'_> {
    /// Adds a record under an id that was never used. No id is tried twice, since an answer that
    /// got lost must not make two browsers share a session.
    async fn create(&mut self) -> Result<(), Error> {
        const TRIES: usize = 3;
        let (mut taken, mut enrolled) = (0, None);
        while taken < TRIES {
            let id = SessionId::draw(&*self.settings.random)?;
            let draft = merge::create(self.settings, id, self.operations, self.token)?;
            let key = self.settings.keyspace.key(&id.handle());
            let roster = self.operations.claims().roster;
            if let Some(roster) = roster {
                let before = enrolled.replace(key);
                Box::pin(roster::enroll(&mut self.verbs, roster, key, before)).await?;
            }
            let value = draft.record.bytes().clone();
            match self.verbs.add(key, value, draft.time_to_live).await? {
                Some(Added::Done(version)) => {
                    if let Some(roster) = roster {
                        Box::pin(roster::confirm(&mut self.verbs, roster, key)).await?;
                    }
                    self.written(id.handle(), key, draft, version);
                    return Ok(());
                }
                Some(Added::Exists) => taken += 1,
                None => {}
            }
        }
        Err(ErrorKind::CreationFailed.into())
    }

    /// Replaces the record, and merges with whoever comes between.
    async fn write(&mut self, base: &Base, stale: bool) -> Result<(), Error> {
        let rotation = match self.rotates {
            true => Some(Secret::draw(&*self.settings.random)?),
            false => None,
        };
        if let Some(roster) = self.operations.claims().roster {
            Box::pin(roster::enroll(&mut self.verbs, roster, base.key, None)).await?;
        }
        // In a box, as all that few writes need: each would carry the room for it along.
        let mut rebased = if stale {
            let operations = self.operations.rebase(&base.record)?;
            Some(Box::new((base.clone(), operations)))
        } else {
            None
        };
        let mut conflicts = 0;
        loop {
            let (base, operations) = match rebased.as_deref() {
                Some((base, operations)) => (base, operations),
                None => (base, self.operations),
            };
            let now = self.settings.now();
            let header = base.record.header();
            if now >= self.settings.lifetimes.limit(header.expiry, header.created) {
                return Err(self.verbs.give_up(ErrorKind::Expired));
            }
            let draft = merge::write(self.settings, base, operations, self.token, rotation, now)?;
            let value = draft.record.bytes().clone();
            let replace = self
                .verbs
                .replace(base.key, base.version, value, draft.time_to_live);
            match replace.await? {
                Some(Replaced::Done(version)) => {
                    self.written(base.handle, base.key, draft, version);
                    return Ok(());
                }
                Some(Replaced::Missing) => return Err(ErrorKind::Interrupted.into()),
                Some(Replaced::Conflict) => conflicts += 1,
                None if !self.verbs.in_doubt => continue,
                None => {}
            }
            match Box::pin(self.look_again(base, draft, conflicts)).await? {
                Seen::Own => return Ok(()),
                Seen::Same => {}
                Seen::Newer(newest) => {
                    self.verbs.in_doubt = false;
                    if self.operations.reads_differ(&base.record, &newest.record) {
                        return Err(ErrorKind::Stale.into());
                    }
                    self.outcome.merged = true;
                    let operations = self.operations.rebase(&newest.record)?;
                    rebased = Some(Box::new((newest, operations)));
                }
            }
        }
    }

    /// Reads what is there instead of `base`, after a conflict or in doubt.
    async fn look_again(
        &mut self,
        base: &Base,
        draft: Draft,
        conflicts: u32,
    ) -> Result<Seen, Error> {
        let Header { secret, tokens, .. } = base.record.header();
        // Before the `get`, not after it: what is read now is to be replaced at once.
        self.verbs.wait(conflicts).await?;
        let Some(entry) = self.verbs.get(base.key).await? else {
            return Err(ErrorKind::Interrupted.into());
        };
        let (version, newest) = (entry.version, self.verbs.read(entry)?);
        let header = newest.header();
        if self.verbs.in_doubt && header.tokens.contains(self.token) {
            // Done, and perhaps built upon already.
            if header.secret == draft.record.header().secret {
                let record = newest;
                let draft = Draft { record, ..draft };
                self.written(base.handle, base.key, draft, version);
            } else {
                self.outcome.found = Some(Found::Superseded);
            }
            return Ok(Seen::Own);
        }
        if self.verbs.in_doubt && !header.tokens.contains(tokens.newest()) {
            return Err(ErrorKind::Unknown.into());
        }
        if header.secret != secret || self.operations.claims().contradicts(newest.owner()) {
            return Err(ErrorKind::Interrupted.into());
        }
        let now = self.settings.now();
        if now >= header.deadline {
            return Err(ErrorKind::Expired.into());
        }
        Ok(if version == base.version {
            Seen::Same
        } else {
            Seen::Newer(Base {
                record: newest,
                version,
                at: now,
                ..*base
            })
        })
    }

    /// Moves the deadline.
    async fn renew(&mut self, base: &Base) {
        let draft = merge::renew(self.settings, base);
        let value = draft.record.bytes().clone();
        let replace = self
            .verbs
            .replace(base.key, base.version, value, draft.time_to_live);
        if let Ok(Some(Replaced::Done(version))) = replace.await {
            self.written(base.handle, base.key, draft, version);
        }
    }

    /// Deletes every session that the request has an id of. Unless all are confirmed, it is not
    /// called done.
    async fn flush(&mut self, job: &Job, create: bool) -> Result<(), Error> {
        for handle in &job.handles {
            let key = self.settings.keyspace.key(handle);
            if self.verbs.delete(key).await? {
                self.settings.watch.tell(Event::Ended, Some(key));
            }
        }
        if let Some(base) = &job.base
            && let Some(owner) = base.record.owner()
        {
            // Only tidies up: whoever reads the roster looks whether the sessions live.
            let _ = Box::pin(roster::leave(&mut self.verbs, owner.roster, base.key)).await;
        }
        self.outcome.found = Some(Found::Empty);
        self.outcome.cookie = CookieChange::Remove;
        if create {
            self.create().await?;
        }
        Ok(())
    }

    fn written(&mut self, handle: Handle, key: StoreKey, draft: Draft, version: Version) {
        let base = Base {
            handle,
            key,
            record: draft.record,
            version,
            at: draft.now,
            by_former_name: false,
        };
        if draft.send_cookie {
            self.outcome.cookie = self.cookie(&base, draft.now);
        }
        self.outcome.found = Some(Found::Loaded(base));
        self.outcome.renewed = draft.renews;
    }

    fn cookie(&self, base: &Base, now: Timestamp) -> CookieChange {
        let header = base.record.header();
        let ends_with_browser = self.settings.lifetimes.ends_with_browser(header.expiry);
        let age = header.deadline.since(now);
        let age = (!ends_with_browser).then_some(age);
        let cookie = self.settings.cookie.set(base.id(), age);
        cookie.map_or(CookieChange::Untouched, CookieChange::Set)
    }
}
