//! What all requests under one layer share.

use crate::clock::Clock;
use crate::cookie::{CookieTemplate, FormerName};
use crate::error::Error;
use crate::expiry::{Lifetimes, Timestamp};
use crate::random::Random;
use crate::store::{ErasedStore, Keyspace};
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
    /// The session is empty. The record is left to its time to live, never overwritten.
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
    pub(crate) store: Arc<dyn ErasedStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) cookie: CookieTemplate,
    pub(crate) former_names: Box<[FormerName]>,
    pub(crate) keyspace: Keyspace,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) load: Load,
    pub(crate) unreadable: Unreadable,
    pub(crate) on_store_error: OnStoreError,
    pub(crate) session_limit: Option<SessionLimit>,
    /// In bytes, of a whole record.
    pub(crate) max_size: usize,
    pub(crate) time_limit: Duration,
    pub(crate) cache_control: bool,
    pub(crate) error_response: Arc<ErrorResponse>,
}

impl Settings {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now().into()
    }
}
