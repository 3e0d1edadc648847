//! A call that is dropped in the middle.

use super::judge::{Judge, MINUTE, dropped_after, fresh_key};
use crate::store::{Replaced, Store};

/// A call that is dropped before it is done may or may not have its effect, and leaves nothing that
/// another call could trip over: no reply that the next one takes for its own, no lock.
///
/// # Panics
///
/// If it is not so.
pub async fn a_dropped_call_harms_nobody(store: &impl Store) {
    let judge = Judge::new("a_dropped_call_harms_nobody", store);
    let bystander = fresh_key();
    let mut version = judge.create(&bystander, "bystander", MINUTE).await;
    for polls in 0..4 {
        for verb in 0..4 {
            let key = fresh_key();
            let before = judge.create(&key, "before", MINUTE).await;
            let new = fresh_key();
            let done = match verb {
                0 => dropped_after(polls, store.get(&key)).await,
                1 => dropped_after(polls, store.add(&new, "new".into(), MINUTE)).await,
                2 => {
                    let replace = store.replace(&key, before, "after".into(), MINUTE);
                    dropped_after(polls, replace).await
                }
                _ => dropped_after(polls, store.delete(&key)).await,
            };
            judge
                .is_gone(&fresh_key(), "a read got the reply to a dropped call")
                .await;
            judge.holds(&bystander, b"bystander", version).await;
            let stranger = judge
                .replace(&fresh_key(), before, "late".into(), MINUTE)
                .await;
            judge.check(
                stranger == Replaced::Missing,
                "a write got the reply to a dropped call",
            );
            version = judge.update(&bystander, version, "bystander", MINUTE).await;
            if done {
                continue;
            }
            // Its own key holds what was there, or what the call would have left.
            let entry = judge.get(&key).await;
            let value = entry.as_ref().map(|entry| &entry.value[..]);
            let plausible = match verb {
                2 => value == Some(b"before") || value == Some(b"after"),
                3 => value.is_none() || value == Some(b"before"),
                _ => value == Some(b"before"),
            };
            judge.check(
                plausible,
                "a dropped call left something else than its effect",
            );
            if let Some(entry) = judge.get(&new).await {
                judge.check(
                    verb == 1 && entry.value == "new",
                    "a dropped `add` left other bytes",
                );
            }
        }
    }
}
