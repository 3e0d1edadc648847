//! Sessions outside of a request, and the sessions of a user.
//!
//! [`SessionLayer::sessions`](crate::SessionLayer::sessions) is for jobs, administration, WebSockets and
//! tests: it creates, loads, changes and ends sessions as requests do, by the same rules.
//!
//! ```
//! # #[cfg(feature = "memory")] {
//! # futures_executor::block_on(async {
//! use sessile::{SessionLayer, store::MemoryStore};
//!
//! let layer = SessionLayer::new(MemoryStore::new());
//! let sessions = layer.sessions();
//!
//! let session = sessions.create();
//! session.insert("cart", ["apple"])?;
//! session.save().await?;
//!
//! let id = session.id()?.expect("it is stored");
//! let again = sessions.load(&id).await?.expect("it lives");
//! assert!(again.contains_key("cart")?);
//!
//! sessions.end(&id).await?;
//! assert!(sessions.load(&id).await?.is_none());
//! # Ok::<(), sessile::Error>(())
//! # }).unwrap();
//! # }
//! ```
//!
//! # The sessions of a user
//!
//! A login that calls [`Session::renew_for`] makes the session its user's. From then on it can be shown
//! to that user, and ended from elsewhere:
//!
//! ```
//! # #[cfg(feature = "memory")] {
//! # futures_executor::block_on(async {
//! # use sessile::{SessionLayer, store::MemoryStore};
//! # let sessions = SessionLayer::new(MemoryStore::new()).sessions();
//! let session = sessions.create();
//! session.renew_for("user 7")?;
//! session.set_label("Firefox on Linux");
//! session.save().await?;
//!
//! let theirs = sessions.of("user 7");
//! let list = theirs.list().await?;
//! assert_eq!(list[0].label(), "Firefox on Linux");
//! assert!(list[0].is(&session));
//!
//! theirs.end_others(&session).await?;
//! assert!(theirs.end(list[0].handle()).await?);
//! assert!(theirs.list().await?.is_empty());
//! # Ok::<(), sessile::Error>(())
//! # }).unwrap();
//! # }
//! ```
//!
//! Who does not use this pays nothing for it. Who does pays for two more round trips to the store at a
//! login (three where the login makes the session) and at a logout, and one write an hour while the session
//! is used, which says when that was.
//!
//! What can be relied on, also where requests overlap:
//!
//! * The list misses no living session. What has ended by itself is left out.
//! * When [`end_all`](UserSessions::end_all) has returned, no session of a login that was
//!   answered before it began is alive, and none comes back. A login that overlaps is either ended or
//!   answered after.
//! * There are never more sessions than
//!   [`sessions_per_user`](crate::SessionLayerBuilder::sessions_per_user) allows, however many logins there
//!   are at once.
//! * A handle of somebody else's session is as good as an unknown one.
//!
//! All of it presumes that the store keeps the list, which is one entry for each user. The memory store
//! evicts no list as long as there are sessions to evict. Redis and memcached cannot tell them apart: under an
//! eviction policy, a list may go while its sessions live, and then they are not listed and `end_all` does not
//! find them. Where *end all sessions* has to hold even so, keep a number in the user's row that
//! changes with it (as Django does with a hash of the password), put it into the session at login, and compare
//! the two when the user is looked up; the guide [*The sessions of a user*](crate::guide::users) and `examples/login` show it.

mod handle;
mod user;

pub use handle::{ParsePublicHandleError, PublicHandle};
pub use user::{SessionInfo, UserSessions};

use crate::cookie::Carried;
use crate::error::Error;
use crate::id::SessionId;
use crate::session::Session;
use crate::settings::Settings;
use crate::state::Found;
use http::HeaderValue;
use std::fmt;
use std::sync::Arc;

/// The sessions of a layer. See the [module](self).
#[derive(Clone)]
pub struct Sessions {
    settings: Arc<Settings>,
}

impl Sessions {
    pub(crate) const fn new(settings: Arc<Settings>) -> Self {
        Self { settings }
    }

    /// An empty session. It is stored when it is [saved](Session::save) with data in it.
    #[must_use]
    pub fn create(&self) -> Session {
        let session = self.session(Carried::NONE);
        session.inner().cell().state.loaded(Found::Empty);
        session
    }

    /// The session with this id; `None` if there is none, or not any more.
    ///
    /// # Errors
    ///
    /// That of the store, or [`Undecodable`](crate::ErrorKind::Undecodable).
    pub async fn load(&self, id: &SessionId) -> Result<Option<Session>, Error> {
        let session = self.session(Carried::of(*id));
        session.load().await?;
        let lives = session.inner().cell().state.base().is_some();
        Ok(lives.then_some(session))
    }

    /// Ends the session with this id, if there is one.
    ///
    /// # Errors
    ///
    /// That of the store: then it is not known whether the session has ended.
    pub async fn end(&self, id: &SessionId) -> Result<(), Error> {
        let session = self.session(Carried::of(*id));
        // To know whose it is. It can be ended without.
        let _ = session.load().await;
        session.flush();
        session.save().await
    }

    /// The value of a `Set-Cookie` header that gives a browser this session; `None` as long as that is
    /// not stored.
    ///
    /// # Errors
    ///
    /// The load's error.
    pub fn set_cookie(&self, session: &Session) -> Result<Option<HeaderValue>, Error> {
        let Some(id) = session.id()? else {
            return Ok(None);
        };
        let ends_with_browser = self.settings.lifetimes.ends_with_browser(session.expiry()?);
        let age = (!ends_with_browser)
            .then(|| session.expiry_age())
            .transpose()?;
        Ok(self.settings.cookie.set(id, age))
    }

    /// The value of a `Cookie` header that comes with this id, as a browser would send it. It is a
    /// secret, as the id is.
    ///
    /// # Panics
    ///
    /// Never: the name of the cookie was checked, and an id is base64url.
    #[must_use]
    #[expect(clippy::expect_used, reason = "both parts are tokens")]
    pub fn cookie(&self, id: &SessionId) -> HeaderValue {
        let text = format!("{}={}", self.settings.cookie.name(), id.expose());
        let mut value = HeaderValue::try_from(text).expect("both parts are tokens");
        value.set_sensitive(true);
        value
    }

    /// The sessions of a user, by what [`Session::renew_for`] was told.
    #[must_use]
    pub fn of(&self, principal: impl AsRef<[u8]>) -> UserSessions {
        let roster = self.settings.keyspace.roster(principal.as_ref());
        UserSessions::new(Arc::clone(&self.settings), roster)
    }

    fn session(&self, carried: Carried) -> Session {
        Session::new(Arc::clone(&self.settings), carried)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}
