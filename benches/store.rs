//! What the memory store takes by itself: `cargo bench --bench store`.
//!
//! At a thousand, a hundred thousand and a million entries of 300 bytes: the time of each verb on
//! one and on two threads, at random keys; the memory that an entry takes over its key and value;
//! and the longest that one `add` takes while the store is filled. Each size has a process of its
//! own, so that it finds fresh memory.

use bytes::Bytes;
use sessile::store::{Added, Deleted, MemoryStore, Replaced, Store as _, StoreKey, Version};
use std::fs;
use std::hint::black_box;
use std::pin::pin;
use std::process::Command;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

const SIZES: [u32; 3] = [1_000, 100_000, 1_000_000];
const VALUE: usize = 300;
const KEY: usize = 32;
const TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// So many operations are timed together; what they need is made before.
const BATCH: usize = 500;
const BATCHES: usize = 400;
const FILLS: usize = 5;
/// The last one is of entries that were read a moment before, as the layer does.
const VERBS: [&str; 5] = ["get", "replace", "delete", "add", "warm delete"];

fn main() {
    let mut arguments = std::env::args();
    let program = arguments.next().expect("the name of this program");
    let size = arguments.find_map(|argument| argument.parse().ok());
    if let Some(size) = size {
        print!("{}", measure(size));
        return;
    }
    println!("entries of {VALUE} B, in nanoseconds, on one thread / on each of two\n");
    print!("{:>9} ", "entries");
    for verb in VERBS {
        print!(" {verb:>12}");
    }
    println!("  B over key and value  longest add");
    for size in SIZES {
        let child = Command::new(&program).arg(size.to_string()).status();
        assert!(child.is_ok_and(|status| status.success()), "{size} entries");
    }
}

/// The line of the table for this size.
fn measure(size: u32) -> String {
    let (mut versions, mut longest) = (Vec::new(), Vec::new());
    // Their memory is there before the store's is measured.
    versions.resize(size as usize, (u32::MAX, Version::new(1)));
    longest.resize(size as usize, Duration::MAX);
    let before = resident();
    let store = fill(&mut versions, &mut longest);
    let over = match (before, resident()) {
        // Of less than this, pages and what the allocator had free make most of it.
        (Some(before), Some(after)) if size >= 100_000 => {
            let each = (after - before) as f64 / f64::from(size);
            format!("{:.0}", each - (KEY + VALUE) as f64)
        }
        _ => "-".to_owned(),
    };
    let alone = verbs(&store, vec![versions.clone()]);
    // Both threads have keys of their own: they meet at the shards, not at the entries. The versions
    // are new ones.
    for (index, seen) in &mut versions {
        let entry = now(store.get(&key(*index))).expect("in memory");
        *seen = entry.expect("it is there").version;
    }
    let (one, other) = versions.split_at(versions.len() / 2);
    let together = verbs(&store, vec![one.to_vec(), other.to_vec()]);
    drop(store);
    // A pause that the store makes comes at the same entry each time. One that the machine makes
    // does not, and is gone once the shortest time of each entry is taken.
    for _ in 1..FILLS {
        fill(&mut versions, &mut longest);
    }
    let longest = longest.into_iter().max().unwrap_or_default();

    let mut line = format!("{size:>9} ");
    for (alone, together) in alone.into_iter().zip(together) {
        line += &format!(" {:>12}", format!("{alone:.0} / {together:.0}"));
    }
    line + &format!("  {over:>20}  {longest:>11.1?}\n")
}

/// A store with so many entries. Notes their versions, and of each the shortest time that its `add` took.
fn fill(versions: &mut [(u32, Version)], times: &mut [Duration]) -> MemoryStore {
    let store = MemoryStore::builder()
        .max_bytes(4 << 30)
        .max_entries(2_000_000)
        .build();
    for (index, (seen, shortest)) in (0..).zip(versions.iter_mut().zip(times)) {
        let (key, value) = (key(index), value());
        let start = Instant::now();
        let added = now(store.add(&key, value, TTL));
        *shortest = start.elapsed().min(*shortest);
        let Ok(Added::Done(version)) = added else {
            panic!("there is room");
        };
        *seen = (index, version);
    }
    store
}

/// Another order for each seed.
fn shuffle(entries: &mut [(u32, Version)], seed: u64) {
    for place in (1..entries.len()).rev() {
        let other = mix(seed << 32 | place as u64) % (place as u64 + 1);
        entries.swap(place, usize::try_from(other).expect("a place"));
    }
}

