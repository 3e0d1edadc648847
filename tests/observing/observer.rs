//! What the observer alone is told, and what it may do.

use crate::support::{Browser, answer, assert_ok, layer_with};
use crate::{Notebook, watched, watched_with};
use sessile::observe::{Event, Observer, Verb};
use sessile::store::MemoryStore;
use sessile::test_util::Clock;
use sessile::{Load, Session, SessionLayer};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, SystemTime};
use tokio::time::advance;

#[tokio::test]
async fn each_call_of_the_store_is_told() {
    let it = watched();
    let mut browser = Browser::new();
    let login = async |session: &Session| session.renew_for("alice").unwrap();
    browser.visit(&it.layer, login).await;
    browser.get(&it.app, "/insert:a:1/reload").await;
    browser.get(&it.app, "/flush").await;
    it.layer.sessions().of("alice").list().await.unwrap();
    let calls = it.notebook.calls.lock().unwrap();
    let verbs: Vec<_> = calls.iter().map(|(verb, _)| verb.name()).collect();
    assert_eq!(verbs, it.store.calls());
    for verb in ["get", "add", "replace", "delete"] {
        assert!(verbs.contains(&verb), "{verb}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_call_is_what_the_store_took() {
    const LONG: Duration = Duration::from_millis(700);
    let it = watched();
    let mut browser = Browser::with_session(&it.app, &it.store, "/insert:a:1").await;
    it.notebook.calls.lock().unwrap().clear();
    for verb in ["get", "replace"] {
        let gate = it.store.gate_next(verb);
        let open = async {
            it.store.called(verb, 1).await;
            advance(LONG).await;
            gate.open();
        };
        let path = format!("/increment:{verb}");
        assert_ok(&tokio::join!(browser.get(&it.app, &path), open).0);
        it.store.calls();
    }
    let calls = it.notebook.calls.lock().unwrap();
    let expected = [
        (Verb::Get, LONG),
        (Verb::Replace, Duration::ZERO),
        (Verb::Get, Duration::ZERO),
        (Verb::Replace, LONG),
    ];
    assert_eq!(*calls, expected);
}

/// Takes its time to say the time.
#[derive(Debug)]
struct SlowClock;

impl SlowClock {
    const TIME: Duration = Duration::from_millis(5);
}

impl Clock for SlowClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn uptime(&self) -> Duration {
        sleep(Self::TIME);
        Duration::ZERO
    }
}

/// Which works while it is asked, and never has to be waited for.
#[tokio::test]
async fn the_time_of_a_call_is_also_what_the_embedded_store_took() {
    let notebook = Arc::new(Notebook::default());
    let store = MemoryStore::builder().clock(Arc::new(SlowClock)).build();
    let layer = SessionLayer::builder(store)
        .observer(Arc::clone(&notebook))
        .build()
        .unwrap();
    let mut browser = Browser::new();
    let write = async |session: &Session| session.insert("n", 1).unwrap();
    browser.visit(&layer, write).await;
    let write = async |session: &Session| session.insert("n", 2).unwrap();
    browser.visit(&layer, write).await;
    let end = async |session: &Session| session.flush();
    browser.visit(&layer, end).await;
    let calls = notebook.calls.lock().unwrap();
    let (verbs, times): (Vec<_>, Vec<_>) = calls.iter().copied().unzip();
    let expected = [Verb::Add, Verb::Get, Verb::Replace, Verb::Get, Verb::Delete];
    assert_eq!(verbs, expected);
    assert!(
        times.iter().all(|time| *time >= SlowClock::TIME),
        "{times:?}"
    );
}

#[tokio::test]
async fn the_size_of_a_session_is_that_of_its_record() {
    let it = watched();
    let mut browser = Browser::new();
    browser.get(&it.app, "/insert:a:1").await;
    let size = it.store.record().len();
    browser.get(&it.app, "/insert:more:1000").await;
    let larger = it.store.record().len();
    assert!(larger > size);
    browser.get(&it.app, "/show").await;
    let sizes: Vec<_> = it
        .notebook
        .events
        .lock()
        .unwrap()
        .iter()
        .map(size_of)
        .collect();
    assert_eq!(sizes, [size, size, larger]);
    let logged: Vec<_> = it
        .log
        .named()
        .iter()
        .map(|it| it.fields["size"].clone())
        .collect();
    assert_eq!(
        logged,
        sizes.iter().map(usize::to_string).collect::<Vec<_>>()
    );
}

fn size_of(event: &Event) -> usize {
    match event {
        Event::Created { size, .. } | Event::Loaded { size, .. } => *size,
        event => panic!("{event:?} has no size"),
    }
}

struct Panics;

impl Observer for Panics {
    fn event(&self, _: &Event) {
        panic!("an observer that panics")
    }

    fn store_call(&self, _: Verb, _: Duration) {
        panic!("an observer that panics")
    }
}

#[tokio::test]
async fn an_observer_that_panics_harms_nobody() {
    let it = watched_with(|builder| builder.observer(Panics));
    let mut browser = Browser::new();
    for path in ["/insert:a:1", "/increment:a", "/cycle", "/show"] {
        assert_ok(&browser.get(&it.app, path).await);
    }
    assert_eq!(browser.sees(&it.app).await, "a=2");
    let names: Vec<_> = it.log.named().into_iter().map(|it| it.name).collect();
    assert_eq!(
        names,
        ["created", "loaded", "loaded", "rotated", "loaded", "loaded"]
    );
}

#[derive(Default)]
struct Curious {
    session: Mutex<Option<Session>>,
    seen: Mutex<Vec<(&'static str, bool)>>,
}

impl Observer for Curious {
    fn event(&self, event: &Event) {
        let session = self.session.lock().unwrap().clone().unwrap();
        let seen = (event.name(), session.keys().is_ok());
        self.seen.lock().unwrap().push(seen);
    }
}

/// None is told under the lock of the session, where this would wait for ever.
#[tokio::test]
async fn an_observer_may_use_the_session_that_it_is_told_of() {
    let curious = Arc::new(Curious::default());
    let (layer, ..) = layer_with(|builder| {
        builder
            .observer(Arc::clone(&curious))
            .load(Load::OnAccess)
            .max_size(200)
    });
    let mut browser = Browser::new();
    for _ in 0..2 {
        let visit = async |session: &Session| {
            *curious.session.lock().unwrap() = Some(session.clone());
            session.load().await.unwrap();
            session.insert("n", "x".repeat(300)).unwrap_err();
            session.insert("n", 1).unwrap();
            session.cycle_id();
        };
        browser.visit(&layer, visit).await;
    }
    let mut late = browser.clone();
    browser
        .visit(&layer, async |session: &Session| session.cycle_id())
        .await;
    let write = async |session: Session| {
        *curious.session.lock().unwrap() = Some(session.clone());
        session.load().await.unwrap();
        session.insert("n", 2).unwrap();
    };
    assert_eq!(
        answer(&layer, late.request("GET", "/"), write).await.status,
        400
    );
    late.remove_cookie("__Host-id");
    let seen = std::mem::take(&mut *curious.seen.lock().unwrap());
    let names: Vec<_> = seen.iter().map(|(name, _)| *name).collect();
    let expected = [
        "refused",
        "created",
        "loaded",
        "refused",
        "rotated",
        "loaded",
        "rotated",
        "unknown_id",
        "interrupted",
    ];
    assert_eq!(names, expected);
    assert!(seen.iter().all(|(_, readable)| *readable));
}
