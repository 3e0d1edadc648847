//! The memory store: its bounds, what it evicts, how entries end, and its figures.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bytes::Bytes;
use futures_executor::block_on;
use sessile::store::memory::WhenFull;
use sessile::store::{
    Added, Deleted, Entry, MemoryStore, Replaced, Store, StoreError, StoreKey, Version,
};
use sessile::test_util::ManualClock;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, SystemTime};

const HOUR: Duration = Duration::from_secs(3600);
const TICK: Duration = Duration::from_nanos(1);

/// Different keys for different numbers, spread as hashes are.
fn key(number: u64) -> StoreKey {
    let mut state = number;
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&random(&mut state).to_le_bytes());
    }
    // The last bit is set in the keys of rosters.
    bytes[31] &= !1;
    StoreKey::from_bytes(bytes)
}

/// The key of a roster.
fn roster(number: u64) -> StoreKey {
    let mut bytes = *key(number).as_bytes();
    bytes[31] |= 1;
    StoreKey::from_bytes(bytes)
}

/// SplitMix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A store with a clock, and the verbs without the waiting.
struct Bench {
    store: MemoryStore,
    clock: Arc<ManualClock>,
}

impl Bench {
    fn new(max_bytes: usize, max_entries: usize, when_full: WhenFull) -> Self {
        let clock = Arc::new(ManualClock::new());
        let store = MemoryStore::builder()
            .max_bytes(max_bytes)
            .max_entries(max_entries)
            .when_full(when_full)
            .clock(clock.clone())
            .build();
        Self { store, clock }
    }

    fn unbounded() -> Self {
        Self::new(usize::MAX, usize::MAX, WhenFull::EvictLongestIdle)
    }

    fn entries(max_entries: usize) -> Self {
        Self::new(usize::MAX, max_entries, WhenFull::EvictLongestIdle)
    }

    fn get(&self, key: &StoreKey) -> Option<Entry> {
        block_on(self.store.get(key)).unwrap()
    }

    fn add(&self, key: &StoreKey, value: impl Into<Bytes>) -> Result<Added, StoreError> {
        block_on(self.store.add(key, value.into(), HOUR))
    }

    fn create(&self, key: &StoreKey, value: impl Into<Bytes>, ttl: Duration) -> Version {
        match block_on(self.store.add(key, value.into(), ttl)).unwrap() {
            Added::Done(version) => version,
            Added::Exists => panic!("exists already"),
        }
    }

    fn replace(
        &self,
        key: &StoreKey,
        expected: Version,
        value: impl Into<Bytes>,
    ) -> Result<Replaced, StoreError> {
        block_on(self.store.replace(key, expected, value.into(), HOUR))
    }

    fn delete(&self, key: &StoreKey) -> Deleted {
        block_on(self.store.delete(key)).unwrap()
    }
}

/// What an entry is charged over its value.
fn place() -> usize {
    let bench = Bench::unbounded();
    bench.create(&key(0), "", HOUR);
    bench.store.bytes()
}

#[test]
fn an_entry_is_charged_its_value_its_key_and_its_place() {
    let bench = Bench::unbounded();
    let version = bench.create(&key(1), vec![0; 300], HOUR);
    assert_eq!(bench.store.bytes(), 300 + place());
    assert!(
        (32 + 100..32 + 150).contains(&place()),
        "a place takes {}",
        place()
    );

    bench.create(&key(2), vec![0; 50], HOUR);
    assert_eq!(bench.store.bytes(), 350 + 2 * place());
    let Ok(Replaced::Done(version)) = bench.replace(&key(1), version, vec![0; 400]) else {
        panic!("not replaced")
    };
    assert_eq!(bench.store.bytes(), 450 + 2 * place());
    bench.replace(&key(1), version, "").unwrap();
    assert_eq!(bench.store.bytes(), 50 + 2 * place());

    bench.delete(&key(1));
    bench.delete(&key(2));
    assert_eq!((bench.store.bytes(), bench.store.len()), (0, 0));
    assert!(bench.store.is_empty());
}

#[test]
fn there_are_never_more_entries_than_the_bound() {
    let bench = Bench::entries(100);
    for number in 0..1000 {
        bench.create(&key(number), "value", HOUR);
        assert!(bench.store.len() <= 100);
    }
    assert_eq!((bench.store.len(), bench.store.evicted()), (100, 900));
    assert_eq!(bench.store.expired(), 0);
}

