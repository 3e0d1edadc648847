//! The conformance suite: the memory store passes it, and each sentence catches the stores that
//! break it on purpose.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bytes::Bytes;
use futures_executor::block_on;
use sessile::conformance;
use sessile::store::{
    Added, Deleted, Entry, MemoryStore, Replaced, Store, StoreError, StoreKey, Version,
};
use sessile::test_util::ManualClock;
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const TTL: Duration = Duration::from_secs(4);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A memory store, and the clock that it lives by.
fn store_and_clock() -> (Arc<MemoryStore>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (
        Arc::new(MemoryStore::builder().clock(clock.clone()).build()),
        clock,
    )
}

mod the_memory_store_keeps {
    use super::*;

    macro_rules! sentences {
        ($($sentence:ident)*; with time: $($timed:ident)*) => {
            $(
                #[tokio::test]
                async fn $sentence() {
                    conformance::$sentence(&store_and_clock().0).await;
                }
            )*
            $(
                #[tokio::test]
                async fn $timed() {
                    let (store, clock) = store_and_clock();
                    conformance::$timed(&store, TTL, async |time| clock.advance(time)).await;
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
        all
    }

    #[tokio::test]
    async fn what_one_client_did_another_sees() {
        let store = store_and_clock().0;
        conformance::what_one_client_did_another_sees(&store, &Arc::clone(&store)).await;
    }

    #[tokio::test]
    async fn what_is_too_large_changes_nothing() {
        let store = MemoryStore::builder().max_bytes(1000).build();
        conformance::what_is_too_large_changes_nothing(&store, vec![0; 1000].into()).await;
    }

    #[test]
    fn every_sentence_without_a_tokio_runtime() {
        let (store, clock) = store_and_clock();
        block_on(conformance::all(&store, TTL, async |time| {
            clock.advance(time)
        }));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_sentence_on_many_threads_with_the_clock_of_the_system() {
        let store = Arc::new(MemoryStore::new());
        conformance::all(&store, Duration::from_millis(200), tokio::time::sleep).await;
    }
}

/// What a store can do wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    AddOverwrites,
    AddIsNotAtomic,
    ReplaceUpserts,
    ReplaceRevives,
    ReplaceIgnoresVersions,
    ReplaceIsNotAtomic,
    ReplaceLosesTheLifetime,
    ReplaceKeepsTheOldLifetime,
    AddHoldsForEver,
    RefusedAddRenews,
    ReadRenews,
    LongLifetimesAreThePast,
    MillisecondsAreForEver,
    VersionsBeginAgain,
    VersionsAreHashes,
    DeleteIsAlwaysDone,
    DeleteIsNotAtomic,
    DeleteOnlyHides,
    KeysLoseABit,
    ValuesAreText,
    ReadsAreOld,
    ReadsAreTorn,
    DroppedReadsLeaveTheirReply,
    TooLargeRemoves,
}

/// A store that does one thing wrong, around one that does all things right.
#[derive(Debug)]
struct Wrong {
    fault: Fault,
    inner: MemoryStore,
    /// What the fault needs to know of each key.
    values: Mutex<HashMap<StoreKey, (Bytes, Duration)>>,
    /// Counts the writes of each key's life.
    writes: Mutex<HashMap<StoreKey, u64>>,
    /// Replies that nobody has read yet.
    replies: Mutex<VecDeque<Option<Entry>>>,
}

impl Wrong {
    fn new(fault: Fault, clock: Arc<ManualClock>) -> Self {
        let inner = MemoryStore::builder().clock(clock).build();
        let (values, writes, replies) = Default::default();
        Self {
            fault,
            inner,
            values,
            writes,
            replies,
        }
    }

    fn key(&self, key: &StoreKey) -> StoreKey {
        let mut bytes = *key.as_bytes();
        if self.fault == Fault::KeysLoseABit {
            bytes[31] &= 0xfe;
        }
        StoreKey::from_bytes(bytes)
    }

    fn ttl(&self, ttl: Duration) -> Duration {
        match self.fault {
            Fault::LongLifetimesAreThePast if ttl > YEAR / 12 => Duration::ZERO,
            Fault::MillisecondsAreForEver if ttl < Duration::from_secs(1) => YEAR,
            _ => ttl,
        }
    }

    fn value(&self, value: Bytes) -> Bytes {
        match self.fault {
            Fault::ValuesAreText => String::from_utf8_lossy(&value).into_owned().into(),
            _ => value,
        }
    }

    /// The version that this store shows for the true one.
    fn shown(&self, key: &StoreKey, value: &[u8], version: Version) -> Version {
        match self.fault {
            Fault::VersionsBeginAgain => Version::new(self.writes.lock().unwrap()[key]),
            Fault::VersionsAreHashes => Version::new(
                value
                    .iter()
                    .fold(7, |hash, &byte| hash * 31 % 65521 + u64::from(byte)),
            ),
            _ => version,
        }
    }

    fn remember(&self, key: &StoreKey, value: &Bytes, ttl: Duration) {
        self.values
            .lock()
            .unwrap()
            .insert(*key, (value.clone(), ttl));
    }

    fn count_write(&self, key: &StoreKey) {
        *self.writes.lock().unwrap().entry(*key).or_default() += 1;
    }

    /// Writes without asking for the version.
    async fn overwrite(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Version, StoreError> {
        loop {
            let Some(entry) = self.inner.get(key).await? else {
                if let Added::Done(version) = self.inner.add(key, value.clone(), ttl).await? {
                    return Ok(version);
                }
                continue;
            };
            let replaced = self
                .inner
                .replace(key, entry.version, value.clone(), ttl)
                .await?;
            if let Replaced::Done(version) = replaced {
                return Ok(version);
            }
        }
    }
}

/// The time between a check and what stands on it.
fn gap() {
    thread::sleep(Duration::from_micros(50));
}

impl Store for Wrong {
    async fn get(&self, key: &StoreKey) -> Result<Option<Entry>, StoreError> {
        let key = &self.key(key);
        if self.fault == Fault::DroppedReadsLeaveTheirReply {
            let answer = self.inner.get(key).await?;
            self.replies.lock().unwrap().push_back(answer);
            tokio::task::yield_now().await;
            return Ok(self.replies.lock().unwrap().pop_front().flatten());
        }
        if self.fault == Fault::ReadsAreOld
            && let Some((value, _)) = self.values.lock().unwrap().get(key)
        {
            let version = Version::new(self.writes.lock().unwrap()[key]);
            return Ok(Some(Entry::new(value.clone(), version)));
        }
        let Some(entry) = self.inner.get(key).await? else {
            return Ok(None);
        };
        if self.fault == Fault::ReadsAreOld {
            self.remember(key, &entry.value, TTL);
            self.writes
                .lock()
                .unwrap()
                .insert(*key, entry.version.get());
        }
        if self.fault == Fault::ReadRenews {
            let ttl = self.values.lock().unwrap()[key].1;
            let value = entry.value.clone();
            self.inner.replace(key, entry.version, value, ttl).await?;
            return self.inner.get(key).await;
        }
        if self.fault == Fault::ReadsAreTorn {
            gap();
            let later = self.inner.get(key).await?;
            return Ok(later.map(|later| Entry::new(entry.value, later.version)));
        }
        let version = self.shown(key, &entry.value, entry.version);
        Ok(Some(Entry::new(entry.value, version)))
    }

    async fn add(&self, key: &StoreKey, value: Bytes, ttl: Duration) -> Result<Added, StoreError> {
        let (key, value, ttl) = (&self.key(key), self.value(value), self.ttl(ttl));
        let ttl = if self.fault == Fault::AddHoldsForEver {
            YEAR
        } else {
            ttl
        };
        match self.fault {
            Fault::AddOverwrites => return Ok(Added::Done(self.overwrite(key, value, ttl).await?)),
            Fault::AddIsNotAtomic => {
                if self.inner.get(key).await?.is_some() {
                    return Ok(Added::Exists);
                }
                gap();
                return Ok(Added::Done(self.overwrite(key, value, ttl).await?));
            }
            _ => {}
        }
        match self.inner.add(key, value.clone(), ttl).await? {
            Added::Done(version) => {
                if self.fault != Fault::ReadsAreOld {
                    self.remember(key, &value, ttl);
                    self.count_write(key);
                }
                Ok(Added::Done(self.shown(key, &value, version)))
            }
            Added::Exists => {
                if self.fault == Fault::RefusedAddRenews
                    && let Some(entry) = self.inner.get(key).await?
                {
                    self.inner
                        .replace(key, entry.version, entry.value, ttl)
                        .await?;
                }
                Ok(Added::Exists)
            }
        }
    }

    async fn replace(
        &self,
        key: &StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Replaced, StoreError> {
        let (key, value) = (&self.key(key), self.value(value));
        let ttl = match self.fault {
            Fault::ReplaceLosesTheLifetime => YEAR,
            Fault::ReplaceKeepsTheOldLifetime => self
                .values
                .lock()
                .unwrap()
                .get(key)
                .map_or(ttl, |&(_, old)| old),
            _ => self.ttl(ttl),
        };
        let current = self.inner.get(key).await?;
        let Some(current) = current else {
            let lived = self.values.lock().unwrap().contains_key(key);
            let creates = match self.fault {
                Fault::ReplaceUpserts => true,
                Fault::ReplaceRevives => lived,
                _ => false,
            };
            return Ok(if creates {
                Replaced::Done(self.overwrite(key, value, ttl).await?)
            } else {
                Replaced::Missing
            });
        };
        let shown = self.shown(key, &current.value, current.version);
        if shown != expected && self.fault != Fault::ReplaceIgnoresVersions {
            return Ok(Replaced::Conflict);
        }
        if self.fault == Fault::ReplaceIsNotAtomic {
            gap();
            return Ok(Replaced::Done(self.overwrite(key, value, ttl).await?));
        }
        let replaced = self
            .inner
            .replace(key, current.version, value.clone(), ttl)
            .await;
        if self.fault == Fault::TooLargeRemoves && replaced.is_err() {
            self.inner.delete(key).await?;
        }
        Ok(match replaced? {
            Replaced::Done(version) => {
                if self.fault != Fault::ReadsAreOld {
                    self.count_write(key);
                }
                Replaced::Done(self.shown(key, &value, version))
            }
            other => other,
        })
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        let key = &self.key(key);
        if self.fault == Fault::VersionsBeginAgain {
            self.writes.lock().unwrap().remove(key);
        }
        match self.fault {
            Fault::DeleteIsAlwaysDone => {
                self.inner.delete(key).await?;
                Ok(Deleted::Done)
            }
            Fault::DeleteIsNotAtomic => {
                let existed = self.inner.get(key).await?.is_some();
                gap();
                self.inner.delete(key).await?;
                Ok(if existed {
                    Deleted::Done
                } else {
                    Deleted::Missing
                })
            }
            Fault::DeleteOnlyHides => Ok(if self.inner.get(key).await?.is_some() {
                Deleted::Done
            } else {
                Deleted::Missing
            }),
            _ => self.inner.delete(key).await,
        }
    }
}

/// Runs a sentence against a wrong store and checks that it panics in its own name.
macro_rules! caught {
    ($($test:ident: $fault:ident by $sentence:ident $(($timed:ident))?;)*) => {
        $(
            #[test]
            fn $test() {
                let clock = Arc::new(ManualClock::new());
                let store = Arc::new(Wrong::new(Fault::$fault, clock.clone()));
                let verdict = catch_unwind(AssertUnwindSafe(|| {
                    caught!(@run store clock $sentence $($timed)?);
                }));
                let message = *verdict.expect_err("not caught").downcast::<String>().unwrap();
                let sentence = concat!(stringify!($sentence), ": ");
                assert!(message.starts_with(sentence), "caught by another sentence: {message}");
            }
        )*
    };
    (@run $store:ident $clock:ident $sentence:ident) => {
        block_on(conformance::$sentence(&$store))
    };
    (@run $store:ident $clock:ident $sentence:ident time) => {
        block_on(conformance::$sentence(&$store, TTL, async |time| $clock.advance(time)))
    };
}

mod a_wrong_store_is_caught {
    use super::*;

    caught! {
        that_overwrites_on_add: AddOverwrites by add_never_overwrites;
        that_lets_two_adds_of_one_key_succeed: AddIsNotAtomic by of_many_adds_one_wins;
        that_upserts_on_replace: ReplaceUpserts by replace_never_creates;
        that_revives_what_was_deleted: ReplaceRevives by replace_after_delete_is_missing;
        that_revives_under_threads: ReplaceRevives by a_deleted_entry_stays_dead;
        that_ignores_versions: ReplaceIgnoresVersions by replace_needs_the_expected_version;
        that_ignores_versions_of_late_writes: ReplaceIgnoresVersions by versions_never_come_back;
        that_is_not_atomic_under_threads: ReplaceIsNotAtomic by concurrent_increments_are_all_counted;
        that_lets_two_replaces_succeed: ReplaceIsNotAtomic by of_many_replaces_one_wins;
        that_revives_between_check_and_write: ReplaceIsNotAtomic by a_deleted_entry_stays_dead;
        that_loses_the_lifetime: ReplaceLosesTheLifetime by each_write_sets_the_time_to_live (time);
        that_keeps_the_old_lifetime: ReplaceKeepsTheOldLifetime by each_write_sets_the_time_to_live (time);
        that_never_ends: AddHoldsForEver by an_entry_ends_after_its_time_to_live (time);
        that_lives_longer_when_read: ReadRenews by an_entry_ends_after_its_time_to_live (time);
        that_renews_on_a_refused_add: RefusedAddRenews by a_refused_write_leaves_the_time_to_live (time);
        that_takes_a_long_lifetime_for_a_date: LongLifetimesAreThePast by lifetimes_of_years_are_held;
        that_takes_a_short_lifetime_for_ever: MillisecondsAreForEver by lifetimes_of_a_millisecond_end (time);
        that_reuses_versions_after_a_delete: VersionsBeginAgain by versions_never_come_back;
        that_derives_versions_from_the_bytes: VersionsAreHashes by the_same_bytes_get_another_version;
        that_says_done_for_missing: DeleteIsAlwaysDone by delete_says_what_it_did;
        that_lets_two_deletes_succeed: DeleteIsNotAtomic by of_many_deletes_one_is_done;
        that_only_says_it_deleted: DeleteOnlyHides by delete_says_what_it_did;
        that_hands_out_a_neighbours_entry: KeysLoseABit by keys_are_apart;
        that_keeps_only_text: ValuesAreText by any_bytes_are_kept;
        that_reads_bytes_and_version_apart: ReadsAreTorn by reads_are_whole;
        that_serves_old_copies: ReadsAreOld by a_read_sees_the_last_write;
        that_leaves_the_reply_to_a_dropped_read: DroppedReadsLeaveTheirReply by a_dropped_call_harms_nobody;
    }
    #[test]
    fn that_drops_an_entry_for_a_value_that_is_too_large() {
        let mut store = Wrong::new(Fault::TooLargeRemoves, Arc::new(ManualClock::new()));
        store.inner = MemoryStore::builder().max_bytes(1000).build();
        let verdict = catch_unwind(AssertUnwindSafe(|| {
            let value = vec![0; 1000].into();
            block_on(conformance::what_is_too_large_changes_nothing(
                &store, value,
            ));
        }));
        let message = *verdict
            .expect_err("not caught")
            .downcast::<String>()
            .unwrap();
        assert!(
            message.starts_with("what_is_too_large_changes_nothing: "),
            "{message}"
        );
    }
}
