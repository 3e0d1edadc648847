//! One app with sessions, four times over, and the requests that all of them answer.
//!
//! The two programs of this package share it: `sessile-peers` takes the times and writes the results, and
//! `allocations` counts, since a counting allocator would slow down whoever allocates most.

pub mod apps;
pub mod requests;
