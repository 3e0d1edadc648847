//! A client that goes away: before the commit nothing has happened, after its begin all of it does.

mod support;

use axum::Router;
use bytes::Bytes;
use sessile::store::{Added, Deleted, Entry, Replaced, Store, StoreError, StoreKey, Version};
use sessile::test_util::{ManualClock, SeededRandom};
use sessile::{Load, SessionLayer};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::{Browser, Entries, Fault, TestStore, scripted};
use tokio::runtime::Handle;
use tokio::task::yield_now;
use tower::ServiceExt as _;

/// Waits before and after each verb takes effect.
#[derive(Clone, Default)]
struct SlowStore {
    store: TestStore,
    /// How many verbs that change something were begun.
    begun: Arc<AtomicUsize>,
}

impl SlowStore {
    async fn slow<T>(&self, changes: bool, verb: impl Future<Output = T>) -> T {
        self.begun.fetch_add(usize::from(changes), SeqCst);
        yield_now().await;
        let outcome = verb.await;
        yield_now().await;
        outcome
    }
}

impl Store for SlowStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Entry>, StoreError> {
        self.slow(false, self.store.get(key)).await
    }

    async fn add(&self, key: &StoreKey, value: Bytes, ttl: Duration) -> Result<Added, StoreError> {
        self.slow(true, self.store.add(key, value, ttl)).await
    }

    async fn replace(
        &self,
        key: &StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Replaced, StoreError> {
        self.slow(true, self.store.replace(key, expected, value, ttl))
            .await
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        self.slow(true, self.store.delete(key)).await
    }
}

/// An app on a slow store, with one session. Equal each time, down to the ids.
struct World {
    app: Router,
    store: SlowStore,
    browser: Browser,
}

