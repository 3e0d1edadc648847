//! Guides: longer texts for people, from the folder `docs`. There is no code here.

#[doc = include_str!("../docs/from-django.md")]
pub mod from_django {}

#[doc = include_str!("../docs/from-tower-sessions.md")]
pub mod from_tower_sessions {}

#[doc = include_str!("../docs/overlap.md")]
pub mod overlap {}

#[doc = include_str!("../docs/production.md")]
pub mod production {}

#[doc = include_str!("../docs/stores.md")]
pub mod stores {}
