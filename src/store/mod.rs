//! Where sessions are kept: the contract of a store, and the stores that come with the crate.
//!
//! A [`Store`] keeps bytes under 32-byte keys, each entry with a *version* and a *time to live*.
//! It has four verbs, and the whole safety of the sessions stands on two of their properties:
//!
//! * **Each verb is atomic on its key.** Of two that overlap, one comes first, and the other
//!   sees all of what it did.
//! * **`replace` and `delete` never create.** Once an entry is gone, only `add` makes one, and the
//!   layer adds a key once in its life. This is what keeps a session that was logged out dead.
//!
//! What is harmless and what is a hole:
//!
//! | a store that… | is |
//! |---|---|
//! | loses an entry (eviction, restart) | harmless: its user logs in again |
//! | keeps an entry too long | harmless: the record holds its own deadline |
//! | ends an entry too soon | a nuisance: users are logged out early |
//! | serves a `get` from a copy that may be old | **a hole**: a session that was logged out goes on |
//! | replaces an entry whose version is not the expected one | **a hole**: writes are lost |
//! | creates an entry in `replace` | **a hole**: sessions that were logged out come back |
//! | gives out a version that the key had before | **a hole**: a late write overwrites a newer one |
//! | reports [`Missing`](Replaced::Missing) because of an error | **a hole**: the layer takes it for a logout |
//!
//! # Writing a store
//!
//! Implement the four verbs (`async fn` works), and let the suite in
//! [`conformance`](crate::conformance) (a feature of that name) judge the result: one function for each
//! sentence of this contract. `examples/custom_store.rs` does both in under 80 lines. The values are
//! [`Bytes`] of the crate `bytes`, version 1.
//!
//! * A **version** is any number that this key never had before, also not in an earlier life: a
//!   counter of the whole store, the server's own compare-and-set number, or 64 random bits.
//! * The **time to live** starts with each write. It only collects rubbish: an entry that is a little too old is
//!   still judged by the deadline in its record. Lifetimes are from a millisecond to thousands of
//!   years (a session may be set to expire in the year 9999): a backend that cannot hold one
//!   (memcached above 30 days, say) maps it inside the store. An entry whose time is up is missing to
//!   every verb, also to `add`, which makes another.
//! * A **value** comes in a buffer of its own and of its size, which a store may keep as it is.
//! * **Room** is the store's own affair. It may drop any entry at any time to make some; its user
//!   logs in again. Or it refuses new ones, with [`StoreError::full`].
//! * An **error** is [`StoreError::unavailable`] only if the verb can have no effect, now or
//!   later. An answer that did not come is [`StoreError::in_doubt`].
//! * A future that is dropped in the middle may or may not have had its effect. It must
//!   not leave anything behind that another call could trip over: no half-read reply, no lock.
//! * Limits on time are the layer's: a store may wait as long as the network takes.

mod backend;
#[cfg(feature = "encryption")]
pub mod encrypted;
mod key;
#[cfg(feature = "memcached")]
pub mod memcached;
#[cfg(feature = "memory")]
pub mod memory;
#[cfg(any(feature = "redis", feature = "memcached"))]
#[cfg_attr(
    not(all(feature = "redis", feature = "memcached")),
    allow(dead_code, reason = "one store alone does not use all of it")
)]
mod network;
mod open;
#[cfg(feature = "redis")]
pub mod redis;

pub(crate) use backend::{Answer, Backend, BoxFuture};
#[cfg(feature = "encryption")]
pub use encrypted::{EncryptedStore, EncryptionKey};
pub(crate) use key::Keyspace;
pub use key::StoreKey;
#[cfg(feature = "memcached")]
pub use memcached::MemcachedStore;
#[cfg(feature = "memory")]
pub use memory::MemoryStore;
pub use open::{AnyStore, OpenError, open};
#[cfg(feature = "redis")]
pub use redis::RedisStore;

