//! What all requests under one layer share.

use crate::clock::Clock;
use crate::cookie::{CookieTemplate, FormerName};
use crate::error::Error;
use crate::expiry::{Lifetimes, Timestamp};
use crate::observe::Watch;
use crate::random::Random;
use crate::store::{Backend, Keyspace};
use bytes::Bytes;
use std::sync::Arc;
use std::time::Duration;

/// When a session is read from the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Load {
    /// Before the inner service runs, so that every handler finds a loaded session.
    #[default]
    Eager,
    /// When it is first asked for: by the extractor, or by [`Session::load`](crate::Session::load).
    /// A route that does not ask costs no call to the store.
    OnAccess,
}

/// What becomes of a stored record that cannot be read: damaged, or of a newer version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Unreadable {
    /// Reads and inserts return the error, until the session is flushed.
    #[default]
    Fail,
    /// The session is empty. The record is left to its time to live, never overwritten. A list of a user's
    /// sessions is empty too, and the next login of that user does overwrite it.
    Empty,
}

/// What becomes of a request whose session cannot be had, since the store does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnStoreError {
    /// Reads and changes return the error, and a commit that fails answers it: a 503, most of the time.
    /// Whatever does not touch its session works.
    #[default]
    Fail,
    /// The request goes on with an empty session in memory, as an anonymous visitor's. Nothing of it
    /// is saved, and no cookie is set or removed: once the store is back, the user is logged in as before.
    ///
    /// **Whatever limits by counting then fails open**: attempts at a password, captchas that were not
    /// solved, votes. Each request finds its counter empty. Ask
    /// [`Session::is_anonymous`](crate::Session::is_anonymous) before you trust that nothing is there.
    ///
    /// Three things stay an error, since a visitor would take them for done: a login
    /// ([`cycle_id`](crate::Session::cycle_id)), a logout ([`flush`](crate::Session::flush)) and
    /// [`save`](crate::Session::save). So does a change to a session that was loaded before the
    /// store went away.
    Anonymous,
}

/// What becomes of a request whose session another one changed before it could write.
///
/// **Merge** is right wherever a request says what is to be done: set the language, add an item to the cart
/// ([`update`](crate::Session::update)), log out. Two of them at once are both done.
///
/// **Refuse** is for requests that read something, decide, and write what they decided: a bid above the
/// highest one, the last of some vouchers, the third page of a form whose first page another tab has changed.
/// What was decided on something old is not stored.
///
/// ```
/// # #[cfg(all(feature = "axum", feature = "memory"))] {
/// use sessile::{Conflict, Error, Session, SessionLayer, store::MemoryStore};
///
/// let layer = SessionLayer::builder(MemoryStore::new())
///     .conflict(Conflict::Refuse)
///     .build()?;
///
/// /// Of two requests at once that redeem the last voucher, one is answered with 409.
/// async fn redeem(session: Session) -> Result<&'static str, Error> {
///     let vouchers: u32 = session.get("vouchers")?.unwrap_or(0);
///     if vouchers == 0 {
///         return Ok("you have none left");
///     }
///     session.insert("vouchers", vouchers - 1)?;
///     session.insert("discount", true)?;
///     Ok("thank you")
/// }
/// # let _: axum::Router = axum::Router::new().route("/", axum::routing::post(redeem)).layer(layer);
/// # }
/// # Ok::<(), sessile::ConfigError>(())
/// ```
///
/// A session is one user's: what several users share, such as the stock of a shop, belongs in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Conflict {
    /// What the request did is applied to what the other one stored.
    #[default]
    Merge,
    /// The same, unless the other one changed a key that this request has read. Then nothing is written,
    /// and the answer is 409, [`Stale`](crate::ErrorKind::Stale).
    ///
    /// * A key is read by [`get`](crate::Session::get), [`get_value`](crate::Session::get_value),
    ///   [`contains_key`](crate::Session::contains_key), [`remove`](crate::Session::remove) and
    ///   [`remove_value`](crate::Session::remove_value), whatever else is done with it. All keys are read by
    ///   [`keys`](crate::Session::keys), [`len`](crate::Session::len),
    ///   [`is_empty`](crate::Session::is_empty) and [`clear`](crate::Session::clear).
    /// * [`insert`](crate::Session::insert) and [`update`](crate::Session::update) read nothing: an update
    ///   is applied again, and what it returned in the handler is provisional. Who reads the key after the update has
    ///   read it. Who reads a key after the request's own `insert` or `remove` has not.
    /// * What is no key is not read: the id, the times, the expiry, the user. The user and the time of the login
    ///   change with a login, which gives the session a new id, and then the answer is 400 as ever.
    /// * Values are compared as they are stored, when this request writes. One that was changed back by then has
    ///   not changed; a `HashMap` that was stored again may have.
    /// * A request that does not write is never refused, nor is a logout.
    /// * A [`save`](crate::Session::save) that wrote has settled what was read before. One that is
    ///   refused may be followed by a [`reload`](crate::Session::reload), which begins anew.
    Refuse,
}

/// What becomes of a login when its user has as many sessions as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenMany {
    /// The session whose login is longest ago is ended.
    EndOldest,
    /// The login is refused, with [`TooManySessions`](crate::ErrorKind::TooManySessions).
    Refuse,
}

/// How many sessions a user may have.
#[derive(Clone, Copy)]
pub(crate) struct SessionLimit {
    pub(crate) most: usize,
    pub(crate) when_many: WhenMany,
}

pub(crate) type ErrorResponse = dyn Fn(&Error) -> http::Response<Bytes> + Send + Sync;

pub(crate) struct Settings {
    pub(crate) store: Backend,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) cookie: CookieTemplate,
    pub(crate) former_names: Box<[FormerName]>,
    pub(crate) keyspace: Keyspace,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) load: Load,
    pub(crate) unreadable: Unreadable,
    pub(crate) on_store_error: OnStoreError,
    pub(crate) conflict: Conflict,
    pub(crate) session_limit: Option<SessionLimit>,
    /// In bytes, of a whole record.
    pub(crate) max_size: usize,
    pub(crate) time_limit: Duration,
    pub(crate) cache_control: bool,
    pub(crate) error_response: Arc<ErrorResponse>,
    pub(crate) watch: Watch,
}

impl Settings {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now().into()
    }
}
