//! Reading the session that a request's cookies name.

use crate::cookie::Carried;
use crate::error::{Error, ErrorKind};
use crate::expiry::Timestamp;
use crate::observe::{Call, Event, Notes, Verb};
use crate::record::Record;
use crate::settings::{OnStoreError, Settings, Unreadable};
use crate::state::{Base, Found, State};
use crate::store::{Answer, BoxFuture, Entry, StoreError, StoreKey};
use crate::time_limit::{Stop, TimeLimit};
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How long after a rotation the retired id is told apart from an unknown one.
const SUPERSEDED: Duration = Duration::from_secs(60);

/// A load that waits for the store.
pub(crate) struct Load {
    search: Search,
    waiting: Lookup,
}

/// The ids are looked up in the order sent, until one loads.
struct Search {
    index: usize,
    superseded: bool,
    time_limit: TimeLimit,
}

/// A call of the store.
struct Lookup {
    call: Call,
    get: BoxFuture<Reply>,
}

type Reply = Result<Option<Entry>, StoreError>;

impl Load {
    /// Whether there is nothing to wait for: no id, or a store that answers at once.
    pub(crate) fn takes_no_wait(settings: &Settings, carried: &Carried) -> bool {
        settings.store.answers_at_once() || carried.get(0).is_none()
    }

    /// Loads the session, and tells it what was found. A load that has to wait is returned, to be polled.
    pub(crate) fn begin(
        settings: &Settings,
        state: &mut State,
        notes: &mut Notes,
    ) -> Option<Box<Self>> {
        if state.carried().malformed {
            notes.event(&settings.watch, Event::MalformedCookie, None);
        }
        // A look before the search, since it is all that a visitor without a cookie has to pay for.
        if state.carried().get(0).is_none() {
            state.loaded(Found::Empty);
            return None;
        }
        let mut search = Search {
            index: 0,
            superseded: false,
            time_limit: TimeLimit::new(settings.time_limit),
        };
        let waiting = search.look_up(settings, state, notes)?;
        Some(Box::new(Self { search, waiting }))
    }

    pub(crate) fn poll(
        &mut self,
        settings: &Settings,
        state: &mut State,
        notes: &mut Notes,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let Self { search, waiting } = self;
        loop {
            let reply = ready!(search.time_limit.poll(waiting.get.as_mut(), cx));
            if search.ends_with(settings, state, notes, waiting.call, reply) {
                return Poll::Ready(());
            }
            match search.look_up(settings, state, notes) {
                Some(next) => *waiting = next,
                None => return Poll::Ready(()),
            }
        }
    }
}

impl Search {
    /// Asks for one id after the other, until one loads or is the last. A call that has to wait is returned.
    fn look_up(
        &mut self,
        settings: &Settings,
        state: &mut State,
        notes: &mut Notes,
    ) -> Option<Lookup> {
        while let Some(id) = state.carried().get(self.index) {
            let key = settings.keyspace.key(&id.handle());
            let call = Call::begin(&settings.watch, key);
            match settings.store.get(key) {
                Answer::Now(reply) => {
                    if self.ends_with(settings, state, notes, call, Ok(reply)) {
                        return None;
                    }
                }
                Answer::Later(get) => return Some(Lookup { call, get }),
            }
        }
        state.loaded(match self.superseded {
            true => Found::Superseded,
            false => Found::Empty,
        });
        None
    }

    /// Takes in what was found under this id, and says whether that is the end of the load.
    fn ends_with(
        &mut self,
        settings: &Settings,
        state: &mut State,
        notes: &mut Notes,
        call: Call,
        reply: Result<Reply, Stop>,
    ) -> bool {
        let watch = &settings.watch;
        call.end(Verb::Get, &reply, &mut self.time_limit, watch, notes);
        let index = self.index;
        self.index += 1;
        match reply {
            Ok(Ok(Some(entry))) => self.judge(settings, state, notes, index, call.key, entry),
            Ok(Ok(None)) => {
                notes.event(watch, Event::UnknownId, Some(call.key));
                state.has_no_entry(index);
                false
            }
            Ok(Err(_)) => fail(settings, state, ErrorKind::Unavailable.into()),
            Err(stop) => fail(settings, state, stop.into()),
        }
    }

    /// What an entry is to someone who comes with this id. Says whether that is the end of the load.
    fn judge(
        &mut self,
        settings: &Settings,
        state: &mut State,
        notes: &mut Notes,
        index: usize,
        key: StoreKey,
        entry: Entry,
    ) -> bool {
        let mut note = |event| notes.event(&settings.watch, event, Some(key));
        let Ok(record) = Record::decode(entry.value) else {
            note(Event::Unreadable);
            let fails = settings.unreadable == Unreadable::Fail;
            if fails {
                state.loaded(Found::Failed(ErrorKind::Undecodable.into()));
            }
            return fails;
        };
        let (now, header) = (settings.now(), record.header());
        if header.is_over(&settings.lifetimes, now) {
            note(Event::Expired);
            return false;
        }
        let carried = state.carried();
        if let Some(id) = carried.get(index)
            && header.secret == id.secret()
        {
            note(Event::Loaded {
                size: record.bytes().len(),
            });
            let (handle, by_former_name) = (id.handle(), carried.by_former_name());
            state.loaded(Found::Loaded(Base {
                handle,
                key,
                record,
                version: entry.version,
                at: now,
                by_former_name,
            }));
            return true;
        }
        note(Event::UnknownId);
        self.superseded |= header.rotated_at.is_some_and(|at| is_recent(at, now));
        false
    }
}

/// A lookup that failed ends the load.
fn fail(settings: &Settings, state: &mut State, error: Error) -> bool {
    state.loaded(match settings.on_store_error {
        OnStoreError::Anonymous if error.is_of_store() => Found::Anonymous(error),
        _ => Found::Failed(error),
    });
    true
}

/// In either direction: a clock that jumped back must not keep a browser that holds a retired id
/// from a session of its own.
fn is_recent(rotated_at: Timestamp, now: Timestamp) -> bool {
    now.since(rotated_at).max(rotated_at.since(now)) < SUPERSEDED
}
