//! Reading the session that a request's cookies name.

use crate::cookie::Carried;
use crate::error::{Error, ErrorKind};
use crate::expiry::Timestamp;
use crate::id::SessionId;
use crate::record::{Record, Unreadable as UnreadableRecord};
use crate::settings::{OnStoreError, Settings, Unreadable};
use crate::state::{Base, Found};
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
    key: StoreKey,
    get: Lookup,
    time_limit: TimeLimit,
    superseded: bool,
    /// Which of the ids have no entry.
    missing: [bool; Carried::MAX],
}

impl Load {
    /// `None` if there is no id to look up, so the session is empty.
    pub(crate) fn start(settings: &Settings, carried: &Carried) -> Option<Self> {
        let (key, get) = lookup(settings, carried.get(0)?);
        Some(Self {
            index: 0,
            key,
            get,
            time_limit: TimeLimit::new(settings.time_limit),
            superseded: false,
            missing: [false; Carried::MAX],
        })
    }

    /// Goes on with the load, and says in the end what it found, and which ids have no entry.
    pub(crate) fn poll(
        &mut self,
        settings: &Settings,
        carried: &Carried,
        cx: &mut Context<'_>,
    ) -> Poll<(Found, [bool; Carried::MAX])> {
        while let Some(id) = carried.get(self.index) {
            let entry = match ready!(self.time_limit.poll(self.get.as_mut(), cx)) {
                Ok(entry) => entry.map_err(|_| ErrorKind::Unavailable.into()),
                Err(stop) => Err(stop.into()),
            };
            match entry
                .map(|entry| entry.map(|entry| judge(settings, carried, id, self.key, entry)))
            {
                Ok(None) => self.missing[self.index] = true,
                Ok(Some(Found::Empty)) => {}
                Ok(Some(Found::Superseded)) => self.superseded = true,
                Ok(Some(found)) => return Poll::Ready((found, self.missing)),
                Err(error) => return Poll::Ready((failed(settings, error), self.missing)),
            }
            self.index += 1;
            if let Some(next) = carried.get(self.index) {
                (self.key, self.get) = lookup(settings, next);
            }
        }
        let found = if self.superseded {
            Found::Superseded
        } else {
            Found::Empty
        };
        Poll::Ready((found, self.missing))
    }
}

type Lookup = BoxFuture<Result<Option<Entry>, StoreError>>;

fn lookup(settings: &Settings, id: SessionId) -> (StoreKey, Lookup) {
    let key = settings.keyspace.key(&id.handle);
    (key, Arc::clone(&settings.store).get(key))
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
) -> Found {
    let record = match Record::decode(entry.value) {
        Ok(record) => record,
        Err(UnreadableRecord) => {
            return match settings.unreadable {
                Unreadable::Fail => Found::Failed(ErrorKind::Undecodable.into()),
                Unreadable::Empty => Found::Empty,
            };
        }
    };
    let (now, header) = (settings.now(), record.header());
    if header.is_over(&settings.lifetimes, now) {
        Found::Empty
    } else if header.secret == id.secret {
        Found::Loaded(Base {
            handle: id.handle,
            key,
            record,
            version: entry.version,
            at: now,
            by_former_name: carried.by_former_name(),
        })
    } else if header.rotated_at.is_some_and(|at| is_recent(at, now)) {
        Found::Superseded
    } else {
        Found::Empty
    }
}

/// In either direction: a clock that jumped back must not keep a browser that holds a retired id
/// from a session of its own.
fn is_recent(rotated_at: Timestamp, now: Timestamp) -> bool {
    now.since(rotated_at).max(rotated_at.since(now)) < SUPERSEDED
}
