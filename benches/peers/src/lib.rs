//! One app with sessions, several times over, and the requests that all of them answer.
//!
//! The programs of this package share it: `sessile-peers` takes the times with sessions in memory, `redis`
//! those over Redis, and both write the results. `allocations` and `redis_allocations` count, since a
//! counting allocator would slow down whoever allocates most.

pub mod apps;
pub mod plot;
pub mod redis_server;
pub mod requests;
pub mod table;
