//! What each verb does to one entry, and to no other.

use super::judge::{Judge, MINUTE, fresh_key};
use crate::store::{Added, Deleted, Replaced, Store, StoreKey, Version};
use bytes::Bytes;

/// `get` of a key that has no entry is none, and no error.
///
/// # Panics
///
/// If it is not so.
pub async fn a_missing_key_reads_as_none(store: &impl Store) {
    let judge = Judge::new("a_missing_key_reads_as_none", store);
    judge
        .is_gone(&fresh_key(), "`get` found an entry that nobody made")
        .await;
}

/// `add` makes an entry, with the bytes it is given and the version it says.
///
/// # Panics
///
/// If it is not so.
pub async fn add_creates(store: &impl Store) {
    let judge = Judge::new("add_creates", store);
    let key = fresh_key();
    let version = judge.create(&key, "first", MINUTE).await;
    judge.holds(&key, b"first", version).await;
}

/// `add` of a key that has an entry says so and changes nothing, whatever the bytes.
///
/// # Panics
///
/// If it is not so.
pub async fn add_never_overwrites(store: &impl Store) {
    let judge = Judge::new("add_never_overwrites", store);
    let key = fresh_key();
    let version = judge.create(&key, "first", MINUTE).await;
    for value in ["second", "first", ""] {
        let added = judge.add(&key, value.into(), MINUTE).await;
        judge.check(added == Added::Exists, "a second `add` of one key was done");
        judge.holds(&key, b"first", version).await;
    }
    let version = judge.update(&key, version, "third", MINUTE).await;
    let added = judge.add(&key, "fourth".into(), MINUTE).await;
    judge.check(
        added == Added::Exists,
        "an `add` after a `replace` was done",
    );
    judge.holds(&key, b"third", version).await;
}

/// `replace` leaves the bytes it is given, shorter or longer, and the version it says.
///
/// # Panics
///
/// If it is not so.
pub async fn replace_writes_what_it_is_given(store: &impl Store) {
    let judge = Judge::new("replace_writes_what_it_is_given", store);
    let key = fresh_key();
    let mut version = judge.create(&key, "first", MINUTE).await;
    for value in ["longer than the first", "short", "", "no longer empty"] {
        version = judge.update(&key, version, value, MINUTE).await;
        judge.holds(&key, value.as_bytes(), version).await;
    }
    // The version that `get` gives out is as good as that of the write.
    let read = judge.entry(&key).await.version;
    let version = judge.update(&key, read, "last", MINUTE).await;
    judge.holds(&key, b"last", version).await;
}

/// `replace` of a key that never had an entry is missing, whatever version is expected, and
/// makes none.
///
/// # Panics
///
/// If it is not so.
pub async fn replace_never_creates(store: &impl Store) {
    let judge = Judge::new("replace_never_creates", store);
    let of_another = judge.create(&fresh_key(), "another", MINUTE).await;
    for expected in [
        Version::new(0),
        Version::new(1),
        Version::new(u64::MAX),
        of_another,
    ] {
        let key = fresh_key();
        let replaced = judge.replace(&key, expected, "new".into(), MINUTE).await;
        judge.check(
            replaced == Replaced::Missing,
            "`replace` of no entry was not missing",
        );
        judge.is_gone(&key, "`replace` made an entry").await;
    }
}

/// `replace` of an entry that was deleted is missing, with every version it had, and it stays dead.
///
/// # Panics
///
/// If it is not so.
pub async fn replace_after_delete_is_missing(store: &impl Store) {
    let judge = Judge::new("replace_after_delete_is_missing", store);
    let key = fresh_key();
    let first = judge.create(&key, "first", MINUTE).await;
    let second = judge.update(&key, first, "second", MINUTE).await;
    judge.check(
        judge.delete(&key).await == Deleted::Done,
        "`delete` of an entry was not done",
    );
    for expected in [second, first, Version::new(second.get().wrapping_add(1))] {
        let replaced = judge.replace(&key, expected, "late".into(), MINUTE).await;
        judge.check(
            replaced == Replaced::Missing,
            "`replace` of a deleted entry was not missing",
        );
        judge
            .is_gone(&key, "`replace` brought a deleted entry back")
            .await;
    }
}

/// `delete` is done if there was an entry, and missing if there was none.
///
/// # Panics
///
/// If it is not so.
pub async fn delete_says_what_it_did(store: &impl Store) {
    let judge = Judge::new("delete_says_what_it_did", store);
    let key = fresh_key();
    judge.check(
        judge.delete(&key).await == Deleted::Missing,
        "`delete` of no entry was done",
    );
    for _ in 0..2 {
        judge.create(&key, "here", MINUTE).await;
        judge.check(
            judge.delete(&key).await == Deleted::Done,
            "`delete` of an entry was missing",
        );
        judge
            .is_gone(&key, "an entry was there after its `delete`")
            .await;
        judge.check(
            judge.delete(&key).await == Deleted::Missing,
            "a second `delete` was done",
        );
    }
}