#[test]
fn there_are_never_more_bytes_than_the_bound() {
    let bound = 100 * (300 + place());
    let bench = Bench::new(bound, usize::MAX, WhenFull::EvictLongestIdle);
    let mut state = 1;
    for number in 0..2000 {
        let length = usize::try_from(random(&mut state) % 600).unwrap();
        bench.create(&key(number), vec![0; length], HOUR);
        assert!(bench.store.bytes() <= bound);
    }
    assert!(
        bench.store.bytes() > bound - 600 - place(),
        "it evicts no more than it has to"
    );
}

#[test]
fn the_longest_idle_of_the_whole_store_goes_first() {
    let bench = Bench::entries(500);
    for number in 0..500 {
        bench.create(&key(number), "value", HOUR);
        bench.clock.advance(TICK);
    }
    for number in 500..1000 {
        bench.create(&key(number), "value", HOUR);
        bench.clock.advance(TICK);
        // Only the one that must be gone is looked for: to find another would be to use it.
        assert!(bench.get(&key(number - 500)).is_none());
        assert_eq!(bench.store.evicted(), number - 499);
    }
}

#[test]
fn to_read_to_replace_and_to_add_are_uses() {
    let bench = Bench::entries(4);
    let versions: Vec<_> = (0..4)
        .map(|number| {
            bench.clock.advance(TICK);
            bench.create(&key(number), "value", HOUR)
        })
        .collect();
    bench.clock.advance(TICK);
    bench.get(&key(0));
    bench.clock.advance(TICK);
    bench.replace(&key(1), versions[1], "value").unwrap();
    for number in 4..6 {
        bench.clock.advance(TICK);
        bench.create(&key(number), "value", HOUR);
    }
    let left: Vec<_> = (0..6)
        .filter(|&number| bench.get(&key(number)).is_some())
        .collect();
    assert_eq!(left, [0, 1, 4, 5]);
}

#[test]
fn the_entry_just_created_is_not_the_one_that_goes() {
    // The clock stands still, so all are idle for the same time.
    let bench = Bench::entries(1);
    for number in 0..200 {
        bench.create(&key(number), "value", HOUR);
        assert!(bench.get(&key(number)).is_some());
    }
    let bench = Bench::entries(10);
    for number in 0..200 {
        bench.create(&key(number), "value", HOUR);
        assert!(bench.get(&key(number)).is_some());
    }
}

#[test]
fn an_entry_that_grows_pushes_others_out_and_not_itself() {
    let bench = Bench::new(5 * (100 + place()), usize::MAX, WhenFull::EvictLongestIdle);
    let grows = bench.create(&key(0), vec![0; 100], HOUR);
    for number in 1..5 {
        bench.clock.advance(TICK);
        bench.create(&key(number), vec![0; 100], HOUR);
    }
    // It is the longest idle itself.
    let replaced = bench.replace(&key(0), grows, vec![1; 150]).unwrap();
    let Replaced::Done(grows) = replaced else {
        panic!("{replaced:?}")
    };
    let left = (0..5)
        .map(|number| bench.get(&key(number)).is_some())
        .collect::<Vec<_>>();
    assert_eq!(left, [true, false, true, true, true]);

    // It takes all there is.
    let replaced = bench
        .replace(&key(0), grows, vec![2; 500 + 4 * place()])
        .unwrap();
    assert!(matches!(replaced, Replaced::Done(_)));
    assert_eq!((bench.store.len(), bench.store.evicted()), (1, 4));
    assert_eq!(bench.get(&key(0)).unwrap().value[0], 2);
}

#[test]
fn a_value_that_never_fits_is_refused_and_nothing_goes_for_it() {
    let room = 300 + place();
    for when_full in [WhenFull::EvictLongestIdle, WhenFull::RefuseNew] {
        let bench = Bench::new(room, 10, when_full);
        let version = bench.create(&key(1), vec![1; 200], HOUR);
        let large = vec![2; 301];
        assert_eq!(
            bench.add(&key(2), large.clone()),
            Err(StoreError::too_large())
        );
        assert_eq!(
            bench.replace(&key(1), version, large),
            Err(StoreError::too_large())
        );
        let entry = bench.get(&key(1)).unwrap();
        assert_eq!((entry.version, &entry.value[..]), (version, &[1; 200][..]));
        assert_eq!((bench.store.len(), bench.store.evicted()), (1, 0));
        let replaced = bench.replace(&key(1), version, vec![2; 300]).unwrap();
        assert!(matches!(replaced, Replaced::Done(_)));
    }
}

