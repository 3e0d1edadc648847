//! Guides: longer texts for people, in the order in which to read them. There is no code here.
//!
//! * [A first app](first_app): from an empty folder to a page that knows its visitor.
//! * [Logging in safely](login): a new id, "remember me", a recent login, a new password, the logout, other sites.
//! * [Lifetimes](lifetimes): when a session ends, what the cookie does, and what a wrong clock does.
//! * [Choosing a store](stores): memory, Redis or memcached, and what survives what.
//! * [Running it in production](production): time limits, proxies, settings of the stores, encryption.
//! * [Monitoring](crate::observe): the events, in the log and as figures.
//! * [Requests that overlap](overlap): what gets lost, what does not, and why, with pictures.
//! * [The sessions of a user](users): a list of devices, "log out everywhere", a limit.
//! * [Testing your app](testing): logged-in users, expiry, a store that fails, overlaps that are forced.
//! * [Recipes](recipes): work after the response, an area of its own, several hosts, another origin, a deploy.
//! * [Errors and what to show](errors): each kind, its status, and what to say.
//! * [Security](security): the requirements of OWASP ASVS 5.0, and who sees to each.
//! * Moving over [from tower-sessions](from_tower_sessions), or [from Django](from_django).

// In a guide, a link is defined at the end, for a forge. Here the same words lead into these pages, since
// the first definition counts.

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/first-app.md")]
pub mod first_app {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/login.md")]
pub mod login {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/lifetimes.md")]
pub mod lifetimes {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/stores.md")]
pub mod stores {}

#[doc = include_str!("guide/links.md")]
// Its example of encryption runs where that is there.
#[cfg_attr(
    any(not(doctest), feature = "encryption"),
    doc = include_str!("../docs/production.md")
)]
pub mod production {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/overlap.md")]
pub mod overlap {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/users.md")]
pub mod users {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/recipes.md")]
pub mod recipes {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/errors.md")]
pub mod errors {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/security.md")]
pub mod security {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/from-tower-sessions.md")]
pub mod from_tower_sessions {}

#[doc = include_str!("guide/links.md")]
#[doc = include_str!("../docs/from-django.md")]
pub mod from_django {}
