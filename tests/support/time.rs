//! Lengths of time, and a session's life under a clock that the test moves.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::browser::Browser;
use sessile::SessionLayer;
use sessile::test_util::{Clock as _, ManualClock};
use std::time::{Duration, SystemTime};

pub const MS: Duration = Duration::from_millis(1);
pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(60 * 60);
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The time of this clock.
pub fn now(clock: &ManualClock) -> SystemTime {
    clock.now()
}

impl Browser {
    /// Whether the session that holds `n` is there.
    pub async fn is_alive(&mut self, layer: &SessionLayer) -> bool {
        let alive = async |session: &sessile::Session| session.contains_key("n").unwrap();
        self.visit(layer, alive).await.0
    }

    /// The value of `n`.
    pub async fn n(&mut self, layer: &SessionLayer) -> Option<u32> {
        self.visit(layer, async |session: &sessile::Session| {
            session.get("n").unwrap()
        })
        .await
        .0
    }

    /// A browser with a session that holds `n` = 1.
    pub async fn with_n(layer: &SessionLayer) -> Self {
        let mut browser = Self::new();
        let insert = async |session: &sessile::Session| {
            session.load().await.unwrap();
            session.insert("n", 1).unwrap();
        };
        browser.visit(layer, insert).await;
        browser
    }
}
