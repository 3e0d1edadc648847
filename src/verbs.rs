//! The verbs of the store as one piece of work uses them: within one budget of time, and around one
//! error.

use crate::error::{Error, ErrorKind};
use crate::observe::{Call, Notes, Verb};
use crate::record::Record;
use crate::settings::Settings;
use crate::store::{
    Added, Answer, Backend, Deleted, Entry, Replaced, StoreError, StoreErrorKind, StoreKey, Version,
};
use crate::time_limit::{Stop, TimeLimit, pause};
use bytes::Bytes;
use std::mem;
use std::time::Duration;

pub(crate) struct Verbs<'a> {
    pub(crate) settings: &'a Settings,
    time_limit: TimeLimit,
    errors: u32,
    /// A verb that was sent may have taken effect, or may yet.
    pub(crate) in_doubt: bool,
}

impl<'a> Verbs<'a> {
    pub(crate) const fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            time_limit: TimeLimit::new(settings.time_limit),
            errors: 0,
            in_doubt: false,
        }
    }

    /// `None` is an error that may be worked around, here as in [`replace`](Self::replace).
    #[inline]
    pub(crate) fn add(
        &mut self,
        key: StoreKey,
        value: Bytes,
        time_to_live: Duration,
    ) -> impl Future<Output = Result<Option<Added>, Error>> {
        self.run(Verb::Add, key, move |store| {
            store.add(key, value, time_to_live)
        })
    }

    #[inline]
    pub(crate) fn replace(
        &mut self,
        key: StoreKey,
        expected: Version,
        value: Bytes,
        time_to_live: Duration,
    ) -> impl Future<Output = Result<Option<Replaced>, Error>> {
        self.run(Verb::Replace, key, move |store| {
            store.replace(key, expected, value, time_to_live)
        })
    }

    pub(crate) async fn get(&mut self, key: StoreKey) -> Result<Option<Entry>, Error> {
        loop {
            if let Some(entry) = self.run(Verb::Get, key, |store| store.get(key)).await? {
                return Ok(entry);
            }
        }
    }

    /// Yields whether there was an entry, as far as can be known.
    pub(crate) async fn delete(&mut self, key: StoreKey) -> Result<bool, Error> {
        let deleted = loop {
            let delete = |store: &Backend| store.delete(key);
            if let Some(deleted) = self.run(Verb::Delete, key, delete).await? {
                break deleted;
            }
        };
        let in_doubt = mem::take(&mut self.in_doubt);
        Ok(in_doubt || deleted == Deleted::Done)
    }

    /// One call. No `async fn`, whose future would hold what it is given twice.
    fn run<T: Send>(
        &mut self,
        verb: Verb,
        key: StoreKey,
        ask: impl FnOnce(&Backend) -> Answer<T>,
    ) -> impl Future<Output = Result<Option<T>, Error>> {
        let call = Call::begin(&self.settings.watch, key);
        let asked = match ask(&self.settings.store) {
            // The embedded store does its work when it is asked.
            Answer::Now(result) => Ok(self.judge(&call, verb, Ok(result))),
            // In a box, since every commit would carry the room for it along.
            Answer::Later(mut result) => Err(Box::pin(async move {
                let result = self.time_limit.run(result.as_mut()).await;
                self.judge(&call, verb, result)
            })),
        };
        async move {
            match asked {
                Ok(outcome) => outcome,
                Err(later) => later.await,
            }
        }
    }

    /// Takes in how a call ended.
    #[inline]
    fn judge<T>(
        &mut self,
        call: &Call,
        verb: Verb,
        result: Result<Result<T, StoreError>, Stop>,
    ) -> Result<Option<T>, Error> {
        self.tell(call, verb, &result);
        let error = match result {
            Ok(Ok(outcome)) => return Ok(Some(outcome)),
            Ok(Err(error)) => error,
            Err(Stop::NoRuntime) => return Err(ErrorKind::NoRuntime.into()),
            Err(Stop::Elapsed) => {
                self.in_doubt |= verb != Verb::Get;
                return Err(self.give_up(ErrorKind::TimedOut));
            }
        };
        match error.kind {
            StoreErrorKind::TooLarge => return Err(self.give_up(ErrorKind::TooLarge)),
            StoreErrorKind::Full => return Err(self.give_up(ErrorKind::StoreFull)),
            StoreErrorKind::InDoubt => self.in_doubt |= verb != Verb::Get,
            StoreErrorKind::Unavailable => {}
        }
        self.errors += 1;
        if self.errors > 1 {
            Err(self.give_up(ErrorKind::Unavailable))
        } else {
            Ok(None)
        }
    }

    fn tell<T>(&mut self, call: &Call, verb: Verb, result: &Result<Result<T, StoreError>, Stop>) {
        let (watch, mut notes) = (&self.settings.watch, Notes::default());
        call.end(verb, result, &mut self.time_limit, watch, &mut notes);
        watch.tell_all(notes);
    }

    /// Lets the others finish, who got through instead: each conflict means that someone did.
    pub(crate) async fn wait(&mut self, conflicts: u32) -> Result<(), Error> {
        if self.time_limit.is_over() {
            return Err(self.give_up(ErrorKind::TimedOut));
        }
        match conflicts {
            0 => {}
            1..4 => tokio::task::yield_now().await,
            _ => {
                let most = 250_u64 << conflicts.min(8);
                pause(Duration::from_micros(self.settings.random.unique() % most)).await;
            }
        }
        Ok(())
    }

    /// Whether what can also be left should be left now.
    pub(crate) fn is_half_over(&mut self) -> bool {
        self.time_limit.is_half_over()
    }

    pub(crate) fn give_up(&self, kind: ErrorKind) -> Error {
        if self.in_doubt {
            ErrorKind::Unknown.into()
        } else {
            kind.into()
        }
    }

    pub(crate) fn read(&self, entry: Entry) -> Result<Record, Error> {
        Record::decode(entry.value).map_err(|_| self.give_up(ErrorKind::Undecodable))
    }
}
