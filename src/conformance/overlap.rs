//! Each verb is atomic on its key, under real threads.

use super::judge::{Judge, MINUTE, fresh_key, in_threads};
use crate::store::{Added, Deleted, Replaced, Store, StoreKey, Version};
use bytes::Bytes;
use std::collections::HashMap;
use std::future;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::Poll;
use std::thread;

const THREADS: u8 = 8;
const ROUNDS: usize = 20;

/// Of many `add`s of one key at once, one is done, and its bytes are those that stay.
///
/// # Panics
///
/// If it is not so.
pub async fn of_many_adds_one_wins<S: Store + Clone>(store: &S) {
    const NAME: &str = "of_many_adds_one_wins";
    let judge = Judge::new(NAME, store);
    for _ in 0..ROUNDS {
        let key = fresh_key();
        let outcomes = in_threads((0..THREADS).map(|thread| {
            let store = store.clone();
            async move {
                Judge::new(NAME, &store)
                    .add(&key, Bytes::from(vec![thread]), MINUTE)
                    .await
            }
        }));
        let mut winners = Vec::new();
        for (thread, outcome) in (0..THREADS).zip(outcomes.await) {
            if let Added::Done(version) = outcome {
                winners.push((thread, version));
            }
        }
        let [(thread, version)] = winners[..] else {
            judge.fail(&format!("{} `add`s of one key were done", winners.len()));
        };
        judge.holds(&key, &[thread], version).await;
    }
}

/// Of many `replace`s of one version at once, one is done, and its bytes are those that stay.
///
/// # Panics
///
/// If it is not so.
pub async fn of_many_replaces_one_wins<S: Store + Clone>(store: &S) {
    const NAME: &str = "of_many_replaces_one_wins";
    let judge = Judge::new(NAME, store);
    let key = fresh_key();
    let mut expected = judge.create(&key, "start", MINUTE).await;
    for _ in 0..ROUNDS {
        let outcomes = in_threads((0..THREADS).map(|thread| {
            let store = store.clone();
            async move {
                let value = Bytes::from(vec![thread]);
                Judge::new(NAME, &store)
                    .replace(&key, expected, value, MINUTE)
                    .await
            }
        }));
        let mut winners = Vec::new();
        for (thread, outcome) in (0..THREADS).zip(outcomes.await) {
            match outcome {
                Replaced::Done(version) => winners.push((thread, version)),
                Replaced::Conflict => {}
                Replaced::Missing => judge.fail("`replace` did not find an entry that is there"),
            }
        }
        let [(thread, version)] = winners[..] else {
            judge.fail(&format!(
                "{} `replace`s of one version were done",
                winners.len()
            ));
        };
        judge.holds(&key, &[thread], version).await;
        expected = version;
    }
}

/// Of many `delete`s of one entry at once, one is done.
///
/// # Panics
///
/// If it is not so.
pub async fn of_many_deletes_one_is_done<S: Store + Clone>(store: &S) {
    const NAME: &str = "of_many_deletes_one_is_done";
    let judge = Judge::new(NAME, store);
    for _ in 0..ROUNDS {
        let key = fresh_key();
        judge.create(&key, "here", MINUTE).await;
        let outcomes = in_threads((0..THREADS).map(|_| {
            let store = store.clone();
            async move { Judge::new(NAME, &store).delete(&key).await }
        }));
        let done = outcomes
            .await
            .into_iter()
            .filter(|&outcome| outcome == Deleted::Done)
            .count();
        judge.check(
            done == 1,
            &format!("{done} `delete`s of one entry were done"),
        );
        judge
            .is_gone(&key, "an entry was there after its `delete`")
            .await;
    }
}

/// Threads that read, add one and replace until they are through lose no count.
///
/// # Panics
///
/// If it is not so.
pub async fn concurrent_increments_are_all_counted<S: Store + Clone>(store: &S) {
    const NAME: &str = "concurrent_increments_are_all_counted";
    const INCREMENTS: u32 = 50;
    let judge = Judge::new(NAME, store);
    let key = fresh_key();
    judge.create(&key, number(0), MINUTE).await;
    let threads = in_threads((0..THREADS).map(|_| {
        let store = store.clone();
        async move {
            let judge = Judge::new(NAME, &store);
            for _ in 0..INCREMENTS {
                increment(&judge, &key).await;
            }
        }
    }));
    threads.await;
    let counted = parse(&judge, &judge.entry(&key).await.value);
    let made = INCREMENTS * u32::from(THREADS);
    judge.check(
        counted == made,
        &format!("of {made} increments {counted} were counted"),
    );
}

fn number(number: u32) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

fn parse<S: Store>(judge: &Judge<'_, S>, value: &[u8]) -> u32 {
    match value.try_into() {
        Ok(bytes) => u32::from_be_bytes(bytes),
        Err(_) => judge.fail("`get` gave other bytes than the last write left"),
    }
}

