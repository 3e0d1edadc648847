//! Guides: longer texts for people, from the folder `docs`. There is no code here.

#[doc = include_str!("../docs/overlap.md")]
pub mod overlap {}
