//! The store in Redis or Valkey: sessions that several processes share, and that survive a restart of
//! the app.
//!
//! ```no_run
//! use sessile::{SessionLayer, store::RedisStore};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = RedisStore::builder()
//!     .server("redis.example.com:6379")
//!     .username("shop")
//!     .password(std::env::var("REDIS_PASSWORD")?)
//!     .key_prefix("shop:")
//!     .build()?;
//! let layer = SessionLayer::new(store);
//! # Ok(())
//! # }
//! ```
//!
//! Redis 6.2 and newer, or Valkey: a single server, the master that Sentinel names, or a cluster. The
//! [builder](RedisStoreBuilder) says how to reach them. There is one connection to each server in each Tokio
//! runtime, made when the first request needs it.
//!
//! # When the server is away
//!
//! Requests share the connection, and a task of its own keeps it up. While the server is known
//! to be away, every verb fails at once, and the task tries to connect again, once in half a second
//! at most, so that the store is back soon after the server is. A server that is connected and does not answer
//! counts as away after [a while](RedisStoreBuilder::answer_timeout). Until then, 16,384 requests and 16 MiB may
//! wait for it; what is more is [`StoreError::unavailable`], and so is a missing runtime.
//!
//! A connection is used only to a master: a replica could serve a session that was logged out. After a
//! failover the store asks the Sentinels, or the cluster, who the master is now.
//!
//! # What is stored
//!
//! A session is one string: eight bytes of version, then its record. Its key is the prefix and then
//! 43 characters in braces, as in `sessile:{wr0…}`. Every write sets a time to live. A `get` is a GET, an `add` a
//! SET with NX, a `delete` a DEL, and a `replace` a script that compares the version first; large
//! values are sent as a key of their own, which the script renames. That spare key has the same
//! name with an ending, lives for five seconds at most, and is in the same hash slot. So each verb is one round trip to one server.
//!
//! What somebody else put under such a key is never taken for a session: bytes that are no record, and a
//! key of another type, read as an entry that [cannot be read](crate::ErrorKind::Undecodable). A key without a time to live
//! is judged by the deadline in its record, and gets one with the next write.
//!
//! # What the server must allow
//!
//! * An ACL user needs the keys of the prefix (`~sessile:*`) and the commands `get set del eval
//!   evalsha getrange exists rename pexpire hello`, with `select` for a database other than 0, and for a
//!   cluster `cluster|slots asking`.
//! * `maxmemory-policy`: with `noeviction` a full server refuses new sessions (503); with one that evicts,
//!   users are logged out instead.
//! * Replication is asynchronous: a failover can lose the last writes, and so bring back a session that
//!   was logged out just before. `min-replicas-to-write` and `min-replicas-max-lag` shorten that time.

mod builder;
mod cluster;
mod dial;
mod given;
mod node;
mod protocol;
mod reply;
mod request;
mod scripts;
mod slots;

pub use builder::{RedisConfigError, RedisStoreBuilder};

use super::{Added, Deleted, Entry, Replaced, Store, StoreError, StoreKey, Version};
use crate::random::unique;
use base64_simd::URL_SAFE_NO_PAD;
use bytes::{Buf as _, Bytes};
use cluster::Cluster;
use given::Given;
use node::Node;
use reply::{Refusal, Reply};
use request::{Call, Request, Stored};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// From this size on a value is sent as a key of its own. Measured, that costs the server less from
/// 2.5 KB on, half at 20 KB, and the client a little more.
const LARGE: usize = 4 * 1024;
/// A Redis string holds no more.
const MAX_VALUE: usize = 512 << 20;
const VERSION: usize = size_of::<u64>();

/// A store in Redis or Valkey.
///
/// See the [module](self). To share it among layers, put it in an [`Arc`], which is a store too.
pub struct RedisStore {
    server: Server,
    prefix: Box<str>,
}

enum Server {
    One(Node),
    Cluster(Arc<Cluster>),
    Given(Box<dyn Given>),
}

impl RedisStore {
    /// How to reach the server. Without further settings it is the one on this machine.
    pub fn builder() -> RedisStoreBuilder {
        RedisStoreBuilder::new()
    }

    async fn send(&self, key: &str, request: &Request) -> Result<Reply, StoreError> {
        match &self.server {
            Server::One(node) => node.send(request).await,
            Server::Cluster(cluster) => cluster.send(key, request).await,
            Server::Given(given) => given::send(&**given, request).await,
        }
    }

    /// In braces, so that a name made from it is in the same hash slot.
    fn key(&self, key: &StoreKey) -> String {
        let mut text = String::with_capacity(self.prefix.len() + 45);
        text.push_str(&self.prefix);
        text.push('{');
        URL_SAFE_NO_PAD.encode_append(key.as_bytes(), &mut text);
        text.push('}');
        text
    }

    /// Replaces a value that comes as an argument of the script.
    async fn replace_small(
        &self,
        key: &str,
        expected: u64,
        value: &Stored<'_>,
        ttl: i64,
    ) -> Result<Reply, StoreError> {
        let lua = &scripts::SET;
        let request = |call| Request::script(call, key, expected, ttl, value);
        let reply = self.send(key, &request(Call::Digest(lua))).await?;
        if reply.refusal() == Some(&Refusal::NoScript) {
            self.send(key, &request(Call::Text(lua))).await
        } else {
            Ok(reply)
        }
    }

