//! The store that a URL names, so that an app moves from one to another by a setting.

mod error;
#[cfg(feature = "memcached")]
mod memcached;
#[cfg(feature = "memory")]
mod memory;
#[cfg(feature = "redis")]
mod redis;
#[cfg_attr(
    not(any(feature = "memory", feature = "redis", feature = "memcached")),
    expect(dead_code, reason = "there is no store to hand its parts to")
)]
mod url;

pub use error::OpenError;

use super::{Added, Deleted, Entry, Replaced, Store, StoreError, StoreKey, Version};
use bytes::Bytes;
#[cfg(feature = "memcached")]
use memcached::memcached;
#[cfg(feature = "memory")]
use memory::memory;
#[cfg(feature = "redis")]
use redis::redis;
use std::fmt;
#[cfg(feature = "memory")]
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// The store that a URL names.
///
/// | URL | store |
/// |---|---|
/// | `memory:` | [`MemoryStore`](super::MemoryStore) |
/// | `redis://[user:password@]host[:6379][/database]` | [`RedisStore`](super::RedisStore), one server |
/// | `rediss://…` | the same over TLS |
/// | `redis+unix://[user:password@]/path/of/the/socket` | the same over a Unix socket |
/// | `redis+cluster://[user:password@]host[:6379],host…` | a Redis Cluster, by some of its nodes |
/// | `redis+sentinel://[user:password@]host[:26379],host…/master[/database]` | the master that these Sentinels name |
/// | `memcached://[user:password@]host[:11211],host…` | [`MemcachedStore`](super::MemcachedStore) on these servers |
///
/// Options follow as `?name=value&name=value`:
///
/// | option | of | meaning |
/// |---|---|---|
/// | `max_bytes`, `max_entries` | `memory:` | the bounds |
/// | `when_full` | `memory:` | `evict` or `refuse` |
/// | `key_prefix` | the others | what all keys begin with |
/// | `connect_timeout_ms`, `answer_timeout_ms` | the others | milliseconds |
/// | `database` | `redis+unix://` | its number |
/// | `tls` | `redis+cluster://`, `redis+sentinel://`, `memcached://` | `true` or `false` |
/// | `tls_roots` | Redis and memcached over TLS | a PEM file with the certificates to trust |
/// | `tls_certificate`, `tls_key` | Redis and memcached over TLS | PEM files with the client's own certificate and key |
/// | `sentinel_username`, `sentinel_password` | `redis+sentinel://` | the login of the Sentinels themselves |
///
/// In a user, a password or an option, characters that have a meaning in URLs are written as `%` and
/// two hexadecimal digits: `%40` for `@`, `%2F` for `/`.
///
/// The server is not asked yet: the store connects when it is first used, so an app also starts
/// while its cache is away.
///
/// ```
/// use sessile::{SessionLayer, store};
///
/// let url = std::env::var("SESSION_STORE").unwrap_or_else(|_| "memory:".to_owned());
/// let sessions = SessionLayer::new(store::open(&url)?);
/// # Ok::<(), store::OpenError>(())
/// ```
///
/// # Errors
///
/// An [`OpenError`] that says what to write.
pub fn open(url: &str) -> Result<AnyStore, OpenError> {
    let url = Url::parse(url)?;
    let any = match url.scheme {
        "memory" => memory(url)?,
        "redis" | "rediss" | "redis+unix" | "redis+cluster" | "redis+sentinel" => redis(url)?,
        "memcached" => memcached(url)?,
        _ => return Err(OpenError::UnknownScheme),
    };
    Ok(AnyStore(any))
}

#[cfg(not(feature = "memory"))]
fn memory(_: Url<'_>) -> Result<Any, OpenError> {
    Err(OpenError::MissingFeature { feature: "memory" })
}

#[cfg(not(feature = "redis"))]
fn redis(_: Url<'_>) -> Result<Any, OpenError> {
    Err(OpenError::MissingFeature { feature: "redis" })
}

#[cfg(not(feature = "memcached"))]
fn memcached(_: Url<'_>) -> Result<Any, OpenError> {
    Err(OpenError::MissingFeature {
        feature: "memcached",
    })
}

/// One of the stores of this crate, as [`open`] makes it.
pub struct AnyStore(Any);

enum Any {
    #[cfg(feature = "memory")]
    Memory(Arc<super::MemoryStore>),
    #[cfg(feature = "redis")]
    Redis(Box<super::RedisStore>),
    #[cfg(feature = "memcached")]
    Memcached(Box<super::MemcachedStore>),
}

#[cfg(feature = "memory")]
impl AnyStore {
    pub(super) const fn embedded(&self) -> Option<&Arc<super::MemoryStore>> {
        match &self.0 {
            Any::Memory(store) => Some(store),
            #[cfg(any(feature = "redis", feature = "memcached"))]
            _ => None,
        }
    }
}

macro_rules! with_each {
    ($any:expr, $store:ident => $verb:expr) => {
        match $any.0 {
            #[cfg(feature = "memory")]
            Any::Memory(ref $store) => $verb,
            #[cfg(feature = "redis")]
            Any::Redis(ref $store) => $verb,
            #[cfg(feature = "memcached")]
            Any::Memcached(ref $store) => $verb,
        }
    };
}

#[cfg_attr(
    not(any(feature = "memory", feature = "redis", feature = "memcached")),
    expect(unused_variables, reason = "there is no store to hand them to")
)]
impl Store for AnyStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Entry>, StoreError> {
        with_each!(self, store => store.get(key).await)
    }

    async fn add(&self, key: &StoreKey, value: Bytes, ttl: Duration) -> Result<Added, StoreError> {
        with_each!(self, store => store.add(key, value, ttl).await)
    }

    async fn replace(
        &self,
        key: &StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Replaced, StoreError> {
        with_each!(self, store => store.replace(key, expected, value, ttl).await)
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        with_each!(self, store => store.delete(key).await)
    }
}

#[cfg_attr(
    not(any(feature = "memory", feature = "redis", feature = "memcached")),
    expect(unused_variables, reason = "there is no store to print")
)]
impl fmt::Debug for AnyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        with_each!(self, store => store.fmt(f))
    }
}
