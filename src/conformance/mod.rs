//! The test suite that every store runs: one function for each sentence of the
//! [contract](crate::store).
//!
//! A function panics if the store breaks its sentence, and the message begins with the
//! sentence's name. Each draws keys that nobody else uses, so the suite can run against a server
//! that others use too, and on many threads at once.
//!
//! [`all`] runs every sentence. As tests of their own they tell more, and stop at no other's failure:
//!
//! ```
//! use sessile::conformance;
//! use sessile::store::MemoryStore;
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! // An `Arc` of a store is a store, and can be cloned into threads.
//! let store = Arc::new(MemoryStore::new());
//! conformance::add_never_overwrites(&store).await;
//!
//! let ttl = Duration::from_millis(40);
//! conformance::each_write_sets_the_time_to_live(&store, ttl, tokio::time::sleep).await;
//!
//! conformance::all(&store, ttl, tokio::time::sleep).await;
//! # });
//! ```
//!
//! # What a store brings along
//!
//! * **Room** for a few hundred small entries and some of 64 KiB: a store that evicts must not evict the
//!   suite's.
//! * **Time.** The sentences about lifetimes take a time to live to test with, and a function
//!   that lets time pass: it sleeps, or moves a clock by hand. Take a time to live of at least
//!   four times what the backend is precise to: four seconds where it counts in seconds. They
//!   let about twice that pass.
//! * **Threads.** The sentences about overlap run real threads, so they ask for a store that
//!   can be cloned: an `Arc` of it will do. If they are called in a Tokio runtime of any kind,
//!   their threads use it too; a store that needs none gets none.
//!
//! # What it cannot show
//!
//! The suite sees a store that works. That a store reports [`in
//! doubt`](crate::store::StoreError::in_doubt) where it must, and never
//! [`Missing`](crate::store::Replaced::Missing) because of an error, takes a backend
//! that fails on purpose. And where clients keep anything of their own (a connection, a copy), run
//! [`what_one_client_did_another_sees`] with two of them. Where values have a limit, run
//! [`what_is_too_large_changes_nothing`] with one above it.

mod dropped;
mod entries;
mod judge;
mod lifetimes;
mod limits;
mod overlap;
mod versions;

pub use dropped::a_dropped_call_harms_nobody;
pub use entries::{
    a_missing_key_reads_as_none, a_read_changes_nothing, a_read_sees_the_last_write, add_creates,
    add_never_overwrites, any_bytes_are_kept, delete_says_what_it_did, delete_takes_any_version,
    keys_are_apart, replace_after_delete_is_missing, replace_never_creates,
    replace_writes_what_it_is_given, what_one_client_did_another_sees,
};
pub use lifetimes::{
    a_refused_write_leaves_the_time_to_live, an_entry_ends_after_its_time_to_live,
    each_write_sets_the_time_to_live, lifetimes_of_a_millisecond_end, lifetimes_of_years_are_held,
};
pub use limits::what_is_too_large_changes_nothing;
pub use overlap::{
    a_deleted_entry_stays_dead, concurrent_increments_are_all_counted, of_many_adds_one_wins,
    of_many_deletes_one_is_done, of_many_replaces_one_wins, reads_are_whole,
};
pub use versions::{
    replace_needs_the_expected_version, the_same_bytes_get_another_version,
    versions_never_come_back,
};

use crate::store::Store;
use std::time::Duration;

/// Runs every sentence that asks for one store.
///
/// `ttl` and `pass` are for the sentences about lifetimes: see the [module](self).
///
/// # Panics
///
/// If the store breaks a sentence: the message names it.
pub async fn all<S: Store + Clone>(store: &S, ttl: Duration, pass: impl AsyncFn(Duration)) {
    a_missing_key_reads_as_none(store).await;
    add_creates(store).await;
    add_never_overwrites(store).await;
    replace_writes_what_it_is_given(store).await;
    replace_never_creates(store).await;
    replace_after_delete_is_missing(store).await;
    delete_says_what_it_did(store).await;
    delete_takes_any_version(store).await;
    a_read_changes_nothing(store).await;
    a_read_sees_the_last_write(store).await;
    keys_are_apart(store).await;
    any_bytes_are_kept(store).await;

    replace_needs_the_expected_version(store).await;
    the_same_bytes_get_another_version(store).await;
    versions_never_come_back(store).await;

    lifetimes_of_years_are_held(store).await;
    lifetimes_of_a_millisecond_end(store, ttl, &pass).await;
    an_entry_ends_after_its_time_to_live(store, ttl, &pass).await;
    each_write_sets_the_time_to_live(store, ttl, &pass).await;
    a_refused_write_leaves_the_time_to_live(store, ttl, &pass).await;

    of_many_adds_one_wins(store).await;
    of_many_replaces_one_wins(store).await;
    of_many_deletes_one_is_done(store).await;
    concurrent_increments_are_all_counted(store).await;
    a_deleted_entry_stays_dead(store).await;
    reads_are_whole(store).await;

    a_dropped_call_harms_nobody(store).await;
}