#[test]
fn a_store_that_refuses_keeps_what_it_has() {
    let bench = Bench::new(3 * (100 + place()), 100, WhenFull::RefuseNew);
    let versions: Vec<_> = (0..3)
        .map(|number| bench.create(&key(number), vec![0; 100], HOUR))
        .collect();
    assert_eq!(bench.add(&key(3), ""), Err(StoreError::full()));
    assert_eq!(bench.add(&key(2), ""), Ok(Added::Exists));
    assert_eq!(
        bench.replace(&key(0), versions[0], vec![1; 101]),
        Err(StoreError::full())
    );
    assert_eq!(
        bench.replace(&key(3), versions[0], vec![1; 101]),
        Ok(Replaced::Missing)
    );
    for (number, version) in (0..3).zip(&versions) {
        let entry = bench.get(&key(number)).unwrap();
        assert_eq!((entry.version, &entry.value[..]), (*version, &[0; 100][..]));
    }
    // What does not grow fits, and a smaller one makes room.
    let replaced = bench.replace(&key(0), versions[0], vec![1; 100]).unwrap();
    assert!(matches!(replaced, Replaced::Done(_)));
    bench.delete(&key(1));
    assert!(matches!(
        bench.add(&key(3), vec![3; 100]),
        Ok(Added::Done(_))
    ));
    assert_eq!(bench.store.evicted(), 0);
    assert_eq!(bench.store.bytes(), 3 * (100 + place()));
}

#[test]
fn a_store_that_refuses_counts_no_expired_entries() {
    const ENTRIES: u64 = 2000;
    let bench = Bench::new(usize::MAX, 2000, WhenFull::RefuseNew);
    for number in 0..ENTRIES {
        // One in a hundred is short.
        let ttl = if number % 100 == 7 { HOUR } else { 2 * HOUR };
        bench.create(&key(number), "value", ttl);
    }
    assert_eq!(bench.add(&key(ENTRIES), "new"), Err(StoreError::full()));
    bench.clock.advance(HOUR);
    for number in 0..20 {
        assert!(matches!(
            bench.add(&key(ENTRIES + number), "new"),
            Ok(Added::Done(_))
        ));
    }
    assert_eq!(bench.store.expired(), 20);
    assert_eq!(
        bench.add(&key(ENTRIES + 20), "new"),
        Err(StoreError::full())
    );
    assert_eq!((bench.store.len(), bench.store.evicted()), (2000, 0));
}

#[test]
fn a_store_with_a_bound_of_nought_holds_nothing() {
    for when_full in [WhenFull::EvictLongestIdle, WhenFull::RefuseNew] {
        let bench = Bench::new(usize::MAX, 0, when_full);
        assert_eq!(bench.add(&key(1), "value"), Err(StoreError::full()));
        assert_eq!(
            bench.replace(&key(1), Version::new(1), ""),
            Ok(Replaced::Missing)
        );
        let bench = Bench::new(0, usize::MAX, when_full);
        assert_eq!(bench.add(&key(1), ""), Err(StoreError::too_large()));
        assert!(bench.get(&key(1)).is_none());
        assert_eq!(bench.delete(&key(1)), Deleted::Missing);
    }
}

#[test]
fn an_entry_is_gone_at_the_end_of_its_time_to_live_and_not_before() {
    let bench = Bench::unbounded();
    let versions: Vec<_> = (0..4)
        .map(|number| bench.create(&key(number), "value", HOUR))
        .collect();
    bench.clock.advance(HOUR - TICK);
    for number in 0..4 {
        assert!(bench.get(&key(number)).is_some());
    }
    bench.clock.advance(TICK);
    assert!(bench.get(&key(0)).is_none());
    assert_eq!(
        bench.replace(&key(1), versions[1], "late"),
        Ok(Replaced::Missing)
    );
    assert_eq!(bench.delete(&key(2)), Deleted::Missing);
    let added = bench.add(&key(3), "again").unwrap();
    assert!(matches!(added, Added::Done(version) if version != versions[3]));
    assert_eq!((bench.store.len(), bench.store.expired()), (1, 4));
}

