//! The session as a handler sees it.

mod commits;
mod inner;
mod running;
mod store_calls;
mod user;
mod waiting;

use inner::Shared;
pub(crate) use running::{Begun, Running};

use crate::cookie::Carried;
use crate::error::{Error, ErrorKind};
use crate::expiry::{Expiry, Timestamp};
use crate::id::SessionId;
use crate::key::AsKey;
use crate::operations::Update;
use crate::record::Pair;
use crate::settings::Settings;
use crate::state::{Found, State};
use crate::value::{decode, encode};
use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How often foreign code is run again because the session changed meanwhile. Far more than threads
/// need who share a session, so it ends only a closure that itself changes what it is given.
const TRIES: usize = 1000;

/// The session of a request.
///
/// It is a cheap handle: clones are the same session. A handler takes it as an extractor (feature
/// `axum`), or out of the request's extensions. Its methods work on memory and do not wait. What
/// was changed is written when the response is ready, merged with whatever other requests wrote
/// meanwhile; a 5xx response stores nothing but a logout ([`flush`](Self::flush)).
///
/// ```
/// use sessile::{Error, Session};
///
/// async fn add_to_cart(session: Session) -> Result<String, Error> {
///     session.update("cart", |cart: Option<Vec<String>>| {
///         let mut cart = cart.unwrap_or_default();
///         cart.push("apple".to_owned());
///         Some(cart)
///     })?;
///     let name: Option<String> = session.get("name")?;
///     Ok(format!("{}, it is in your cart", name.unwrap_or_default()))
/// }
/// ```
///
/// # Errors
///
/// Reading and changing fail with [`NotLoaded`](ErrorKind::NotLoaded) before the session is loaded,
/// and with the load's own error if that failed: a cache that is gone is not an empty session.
#[derive(Clone)]
pub struct Session {
    inner: Shared,
}

/// # Reading
impl Session {
    /// The value of a key, if there is one. Decodes this key and no other.
    ///
    /// ```
    /// # fn f(session: sessile::Session) -> Result<(), sessile::Error> {
    /// let visits = session.get::<u64>("visits")?.unwrap_or(0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Decode`](ErrorKind::Decode) if the value is of another type; the load's error.
    pub fn get<T: DeserializeOwned>(&self, key: impl AsKey<T>) -> Result<Option<T>, Error> {
        let key = key.as_key();
        let value = self.read(key)?;
        value.map(|value| decode(key, &value)).transpose()
    }

    /// The value of a key as JSON, whatever its type.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn get_value(&self, key: impl AsRef<str>) -> Result<Option<Value>, Error> {
        self.get::<Value>(key.as_ref())
    }

    /// Whether there is a value of this key.
    ///
    /// # Errors
    ///
    /// The load's error.
    pub fn contains_key(&self, key: impl AsRef<str>) -> Result<bool, Error> {
        self.access(|state| state.has(key.as_ref()))
    }

    /// All keys, sorted.
    ///
    /// # Errors
    ///
    /// The load's error.
    pub fn keys(&self) -> Result<Vec<String>, Error> {
        self.access(|state| {
            let keys = state
                .read_all()?
                .map(|(key, _)| String::from_utf8_lossy(key).into_owned());
            Ok(keys.collect())
        })
    }

    /// How many keys there are.
    ///
    /// # Errors
    ///
    /// The load's error.
    pub fn len(&self) -> Result<usize, Error> {
        self.access(|state| Ok(state.read_all()?.count()))
    }

    /// Whether there is no key.
    ///
    /// # Errors
    ///
    /// The load's error.
    pub fn is_empty(&self) -> Result<bool, Error> {
        self.access(|state| Ok(state.read_all()?.next().is_none()))
    }

    /// The id, to correlate requests with. `None` where nothing is stored yet, and from
    /// [`cycle_id`](Self::cycle_id) or [`flush`](Self::flush) to the commit.
    ///
    /// # Errors
    ///
    /// The load's error.
    pub fn id(&self) -> Result<Option<SessionId>, Error> {
        self.access(|state| state.id())
    }

    /// Whether nothing of this session is stored yet.
    ///
    /// # Errors
    ///
    /// The load's error.
    pub fn is_new(&self) -> Result<bool, Error> {
        self.access(|state| Ok(state.readable()?.is_none()))
    }

    /// Whether the store could not be reached and this session stands in, as
    /// [`OnStoreError::Anonymous`](crate::OnStoreError::Anonymous) says. Nothing of it is saved.
    ///
    /// # Errors
    ///
    /// The load's error.
    pub fn is_anonymous(&self) -> Result<bool, Error> {
        self.access(|state| {
            state.readable()?;
            Ok(matches!(state.found(), Found::Anonymous(_)))
        })
    }

    /// When the session was created; `None` where nothing is stored yet.
    ///
    /// # Errors
    ///
    /// The load's error.
    pub fn created(&self) -> Result<Option<SystemTime>, Error> {
        self.access(|state| {
            Ok(state
                .readable()?
                .map(|base| base.record.header().created.into()))
        })
    }

    /// Whether there are changes that no commit has stored yet. A value that was set to what it is
    /// anyway, or a missing key that was removed, is none.
    #[must_use]
    pub fn is_modified(&self) -> bool {
        self.inner.cell().state.is_modified()
    }

    /// Whether the session was used in any way: read, changed, or asked for its id.
    #[must_use]
    pub fn is_accessed(&self) -> bool {
        self.inner.cell().state.is_accessed()
    }

    /// Not generic, so that it is compiled once, as a whole.
    fn read(&self, key: &str) -> Result<Option<Bytes>, Error> {
        self.access(|state| state.read(key))
    }

    fn access<T>(&self, work: impl FnOnce(&mut State) -> Result<T, Error>) -> Result<T, Error> {
        let mut cell = self.inner.cell();
        cell.state.access();
        work(&mut cell.state)
    }
}