impl World {
    async fn new(load: Load, fault: Option<(&'static str, Fault)>) -> Self {
        let store = SlowStore::default();
        let layer = SessionLayer::builder(store.clone())
            .clock(Arc::new(ManualClock::new()))
            .random(Arc::new(SeededRandom::new(7)))
            .load(load)
            .build();
        let app = scripted(layer.unwrap());
        let browser = Browser::with_session(&app, &store.store, "/load/insert:a:1").await;
        store.begun.store(0, SeqCst);
        if let Some((verb, fault)) = fault {
            store.store.fail_next(verb, fault);
        }
        Self {
            app,
            store,
            browser,
        }
    }

    fn entries(&self) -> Entries {
        self.store.store.entries()
    }

    /// What the entries are after a request to this path.
    async fn after(load: Load, fault: Option<(&'static str, Fault)>, path: &str) -> Entries {
        let world = Self::new(load, fault).await;
        world.browser.clone().get(&world.app, path).await;
        world.entries()
    }
}

fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Drops a request to this path after each number of polls, and compares what is left with what
/// requests to `stages` leave: the first if no change was begun, and so on.
async fn drop_everywhere(
    load: Load,
    fault: Option<(&'static str, Fault)>,
    path: &str,
    stages: &[&str],
) {
    let mut expected = Vec::new();
    for stage in stages {
        expected.push(World::after(load, fault, stage).await);
    }
    assert_ne!(expected.first(), expected.last());
    let mut seen = vec![0; stages.len()];
    for polls in 0.. {
        let world = World::new(load, fault).await;
        let request = world.browser.request("GET", path);
        let mut request = tokio_test::task::spawn(world.app.clone().oneshot(request));
        let ready = (0..polls).any(|_| request.poll().is_ready());
        // Whatever is under way, nothing is spawned for it.
        assert_eq!(tasks(), 0);
        drop(request);
        let stage = world.store.begun.load(SeqCst).min(stages.len() - 1);
        if stage == 0 || ready {
            assert_eq!(tasks(), 0, "{path} after {polls} polls");
        }
        while tasks() > 0 {
            yield_now().await;
        }
        let stage_at_end = world.store.begun.load(SeqCst).min(stages.len() - 1);
        assert_eq!(stage, stage_at_end);
        let same = world.entries() == expected[stage];
        assert!(same, "{path} after {polls} polls, in stage {stage}");
        seen[stage] += 1;
        if ready {
            break;
        }
    }
    // Each verb alone waits twice.
    assert!(seen.iter().all(|count| *count >= 2), "{seen:?}");
}

async fn drop_all() {
    for load in [Load::Eager, Load::OnAccess] {
        for path in [
            "/yield/load/insert:a:2/yield",
            "/load/cycle/yield/insert:user:1",
            "/load/remove:a",
            "/yield/flush",
            "/load/flush/insert:b:2/yield",
        ] {
            drop_everywhere(load, None, path, &["/", path]).await;
        }
        let increment = "/load/increment:a/yield";
        for fault in [Fault::Lost, Fault::LostAnswer, Fault::Unavailable] {
            let fault = Some(("replace", fault));
            drop_everywhere(load, fault, increment, &["/", increment]).await;
        }
        // What was saved is done; what came after it is not.
        drop_everywhere(
            load,
            None,
            "/load/insert:a:2/save/yield/insert:b:3/yield",
            &[
                "/",
                "/load/insert:a:2/save",
                "/load/insert:a:2/save/insert:b:3",
            ],
        )
        .await;
        drop_everywhere(
            load,
            None,
            "/load/cycle/save/insert:b:3/yield/fail",
            &["/", "/load/cycle/save"],
        )
        .await;
    }
}

#[tokio::test]
async fn dropped_at_each_await_point_it_happens_whole_or_not_at_all() {
    drop_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_at_each_await_point_on_many_threads_it_happens_whole_or_not_at_all() {
    drop_all().await;
}

#[tokio::test]
async fn a_commit_that_begins_with_the_load_is_done_whole_from_there_on() {
    let after = World::after(Load::OnAccess, None, "/clear").await;
    for polls in 1..=3 {
        let world = World::new(Load::OnAccess, None).await;
        let request = world.browser.request("GET", "/clear");
        let mut request = tokio_test::task::spawn(world.app.clone().oneshot(request));
        assert!((0..polls).all(|_| request.poll().is_pending()));
        drop(request);
        assert_eq!(tasks(), 1);
        while tasks() > 0 {
            yield_now().await;
        }
        assert!(world.entries() == after);
    }
}

#[tokio::test]
async fn a_new_session_is_created_whole_or_not_at_all() {
    for polls in 0..4 {
        let world = World::new(Load::Eager, None).await;
        let request = Browser::new().request("GET", "/yield/insert:a:2");
        let mut request = tokio_test::task::spawn(world.app.clone().oneshot(request));
        let ready = (0..polls).any(|_| request.poll().is_ready());
        assert!(!ready);
        drop(request);
        let begun = world.store.begun.load(SeqCst);
        assert_eq!(begun, usize::from(polls >= 2));
        assert_eq!(tasks(), begun);
        while tasks() > 0 {
            yield_now().await;
        }
        assert_eq!(world.store.store.len(), 1 + begun);
    }
}

#[tokio::test]
async fn a_request_that_is_dropped_while_its_commit_waits_for_a_save_still_commits() {
    let (app, store, _) = support::script();
    let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    let gate = store.gate_next("replace");
    let request = browser.request("GET", "/insert:a:2/save-aside/yield/insert:b:3");
    let mut request = tokio_test::task::spawn(app.clone().oneshot(request));
    assert!(request.poll().is_pending());
    gate.reached().await;
    assert!(request.poll().is_pending());
    // It waits for its turn.
    assert_eq!(store.calls(), ["get", "replace"]);
    drop(request);
    gate.open();
    while tasks() > 0 {
        yield_now().await;
    }
    assert_eq!(store.calls(), ["replace"]);
    assert_eq!(browser.sees(&app).await, "a=2 b=3");
}