/// Nanoseconds of each verb, with a thread for each set of entries.
fn verbs(store: &MemoryStore, sets: Vec<Vec<(u32, Version)>>) -> [f64; VERBS.len()] {
    let barrier = Barrier::new(sets.len());
    let mut times = [const { Vec::new() }; VERBS.len()];
    thread::scope(|scope| {
        let threads: Vec<_> = sets
            .into_iter()
            .map(|mut entries| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let gets = run(barrier, &mut entries, |batch, _| [get(store, batch), 0.0]);
                    let replaces = run(barrier, &mut entries, |batch, values| {
                        [replace(store, batch, values), 0.0]
                    });
                    let others = run(barrier, &mut entries, |batch, values| {
                        let deleted = delete(store, batch);
                        [deleted, add(store, batch, values)]
                    });
                    let warm = run(barrier, &mut entries, |batch, values| {
                        get(store, batch);
                        let deleted = delete(store, batch);
                        [deleted, add(store, batch, values)]
                    });
                    let [gets, _] = gets;
                    let [replaces, _] = replaces;
                    let [deletes, adds] = others;
                    let [warm, _] = warm;
                    [gets, replaces, deletes, adds, warm]
                })
            })
            .collect();
        for thread in threads {
            let measured = thread.join().expect("it went well");
            for (all, more) in times.iter_mut().zip(measured) {
                all.extend(more);
            }
        }
    });
    times.map(median)
}

type Batch = [(StoreKey, Version)];

/// Runs through the entries, batch after batch, and yields the times of one or two verbs.
///
/// Each time in another order: in the order of the last use, which the store keeps, an entry's
/// neighbours would be at hand.
fn run(
    barrier: &Barrier,
    entries: &mut [(u32, Version)],
    mut verb: impl FnMut(&mut Batch, Vec<Bytes>) -> [f64; 2],
) -> [Vec<f64>; 2] {
    static SEED: AtomicU64 = AtomicU64::new(0);
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let length = BATCH.min(entries.len());
    let mut place = entries.len();
    for number in 0..BATCHES {
        if place + length > entries.len() {
            shuffle(entries, SEED.fetch_add(1, Ordering::Relaxed));
            place = 0;
        }
        if number == 0 {
            barrier.wait();
        }
        let entries = &mut entries[place..place + length];
        place += length;
        let mut batch: Vec<_> = entries.iter().map(|&(it, seen)| (key(it), seen)).collect();
        let values = (0..length).map(|_| value()).collect();
        let times = verb(&mut batch, values);
        for (entry, (_, version)) in entries.iter_mut().zip(batch) {
            entry.1 = version;
        }
        first.push(times[0] / length as f64);
        second.push(times[1] / length as f64);
    }
    [first, second]
}

fn get(store: &MemoryStore, batch: &Batch) -> f64 {
    time(|| {
        for (key, _) in batch {
            let entry = black_box(now(store.get(key)));
            assert!(matches!(entry, Ok(Some(_))));
        }
    })
}

fn replace(store: &MemoryStore, batch: &mut Batch, values: Vec<Bytes>) -> f64 {
    time(|| {
        for ((key, seen), value) in batch.iter_mut().zip(values) {
            let Ok(Replaced::Done(version)) = now(store.replace(key, *seen, value, TTL)) else {
                panic!("nobody else replaces it");
            };
            *seen = version;
        }
    })
}

fn delete(store: &MemoryStore, batch: &Batch) -> f64 {
    time(|| {
        for (key, _) in batch {
            let deleted = now(store.delete(key));
            assert!(matches!(deleted, Ok(Deleted::Done)));
        }
    })
}

fn add(store: &MemoryStore, batch: &mut Batch, values: Vec<Bytes>) -> f64 {
    time(|| {
        for ((key, seen), value) in batch.iter_mut().zip(values) {
            let Ok(Added::Done(version)) = now(store.add(key, value, TTL)) else {
                panic!("it was deleted");
            };
            *seen = version;
        }
    })
}

fn time(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() as f64
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn value() -> Bytes {
    vec![1; VALUE].into()
}

/// As good as a hash.
fn key(index: u32) -> StoreKey {
    let mut key = [0; KEY];
    for (place, bytes) in (0..).zip(key.chunks_exact_mut(8)) {
        bytes.copy_from_slice(&mix(u64::from(index) << 2 | place).to_le_bytes());
    }
    StoreKey::from_bytes(key)
}

/// SplitMix64.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The store answers at the first poll.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waited"),
    }
}

/// The bytes of this process that are in memory, where Linux says so.
fn resident() -> Option<u64> {
    const PAGE: u64 = 4096;
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').nth(1)?.parse::<u64>().ok()? * PAGE)
}
