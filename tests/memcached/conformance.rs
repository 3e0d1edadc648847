//! The conformance suite, over one server and over two.

use crate::servers::{memcached, store, tell};
use sessile::conformance;
use sessile::store::{Store as _, StoreKey};
use std::time::Duration;
use tokio::time::sleep;

/// Memcached counts in seconds.
const TTL: Duration = Duration::from_secs(4);

macro_rules! sentences {
    ($($sentence:ident)*; with time: $($timed:ident)*) => {
        $(
            #[tokio::test]
            async fn $sentence() {
                let server = memcached();
                conformance::$sentence(&store([&server])).await;
            }
        )*
        $(
            #[tokio::test]
            async fn $timed() {
                let server = memcached();
                conformance::$timed(&store([&server]), TTL, sleep).await;
            }
        )*
    };
}

sentences! {
    a_missing_key_reads_as_none
    add_creates
    add_never_overwrites
    replace_writes_what_it_is_given
    replace_never_creates
    replace_after_delete_is_missing
    delete_says_what_it_did
    delete_takes_any_version
    a_read_changes_nothing
    a_read_sees_the_last_write
    keys_are_apart
    any_bytes_are_kept
    replace_needs_the_expected_version
    the_same_bytes_get_another_version
    versions_never_come_back
    lifetimes_of_years_are_held
    of_many_adds_one_wins
    of_many_replaces_one_wins
    of_many_deletes_one_is_done
    concurrent_increments_are_all_counted
    a_deleted_entry_stays_dead
    reads_are_whole
    a_dropped_call_harms_nobody;
    with time:
    lifetimes_of_a_millisecond_end
    an_entry_ends_after_its_time_to_live
    each_write_sets_the_time_to_live
    a_refused_write_leaves_the_time_to_live
}

#[tokio::test]
async fn what_one_client_did_another_sees() {
    let server = memcached();
    let (one, another) = (store([&server]), store([&server]));
    conformance::what_one_client_did_another_sees(&one, &another).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sentence_over_two_servers_on_two_threads() {
    let servers = [memcached(), memcached()];
    conformance::all(&store(&servers), TTL, sleep).await;
}

#[tokio::test]
async fn what_one_client_of_two_servers_did_another_sees() {
    let servers = [memcached(), memcached()];
    // They agree on the places, in whichever order they name the servers.
    let (one, another) = (store(&servers), store(servers.iter().rev()));
    for _ in 0..20 {
        conformance::what_one_client_did_another_sees(&one, &another).await;
    }
}

#[tokio::test]
async fn the_server_keeps_entries_for_as_long_as_it_is_told() {
    let (server, key) = (memcached(), StoreKey::from_bytes([7; 32]));
    let store = store([&server]);
    const DAY: u64 = 24 * 60 * 60;
    for seconds in [1, 60, 30 * DAY - 1, 30 * DAY, 31 * DAY, 400 * DAY] {
        store
            .add(&key, "".into(), Duration::from_secs(seconds))
            .await
            .unwrap();
        let answer = tell(&server, &format!("mg test:{} t\r\n", key.to_text()));
        let left: u64 = answer
            .trim_end()
            .strip_prefix("HD t")
            .unwrap()
            .parse()
            .unwrap();
        // A lifetime of 30 days or more goes to it as a date. Its own date is counted in seconds from two
        // clocks of the machine and read once in a second, so it can be some behind.
        let behind = if seconds < 30 * DAY { 0 } else { 3 };
        assert!(
            (seconds..=seconds + 2 + behind).contains(&(left + 1)),
            "{seconds}: {left}"
        );
        store.delete(&key).await.unwrap();
    }
}