/// `delete` removes an entry whatever was written to it.
///
/// # Panics
///
/// If it is not so.
pub async fn delete_takes_any_version(store: &impl Store) {
    let judge = Judge::new("delete_takes_any_version", store);
    let key = fresh_key();
    let mut version = judge.create(&key, "0", MINUTE).await;
    for write in 1..5 {
        version = judge.update(&key, version, write.to_string(), MINUTE).await;
    }
    judge.check(
        judge.delete(&key).await == Deleted::Done,
        "`delete` of an entry was missing",
    );
    judge
        .is_gone(&key, "an entry was there after its `delete`")
        .await;
}

/// `get` changes neither the bytes nor the version.
///
/// # Panics
///
/// If it is not so.
pub async fn a_read_changes_nothing(store: &impl Store) {
    let judge = Judge::new("a_read_changes_nothing", store);
    let key = fresh_key();
    let version = judge.create(&key, "first", MINUTE).await;
    for _ in 0..3 {
        judge.holds(&key, b"first", version).await;
    }
    judge.update(&key, version, "second", MINUTE).await;
}

/// `get` sees the last write, also after it saw an earlier one: it serves no copies.
///
/// # Panics
///
/// If it is not so.
pub async fn a_read_sees_the_last_write(store: &impl Store) {
    let judge = Judge::new("a_read_sees_the_last_write", store);
    see_each_other(&judge, &judge).await;
}

/// What one client of a backend did, another client sees, at once.
///
/// Hand over two stores that share nothing but the backend: two connections, say.
///
/// # Panics
///
/// If it is not so.
pub async fn what_one_client_did_another_sees<S: Store>(one: &S, another: &S) {
    let name = "what_one_client_did_another_sees";
    let (one, another) = (Judge::new(name, one), Judge::new(name, another));
    see_each_other(&one, &another).await;
    see_each_other(&another, &one).await;
}

async fn see_each_other<S: Store>(one: &Judge<'_, S>, another: &Judge<'_, S>) {
    let key = fresh_key();
    another
        .is_gone(&key, "`get` found an entry that nobody made")
        .await;
    let first = one.create(&key, "first", MINUTE).await;
    another.holds(&key, b"first", first).await;
    let second = one.update(&key, first, "second", MINUTE).await;
    another.holds(&key, b"second", second).await;
    let third = another.update(&key, second, "third", MINUTE).await;
    one.holds(&key, b"third", third).await;
    one.check(
        one.delete(&key).await == Deleted::Done,
        "`delete` of an entry was missing",
    );
    another
        .is_gone(&key, "`get` found an entry after its `delete`")
        .await;
}

/// An entry is found under its own key alone, also if another differs in one bit.
///
/// # Panics
///
/// If it is not so.
pub async fn keys_are_apart(store: &impl Store) {
    let judge = Judge::new("keys_are_apart", store);
    let key = fresh_key();
    let version = judge.create(&key, "own", MINUTE).await;
    for byte in 0..32 {
        for bit in [0, 5, 7] {
            let mut bytes = *key.as_bytes();
            bytes[byte] ^= 1 << bit;
            let neighbour = StoreKey::from_bytes(bytes);
            judge
                .is_gone(&neighbour, "`get` handed out a neighbour's entry")
                .await;
            let replaced = judge
                .replace(&neighbour, version, "late".into(), MINUTE)
                .await;
            judge.check(
                replaced == Replaced::Missing,
                "`replace` found a neighbour's entry",
            );
            let deleted = judge.delete(&neighbour).await;
            judge.check(
                deleted == Deleted::Missing,
                "`delete` found a neighbour's entry",
            );
            if bit == 0 {
                let theirs = judge.create(&neighbour, "theirs", MINUTE).await;
                judge.holds(&neighbour, b"theirs", theirs).await;
                judge.delete(&neighbour).await;
            }
        }
    }
    judge.holds(&key, b"own", version).await;
}

/// Bytes come back as they were: none, every value of a byte, what looks like a protocol, 64 KiB.
///
/// # Panics
///
/// If it is not so.
pub async fn any_bytes_are_kept(store: &impl Store) {
    let judge = Judge::new("any_bytes_are_kept", store);
    let every: Vec<u8> = (0..=u8::MAX).collect();
    let values = [
        Bytes::new(),
        Bytes::from(every.clone()),
        Bytes::from_static(b"\r\nEND\r\n$-1\r\n\0{}\xff"),
        Bytes::from_static(b"-12345678901234567890"),
        Bytes::from(every.repeat(256)),
        Bytes::from(vec![0; 1000]),
    ];
    let replaced = fresh_key();
    let mut last = judge.create(&replaced, "start", MINUTE).await;
    for value in values {
        let key = fresh_key();
        let version = judge.create(&key, value.clone(), MINUTE).await;
        judge.holds(&key, &value, version).await;
        last = judge.update(&replaced, last, value.clone(), MINUTE).await;
        judge.holds(&replaced, &value, last).await;
    }
}
