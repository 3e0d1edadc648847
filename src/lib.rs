//! Server-side sessions for axum and any tower service.
//!
//! A [`SessionLayer`] reads the session's cookie, loads the session from a [`Store`](store::Store)
//! and puts a [`Session`] into the request's extensions. When the response is ready it writes what
//! was changed: it creates the session if there was none, and updates it only if it still exists.
//!
//! ```
//! # #[cfg(all(feature = "axum", feature = "memory"))] {
//! use axum::{Router, routing::{get, post}};
//! use sessile::{Error, Session, SessionLayer, store::MemoryStore};
//!
//! let app: Router = Router::new()
//!     .route("/", get(count))
//!     .route("/logout", post(logout))
//!     .layer(SessionLayer::new(MemoryStore::new()));
//!
//! async fn count(session: Session) -> Result<String, Error> {
//!     let visits = session.update("visits", |n: Option<u64>| Some(n.unwrap_or(0) + 1))?;
//!     Ok(format!("{} visits", visits.unwrap_or(0)))
//! }
//!
//! async fn logout(session: Session) {
//!     session.flush();
//! }
//! # }
//! ```
//!
//! The defaults are for https: a `__Host-id` cookie that is Secure, HttpOnly and SameSite=Lax. On a
//! developer's machine there is [`plain_http`](SessionLayerBuilder::plain_http).
//!
//! The [guides](guide) go on from here: a first app, a login, a store, errors, security.
//!
//! # Overlapping requests
//!
//! A browser sends several requests at once, and several of them change the session. Each records
//! what it did, and its commit applies that to the newest version in the store:
//!
//! * What different keys were set to is all kept. Of two values for one key, the later commit
//!   counts. An [`update`](Session::update) is run again on what the other request stored, so
//!   counters and lists lose nothing.
//! * A request may decide by what it read, and another one change that before the first one writes. With
//!   [`Conflict::Refuse`] the first one is answered with 409, and nothing of it is stored.
//! * After a logout ([`flush`](Session::flush)) no request brings the session back. One that was
//!   under way and wanted to write is answered with 400, and sets no cookie.
//! * A new id ([`cycle_id`](Session::cycle_id)) retires the old one in the same moment. Two live ids
//!   of one session do not exist.
//! * A response that is a 5xx stores nothing, but a logout is done; and what [`save`](Session::save) stored
//!   before it stays.
//! * If the store fails, the answer is 503 and the cookie is left alone. A store that is gone is
//!   not an empty session: reading returns the error, and routes that use no session work.
//!
//! The guide [*Requests that overlap*](guide::overlap) shows what gets lost without this, and how to
//! write handlers that lose nothing.
//!
//! # Moving over
//!
//! [From tower-sessions](guide::from_tower_sessions), with the sessions that are in Redis and in the terms of axum-login too, and
//! [from Django](guide::from_django): name by name, and what will differ.
//!
//! # Features
//!
//! | feature | what it adds | default |
//! |---|---|---|
//! | `axum` | the extractor, and errors as responses | yes |
//! | `memory` | [`MemoryStore`](store::MemoryStore) | yes |
//! | `redis` | [`RedisStore`](store::RedisStore) | |
//! | `memcached` | [`MemcachedStore`](store::MemcachedStore) | |
//! | `encryption` | [`EncryptedStore`](store::EncryptedStore), around any other store | |
//! | `tracing` | [log events](observe), under the target `sessile` | |
//! | `conformance` | the test suite for stores of your own | |
//! | `test-util` | [`test_util`](crate::guide::testing): what an app needs to test itself; outside of semver | |
//!
//! A feature only adds: it never changes how something behaves.

#![cfg_attr(docsrs, feature(doc_cfg))]
// Here and not in Cargo.toml, since tests and examples may.
#![warn(clippy::unwrap_used, clippy::expect_used)]

mod assurance;
mod body;
#[cfg_attr(
    not(any(feature = "memory", feature = "tracing")),
    allow(dead_code, reason = "the uptime is for that store and the log")
)]
#[cfg_attr(
    not(feature = "test-util"),
    allow(unreachable_pub, reason = "public for tests")
)]
mod clock;
mod commit;
mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
mod cookie;
mod error;
mod expiry;
#[cfg(feature = "axum")]
mod extract;
mod future;
#[cfg(any(doc, doctest))]
pub mod guide;
mod id;
mod key;
mod layer;
mod load;
mod log;
pub mod observe;
mod operations;
mod owner;
#[cfg_attr(
    not(feature = "test-util"),
    allow(unreachable_pub, unnameable_types, reason = "public for tests")
)]
mod random;
mod reads;
mod record;
mod response;
mod roster;
mod service;
mod session;
pub mod sessions;
mod settings;
mod state;
pub mod store;
#[cfg(feature = "test-util")]
pub mod test_util;
mod time_limit;
mod value;
mod verbs;

pub use assurance::Assurance;
pub use body::ResponseBody;
pub use config::{ConfigError, SessionLayerBuilder};
pub use cookie::SameSite;
pub use error::{Error, ErrorKind};
pub use expiry::Expiry;
#[cfg(feature = "axum")]
pub use extract::{RecentLogin, RecentLoginRejection, SessionRejection};
pub use future::ResponseFuture;
pub use id::{ParseIdError, SessionId};
pub use key::{AsKey, Key};
pub use layer::SessionLayer;
pub use service::SessionService;
pub use session::Session;
pub use settings::{Conflict, Load, OnStoreError, Unreadable, WhenMany};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
