//! A store that a test can look into, hold up and break.

use bytes::Bytes;
use sessile::store::{Added, Deleted, Entry, Replaced, Store, StoreError, StoreKey, Version};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Semaphore;

/// What goes wrong with one call of a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused, and its caller is told so.
    Unavailable,
    /// Never arrives; its caller does not know.
    Lost,
    /// Takes effect; its caller does not know.
    LostAnswer,
    /// Never answers.
    Hang,
    /// Says that the entry exists, or is missing.
    Denied,
    /// The store is full, or the value too large.
    Full,
    TooLarge,
}

/// The truth about the entries, the calls so far, and what is to go wrong.
#[derive(Default)]
pub struct Inside {
    pub entries: HashMap<StoreKey, (Bytes, Version, Duration)>,
    /// The verbs that were called, in order.
    pub calls: Vec<&'static str>,
    /// What happens to the next calls of each verb.
    faults: HashMap<&'static str, VecDeque<Fault>>,
    /// What happens to all calls.
    broken: Option<Fault>,
    gates: HashMap<&'static str, Arc<Semaphore>>,
    /// The same, for the next call alone.
    next_gates: HashMap<&'static str, Arc<Semaphore>>,
    /// The keys that `add` was called with, in order.
    pub added: Vec<StoreKey>,
    versions: u64,
}

#[derive(Clone, Default)]
pub struct TestStore(Arc<Mutex<Inside>>);

impl TestStore {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap()
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.inside().entries.len()
    }

    /// The calls since this was last asked.
    pub fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.inside().calls)
    }

    /// Lets the next call of this verb go wrong; called again, the one after it.
    pub fn fail_next(&self, verb: &'static str, fault: Fault) {
        self.inside()
            .faults
            .entry(verb)
            .or_default()
            .push_back(fault);
    }

    /// Lets all calls go wrong, or none any more.
    pub fn break_all(&self, fault: Option<Fault>) {
        self.inside().broken = fault;
    }

    /// From now on each call of this verb waits for a permit, before it takes effect.
    pub fn gate(&self, verb: &'static str) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.inside().gates.insert(verb, Arc::clone(&gate));
        gate
    }

    /// The next call of this verb waits for a permit, before it takes effect; those after it do not.
    pub fn gate_next(&self, verb: &'static str) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        self.inside().next_gates.insert(verb, Arc::clone(&gate));
        gate
    }

    /// Calls of this verb wait no longer.
    pub fn ungate(&self, verb: &'static str) {
        if let Some(gate) = self.inside().gates.remove(verb) {
            gate.add_permits(Semaphore::MAX_PERMITS);
        }
    }

    /// The one entry's bytes.
    pub fn record(&self) -> Bytes {
        let inside = self.inside();
        assert_eq!(inside.entries.len(), 1);
        inside.entries.values().next().unwrap().0.clone()
    }

    /// Puts other bytes in place of the one entry's, as nobody should.
    pub fn tamper(&self, bytes: impl Into<Bytes>) {
        let mut inside = self.inside();
        inside.versions += 1;
        let version = Version::new(inside.versions);
        let entry = inside.entries.values_mut().next().unwrap();
        (entry.0, entry.1) = (bytes.into(), version);
    }

    /// Holds this entry, and no other.
    pub fn hold(&self, key: StoreKey, bytes: impl Into<Bytes>) {
        let mut inside = self.inside();
        inside.versions += 1;
        let entry = (bytes.into(), Version::new(inside.versions), Duration::MAX);
        inside.entries = HashMap::from([(key, entry)]);
    }

    /// Removes all entries, as an eviction would.
    pub fn evict(&self) {
        self.inside().entries.clear();
    }

    /// Waits until `count` calls of this verb have been made in all.
    pub async fn called(&self, verb: &str, count: usize) {
        let made = || {
            self.inside()
                .calls
                .iter()
                .filter(|call| **call == verb)
                .count()
        };
        while made() < count {
            tokio::task::yield_now().await;
        }
    }

    /// Makes one call, with whatever is to go wrong with it.
    async fn call<T>(
        &self,
        verb: &'static str,
        denied: T,
        effect: impl FnOnce(&mut Inside) -> T,
    ) -> Result<T, StoreError> {
        let (gate, fault) = {
            let mut inside = self.inside();
            inside.calls.push(verb);
            let fault = inside.faults.get_mut(verb).and_then(VecDeque::pop_front);
            let gate = inside.next_gates.remove(verb);
            let gate = gate.or_else(|| inside.gates.get(verb).cloned());
            (gate, fault.or(inside.broken))
        };
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        match fault {
            None => Ok(effect(&mut self.inside())),
            Some(Fault::Unavailable) => Err(StoreError::unavailable()),
            Some(Fault::Lost) => Err(StoreError::in_doubt()),
            Some(Fault::LostAnswer) => {
                effect(&mut self.inside());
                Err(StoreError::in_doubt())
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Denied) => Ok(denied),
            Some(Fault::Full) => Err(StoreError::full()),
            Some(Fault::TooLarge) => Err(StoreError::too_large()),
        }
    }
}

impl Store for TestStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Entry>, StoreError> {
        self.call("get", None, |inside| {
            let entry = inside.entries.get(key);
            entry.map(|(value, version, _)| Entry::new(value.clone(), *version))
        })
        .await
    }

    async fn add(&self, key: &StoreKey, value: Bytes, ttl: Duration) -> Result<Added, StoreError> {
        self.inside().added.push(*key);
        self.call("add", Added::Exists, |inside| {
            if inside.entries.contains_key(key) {
                return Added::Exists;
            }
            inside.versions += 1;
            let version = Version::new(inside.versions);
            inside.entries.insert(*key, (value, version, ttl));
            Added::Done(version)
        })
        .await
    }

    async fn replace(
        &self,
        key: &StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> Result<Replaced, StoreError> {
        self.call("replace", Replaced::Missing, |inside| {
            let next = Version::new(inside.versions + 1);
            match inside.entries.get_mut(key) {
                None => Replaced::Missing,
                Some((_, version, _)) if *version != expected => Replaced::Conflict,
                Some(entry) => {
                    *entry = (value, next, ttl);
                    inside.versions += 1;
                    Replaced::Done(next)
                }
            }
        })
        .await
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        self.call("delete", Deleted::Missing, |inside| {
            match inside.entries.remove(key) {
                Some(_) => Deleted::Done,
                None => Deleted::Missing,
            }
        })
        .await
    }
}