#[test]
fn lifetimes_of_any_length_are_taken() {
    let bench = Bench::unbounded();
    bench.clock.advance(HOUR);
    bench.create(&key(1), "for ever", Duration::MAX);
    bench.create(&key(2), "not at all", Duration::ZERO);
    assert!(bench.get(&key(2)).is_none());
    bench.clock.advance(100 * 365 * 24 * HOUR);
    assert!(bench.get(&key(1)).is_some());
}

#[test]
fn a_wall_clock_that_jumps_ends_nothing_and_makes_nothing_immortal() {
    let bench = Bench::unbounded();
    bench.create(&key(1), "value", HOUR);
    bench
        .clock
        .jump_to(SystemTime::UNIX_EPOCH + 100 * 365 * 24 * HOUR);
    assert!(bench.get(&key(1)).is_some());
    bench.clock.jump_to(SystemTime::UNIX_EPOCH);
    bench.clock.advance(HOUR);
    assert!(bench.get(&key(1)).is_none());
}

#[test]
fn expired_entries_go_in_the_course_of_other_calls() {
    let bench = Bench::unbounded();
    for number in 0..1000 {
        bench.create(&key(number), "value", HOUR);
        bench.create(&key(10_000 + number), "value", 3 * HOUR);
    }
    bench.clock.advance(HOUR);
    assert_eq!(bench.store.len(), 2000, "nothing runs by itself");
    // Each call looks at two slots, and the calls are spread as the entries are.
    for number in 0..4000 {
        let before = bench.store.expired();
        assert!(bench.get(&key(20_000 + number)).is_none());
        assert!(
            bench.store.expired() <= before + 2,
            "a call removes a few at most"
        );
    }
    assert_eq!((bench.store.len(), bench.store.expired()), (1000, 1000));
    for number in 0..1000 {
        assert!(bench.get(&key(10_000 + number)).is_some());
    }
}

#[test]
fn a_store_of_short_lives_does_not_grow() {
    let bench = Bench::unbounded();
    for number in 0..50_000 {
        bench.create(&key(number), "value", 100 * TICK);
        bench.clock.advance(TICK);
    }
    assert!(
        bench.store.len() < 1000,
        "{} entries for 100 that live",
        bench.store.len()
    );
}

#[test]
fn versions_do_not_come_back_after_eviction_and_expiry() {
    let bench = Bench::entries(1);
    let mut passed = Vec::new();
    for life in 0..20 {
        let version = bench.create(&key(1), "value", HOUR);
        assert!(!passed.contains(&version));
        passed.push(version);
        if life % 2 == 0 {
            bench.create(&key(2), "pushes the other out", HOUR);
            assert!(bench.get(&key(1)).is_none());
            bench.delete(&key(2));
        } else {
            bench.clock.advance(HOUR);
        }
    }
}

#[test]
fn a_read_shares_the_bytes_and_a_later_write_leaves_them_alone() {
    let bench = Bench::unbounded();
    let version = bench.create(&key(1), "before", HOUR);
    let (one, other) = (bench.get(&key(1)).unwrap(), bench.get(&key(1)).unwrap());
    assert_eq!(one.value.as_ptr(), other.value.as_ptr());
    bench.replace(&key(1), version, "after").unwrap();
    bench.delete(&key(1));
    assert_eq!(one.value, "before");
}

#[test]
fn debug_shows_figures_and_no_data() {
    let bench = Bench::entries(1);
    bench.create(
        &StoreKey::from_bytes(*b"canary-key-canary-key-canary-key"),
        "canary",
        HOUR,
    );
    bench.create(&key(1), "canary", HOUR);
    let shown = format!("{:?} {:#?}", bench.store, bench.store);
    assert!(
        !shown.contains("canary") && !shown.contains("99, 97, 110"),
        "{shown}"
    );
    for figure in [
        "len: 1",
        "bytes: ",
        "evicted: 1",
        "expired: 0",
        "max_entries: 1",
    ] {
        assert!(shown.contains(figure), "{shown}");
    }
}