/// # Changing
impl Session {
    /// Sets the value of a key.
    ///
    /// ```
    /// # fn f(session: sessile::Session) -> Result<(), sessile::Error> {
    /// session.insert("visits", 1)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Encode`](ErrorKind::Encode) if the value cannot be stored and read back: it fails to
    /// serialize, nests over 64 levels, or has map keys that are no texts.
    /// [`TooLarge`](ErrorKind::TooLarge) if the session would grow over the limit of the layer. The
    /// load's error. In each case the session is as it was.
    ///
    /// JSON knows no NaN and no infinity: like `serde_json`, this stores them as null.
    pub fn insert<T: Serialize>(&self, key: impl AsKey<T>, value: T) -> Result<(), Error> {
        let (key, limit) = (key.as_key(), self.inner.settings().max_size);
        self.set(encode(key, &value, limit), limit)
    }

    /// Not generic, so that it is compiled once.
    fn set(&self, pair: Result<Pair, Error>, limit: usize) -> Result<(), Error> {
        let set = pair.and_then(|pair| self.access(|state| state.set(pair, limit)));
        set.inspect_err(|error| self.refused(error))
    }

    /// Changes the value of a key by a closure that gets what is there and returns what is to be.
    ///
    /// Where two requests update one key at the same time, none is lost: the second closure runs
    /// again, on what the first one stored. So it **may run again after the handler has ended**. It
    /// must have no side effects, and clone what it captures rather than give it away; the result
    /// in the handler is provisional.
    ///
    /// The closure is kept until the update is stored, or given up at the end of the request. Outside of
    /// one, and after the response, one that is never [saved](Self::save) is kept for as long as the session:
    /// if it captures its own session, for good.
    ///
    /// ```
    /// # fn f(session: sessile::Session) -> Result<(), sessile::Error> {
    /// let item = String::from("apple");
    /// let cart = session.update("cart", move |cart: Option<Vec<String>>| {
    ///     let mut cart = cart.unwrap_or_default();
    ///     cart.push(item.clone());
    ///     Some(cart)
    /// })?;
    /// assert!(cart.is_some());
    ///
    /// let visits = session.update("visits", |visits: Option<u64>| Some(visits.unwrap_or(0) + 1))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`insert`](Self::insert). [`Conflict`](ErrorKind::Conflict) if the
    /// closure itself changes the key, each time that it runs.
    pub fn update<T, F>(&self, key: impl AsKey<T>, update: F) -> Result<Option<T>, Error>
    where
        T: Serialize + DeserializeOwned,
        F: Fn(Option<T>) -> Option<T> + Send + Sync + 'static,
    {
        let (key, limit) = (key.as_key(), self.inner.settings().max_size);
        let name: Arc<str> = key.into();
        let run = move |old: Option<&[u8]>| -> Result<(Option<T>, Pair), Error> {
            let old = old.map(|value| decode(&name, value)).transpose()?;
            let new = update(old);
            let pair = match &new {
                Some(value) => encode(&name, value, limit)?,
                None => Pair::without_value(&name),
            };
            Ok((new, pair))
        };
        let run = Arc::new(run);
        let again = Arc::clone(&run);
        let again: Update = Arc::new(move |old| again(old).map(|(_, pair)| pair));
        let updated = self.exchange(
            key,
            |state, key| state.get(key),
            |old| run(old),
            |state, pair| state.update(again, pair, limit),
        );
        updated.inspect_err(|error| self.refused(error))
    }

