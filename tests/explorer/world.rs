//! The store of the explorer: each verb waits until a schedule lets it happen, or go wrong.

use bytes::Bytes;
use sessile::store::{Added, Deleted, Entry, Replaced, Store, StoreError, StoreKey, Version};
use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

#[derive(Clone)]
pub(crate) enum Verb {
    Get,
    Add(Bytes, Duration),
    Replace(Version, Bytes, Duration),
    Delete,
}

impl Verb {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Add(..) => "add",
            Self::Replace(..) => "replace",
            Self::Delete => "delete",
        }
    }
}

/// A verb that was called and has not been answered.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) number: usize,
    pub(crate) client: usize,
    pub(crate) key: StoreKey,
    pub(crate) verb: Verb,
}

#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) value: Bytes,
    pub(crate) version: u64,
    pub(crate) ttl: Duration,
}

/// A change that took effect.
#[derive(Debug, Clone)]
pub(crate) struct Effect {
    pub(crate) client: usize,
    pub(crate) verb: &'static str,
    pub(crate) step: usize,
    /// What it wrote, if anything.
    pub(crate) value: Option<Bytes>,
}

#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) entries: HashMap<StoreKey, Stored>,
    pub(crate) dead: HashSet<StoreKey>,
    pub(crate) added: HashSet<StoreKey>,
    pub(crate) calls: Vec<Call>,
    /// Verbs whose caller was told of an error, and that take effect later.
    pub(crate) late: Vec<Call>,
    answers: HashMap<usize, Result<Outcome, StoreError>>,
    pub(crate) effects: Vec<Effect>,
    /// What broke the rules of the keys.
    pub(crate) broken: Vec<&'static str>,
    /// Whose verbs are being called.
    pub(crate) client: usize,
    pub(crate) step: usize,
    /// Verbs do not wait.
    pub(crate) open: bool,
    calls_made: usize,
    versions: u64,
}

#[derive(Clone)]
enum Outcome {
    Got(Option<Entry>),
    Added(Added),
    Replaced(Replaced),
    Deleted(Deleted),
}

impl World {
    /// Lets a verb take effect.
    fn perform(&mut self, call: &Call) -> Outcome {
        let mut effect = None;
        self.versions += 1;
        let version = Version::new(self.versions);
        let outcome = match &call.verb {
            Verb::Get => Outcome::Got(
                self.entries
                    .get(&call.key)
                    .map(|it| Entry::new(it.value.clone(), Version::new(it.version))),
            ),
            Verb::Add(value, ttl) => {
                // What is done to a roster can be done twice.
                if self.dead.contains(&call.key) && !call.key.is_roster() {
                    self.broken.push("a key that was dead was added again (I4)");
                }
                if !self.added.insert(call.key) && !call.key.is_roster() {
                    self.broken.push("a key was added twice (I4)");
                }
                if self.entries.contains_key(&call.key) {
                    Outcome::Added(Added::Exists)
                } else {
                    effect = Some(("add", Some((value, ttl))));
                    Outcome::Added(Added::Done(version))
                }
            }
            Verb::Replace(expected, value, ttl) => match self.entries.get(&call.key) {
                None => Outcome::Replaced(Replaced::Missing),
                Some(it) if it.version != expected.get() => Outcome::Replaced(Replaced::Conflict),
                Some(_) => {
                    effect = Some(("replace", Some((value, ttl))));
                    Outcome::Replaced(Replaced::Done(version))
                }
            },
            Verb::Delete if self.entries.contains_key(&call.key) => {
                effect = Some(("delete", None));
                Outcome::Deleted(Deleted::Done)
            }
            Verb::Delete => Outcome::Deleted(Deleted::Missing),
        };
        if let Some((verb, written)) = effect {
            let value = written.map(|(value, _)| value.clone());
            match written {
                Some((value, ttl)) => {
                    let stored = Stored {
                        value: value.clone(),
                        version: self.versions,
                        ttl: *ttl,
                    };
                    self.entries.insert(call.key, stored);
                }
                None => self.evict(call.key),
            }
            self.effects.push(Effect {
                client: call.client,
                verb,
                step: self.step,
                value,
            });
        }
        outcome
    }

    pub(crate) fn evict(&mut self, key: StoreKey) {
        self.entries.remove(&key);
        self.dead.insert(key);
    }

    fn take(&mut self, number: usize) -> Call {
        let at = self
            .calls
            .iter()
            .position(|call| call.number == number)
            .expect("a call");
        self.calls.remove(at)
    }

    pub(crate) fn execute(&mut self, number: usize) {
        let call = self.take(number);
        let outcome = self.perform(&call);
        self.answers.insert(number, Ok(outcome));
    }

    /// It never arrives, and its caller does not know.
    pub(crate) fn lose(&mut self, number: usize) {
        self.take(number);
        self.answers.insert(number, Err(StoreError::in_doubt()));
    }

    /// It is refused, and its caller is told so.
    pub(crate) fn refuse(&mut self, number: usize) {
        self.take(number);
        self.answers.insert(number, Err(StoreError::unavailable()));
    }

    /// It takes effect, and its answer is lost.
    pub(crate) fn fail_after_effect(&mut self, number: usize) {
        let call = self.take(number);
        self.perform(&call);
        self.answers.insert(number, Err(StoreError::in_doubt()));
    }

    /// Its caller is told of an error, and it takes effect later.
    pub(crate) fn delay(&mut self, number: usize) {
        let call = self.take(number);
        self.late.push(call);
        self.answers.insert(number, Err(StoreError::in_doubt()));
    }

    pub(crate) fn arrive_late(&mut self, index: usize) {
        let call = self.late.remove(index);
        self.perform(&call);
    }
}

#[derive(Clone, Default)]
pub(crate) struct GatedStore(pub Arc<Mutex<World>>);

impl GatedStore {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    fn call(&self, key: &StoreKey, verb: Verb) -> Pending {
        let mut world = self.world();
        world.calls_made += 1;
        let number = world.calls_made;
        let call = Call {
            number,
            client: world.client,
            key: *key,
            verb,
        };
        if world.open {
            let outcome = world.perform(&call);
            world.answers.insert(number, Ok(outcome));
        } else {
            world.calls.push(call);
        }
        drop(world);
        Pending {
            store: self.clone(),
            number,
        }
    }
}

struct Pending {
    store: GatedStore,
    number: usize,
}

impl Future for Pending {
    type Output = Result<Outcome, StoreError>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.store.world().answers.remove(&self.number) {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        }
    }
}

impl Store for GatedStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Entry>, StoreError> {
        match self.call(key, Verb::Get).await? {
            Outcome::Got(entry) => Ok(entry),
            _ => unreachable!(),
        }
    }

    async fn add(&self, key: &StoreKey, value: Bytes, ttl: Duration) -> Result<Added, StoreError> {
        match self.call(key, Verb::Add(value, ttl)).await? {
            Outcome::Added(added) => Ok(added),
            _ => unreachable!(),
        }
    }

    async fn replace(
        &self,
        key: &StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Replaced, StoreError> {
        match self.call(key, Verb::Replace(expected, value, ttl)).await? {
            Outcome::Replaced(replaced) => Ok(replaced),
            _ => unreachable!(),
        }
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        match self.call(key, Verb::Delete).await? {
            Outcome::Deleted(deleted) => Ok(deleted),
            _ => unreachable!(),
        }
    }
}