#[test]
fn the_store_does_what_a_model_does() {
    const ENTRIES: usize = 60;
    for seed in 0..20 {
        let place = place();
        let bytes = 40 * (100 + place);
        let bench = Bench::new(bytes, ENTRIES, WhenFull::EvictLongestIdle);
        let mut model = Model {
            bytes,
            place,
            ..Model::default()
        };
        let mut state = seed;
        for _ in 0..3000 {
            bench.clock.advance(TICK);
            model.now += 1;
            let key = key(random(&mut state) % 150);
            let value = vec![0; usize::try_from(random(&mut state) % 250).unwrap()];
            match random(&mut state) % 8 {
                0..3 => {
                    let found = bench
                        .get(&key)
                        .map(|entry| (entry.version, entry.value.len()));
                    assert_eq!(found, model.get(&key));
                }
                3..5 => {
                    let length = value.len();
                    let added = bench.add(&key, value).unwrap();
                    assert_eq!(
                        matches!(added, Added::Done(_)),
                        !model.held.contains_key(&key)
                    );
                    if let Added::Done(version) = added {
                        model.write(&key, version, length, ENTRIES);
                    }
                }
                5..7 => {
                    let length = value.len();
                    let expected = model.held.get(&key).map(|&(version, ..)| version);
                    let replaced = bench.replace(&key, expected.unwrap_or(Version::new(0)), value);
                    match (replaced.unwrap(), expected) {
                        (Replaced::Missing, None) => {}
                        (Replaced::Done(version), Some(_)) => {
                            model.write(&key, version, length, ENTRIES);
                        }
                        other => panic!("{other:?}"),
                    }
                }
                _ => {
                    let done = model.held.remove(&key).is_some();
                    assert_eq!(bench.delete(&key) == Deleted::Done, done);
                }
            }
            assert_eq!(bench.store.len(), model.held.len());
            assert_eq!(bench.store.bytes(), model.charged());
            assert_eq!(bench.store.evicted(), model.evicted);
        }
        assert!(model.evicted > 100, "the bounds were met");
    }
}

/// What the store is meant to do, without shards, locks or lists: version, length and last use.
#[derive(Default)]
struct Model {
    held: HashMap<StoreKey, (Version, usize, u64)>,
    now: u64,
    bytes: usize,
    place: usize,
    evicted: u64,
}

impl Model {
    fn get(&mut self, key: &StoreKey) -> Option<(Version, usize)> {
        let (version, length, used) = self.held.get_mut(key)?;
        *used = self.now;
        Some((*version, *length))
    }

    fn write(&mut self, key: &StoreKey, version: Version, length: usize, entries: usize) {
        self.held.insert(*key, (version, length, self.now));
        while self.held.len() > entries || self.charged() > self.bytes {
            let oldest = self.held.iter().min_by_key(|(_, (.., used))| *used);
            let oldest = *oldest.unwrap().0;
            assert_ne!(oldest, *key);
            self.held.remove(&oldest);
            self.evicted += 1;
        }
    }

    fn charged(&self) -> usize {
        self.held
            .values()
            .map(|(_, length, _)| length + self.place)
            .sum()
    }
}

/// What threads did to the store, to be held against what it says.
#[derive(Default)]
struct Tally {
    added: AtomicUsize,
    deleted: AtomicUsize,
    refused: AtomicUsize,
}