use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A place for sessions: four verbs, each atomic on one key.
///
/// See the [module](self) for the contract.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session store",
    note = "implement `sessile::store::Store` for it, or hand over `sessile::store::MemoryStore::new()`"
)]
pub trait Store: Send + Sync + 'static {
    /// Reads the entry: the bytes that the last write left, with their version.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`]: the answer could not be had. That an entry does not exist is no error.
    fn get(&self, key: &StoreKey)
    -> impl Future<Output = Result<Option<Entry>, StoreError>> + Send;

    /// Creates the entry if there is none, and changes nothing if there is one.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`]. That an entry exists is no error.
    fn add(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Duration,
    ) -> impl Future<Output = Result<Added, StoreError>> + Send;

    /// Replaces the entry if it exists and has the expected version. Never creates one.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`]. A missing entry and another version are no errors.
    fn replace(
        &self,
        key: &StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> impl Future<Output = Result<Replaced, StoreError>> + Send;

    /// Removes the entry, whatever its version.
    ///
    /// # Errors
    ///
    /// Any [`StoreError`]. A missing entry is no error.
    fn delete(&self, key: &StoreKey) -> impl Future<Output = Result<Deleted, StoreError>> + Send;
}

/// So that an app can share one store among layers and look at its figures.
#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for Arc<S> {
    fn get(
        &self,
        key: &StoreKey,
    ) -> impl Future<Output = Result<Option<Entry>, StoreError>> + Send {
        S::get(self, key)
    }

    fn add(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Duration,
    ) -> impl Future<Output = Result<Added, StoreError>> + Send {
        S::add(self, key, value, ttl)
    }

    fn replace(
        &self,
        key: &StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> impl Future<Output = Result<Replaced, StoreError>> + Send {
        S::replace(self, key, expected, value, ttl)
    }

    fn delete(&self, key: &StoreKey) -> impl Future<Output = Result<Deleted, StoreError>> + Send {
        S::delete(self, key)
    }
}

/// The version of an entry. One that has passed never comes back for the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version(u64);

impl Version {
    /// The version with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number of this version.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// What [`Store::get`] found.
#[derive(Clone)]
#[non_exhaustive]
pub struct Entry {
    /// The bytes that the last write left.
    pub value: Bytes,
    /// Which write that was.
    pub version: Version,
}

impl Entry {
    /// An entry with these bytes and this version.
    #[must_use]
    pub const fn new(value: Bytes, version: Version) -> Self {
        Self { value, version }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// What [`Store::add`] did. There is no third case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the protocol knows these cases and no others"
)]
pub enum Added {
    /// The entry was created, with this version.
    Done(Version),
    /// There is an entry already. Nothing was changed.
    Exists,
}

/// What [`Store::replace`] did. There is no fourth case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the protocol knows these cases and no others"
)]
pub enum Replaced {
    /// The entry was replaced, and has this version now.
    Done(Version),
    /// There is no entry. Nothing was created.
    Missing,
    /// The entry has another version than the expected one. Nothing was changed.
    Conflict,
}

/// What [`Store::delete`] did. There is no third case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the protocol knows these cases and no others"
)]
pub enum Deleted {
    /// The entry existed, and is gone.
    Done,
    /// There was no entry.
    Missing,
}

/// A verb that failed.
///
/// It says what the layer has to know and no more: the texts of client libraries can hold
/// passwords and session data, so a store logs them itself if they are safe, and drops them here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreError {
    pub(crate) kind: StoreErrorKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreErrorKind {
    Unavailable,
    InDoubt,
    TooLarge,
    Full,
}

impl StoreError {
    /// The verb had no effect and will have none: no connection, say, or the server refused it.
    #[must_use]
    pub const fn unavailable() -> Self {
        Self {
            kind: StoreErrorKind::Unavailable,
        }
    }

    /// The verb may have had its effect, or may have it yet: it was sent, and no answer came.
    #[must_use]
    pub const fn in_doubt() -> Self {
        Self {
            kind: StoreErrorKind::InDoubt,
        }
    }

    /// The value is larger than the store can hold. An entry that was there is unchanged.
    #[must_use]
    pub const fn too_large() -> Self {
        Self {
            kind: StoreErrorKind::TooLarge,
        }
    }

    /// The store is full and evicts nothing. An entry that was there is unchanged.
    #[must_use]
    pub const fn full() -> Self {
        Self {
            kind: StoreErrorKind::Full,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Unavailable => "the session store is unavailable",
            StoreErrorKind::InDoubt => {
                "the session store did not say whether it did what it was told"
            }
            StoreErrorKind::TooLarge => "the session is larger than the store can hold",
            StoreErrorKind::Full => "the session store is full",
        })
    }
}

impl std::error::Error for StoreError {}
