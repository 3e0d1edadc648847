//! Reading the session that a request's cookies name.

use crate::cookie::Carried;
use crate::error::{Error, ErrorKind};
use crate::expiry::Timestamp;
use crate::id::SessionId;
use crate::observe::{Call, Event, Notes, Verb};
use crate::record::{Record, Unreadable as UnreadableRecord};
use crate::settings::{OnStoreError, Settings, Unreadable};
use crate::state::{Base, Found, State};
use crate::store::{Answer, BoxFuture, Entry, StoreError, StoreKey};
use crate::time_limit::{Stop, TimeLimit};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How long after a rotation the retired id is told apart from an unknown one.
const SUPERSEDED: Duration = Duration::from_secs(60);

/// A load that is under way: the ids are looked up in the order sent, until one loads.
pub(crate) struct Load {
    index: usize,
    superseded: bool,
    time_limit: TimeLimit,
    waiting: Option<Lookup>,
}

/// A call that waits for the store.
struct Lookup {
    call: Call,
    get: BoxFuture<Reply>,
}

type Reply = Result<Option<Entry>, StoreError>;

impl Load {
    /// Loads the session. What has to wait is kept, to be polled again.
    pub(crate) fn begin(
        settings: &Settings,
        state: &mut State,
        notes: &mut Notes,
        cx: &mut Context<'_>,
    ) -> Option<Box<Self>> {
        let mut load = Self {
            index: 0,
            superseded: false,
            time_limit: TimeLimit::new(settings.time_limit),
            waiting: None,
        };
        let waits = load.poll(settings, state, notes, cx).is_pending();
        waits.then(|| Box::new(load))
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
            let (call, entry) = ready!(self.look_up(settings, id, cx));
            call.end(Verb::Get, &entry, &mut self.time_limit, watch, notes);
            let found = match entry {
                Ok(Ok(Some(entry))) => judge(settings, state.carried(), id, call.key, entry, notes),
                Ok(Ok(None)) => {
                    notes.event(watch, Event::UnknownId, Some(call.key));
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
        }
        state.loaded(if self.superseded {
            Found::Superseded
        } else {
            Found::Empty
        });
        Poll::Ready(())
    }

    /// Asks the store for this id's entry, or goes on to wait for it.
    fn look_up(
        &mut self,
        settings: &Settings,
        id: SessionId,
        cx: &mut Context<'_>,
    ) -> Poll<(Call, Result<Reply, Stop>)> {
        let lookup = match &mut self.waiting {
            Some(lookup) => lookup,
            None => {
                let key = settings.keyspace.key(&id.handle);
                let call = Call::begin(&settings.watch, key);
                match settings.store.get(key) {
                    Answer::Now(entry) => return Poll::Ready((call, Ok(entry))),
                    Answer::Later(get) => self.waiting.insert(Lookup { call, get }),
                }
            }
        };
        let entry = ready!(self.time_limit.poll(lookup.get.as_mut(), cx));
        let call = lookup.call;
        self.waiting = None;
        Poll::Ready((call, entry))
    }
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
