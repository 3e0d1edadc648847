//! The verbs of the store as one piece of work uses them: within one budget of time, and around one
//! error.

use crate::error::{Error, ErrorKind};
use crate::record::Record;
use crate::settings::Settings;
use crate::store::{
    Added, BoxFuture, Entry, Replaced, StoreError, StoreErrorKind, StoreKey, Version,
};
use crate::time_limit::{Stop, TimeLimit, pause};
use bytes::Bytes;
use std::sync::Arc;
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
    pub(crate) fn add(
        &mut self,
        key: StoreKey,
        value: Bytes,
        time_to_live: Duration,
    ) -> impl Future<Output = Result<Option<Added>, Error>> {
        let store = Arc::clone(&self.settings.store);
        self.run(store.add(key, value, time_to_live), true)
    }

    pub(crate) fn replace(
        &mut self,
        key: StoreKey,
        expected: Version,
        value: Bytes,
        time_to_live: Duration,
    ) -> impl Future<Output = Result<Option<Replaced>, Error>> {
        let store = Arc::clone(&self.settings.store);
        self.run(store.replace(key, expected, value, time_to_live), true)
    }

    pub(crate) async fn get(&mut self, key: StoreKey) -> Result<Option<Entry>, Error> {
        loop {
            let get = Arc::clone(&self.settings.store).get(key);
            if let Some(entry) = self.run(get, false).await? {
                return Ok(entry);
            }
        }
    }

    pub(crate) async fn delete(&mut self, key: StoreKey) -> Result<(), Error> {
        while self
            .run(Arc::clone(&self.settings.store).delete(key), true)
            .await?
            .is_none()
        {}
        self.in_doubt = false;
        Ok(())
    }

    async fn run<T>(
        &mut self,
        mut verb: BoxFuture<Result<T, StoreError>>,
        changes: bool,
    ) -> Result<Option<T>, Error> {
        let error = match self.time_limit.run(verb.as_mut()).await {
            Ok(Ok(outcome)) => return Ok(Some(outcome)),
            Ok(Err(error)) => error,
            Err(Stop::NoRuntime) => return Err(ErrorKind::NoRuntime.into()),
            Err(Stop::Elapsed) => {
                self.in_doubt |= changes;
                return Err(self.give_up(ErrorKind::TimedOut));
            }
        };
        match error.kind {
            StoreErrorKind::TooLarge => return Err(self.give_up(ErrorKind::TooLarge)),
            StoreErrorKind::Full => return Err(self.give_up(ErrorKind::StoreFull)),
            StoreErrorKind::InDoubt => self.in_doubt |= changes,
            StoreErrorKind::Unavailable => {}
        }
        self.errors += 1;
        if self.errors > 1 {
            Err(self.give_up(ErrorKind::Unavailable))
        } else {
            Ok(None)
        }
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