    /// Replaces a value that comes as a key of its own.
    async fn replace_large(
        &self,
        key: &str,
        expected: u64,
        value: &Stored<'_>,
        ttl: i64,
    ) -> Result<Reply, StoreError> {
        let lua = &scripts::RENAME;
        let spare = format!("{key}:{:016x}", value.version);
        let request = Request::spare(key, &spare, expected, ttl, value, lua);
        let reply = self.send(key, &request).await?;
        match (reply.first_refusal(), reply.refusal()) {
            // Without a spare key there is nothing for the script to do.
            (None, Some(Refusal::NoScript)) => {
                let request = Request::rename(key, &spare, expected, ttl, lua);
                self.send(key, &request).await
            }
            // The slot is on its way to another node, and only one key at a time can follow it.
            (_, Some(Refusal::Ask(_) | Refusal::TryAgain)) => {
                self.replace_small(key, expected, value, ttl).await
            }
            _ => Ok(reply),
        }
    }
}

impl Store for RedisStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Entry>, StoreError> {
        let key = self.key(key);
        let request = Request::get(&key);
        let reply = match self.send(&key, &request).await {
            // The connection was lost. A read can be repeated.
            Err(error) if error == StoreError::in_doubt() => self.send(&key, &request).await?,
            reply => reply?,
        };
        match reply {
            Reply::Nil => Ok(None),
            Reply::Bytes(bytes) => Ok(Some(entry(bytes))),
            Reply::Refused(Refusal::WrongType) => Ok(Some(entry(Bytes::new()))),
            _ => Err(StoreError::unavailable()),
        }
    }

    async fn add(&self, key: &StoreKey, value: Bytes, ttl: Duration) -> Result<Added, StoreError> {
        let (key, value) = (self.key(key), stored(&value)?);
        let request = Request::add(&key, &value, milliseconds(ttl));
        match self.send(&key, &request).await? {
            Reply::Done => Ok(Added::Done(Version::new(value.version))),
            Reply::Nil => Ok(Added::Exists),
            reply => Err(failure(&reply)),
        }
    }

    async fn replace(
        &self,
        key: &StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Replaced, StoreError> {
        let (key, value, ttl) = (self.key(key), stored(&value)?, milliseconds(ttl));
        let expected = expected.get();
        let reply = if value.record.len() < LARGE {
            self.replace_small(&key, expected, &value, ttl).await?
        } else {
            self.replace_large(&key, expected, &value, ttl).await?
        };
        match outcome(&reply) {
            Some(scripts::DONE) => Ok(Replaced::Done(Version::new(value.version))),
            Some(scripts::MISSING) => Ok(Replaced::Missing),
            Some(scripts::CONFLICT) => Ok(Replaced::Conflict),
            _ if reply.refusal() == Some(&Refusal::WrongType) => Ok(Replaced::Conflict),
            _ => Err(failure(&reply)),
        }
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        let key = self.key(key);
        match self.send(&key, &Request::delete(&key)).await? {
            Reply::Number(1) => Ok(Deleted::Done),
            Reply::Number(0) => Ok(Deleted::Missing),
            reply => Err(failure(&reply)),
        }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").finish_non_exhaustive()
    }
}

/// What is too short for a version is no record either.
fn entry(mut bytes: Bytes) -> Entry {
    match bytes.first_chunk() {
        Some(&version) => {
            bytes.advance(VERSION);
            Entry::new(bytes, Version::new(u64::from_be_bytes(version)))
        }
        None => Entry::new(Bytes::new(), Version::new(0)),
    }
}

/// A number that no write of any process had before.
fn stored(record: &Bytes) -> Result<Stored<'_>, StoreError> {
    if record.len() > MAX_VALUE - VERSION {
        return Err(StoreError::too_large());
    }
    Ok(Stored {
        version: unique(),
        record,
    })
}

/// At least one, and no more than the server can add to its time.
fn milliseconds(ttl: Duration) -> i64 {
    const MOST: i64 = i64::MAX / 2;
    let whole = ttl.as_nanos().div_ceil(1_000_000).max(1);
    i64::try_from(whole).unwrap_or(MOST).min(MOST)
}

/// What a script answered, alone or after the SET of a spare key.
fn outcome(reply: &Reply) -> Option<i64> {
    match reply {
        Reply::Number(number) => Some(*number),
        Reply::List(replies) => outcome(replies.last()?),
        _ => None,
    }
}

/// What a reply that is no outcome says about a write. When it is not certain that it had no effect, it
/// is in doubt.
fn failure(reply: &Reply) -> StoreError {
    match reply {
        Reply::Refused(Refusal::Full) => StoreError::full(),
        Reply::Refused(Refusal::Unknown) | Reply::Other => StoreError::in_doubt(),
        Reply::Refused(_) => StoreError::unavailable(),
        // Where the spare key was refused, the script had nothing to put in place.
        Reply::List(replies) => match &replies[..] {
            [refused @ Reply::Refused(_), _] => match failure(refused) {
                error if error == StoreError::full() => error,
                _ => StoreError::unavailable(),
            },
            [_, last] => failure(last),
            _ => StoreError::in_doubt(),
        },
        // The spare key is gone.
        Reply::Number(_) => StoreError::unavailable(),
        Reply::Nil | Reply::Done | Reply::Bytes(_) => StoreError::in_doubt(),
    }
}