    /// Removes a key and returns its value. A value of another type is an error, and stays.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn remove<T: DeserializeOwned>(&self, key: impl AsKey<T>) -> Result<Option<T>, Error> {
        let (key, limit) = (key.as_key(), self.inner.settings().max_size);
        self.exchange(
            key,
            State::read,
            |old| {
                let old = old.map(|old| decode(key, old)).transpose()?;
                Ok((old, Pair::without_value(key)))
            },
            |state, pair| state.set(pair, limit),
        )
    }

    /// Removes a key and returns its value as JSON, whatever its type. A value that is damaged, and no
    /// JSON, is an error too, and goes with an `insert` or [`clear`](Self::clear).
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn remove_value(&self, key: impl AsRef<str>) -> Result<Option<Value>, Error> {
        self.remove::<Value>(key.as_ref())
    }

    /// Removes all keys. The session lives on, under its id and with its expiry.
    pub fn clear(&self) {
        self.record(State::clear);
    }

    /// Gives the session another id when it is committed, and keeps its data: at each login, so
    /// that an id which an attacker knows or planted is worth nothing (OWASP ASVS 5.0, 7.2.4;
    /// Django's `cycle_key`). A session with nothing stored and no data stays without an id.
    ///
    /// A login that has to work even where the stored record cannot be read calls
    /// [`flush`](Self::flush) in its place, or after a read that failed.
    pub fn cycle_id(&self) {
        self.record(State::cycle);
    }

    /// Ends the session: its data goes, the entry is deleted, the cookie removed. Also with a 5xx,
    /// and also if it could not be loaded. What is inserted afterwards makes a new session.
    ///
    /// A logout that the store does not confirm answers 503.
    pub fn flush(&self) {
        self.record(State::flush);
    }

    /// Sets when the session ends: a [`Duration`] of inactivity, a [`SystemTime`], or an
    /// [`Expiry`]. It stays so in later requests, to the millisecond; a date that has passed is a
    /// [`flush`](Self::flush).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use sessile::Expiry;
    /// # fn f(session: sessile::Session, remember_me: bool) {
    /// const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);
    /// session.set_expiry(if remember_me { MONTH.into() } else { Expiry::BrowserSession });
    /// # }
    /// ```
    pub fn set_expiry(&self, expiry: impl Into<Expiry>) {
        let expiry = expiry.into().in_millis();
        let over = match expiry {
            Expiry::AfterInactivity(time) => time.is_zero(),
            Expiry::At(date) => Timestamp::from(date) <= self.inner.settings().now(),
            Expiry::Default | Expiry::BrowserSession => false,
        };
        self.record(|state| {
            if over {
                state.flush();
            } else {
                state.set_expiry(expiry);
            }
        });
    }

    /// Works on the value of a key, and then changes the key, if it still has that value. The work
    /// is foreign code and may use this very session, so no lock is held.
    fn exchange<T>(
        &self,
        key: &str,
        look: impl Fn(&mut State, &str) -> Result<Option<Bytes>, Error>,
        work: impl Fn(Option<&[u8]>) -> Result<(T, Pair), Error>,
        change: impl FnOnce(&mut State, Pair) -> Result<(), Error>,
    ) -> Result<T, Error> {
        for _ in 0..TRIES {
            let (old, revision) = self.access(|state| Ok((look(state, key)?, state.revision())))?;
            // The result is foreign too, so it is dropped after the lock, which is taken later.
            let (result, pair) = work(old.as_deref())?;
            let state = &mut self.inner.cell().state;
            if state.revision() == revision || state.get(key)? == old {
                change(state, pair)?;
                return Ok(result);
            }
        }
        Err(ErrorKind::Conflict.into())
    }

    fn record(&self, operation: impl FnOnce(&mut State)) {
        operation(&mut self.inner.cell().state);
    }

    /// A session that would be too large gets no further, so it is told here.
    fn refused(&self, error: &Error) {
        if error.kind() == ErrorKind::TooLarge {
            self.inner.tell(error);
        }
    }
}

/// # Expiry
impl Session {
    /// The expiry that was set for this session.
    ///
    /// # Errors
    ///
    /// The load's error.
    pub fn expiry(&self) -> Result<Expiry, Error> {
        self.access(|state| state.expiry())
    }

    /// When the session would end if this were its last request.
    ///
    /// # Errors
    ///
    /// The load's error.
    pub fn expiry_date(&self) -> Result<SystemTime, Error> {
        self.deadline(self.inner.settings().now())
            .map(SystemTime::from)
    }

    /// How long the session would last if this were its last request; never negative.
    ///
    /// # Errors
    ///
    /// The load's error.
    pub fn expiry_age(&self) -> Result<Duration, Error> {
        let now = self.inner.settings().now();
        Ok(self.deadline(now)?.since(now))
    }

    fn deadline(&self, now: Timestamp) -> Result<Timestamp, Error> {
        self.access(|state| state.deadline(&self.inner.settings().lifetimes, now))
    }
}

impl Session {
    /// The session of a request with these headers.
    pub(crate) fn of_request(
        settings: Arc<Settings>,
        headers: &HeaderMap,
        outer: Option<Self>,
    ) -> Self {
        Self {
            inner: Shared::of_request(settings, headers, outer),
        }
    }

    /// A session outside of a request.
    pub(crate) fn new(settings: Arc<Settings>, carried: Carried) -> Self {
        Self {
            inner: Shared::new(settings, carried),
        }
    }

    pub(crate) const fn inner(&self) -> &Shared {
        &self.inner
    }

    pub(crate) const fn inner_mut(&mut self) -> &mut Shared {
        &mut self.inner
    }

    /// The session of this cookie: this one, or that of a layer further out.
    pub(crate) fn of_cookie(&self, name: &str) -> Option<&Self> {
        let mut session = self;
        while session.inner.settings().cookie.name() != name {
            session = session.inner.outer()?;
        }
        Some(session)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("accessed", &self.is_accessed())
            .field("modified", &self.is_modified())
            .finish_non_exhaustive()
    }
}
