//! What happens to sessions is told, in the log and to the observer.

mod events;
mod log;
mod observer;
#[path = "../support/mod.rs"]
mod support;

use axum::Router;
use sessile::observe::{Event, Observer, Verb};
use sessile::test_util::ManualClock;
use sessile::{SessionLayer, SessionLayerBuilder};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::log::Log;
use support::{TestStore, kind_of, layer_with, scripted};
use tracing::subscriber::DefaultGuard;

/// Writes down what it is told.
#[derive(Default)]
struct Notebook {
    events: Mutex<Vec<Event>>,
    calls: Mutex<Vec<(Verb, Duration)>>,
}

impl Observer for Notebook {
    fn event(&self, event: &Event) {
        self.events.lock().unwrap().push(*event);
    }

    fn store_call(&self, verb: Verb, time: Duration) {
        self.calls.lock().unwrap().push((verb, time));
    }
}

/// An app that does what its paths say, with everybody listening.
struct Watched {
    app: Router,
    layer: SessionLayer,
    store: TestStore,
    clock: Arc<ManualClock>,
    notebook: Arc<Notebook>,
    log: Log,
    _listening: DefaultGuard,
}

fn watched() -> Watched {
    watched_with(|builder| builder)
}

fn watched_with(settings: impl FnOnce(SessionLayerBuilder) -> SessionLayerBuilder) -> Watched {
    let (log, notebook) = (Log::default(), Arc::new(Notebook::default()));
    let listening = tracing::subscriber::set_default(log.clone());
    let (layer, store, clock) = layer_with(|builder| {
        settings(
            builder
                .error_response(kind_of)
                .observer(Arc::clone(&notebook)),
        )
    });
    Watched {
        app: scripted(layer.clone()),
        layer,
        store,
        clock,
        notebook,
        log,
        _listening: listening,
    }
}

impl Watched {
    /// What was told since this was last asked: level, name, then the error and the verb. The log and the
    /// observer say the same.
    fn told(&self) -> Vec<String> {
        let seen = std::mem::take(&mut *self.notebook.events.lock().unwrap());
        let named = self.log.named();
        let names: Vec<_> = seen.iter().map(Event::name).collect();
        let logged: Vec<_> = named.iter().map(|event| &*event.name).collect();
        assert_eq!(logged, names);
        let line = |event: &support::log::Named| {
            let detail = ["error", "verb"].map(|field| event.fields.get(field));
            let words = detail.into_iter().flatten().map(|word| format!(" {word}"));
            let words: String = words.collect();
            format!("{} {}{words}", event.level, event.name)
        };
        named.iter().map(line).collect()
    }

    /// The fingerprints of what was told since.
    fn sessions(&self) -> Vec<String> {
        self.notebook.events.lock().unwrap().clear();
        let named = self.log.named();
        let session = |event: &support::log::Named| event.fields["session"].clone();
        named.iter().map(session).collect()
    }
}
