//! How long an entry stays.
//!
//! A store may keep an entry a little too long, so these sentences look for an end only after
//! twice the time to live.

use super::judge::{Judge, fresh_key};
use crate::store::{Added, Deleted, Replaced, Store, Version};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Lifetimes above any that a backend may count in (30 days in memcached, 2³² seconds or
/// milliseconds) are held, and do not end the entry at once.
///
/// # Panics
///
/// If it is not so.
pub async fn lifetimes_of_years_are_held(store: &impl Store) {
    let judge = Judge::new("lifetimes_of_years_are_held", store);
    for days in [29, 31, 60, 400, 3653, 36525] {
        let (added, replaced) = (fresh_key(), fresh_key());
        let version = judge.create(&added, "long", DAY * days).await;
        judge.holds(&added, b"long", version).await;
        let version = judge.create(&replaced, "short", DAY).await;
        let version = judge.update(&replaced, version, "long", DAY * days).await;
        judge.holds(&replaced, b"long", version).await;
        // So that they do not stay on a server for as long as they could.
        for key in [added, replaced] {
            judge.check(
                judge.delete(&key).await == Deleted::Done,
                "the entry ended too soon",
            );
        }
    }
}

/// The shortest lifetimes are no error, and not for ever: a backend that counts in seconds must not
/// round them to a nought that means *never*.
///
/// # Panics
///
/// If it is not so.
pub async fn lifetimes_of_a_millisecond_end(
    store: &impl Store,
    ttl: Duration,
    pass: impl AsyncFn(Duration),
) {
    let judge = Judge::new("lifetimes_of_a_millisecond_end", store);
    let (added, replaced) = (fresh_key(), fresh_key());
    let version = judge.create(&replaced, "long", ttl * 100).await;
    judge
        .update(&replaced, version, "short", Duration::from_millis(1))
        .await;
    judge
        .create(&added, "short", Duration::from_millis(1))
        .await;
    pass(ttl * 2).await;
    judge
        .is_gone(
            &added,
            "an entry that was added for a millisecond did not end",
        )
        .await;
    judge
        .is_gone(
            &replaced,
            "an entry that was replaced for a millisecond did not end",
        )
        .await;
}

/// An entry lives for its time to live. After that it is missing to every verb: `get`, `replace` and
/// `delete` do not find it, and `add` makes another.
///
/// # Panics
///
/// If it is not so.
pub async fn an_entry_ends_after_its_time_to_live(
    store: &impl Store,
    ttl: Duration,
    pass: impl AsyncFn(Duration),
) {
    let judge = Judge::new("an_entry_ends_after_its_time_to_live", store);
    let [read, replaced, deleted, added, lasting] = [(); 5].map(|()| fresh_key());
    let mut version = Version::new(0);
    for key in [read, added, deleted, replaced] {
        version = judge.create(&key, "short", ttl).await;
    }
    let long = judge.create(&lasting, "long", ttl * 100).await;
    pass(ttl / 2).await;
    // A read does not lengthen the life.
    judge.check(
        judge.get(&read).await.is_some(),
        "an entry ended before its time to live",
    );
    pass(ttl + ttl / 2).await;
    judge
        .is_gone(&read, "`get` found an entry after its time to live")
        .await;
    let late = judge.replace(&replaced, version, "late".into(), ttl).await;
    judge.check(
        late == Replaced::Missing,
        "`replace` found an entry after its time to live",
    );
    judge
        .is_gone(
            &replaced,
            "`replace` brought an entry back after its time to live",
        )
        .await;
    let late = judge.delete(&deleted).await;
    judge.check(
        late == Deleted::Missing,
        "`delete` found an entry after its time to live",
    );
    let again = match judge.add(&added, "again".into(), ttl * 100).await {
        Added::Done(version) => version,
        Added::Exists => judge.fail("`add` found an entry after its time to live"),
    };
    judge.holds(&added, b"again", again).await;
    judge.holds(&lasting, b"long", long).await;
}

/// The time to live begins anew with each write, with the length that this write says: a
/// `replace` can lengthen a life and shorten it, and never leaves an entry without an end.
///
/// # Panics
///
/// If it is not so.
pub async fn each_write_sets_the_time_to_live(
    store: &impl Store,
    ttl: Duration,
    pass: impl AsyncFn(Duration),
) {
    let judge = Judge::new("each_write_sets_the_time_to_live", store);
    let [renewed, lengthened, shortened] = [(); 3].map(|()| fresh_key());
    let first = judge.create(&renewed, "first", ttl).await;
    let version = judge.create(&lengthened, "short", ttl).await;
    judge.update(&lengthened, version, "long", ttl * 100).await;
    let version = judge.create(&shortened, "long", ttl * 100).await;
    judge.update(&shortened, version, "short", ttl).await;
    pass(ttl / 2).await;
    judge.update(&renewed, first, "second", ttl).await;
    pass(ttl / 2 + ttl / 4).await;
    judge.check(
        judge.get(&renewed).await.is_some(),
        "a `replace` did not begin the time to live anew",
    );
    pass(ttl + ttl / 4).await;
    judge
        .is_gone(
            &renewed,
            "an entry did not end after the `replace` that renewed it",
        )
        .await;
    judge
        .is_gone(&shortened, "a `replace` did not shorten the time to live")
        .await;
    judge.check(
        judge.get(&lengthened).await.is_some(),
        "a `replace` did not lengthen the time to live",
    );
}

/// A write that changes nothing leaves the time to live alone too: an `add` that finds an
/// entry, and a `replace` that meets another version.
///
/// # Panics
///
/// If it is not so.
pub async fn a_refused_write_leaves_the_time_to_live(
    store: &impl Store,
    ttl: Duration,
    pass: impl AsyncFn(Duration),
) {
    let judge = Judge::new("a_refused_write_leaves_the_time_to_live", store);
    let [short, long] = [(); 2].map(|()| fresh_key());
    for (key, before, refused) in [(short, ttl, ttl * 100), (long, ttl * 100, ttl)] {
        let version = judge.create(&key, "first", before).await;
        let added = judge.add(&key, "second".into(), refused).await;
        judge.check(added == Added::Exists, "a second `add` of one key was done");
        let other = Version::new(version.get() ^ 1);
        let replaced = judge.replace(&key, other, "second".into(), refused).await;
        judge.check(
            replaced == Replaced::Conflict,
            "`replace` took another version",
        );
    }
    pass(ttl * 2).await;
    judge
        .is_gone(&short, "a refused write lengthened the time to live")
        .await;
    judge.check(
        judge.get(&long).await.is_some(),
        "a refused write shortened the time to live",
    );
}
