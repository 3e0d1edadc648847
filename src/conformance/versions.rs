//! What makes `replace` safe: each write has a version of its own.

use super::judge::{Judge, MINUTE, fresh_key};
use crate::store::{Deleted, Replaced, Store, Version};
use std::collections::HashSet;

/// `replace` with another version than the entry's is a conflict and changes nothing.
///
/// # Panics
///
/// If it is not so.
pub async fn replace_needs_the_expected_version(store: &impl Store) {
    let judge = Judge::new("replace_needs_the_expected_version", store);
    let key = fresh_key();
    let first = judge.create(&key, "first", MINUTE).await;
    let second = judge.update(&key, first, "second", MINUTE).await;
    let number = second.get();
    let others = [
        0,
        1,
        u64::MAX,
        number.wrapping_add(1),
        number.wrapping_sub(1),
        number ^ 1 << 63,
    ];
    let others = others
        .into_iter()
        .map(Version::new)
        .filter(|&other| other != second);
    for expected in [first].into_iter().chain(others) {
        let replaced = judge.replace(&key, expected, "late".into(), MINUTE).await;
        judge.check(
            replaced == Replaced::Conflict,
            "`replace` with another version than the entry's was no conflict",
        );
        judge.holds(&key, b"second", second).await;
    }
    judge.update(&key, second, "third", MINUTE).await;
}

/// A write that changes no byte gives the entry another version all the same.
///
/// # Panics
///
/// If it is not so.
pub async fn the_same_bytes_get_another_version(store: &impl Store) {
    let judge = Judge::new("the_same_bytes_get_another_version", store);
    let key = fresh_key();
    let first = judge.create(&key, "same", MINUTE).await;
    let second = judge.update(&key, first, "same", MINUTE).await;
    judge.check(
        second != first,
        "a write of the same bytes kept the version",
    );
    let replaced = judge.replace(&key, first, "late".into(), MINUTE).await;
    judge.check(
        replaced == Replaced::Conflict,
        "a version was good for two writes",
    );
    judge.holds(&key, b"same", second).await;
}

/// A version that has passed never comes back for the same key: not by later writes, and not
/// in a later life of the key, after a `delete` and another `add`.
///
/// # Panics
///
/// If it is not so.
pub async fn versions_never_come_back(store: &impl Store) {
    let judge = Judge::new("versions_never_come_back", store);
    let key = fresh_key();
    let mut passed = HashSet::new();
    for _ in 0..5 {
        let mut version = judge.create(&key, "same", MINUTE).await;
        for write in 0..5 {
            judge.check(
                passed.insert(version),
                "a version that had passed came back",
            );
            let value = if write % 2 == 0 { "same" } else { "other" };
            version = judge.update(&key, version, value, MINUTE).await;
        }
        // As writes that were sent long ago and come late.
        for &late in &passed {
            let replaced = judge.replace(&key, late, "late".into(), MINUTE).await;
            judge.check(
                replaced == Replaced::Conflict,
                "a late write overwrote a newer one",
            );
        }
        judge.check(
            passed.insert(version),
            "a version that had passed came back",
        );
        judge.check(
            judge.delete(&key).await == Deleted::Done,
            "`delete` of an entry was missing",
        );
    }
}
