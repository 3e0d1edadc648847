//! The store: well unless it is told otherwise, and then exactly as told.

use sessile::conformance;
use sessile::store::{Added, Deleted, Replaced, Store as _, StoreError, StoreKey, Version};
use sessile::test_util::{Fault, TestStore, Verb};
use std::time::Duration;
use tokio_test::task;

const KEY: StoreKey = StoreKey::from_bytes([2; 32]);
const TTL: Duration = Duration::from_secs(60);

#[tokio::test]
async fn it_keeps_the_contract_but_for_the_ends_of_lifetimes() {
    let store = TestStore::new();
    conformance::a_missing_key_reads_as_none(&store).await;
    conformance::add_creates(&store).await;
    conformance::add_never_overwrites(&store).await;
    conformance::replace_writes_what_it_is_given(&store).await;
    conformance::replace_never_creates(&store).await;
    conformance::replace_after_delete_is_missing(&store).await;
    conformance::delete_says_what_it_did(&store).await;
    conformance::delete_takes_any_version(&store).await;
    conformance::a_read_changes_nothing(&store).await;
    conformance::a_read_sees_the_last_write(&store).await;
    conformance::keys_are_apart(&store).await;
    conformance::any_bytes_are_kept(&store).await;
    conformance::replace_needs_the_expected_version(&store).await;
    conformance::the_same_bytes_get_another_version(&store).await;
    conformance::versions_never_come_back(&store).await;
    conformance::lifetimes_of_years_are_held(&store).await;
    conformance::of_many_adds_one_wins(&store).await;
    conformance::of_many_replaces_one_wins(&store).await;
    conformance::of_many_deletes_one_is_done(&store).await;
    conformance::concurrent_increments_are_all_counted(&store).await;
    conformance::a_deleted_entry_stays_dead(&store).await;
    conformance::reads_are_whole(&store).await;
    conformance::a_dropped_call_harms_nobody(&store).await;
}

/// What each verb says to a fault, as a text, on an entry that holds `old`; and what the store holds then.
async fn after(verb: Verb, fault: Fault) -> (String, Option<bytes::Bytes>) {
    fn text<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> String {
        format!("{outcome:?}")
    }
    let store = TestStore::new();
    if verb != Verb::Add {
        store.put(&KEY, "old");
    }
    store.fail_next(verb, fault);
    let said = match verb {
        Verb::Get => text(store.get(&KEY).await.map(|entry| entry.is_some())),
        Verb::Add => text(store.add(&KEY, "new".into(), TTL).await),
        Verb::Replace => text(
            store
                .replace(&KEY, Version::new(1), "new".into(), TTL)
                .await,
        ),
        Verb::Delete => text(store.delete(&KEY).await),
    };
    assert_eq!(store.calls(), [verb]);
    (said, store.entry(&KEY).map(|entry| entry.value))
}

#[tokio::test]
async fn each_fault_is_told_and_has_the_effect_that_it_says() {
    for verb in [Verb::Get, Verb::Add, Verb::Replace, Verb::Delete] {
        let (untouched, done) = match verb {
            Verb::Get => (Some("old"), Some("old")),
            Verb::Add => (None, Some("new")),
            Verb::Replace => (Some("old"), Some("new")),
            Verb::Delete => (Some("old"), None),
        };
        let denied = match verb {
            Verb::Get => "Ok(false)".to_owned(),
            Verb::Add => format!("Ok({:?})", Added::Exists),
            Verb::Replace => format!("Ok({:?})", Replaced::Missing),
            Verb::Delete => format!("Ok({:?})", Deleted::Missing),
        };
        let error = |error: StoreError| format!("Err({error:?})");
        for (fault, said, held) in [
            (
                Fault::Unavailable,
                error(StoreError::unavailable()),
                untouched,
            ),
            (Fault::Lost, error(StoreError::in_doubt()), untouched),
            (Fault::LostAnswer, error(StoreError::in_doubt()), done),
            (Fault::Full, error(StoreError::full()), untouched),
            (Fault::TooLarge, error(StoreError::too_large()), untouched),
            (Fault::Denied, denied, untouched),
        ] {
            let held = held.map(bytes::Bytes::from);
            assert_eq!(after(verb, fault).await, (said, held), "{verb:?} {fault:?}");
        }
        assert!(task::spawn(after(verb, Fault::Hang)).poll().is_pending());
    }
}

