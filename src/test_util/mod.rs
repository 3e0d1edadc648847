//! What an application needs to test itself: a browser's cookies, sessions made by hand, a store that
//! fails when it is told, and a clock that the test moves.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), sessile::Error> {
//! use axum::{Router, routing::get};
//! use sessile::test_util::{Browser, Fault, TestStore};
//! use sessile::{Error, Session, SessionLayer};
//!
//! async fn home(session: Session) -> Result<String, Error> {
//!     let user = session.get("user")?;
//!     Ok(user.unwrap_or_else(|| "nobody".to_owned()))
//! }
//!
//! let store = TestStore::new();
//! let layer = SessionLayer::new(store.clone());
//! let app = Router::new().route("/", get(home)).layer(layer.clone());
//!
//! let mut ann = Browser::with_session(&layer, |session| session.insert("user", "ann")).await?;
//! assert_eq!(ann.get(&app, "/").await.body(), "ann");
//!
//! store.fail_all(Fault::Unavailable);
//! assert_eq!(ann.get(&app, "/").await.status(), 503);
//! # Ok(())
//! # }
//! ```
//!
//! The guide [*Testing your app*](crate::guide::testing) has whole tests. Take the feature `test-util` among the
//! dev-dependencies: none of this belongs in production.
//!
//! Unstable: all of it is outside of semver. A minor version may change it, and the changelog says so.

mod browser;
mod faults;
mod store;

pub use crate::clock::{Clock, ManualClock};
pub use crate::observe::Verb;
pub use crate::random::{Random, RandomError, SeededRandom};
pub use browser::Browser;
pub use faults::{Fault, Gate};
pub use store::TestStore;
