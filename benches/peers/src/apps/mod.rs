//! The same routes, each time with the sessions of another crate.
//!
//! All of them are set up for one job, as somebody would who has read the documentation: a session
//! in the memory of the process that lives for 14 days without use; a persistent cookie that is
//! Secure, HttpOnly, SameSite=Lax and bound to the host; a visitor without a session gets none
//! until a handler stores something; what was not changed is not saved; nothing runs in the
//! background meanwhile. Each app does everything else in its crate's own way. The routes:
//!
//! | route | what it does | answer |
//! |---|---|---|
//! | `/untouched` | nothing, and does not ask for the session | `ok` |
//! | `/read` | reads the number `visits` | `ok`, or `none` if it is not there |
//! | `/modify` | reads `visits` and stores it plus one | `ok` |
//! | `/create` | stores 1 as `visits` | `ok` |
//! | `/fill/{length}` | stores five texts of that length, and 1 as `visits` | `ok` |
//! | `/visits` | reads `visits` | the number |
//! | `/length` | reads the five texts | their length together |
//!
//! The last three are not timed. They are there to show that an app does its work.

pub mod over_redis;
mod plain;
mod with_axum_session;
mod with_sessile;
mod with_tower_sessions;

use axum::Router;

pub const DAYS: u64 = 14;
pub const TEXTS: [&str; 5] = ["address", "basket", "name", "theme", "user"];

/// An app by its name. All but the first two have sessions.
pub struct App {
    pub name: &'static str,
    pub router: Router,
    pub sessions: bool,
}

/// The place of the app in [`all`] whose layer inserts one `Arc`: what the others are compared with.
pub const ONE_ARC: usize = 1;

/// The apps. Needs to run in a Tokio runtime, for `axum_session`'s task.
pub fn all() -> [App; 5] {
    let app = |name, router, sessions| App {
        name,
        router,
        sessions,
    };
    [
        app("plain", plain::app(), false),
        app("one Arc", plain::with_one_arc(), false),
        app("sessile", with_sessile::app(), true),
        app("tower-sessions", with_tower_sessions::app(), true),
        app("axum_session", with_axum_session::app(), true),
    ]
}

fn answer(found: bool) -> &'static str {
    if found { "ok" } else { "none" }
}

async fn untouched() -> &'static str {
    answer(true)
}