#[tokio::test]
async fn faults_of_one_verb_form_a_line_and_leave_other_verbs_alone() {
    let store = TestStore::new();
    store.fail_next(Verb::Get, Fault::Full);
    store.pass_next(Verb::Get);
    store.fail_next(Verb::Get, Fault::TooLarge);
    assert_eq!(store.delete(&KEY).await, Ok(Deleted::Missing));
    for error in [
        Some(StoreError::full()),
        None,
        Some(StoreError::too_large()),
        None,
    ] {
        assert_eq!(store.get(&KEY).await.err(), error);
    }
    store.fail_all(Fault::Unavailable);
    store.fail_next(Verb::Get, Fault::Full);
    for error in [
        StoreError::full(),
        StoreError::unavailable(),
        StoreError::unavailable(),
    ] {
        assert_eq!(store.get(&KEY).await.err(), Some(error));
    }
    assert_eq!(store.delete(&KEY).await, Err(StoreError::unavailable()));
    store.restore();
    assert_eq!(store.delete(&KEY).await, Ok(Deleted::Missing));
}

#[tokio::test]
async fn a_gate_holds_up_one_call_until_it_is_opened() {
    let store = TestStore::new();
    let gate = store.gate_next(Verb::Add);
    let mut reached = task::spawn(gate.reached());
    assert!(reached.poll().is_pending());
    assert_eq!(
        format!("{gate:?}"),
        "Gate { reached: false, opened: false }"
    );

    let mut add = task::spawn(store.add(&KEY, "a".into(), TTL));
    assert!(add.poll().is_pending());
    assert!(reached.is_woken() && reached.poll().is_ready());
    gate.reached().await;
    assert!(store.is_empty());
    assert!(store.get(&KEY).await.unwrap().is_none());
    let other = StoreKey::from_bytes([4; 32]);
    assert!(matches!(
        store.add(&other, "b".into(), TTL).await,
        Ok(Added::Done(_))
    ));

    gate.open();
    assert!(add.is_woken());
    assert!(matches!(add.await, Ok(Added::Done(_))));
    assert_eq!(store.len(), 2);
}

#[tokio::test]
async fn a_gate_can_be_opened_early_and_stays_closed_when_it_is_dropped() {
    let store = TestStore::new();
    store.gate_next(Verb::Get).open();
    assert!(store.get(&KEY).await.unwrap().is_none());
    drop(store.gate_next(Verb::Get));
    assert!(task::spawn(store.get(&KEY)).poll().is_pending());
    assert!(store.get(&KEY).await.unwrap().is_none());
}

#[tokio::test]
async fn what_happens_before_a_call_is_seen_by_it_and_may_call_the_store() {
    let store = TestStore::new();
    store.put(&KEY, "old");
    let version = store.entry(&KEY).unwrap().version;
    let inner = store.clone();
    store.pass_next(Verb::Replace);
    store.before_next(Verb::Replace, async move {
        assert_eq!(inner.delete(&KEY).await, Ok(Deleted::Done));
    });
    let Ok(Replaced::Done(version)) = store.replace(&KEY, version, "a".into(), TTL).await else {
        panic!("the first passes");
    };
    let second = store.replace(&KEY, version, "b".into(), TTL).await;
    assert_eq!(second, Ok(Replaced::Missing));
    assert_eq!(store.calls(), [Verb::Replace, Verb::Replace, Verb::Delete]);
    store.forget_calls();
    assert_eq!(store.calls(), []);
}

#[tokio::test]
async fn a_test_can_look_at_entries_and_take_them_away() {
    let store = TestStore::new();
    assert!(store.is_empty() && store.keys().is_empty());
    store.add(&KEY, "data".into(), TTL).await.unwrap();
    assert_eq!((store.len(), store.keys()), (1, vec![KEY]));
    assert_eq!(store.time_to_live(&KEY), Some(TTL));
    let before = store.entry(&KEY).unwrap();
    assert_eq!(before.value, "data");

    store.put(&KEY, "damaged");
    let after = store.get(&KEY).await.unwrap().unwrap();
    assert_eq!(after.value, "damaged");
    assert_ne!(after.version, before.version);
    assert_eq!(format!("{store:?}"), "TestStore { len: 1, .. }");

    let other = StoreKey::from_bytes([4; 32]);
    assert!(!store.evict(&other));
    assert!(store.evict(&KEY) && store.entry(&KEY).is_none() && store.time_to_live(&KEY).is_none());
    store.put(&KEY, "a");
    store.put(&other, "b");
    store.evict_all();
    assert_eq!(store.len(), 0);
}
