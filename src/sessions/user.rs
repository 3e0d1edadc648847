//! The sessions of a user: shown, and ended.

use super::PublicHandle;
use crate::error::Error;
use crate::expiry::Timestamp;
use crate::record::Record;
use crate::roster;
use crate::session::Session;
use crate::settings::Settings;
use crate::store::StoreKey;
use crate::verbs::Verbs;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// The sessions of one user. See the [module](super).
#[derive(Clone)]
pub struct UserSessions {
    settings: Arc<Settings>,
    roster: StoreKey,
}

impl UserSessions {
    pub(super) const fn new(settings: Arc<Settings>, roster: StoreKey) -> Self {
        Self { settings, roster }
    }

    /// The living sessions, in the order of their logins. Reads each of them.
    ///
    /// # Errors
    ///
    /// That of the store, or [`Undecodable`](crate::ErrorKind::Undecodable) if the list is damaged.
    pub async fn list(&self) -> Result<Vec<SessionInfo>, Error> {
        let mut list = Vec::new();
        let mut verbs = self.verbs();
        for key in roster::entries(&mut verbs, self.roster).await? {
            // Each has the whole time limit.
            if let Some(record) = roster::look(&mut self.verbs(), self.roster, key).await? {
                list.push(SessionInfo {
                    handle: self.handle(key),
                    key,
                    record,
                });
            }
        }
        Ok(list)
    }

    /// Ends the session with this handle. `false` if this user has no such session, or not any more.
    ///
    /// # Errors
    ///
    /// As [`list`](Self::list). Of the store: then it is not known whether the session has ended.
    pub async fn end(&self, handle: PublicHandle) -> Result<bool, Error> {
        let ended = self.end_those(|key| self.handle(key) == handle).await?;
        Ok(ended > 0)
    }

    /// Ends all sessions but this one, and returns how many: when a password changes, or on the user's
    /// word (OWASP ASVS 5.0, 7.4.3 and 7.5.2). A session that is not this user's, such as one in which a
    /// forgotten password is set anew, is none of them, and all end.
    ///
    /// # Errors
    ///
    /// As [`end`](Self::end). What has not ended is in the list still.
    pub async fn end_others(&self, session: &Session) -> Result<usize, Error> {
        let this = session.inner().cell().state.base().map(|base| base.key);
        self.end_those(|key| Some(key) != this).await
    }

    /// Ends all sessions, and returns how many. A login at the same moment may have ended some of them itself.
    ///
    /// # Errors
    ///
    /// As [`end`](Self::end). What has not ended is in the list still.
    pub async fn end_all(&self) -> Result<usize, Error> {
        self.end_those(|_| true).await
    }

    /// Puts an empty list in the place of one that cannot be read, with which every login of this user fails.
    /// `false` if the list can be read, or there is none. The sessions that it named live until their own end, and
    /// no list has them: end those by [what the user's row knows](crate::guide::users#what-survives-an-eviction).
    /// While servers of two versions of this crate run, a list that the older one cannot read may be a good one.
    ///
    /// # Errors
    ///
    /// That of the store.
    pub async fn reset(&self) -> Result<bool, Error> {
        roster::reset(&mut self.verbs(), self.roster).await
    }

    async fn end_those(&self, which: impl Fn(StoreKey) -> bool + Send) -> Result<usize, Error> {
        roster::mark(&mut self.verbs(), self.roster, which).await
    }

    fn handle(&self, key: StoreKey) -> PublicHandle {
        PublicHandle(self.settings.keyspace.public(&key))
    }

    fn verbs(&self) -> Verbs<'_> {
        Verbs::new(&self.settings)
    }
}

impl fmt::Debug for UserSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSessions").finish_non_exhaustive()
    }
}

/// What a user sees of one of their sessions.
#[derive(Clone)]
pub struct SessionInfo {
    handle: PublicHandle,
    key: StoreKey,
    record: Record,
}

impl SessionInfo {
    /// By this the session is ended.
    #[must_use]
    pub const fn handle(&self) -> PublicHandle {
        self.handle
    }

    /// When the session was created.
    #[must_use]
    pub fn created(&self) -> SystemTime {
        self.record.header().created.into()
    }

    /// When the session was last used, to the hour.
    #[must_use]
    pub fn last_used(&self) -> SystemTime {
        let hours = self.record.owner().map_or(0, |owner| owner.used);
        Timestamp::from_hours(hours).into()
    }

    /// When the user last proved in it who they are.
    #[must_use]
    pub fn authenticated_at(&self) -> Option<SystemTime> {
        let owner = self.record.owner()?;
        owner.authenticated_at.map(SystemTime::from)
    }

    /// What [`Session::set_label`] said; empty if nothing. Whatever shows it has to escape it.
    #[must_use]
    pub fn label(&self) -> &str {
        self.record.owner().map_or("", |owner| owner.label)
    }

    /// Whether it is this session.
    #[must_use]
    pub fn is(&self, session: &Session) -> bool {
        let cell = session.inner().cell();
        cell.state.base().is_some_and(|base| base.key == self.key)
    }
}

impl fmt::Debug for SessionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionInfo")
            .field("handle", &self.handle)
            .field("created", &self.created())
            .field("last_used", &self.last_used())
            .finish_non_exhaustive()
    }
}
