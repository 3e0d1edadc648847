//! Reading the session that a request's cookies name.

use crate::cookie::Carried;
use crate::error::{Error, ErrorKind};
use crate::expiry::Timestamp;
use crate::id::SessionId;
use crate::observe::{Call, Event, Notes, Verb};
use crate::record::{Record, Unreadable as UnreadableRecord};
use crate::settings::{OnStoreError, Settings, Unreadable};
use crate::state::{Base, Found, State};
use crate::store::{BoxFuture, Entry, StoreError, StoreKey};
use crate::time_limit::TimeLimit;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How long after a rotation the retired id is told apart from an unknown one.
const SUPERSEDED: Duration = Duration::from_secs(60);

/// A load that is under way: the ids are looked up in the order sent, until one loads.
pub(crate) struct Load {
    index: usize,
    call: Call,
    get: Lookup,
    time_limit: TimeLimit,
    superseded: bool,
}

impl Load {
    /// `None` if there is no id to look up, so the session is empty.
    pub(crate) fn start(settings: &Settings, carried: &Carried) -> Option<Self> {
        let (call, get) = lookup(settings, carried.get(0)?);
        Some(Self {
            index: 0,
            call,
            get,
            time_limit: TimeLimit::new(settings.time_limit),
            superseded: false,
        })
    }

    /// Goes on with the load, and tells the session in the end what was found.
    pub(crate) fn poll(
        &mut self,
        settings: &Settings,
        state: &mut State,
        notes: &mut Notes,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let watch = &settings.watch;
        while let Some(id) = state.carried().get(self.index) {
            let entry = ready!(self.time_limit.poll(self.get.as_mut(), cx));
            let key = self.call.key;
            self.call
                .end(Verb::Get, &entry, &mut self.time_limit, watch, notes);
            let found = match entry {
                Ok(Ok(Some(entry))) => judge(settings, state.carried(), id, key, entry, notes),
                Ok(Ok(None)) => {
                    notes.event(watch, Event::UnknownId, Some(key));
                    state.has_no_entry(self.index);
                    Found::Empty
                }
                Ok(Err(_)) => failed(settings, ErrorKind::Unavailable.into()),
                Err(stop) => failed(settings, stop.into()),
            };
            match found {
                Found::Empty => {}
                Found::Superseded => self.superseded = true,
                found => {
                    state.loaded(found);
                    return Poll::Ready(());
                }
            }
            self.index += 1;
            if let Some(next) = state.carried().get(self.index) {
                (self.call, self.get) = lookup(settings, next);
            }
        }
        state.loaded(if self.superseded {
            Found::Superseded
        } else {
            Found::Empty
        });
        Poll::Ready(())
    }
}

type Lookup = BoxFuture<Result<Option<Entry>, StoreError>>;

fn lookup(settings: &Settings, id: SessionId) -> (Call, Lookup) {
    let key = settings.keyspace.key(&id.handle);
    let call = Call::begin(&settings.watch, key);
    (call, Arc::clone(&settings.store).get(key))
}

/// What a lookup that failed leaves.
fn failed(settings: &Settings, error: Error) -> Found {
    match settings.on_store_error {
        OnStoreError::Anonymous if error.is_of_store() => Found::Anonymous(error),
        _ => Found::Failed(error),
    }
}

/// What an entry is to someone who comes with this id.
fn judge(
    settings: &Settings,
    carried: &Carried,
    id: SessionId,
    key: StoreKey,
    entry: Entry,
    notes: &mut Notes,
) -> Found {
    let mut note = |event| notes.event(&settings.watch, event, Some(key));
    let record = match Record::decode(entry.value) {
        Ok(record) => record,
        Err(UnreadableRecord) => {
            note(Event::Unreadable);
            return match settings.unreadable {
                Unreadable::Fail => Found::Failed(ErrorKind::Undecodable.into()),
                Unreadable::Empty => Found::Empty,
            };
        }
    };
    let (now, header) = (settings.now(), record.header());
    if header.is_over(&settings.lifetimes, now) {
        note(Event::Expired);
        Found::Empty
    } else if header.secret == id.secret {
        note(Event::Loaded {
            size: record.bytes().len(),
        });
        Found::Loaded(Base {
            handle: id.handle,
            key,
            record,
            version: entry.version,
            at: now,
            by_former_name: carried.by_former_name(),
        })
    } else {
        note(Event::UnknownId);
        if header.rotated_at.is_some_and(|at| is_recent(at, now)) {
            Found::Superseded
        } else {
            Found::Empty
        }
    }
}

/// In either direction: a clock that jumped back must not keep a browser that holds a retired id
/// from a session of its own.
fn is_recent(rotated_at: Timestamp, now: Timestamp) -> bool {
    now.since(rotated_at).max(rotated_at.since(now)) < SUPERSEDED
}
