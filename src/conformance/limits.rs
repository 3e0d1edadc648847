//! What is more than a store can hold.

use super::judge::{Judge, MINUTE, fresh_key};
use crate::store::{Store, StoreError};
use bytes::Bytes;

/// A value that is [too large](StoreError::too_large) is refused as that, and changes nothing: what was there stays,
/// with its version, and where nothing was nothing is made.
///
/// Hand over a value that is larger than the store can hold. So this is no part of [`all`](super::all).
///
/// # Panics
///
/// If it is not so.
pub async fn what_is_too_large_changes_nothing(store: &impl Store, too_large: Bytes) {
    let judge = Judge::new("what_is_too_large_changes_nothing", store);
    let (key, other) = (fresh_key(), fresh_key());
    let version = judge.create(&key, "first", MINUTE).await;
    let replaced = store
        .replace(&key, version, too_large.clone(), MINUTE)
        .await;
    judge.check(
        replaced == Err(StoreError::too_large()),
        "`replace` did not refuse the value as too large",
    );
    judge.holds(&key, b"first", version).await;
    let added = store.add(&other, too_large, MINUTE).await;
    judge.check(
        added == Err(StoreError::too_large()),
        "`add` did not refuse the value as too large",
    );
    judge
        .is_gone(&other, "an `add` that was refused made an entry")
        .await;
    judge.update(&key, version, "second", MINUTE).await;
}
