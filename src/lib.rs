//! Server-side sessions for axum and any tower service.

mod body;
#[cfg_attr(
    not(feature = "memory"),
    allow(dead_code, reason = "the uptime is for that store")
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
mod id;
mod key;
mod layer;
mod load;
mod log;
mod operations;
#[cfg_attr(
    not(feature = "test-util"),
    allow(unreachable_pub, unnameable_types, reason = "public for tests")
)]
mod random;
mod record;
mod response;
mod service;
mod session;
mod settings;
mod state;
pub mod store;
mod time_limit;
mod value;

pub use body::ResponseBody;
pub use config::{ConfigError, SessionLayerBuilder};
pub use cookie::SameSite;
pub use error::{Error, ErrorKind};
pub use expiry::Expiry;
#[cfg(feature = "axum")]
pub use extract::SessionRejection;
pub use future::ResponseFuture;
pub use id::{ParseIdError, SessionId};
pub use key::{AsKey, Key};
pub use layer::SessionLayer;
pub use service::SessionService;
pub use session::Session;
pub use settings::{Load, Unreadable};

/// What tests need to hold time and chance still. Unstable: outside of semver.
#[cfg(feature = "test-util")]
pub mod test_util {
    pub use crate::clock::{Clock, ManualClock};
    pub use crate::random::{Random, RandomError, SeededRandom};
}
