//! The one place that hands on what happens, to the log and to the observer.

use super::trace::Trace;
use super::{Event, Observer, Verb};
use crate::clock::Clock;
use crate::error::ErrorKind;
use crate::store::{StoreError, StoreErrorKind, StoreKey};
use crate::time_limit::{Stop, TimeLimit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Who wants to know.
pub(crate) struct Watch {
    observer: Option<Arc<dyn Observer>>,
    trace: Trace,
}

impl Watch {
    pub(crate) fn new(observer: Option<Arc<dyn Observer>>, clock: Arc<dyn Clock>) -> Self {
        Self {
            observer,
            trace: Trace::new(clock),
        }
    }

    /// Whether anybody wants to know of this event.
    #[inline]
    pub(crate) fn hears(&self, event: Event) -> bool {
        self.observer.is_some() || Trace::hears(event)
    }

    /// Tells of an event, and of which session that is. Foreign code: no lock may be held.
    #[inline]
    pub(crate) fn tell(&self, event: Event, key: Option<StoreKey>) {
        if self.hears(event) {
            self.pass_on(Note::Event(event, key));
        }
    }

    pub(crate) fn tell_all(&self, notes: Notes) {
        for note in notes.0 {
            self.pass_on(note);
        }
    }

    /// Whoever panics loses this note, and nobody else does.
    #[cold]
    fn pass_on(&self, note: Note) {
        if let Note::Event(event, key) = note {
            // The list of a user's sessions is none of them.
            let session = key.filter(|key| !key.is_roster());
            let _ = catch_unwind(AssertUnwindSafe(|| self.trace.event(event, session)));
        }
        if let Some(observer) = &self.observer {
            let _ = catch_unwind(AssertUnwindSafe(|| match note {
                Note::Event(event, _) => observer.event(&event),
                Note::Call(verb, time) => observer.store_call(verb, time),
            }));
        }
    }
}

enum Note {
    Event(Event, Option<StoreKey>),
    Call(Verb, Duration),
}

/// What is to be told once the lock of the session is free. Empty where nobody listens.
#[derive(Default)]
pub(crate) struct Notes(Vec<Note>);

impl Notes {
    #[inline]
    pub(crate) fn event(&mut self, watch: &Watch, event: Event, key: Option<StoreKey>) {
        if watch.hears(event) {
            self.push(Note::Event(event, key));
        }
    }

    #[cold]
    fn push(&mut self, note: Note) {
        self.0.push(note);
    }
}

/// A verb of the store that is under way.
#[derive(Clone, Copy)]
pub(crate) struct Call {
    pub(crate) key: StoreKey,
    /// Known only where there is an observer.
    begun: Option<Instant>,
}

impl Call {
    #[inline]
    pub(crate) fn begin(watch: &Watch, key: StoreKey) -> Self {
        let begun = watch.observer.is_some().then(Instant::now);
        Self { key, begun }
    }

    /// Notes down how it ended.
    #[inline]
    pub(crate) fn end<T>(
        &self,
        verb: Verb,
        result: &Result<Result<T, StoreError>, Stop>,
        time_limit: &mut TimeLimit,
        watch: &Watch,
        notes: &mut Notes,
    ) {
        if let Some(begun) = self.begun {
            notes.push(Note::Call(verb, begun.elapsed()));
        }
        if time_limit.turned_slow() {
            notes.event(watch, Event::SlowStore { verb }, Some(self.key));
        }
        let error = match result {
            Ok(Ok(_)) => return,
            Err(Stop::Elapsed) => ErrorKind::TimedOut,
            Err(Stop::NoRuntime) => ErrorKind::NoRuntime,
            Ok(Err(error)) => match error.kind {
                StoreErrorKind::Unavailable => ErrorKind::Unavailable,
                StoreErrorKind::InDoubt => ErrorKind::Unknown,
                // No fault of the store: the commit is refused.
                StoreErrorKind::TooLarge | StoreErrorKind::Full => return,
            },
        };
        notes.event(watch, Event::StoreError { verb, error }, Some(self.key));
    }
}