async fn increment<S: Store>(judge: &Judge<'_, S>, key: &StoreKey) {
    // Each conflict means that another got through, and there are only so many others.
    for _ in 0..100_000 {
        let entry = judge.entry(key).await;
        let next = number(parse(judge, &entry.value) + 1);
        match judge.replace(key, entry.version, next, MINUTE).await {
            Replaced::Done(_) => return,
            Replaced::Conflict => {}
            Replaced::Missing => judge.fail("`replace` did not find an entry that is there"),
        }
    }
    judge.fail("a `replace` met conflicts for ever");
}

/// An entry that is deleted while others replace it stays dead.
///
/// # Panics
///
/// If it is not so.
pub async fn a_deleted_entry_stays_dead<S: Store + Clone>(store: &S) {
    const NAME: &str = "a_deleted_entry_stays_dead";
    let judge = Judge::new(NAME, store);
    for _ in 0..ROUNDS {
        let key = fresh_key();
        judge.create(&key, number(0), MINUTE).await;
        let over = Over::default();
        let threads = in_threads((0..THREADS).map(|thread| {
            let (store, over) = (store.clone(), over.clone());
            async move {
                let judge = Judge::new(NAME, &store);
                if thread == 0 {
                    let _over = SetWhenDropped(over);
                    pause(20).await;
                    let deleted = judge.delete(&key).await;
                    judge.check(deleted == Deleted::Done, "`delete` of an entry was missing");
                    judge
                        .is_gone(&key, "an entry was there after its `delete`")
                        .await;
                    return;
                }
                let mut last = Version::new(0);
                while !over.is_set() {
                    if let Some(entry) = judge.get(&key).await {
                        last = entry.version;
                        judge.replace(&key, last, number(1), MINUTE).await;
                    }
                }
                let late = judge.replace(&key, last, number(2), MINUTE).await;
                judge.check(late == Replaced::Missing, "`replace` found a deleted entry");
            }
        }));
        threads.await;
        judge.is_gone(&key, "a deleted entry came back").await;
    }
}

/// A read is never a mixture of two writes, and a version always means the same bytes.
///
/// # Panics
///
/// If it is not so.
pub async fn reads_are_whole<S: Store + Clone>(store: &S) {
    const NAME: &str = "reads_are_whole";
    /// A reader has seen enough when it has met so many writes.
    const VERSIONS: usize = 30;
    const MAX_WRITES: usize = 100_000;
    let judge = Judge::new(NAME, store);
    let key = fresh_key();
    let first = judge.create(&key, content(0), MINUTE).await;
    let over = Over::default();
    let writer = THREADS - 1;
    let seen = in_threads((0..THREADS).map(|thread| {
        let (store, over) = (store.clone(), over.clone());
        async move {
            let judge = Judge::new(NAME, &store);
            let mut seen = HashMap::from([(first, summary(&judge, &content(0)))]);
            let _over = SetWhenDropped(over.clone());
            if thread == writer {
                let mut version = first;
                for write in 1..MAX_WRITES {
                    version = judge.update(&key, version, content(write), MINUTE).await;
                    seen.insert(version, summary(&judge, &content(write)));
                    if over.is_set() {
                        break;
                    }
                }
                return seen;
            }
            while seen.len() < VERSIONS && !over.is_set() {
                let entry = judge.entry(&key).await;
                seen.insert(entry.version, summary(&judge, &entry.value));
            }
            seen
        }
    }));
    let mut seen = seen.await;
    let written = seen.pop().unwrap_or_default();
    for (version, value) in seen.into_iter().flatten() {
        judge.check(
            written.get(&version) == Some(&value),
            "a read gave the version of one write and the bytes of another",
        );
    }
}

/// One byte over and over, in another number for each write.
fn content(write: usize) -> Bytes {
    vec![write.to_le_bytes()[0]; write % 7 * 1000 + 10].into()
}

/// Which byte, and how often.
fn summary<S: Store>(judge: &Judge<'_, S>, value: &Bytes) -> (Option<u8>, usize) {
    let first = value.first().copied();
    let whole = value.iter().all(|&byte| Some(byte) == first);
    judge.check(whole, "a read was a mixture of two writes");
    (first, value.len())
}

/// Gives the other threads some time, whatever executor this is.
async fn pause(turns: usize) {
    for _ in 0..turns {
        thread::yield_now();
        let mut yielded = false;
        future::poll_fn(|context| {
            context.waker().wake_by_ref();
            if mem::replace(&mut yielded, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

/// Tells the other threads that there is no more to wait for.
#[derive(Clone, Default)]
struct Over(Arc<AtomicBool>);

impl Over {
    fn is_set(&self) -> bool {
        self.0.load(SeqCst)
    }
}

/// Also when the thread panics: the others would never end.
struct SetWhenDropped(Over);

impl Drop for SetWhenDropped {
    fn drop(&mut self) {
        self.0.0.store(true, SeqCst);
    }
}
