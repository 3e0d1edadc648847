//! The kit for the tests of applications does what it says.

mod browser;
mod store;
