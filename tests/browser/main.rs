//! What a real browser makes of it: Chromium, which these tests start and stop.
//!
//! A new test starts with `if let Some(browser) = browser()`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../support/mod.rs"]
mod support;

mod app;
mod cookies;
mod driver;
mod examples;
mod screens;
mod strangers;

use driver::Chromium;

/// A browser, unless `TEST_WITHOUT` leaves it out.
fn browser() -> Option<Chromium> {
    (!support::server::is_left_out("chromium")).then(Chromium::start)
}
