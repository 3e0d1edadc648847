//! What a handler waits for: the load, the reload, the save.

use super::{Session, TRIES};
use crate::error::{Error, ErrorKind};
use crate::observe::{Call, Notes, Verb};
use crate::record::Record;
use crate::session::running::Begun;
use crate::state::Base;
use crate::store::Answer;
use crate::time_limit::TimeLimit;
use std::future::poll_fn;

/// # Store calls
///
/// These wait for the store. All else happens in memory.
impl Session {
    /// Loads the session, if it is not yet loaded: for layers with
    /// [`Load::OnAccess`](crate::Load::OnAccess), where neither the layer nor the extractor has.
    ///
    /// # Errors
    ///
    /// The load's error.
    pub async fn load(&self) -> Result<(), Error> {
        poll_fn(|cx| self.inner.poll_load(cx)).await
    }

    /// Reads the session again, to see what other requests wrote meanwhile, and applies the changes
    /// of this one to that. A load that failed is tried again.
    ///
    /// Under [`Conflict::Refuse`](crate::Conflict::Refuse) changes may rest on what was read. Once a `save` or
    /// `reload` has returned [`Stale`](ErrorKind::Stale), the next `reload` forgets them, and the
    /// handler begins anew:
    ///
    /// ```
    /// use sessile::{Error, ErrorKind, Session};
    ///
    /// async fn bid(session: Session, offer: u64) -> Result<bool, Error> {
    ///     loop {
    ///         if session.get("highest")?.is_some_and(|highest: u64| offer <= highest) {
    ///             return Ok(false);
    ///         }
    ///         session.insert("highest", offer)?;
    ///         match session.save().await {
    ///             Err(error) if error.kind() == ErrorKind::Stale => session.reload().await?,
    ///             saved => return saved.map(|()| true),
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Interrupted`](ErrorKind::Interrupted) or [`Expired`](ErrorKind::Expired) if the session has
    /// ended or its id was rotated. [`Stale`](ErrorKind::Stale) if another request changed what the
    /// changes of this one rest on. [`Conflict`](ErrorKind::Conflict) if an update does not fit what
    /// another request stored. The load's error.
    pub async fn reload(&self) -> Result<(), Error> {
        let _turn = self.inner.turn().await?;
        let settings = self.inner.settings();
        let loaded = self.inner.cell().state.retry_load();
        let Some(old) = loaded else {
            return self.load().await;
        };
        let (watch, mut notes) = (&settings.watch, Notes::default());
        let call = Call::begin(watch, old.key);
        let mut time_limit = TimeLimit::new(settings.time_limit);
        let entry = match settings.store.get(old.key) {
            Answer::Now(entry) => Ok(entry),
            Answer::Later(mut get) => time_limit.run(get.as_mut()).await,
        };
        call.end(Verb::Get, &entry, &mut time_limit, watch, &mut notes);
        watch.tell_all(notes);
        // Nothing was to be changed, so nothing is in doubt.
        let entry = entry?.map_err(|_| ErrorKind::Unavailable)?;
        let entry = entry.ok_or(ErrorKind::Interrupted)?;
        let record = Record::decode(entry.value).map_err(|_| ErrorKind::Undecodable)?;
        let header = record.header();
        if header.secret != old.record.header().secret {
            return Err(ErrorKind::Interrupted.into());
        }
        let now = settings.now();
        if now >= header.deadline {
            return Err(ErrorKind::Expired.into());
        }
        let base = Base {
            record,
            version: entry.version,
            at: now,
            ..old
        };
        self.rebase(&old.record, &base)
    }

    /// Commits the session now, as at the end of the request. The cookie that this asks for is sent
    /// with the response, whatever its status. A save that fails keeps the changes for the next, but
    /// for one that is [`Unknown`](ErrorKind::Unknown): its changes may be stored, and are not made
    /// a second time. What was given up with the response (a 5xx, a client that left, a commit that failed) is not
    /// stored by a later save. With nothing to store this is `Ok`, and the store is not asked. The absolute end
    /// of the session counts, the idle one does not.
    ///
    /// # Errors
    ///
    /// [`Interrupted`](ErrorKind::Interrupted) or [`Expired`](ErrorKind::Expired) if the session has
    /// ended or its id was rotated; [`Stale`](ErrorKind::Stale) if another request changed what this one
    /// read; [`ResponseSent`](ErrorKind::ResponseSent) if the response has gone
    /// and the change needs a cookie, or was given up with it while this waited; [`Unknown`](ErrorKind::Unknown) if it may or may not be stored;
    /// whatever else keeps it from being stored.
    pub async fn save(&self) -> Result<(), Error> {
        match self.inner.save() {
            Begun::Done(result) => result,
            Begun::Running(commit) => commit.await,
        }
    }

    /// Applies the changes to what was read anew.
    fn rebase(&self, old: &Record, base: &Base) -> Result<(), Error> {
        for _ in 0..TRIES {
            let (revision, pending) = {
                let state = &self.inner.cell().state;
                (state.revision(), state.pending().clone())
            };
            let renewed = pending.renew(old, &base.record);
            // So that nothing but the state holds the closures.
            drop(pending);
            let state = &mut self.inner.cell().state;
            if state.revision() == revision {
                let renewed = renewed.inspect_err(|error| state.told(error))?;
                state.rebased(base.clone(), renewed);
                return Ok(());
            }
        }
        Err(ErrorKind::Conflict.into())
    }
}
