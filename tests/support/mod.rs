//! What the tests share: a browser's cookie jar, a layer on a clock that stands still, and a store
//! that tests can hold up, break and look into.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "no test needs all of it"
)]

mod browser;
pub mod dice;
pub mod http;
pub mod log;
pub mod memcached;
pub mod proxy;
#[cfg(feature = "redis")]
pub mod redis;
mod script;
pub mod served;
pub mod server;
mod store;
mod time;
pub mod tls;
pub mod victim;
mod visit;

pub use browser::{Answer, Browser, assert_interrupted, assert_ok};
pub use script::{Started, kind_of, script, script_with, scripted};
pub use sessile::test_util::Verb;
pub use store::{Entries, Fault, Gate, TestStore};
pub use time::{DAY, HOUR, MINUTE, MS, SECOND, now};
pub use visit::{abandon, answer, headers, hold, hold_by, respond, settle};

use sessile::test_util::{ManualClock, SeededRandom};
use sessile::{SessionLayer, SessionLayerBuilder};
use std::sync::Arc;

/// How many calls to drop: `DROPS`, or else this.
pub fn drops(default: u32) -> u32 {
    let drops = std::env::var("DROPS").ok();
    drops.map_or(default, |drops| drops.parse().unwrap())
}

/// A layer with the defaults, over a store to look into, at a time that the test moves.
pub fn layer() -> (SessionLayer, TestStore, Arc<ManualClock>) {
    layer_with(|builder| builder)
}

/// The same with other settings.
pub fn layer_with(
    settings: impl FnOnce(SessionLayerBuilder) -> SessionLayerBuilder,
) -> (SessionLayer, TestStore, Arc<ManualClock>) {
    let (store, clock) = (TestStore::new(), Arc::new(ManualClock::new()));
    let builder = SessionLayer::builder(store.clone())
        .clock(clock.clone())
        .random(Arc::new(SeededRandom::new(7)));
    (settings(builder).build().unwrap(), store, clock)
}
