//! Guides: longer texts for people, from the folder `docs`. There is no code here.

#[doc = include_str!("../docs/overlap.md")]
pub mod overlap {}

#[doc = include_str!("../docs/production.md")]
pub mod production {}

#[doc = include_str!("../docs/stores.md")]
pub mod stores {}

#[doc = include_str!("../docs/testing.md")]
pub mod testing {}
