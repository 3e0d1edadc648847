//! Sessions in memcached, on one server or on several.
//!
//! For an app that outgrows one process and can bear that a restart of memcached logs users out: it keeps
//! everything in memory. It needs version 1.6 of the server, for its meta commands.
//!
//! ```no_run
//! use sessile::SessionLayer;
//! use sessile::store::MemcachedStore;
//!
//! let store = MemcachedStore::new("127.0.0.1:11211")?;
//! let layer = SessionLayer::new(store);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Several servers
//!
//! Each session has its place on one of the servers, by consistent hashing. When a server is gone its
//! sessions are *unavailable* (503), and go on when it is back. They never move: a server that comes back with
//! what it had would bring sessions to life that were ended meanwhile. To change the list of servers, stop all
//! instances of the app first; a server less or more costs the sessions of its share. For the same reason no proxy
//! that moves keys may stand in between.
//!
//! # Over TLS
//!
//! To servers that run with `-Z`, [`tls`](MemcachedStoreBuilder::tls) trusts what the system trusts,
//! [`tls_roots`](MemcachedStoreBuilder::tls_roots) what it is given, and
//! [`tls_identity`](MemcachedStoreBuilder::tls_identity) shows a certificate of the client's.
//!
//! # What to know about memcached
//!
//! * It evicts what was not used for the longest time when it is full: those users log in again. Give it
//!   room for all sessions, and do not share it with a cache that fills it.
//! * With `-M` it refuses writes instead. That is [`StoreError::full`], and memcached drops the entry
//!   that was to be replaced: users lose their sessions in either case, so do not use `-M`.
//! * With `-C` it has no versions, so it is refused.
//! * A value over its limit (1 MB, see its `-I`) is
//!   [`StoreError::too_large`], and what was there stays: the store asks for the limit when it connects, and sends
//!   nothing that is over it.
//! * It counts in seconds: an entry may stay up to two seconds too long. The last date it knows is in
//!   January 2038. Longer lifetimes end then, and from 30 days before it on all of them are at most 30 days.
//!   Lifetimes above 30 days are dates to it, so its clock and the app's should agree.
//! * A version is the server's own compare-and-set number. It counts all writes of the server's life, so
//!   it never comes back for a key while the server runs. A server that was restarted counts from 1 again, and
//!   is empty. A write that expects a number from before finds no entry: the layer adds a key
//!   once in its life.
//!
//! # Connections
//!
//! One connection for each server and each Tokio runtime, with all requests in flight on it. It is made at
//! the first use and kept up by a task, which ends with the store. While a server is known to be down, requests
//! fail at once, and it is tried every half second. For a server that does not answer, 16,384 requests and 16 MiB may wait;
//! what is more is [`StoreError::unavailable`], and so is a missing runtime.

mod address;
mod builder;
mod connect;
mod lifetime;
mod placement;
mod protocol;

pub use builder::{MemcachedConfigError, MemcachedStoreBuilder};

use super::network::Link;
use super::{Added, Deleted, Entry, Replaced, Store, StoreError, StoreKey, Version};
use address::Target;
use bytes::Bytes;
use lifetime::expiry;
use placement::Placement;
use protocol::{Command, Reply};
use std::fmt;
use std::time::{Duration, SystemTime};

/// A store on one or several memcached servers.
///
/// See the [module](self). To share it among layers, put it in an [`Arc`](std::sync::Arc), which is
/// a store too.
pub struct MemcachedStore {
    servers: Vec<Link<Target>>,
    placement: Placement,
    prefix: String,
}

impl MemcachedStore {
    /// A store on this server, with the defaults. It connects when it is first used.
    ///
    /// # Errors
    ///
    /// A [`MemcachedConfigError`] if the text is no `host` or `host:port`.
    pub fn new(server: impl Into<String>) -> Result<Self, MemcachedConfigError> {
        Self::builder().server(server).build()
    }

    /// A store with other settings, or on several servers.
    pub fn builder() -> MemcachedStoreBuilder {
        MemcachedStoreBuilder::new()
    }

    fn with(targets: Vec<Target>, prefix: String) -> Self {
        let names = targets.iter().map(|target| target.address.name());
        Self {
            placement: Placement::new(names),
            servers: targets.into_iter().map(Link::new).collect(),
            prefix,
        }
    }

    async fn ask(&self, key: &StoreKey, command: Command<'_>) -> Result<Reply, StoreError> {
        let server = &self.servers[self.placement.of(key)];
        let connection = server.connection().await?;
        if !command.fits(connection.protocol().max_item) {
            return Err(StoreError::too_large());
        }
        let reply = connection.ask(|out, tag| {
            command.write(out, &self.prefix, key, tag);
            (command.verb(), tag)
        });
        match reply.await? {
            Reply::TooLarge => Err(StoreError::too_large()),
            Reply::Full => Err(StoreError::full()),
            reply => Ok(reply),
        }
    }
}

impl fmt::Debug for MemcachedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemcachedStore")
            .field("servers", &self.servers)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Store for MemcachedStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Entry>, StoreError> {
        let mut reply = self.ask(key, Command::Get).await;
        if reply == Err(StoreError::in_doubt()) {
            // The connection was lost. To read again does no harm.
            reply = self.ask(key, Command::Get).await;
        }
        match reply? {
            Reply::Value(value, version) => Ok(Some(Entry::new(value, version))),
            Reply::Missing => Ok(None),
            _ => Err(StoreError::in_doubt()),
        }
    }

    async fn add(&self, key: &StoreKey, value: Bytes, ttl: Duration) -> Result<Added, StoreError> {
        let command = Command::Add {
            value: &value,
            expiry: expiry(ttl, SystemTime::now()),
        };
        match self.ask(key, command).await? {
            Reply::Stored(version) => Ok(Added::Done(version)),
            Reply::Exists => Ok(Added::Exists),
            _ => Err(StoreError::in_doubt()),
        }
    }

    async fn replace(
        &self,
        key: &StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Replaced, StoreError> {
        let command = Command::Replace {
            expected,
            value: &value,
            expiry: expiry(ttl, SystemTime::now()),
        };
        match self.ask(key, command).await? {
            Reply::Stored(version) => Ok(Replaced::Done(version)),
            Reply::Missing => Ok(Replaced::Missing),
            Reply::Conflict => Ok(Replaced::Conflict),
            _ => Err(StoreError::in_doubt()),
        }
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        match self.ask(key, Command::Delete).await? {
            Reply::Deleted => Ok(Deleted::Done),
            Reply::Missing => Ok(Deleted::Missing),
            _ => Err(StoreError::in_doubt()),
        }
    }
}