#[test]
fn the_figures_are_right_after_threads_met_at_the_bounds() {
    const KEYS: u64 = 400;
    const CALLS: usize = 20_000;
    let place = place();
    for when_full in [WhenFull::EvictLongestIdle, WhenFull::RefuseNew] {
        for (max_bytes, max_entries) in [
            (usize::MAX, 100),
            (100 * (200 + place), usize::MAX),
            (100 * (200 + place), 110),
            (700, 3),
        ] {
            let bench = Bench::new(max_bytes, max_entries, when_full);
            let tally = Tally::default();
            thread::scope(|scope| {
                for thread in 0..4 {
                    let (bench, tally) = (&bench, &tally);
                    scope.spawn(move || {
                        let mut state = thread;
                        for _ in 0..CALLS {
                            call_at_random(bench, &mut state, KEYS, tally);
                            assert!(bench.store.len() <= max_entries);
                            assert!(bench.store.bytes() <= max_bytes);
                        }
                    });
                }
            });
            // Whoever looks for an expired entry removes it, so now the figures are of the living.
            let living: Vec<_> = (0..KEYS)
                .filter_map(|number| bench.get(&key(number)))
                .collect();
            let bytes: usize = living.iter().map(|entry| entry.value.len() + place).sum();
            let store = &bench.store;
            assert_eq!((store.len(), store.bytes()), (living.len(), bytes));
            let gone = usize::try_from(store.evicted() + store.expired()).unwrap();
            let (added, deleted) = (tally.added.load(SeqCst), tally.deleted.load(SeqCst));
            assert_eq!(added - deleted - gone, store.len());
            assert!(store.expired() > 0);
            match when_full {
                WhenFull::RefuseNew => assert_eq!(store.evicted(), 0),
                _ => assert_eq!(tally.refused.load(SeqCst), 0),
            }
            assert!(
                store.evicted() > 0 || tally.refused.load(SeqCst) > 0,
                "a bound was met"
            );
            for number in 0..KEYS {
                bench.delete(&key(number));
            }
            assert_eq!((store.len(), store.bytes()), (0, 0));
        }
    }
}

fn call_at_random(bench: &Bench, state: &mut u64, keys: u64, tally: &Tally) {
    bench.clock.advance(TICK);
    let key = key(random(state) % keys);
    let value = Bytes::from(vec![0; usize::try_from(random(state) % 400).unwrap()]);
    let ttl = TICK * u32::try_from(random(state) % 5000).unwrap();
    let count = |counter: &AtomicUsize| counter.fetch_add(1, SeqCst);
    match random(state) % 8 {
        0..2 => {
            bench.get(&key);
        }
        2..5 => match block_on(bench.store.add(&key, value, ttl)) {
            Ok(Added::Done(_)) => drop(count(&tally.added)),
            Ok(Added::Exists) => {}
            Err(error) => {
                assert_eq!(error, StoreError::full());
                count(&tally.refused);
            }
        },
        5..7 => {
            let Some(entry) = bench.get(&key) else { return };
            if let Err(error) = block_on(bench.store.replace(&key, entry.version, value, ttl)) {
                assert_eq!(error, StoreError::full());
                count(&tally.refused);
            }
        }
        _ => {
            if bench.delete(&key) == Deleted::Done {
                count(&tally.deleted);
            }
        }
    }
}

#[test]
fn a_roster_is_evicted_only_when_no_session_is_left() {
    let bench = Bench::entries(4);
    bench.create(&roster(1), "of user 1", HOUR);
    bench.create(&roster(2), "of user 2", HOUR);
    for number in 0..100 {
        bench.clock.advance(TICK);
        bench.create(&key(number), "session", HOUR);
    }
    assert!(bench.get(&roster(1)).is_some() && bench.get(&roster(2)).is_some());
    assert!(bench.get(&key(98)).is_some() && bench.get(&key(99)).is_some());
    assert_eq!((bench.store.len(), bench.store.evicted()), (4, 98));

    // More rosters than there is room for: the sessions go, then the rosters that are longest idle in
    // their shard.
    for number in 3..20 {
        bench.clock.advance(TICK);
        bench.create(&roster(number), "of another user", HOUR);
    }
    assert!(bench.get(&key(98)).is_none() && bench.get(&key(99)).is_none());
    assert_eq!(bench.store.len(), 4);
    let session = bench.create(&key(200), "session", HOUR);
    assert_eq!(bench.get(&key(200)).unwrap().version, session);
}

#[test]
fn a_session_that_grows_among_rosters_takes_the_room_of_one() {
    let bench = Bench::new(2000, usize::MAX, WhenFull::EvictLongestIdle);
    let version = bench.create(&key(1), "small", HOUR);
    for number in 0..4 {
        bench.create(&roster(number), vec![b'.'; 200], HOUR);
    }
    let grown = block_on(
        bench
            .store
            .replace(&key(1), version, vec![b'.'; 1000].into(), HOUR),
    );
    assert!(matches!(grown, Ok(Replaced::Done(_))));
    assert_eq!(bench.get(&key(1)).unwrap().value.len(), 1000);
    assert!(bench.store.len() < 5);
}
