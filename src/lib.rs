//! Server-side sessions.

mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod id;
mod random;
pub mod store;

pub use id::{ParseIdError, SessionId};

/// What tests need to hold time and chance still. Unstable: outside of semver.
#[cfg(feature = "test-util")]
pub mod test_util {
    pub use crate::clock::{Clock, ManualClock};
    pub use crate::random::{Random, RandomError, SeededRandom};
}
