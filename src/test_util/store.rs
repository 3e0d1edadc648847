//! A store that a test can look into, hold up and break.

use super::{Fault, Gate, Verb};
use crate::store::{
    Added, BoxFuture, Deleted, Entry, Replaced, Store, StoreError, StoreKey, Version,
};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A store in memory that works like any other until the test says how its calls go wrong.
///
/// Clones share what they hold: one goes to the layer, one stays with the test. Entries are kept for ever,
/// whatever their time to live, so that a clock of the layer is enough to see sessions expire.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), sessile::Error> {
/// use sessile::test_util::{Fault, TestStore, Verb};
/// use sessile::{ErrorKind, SessionLayer};
///
/// let store = TestStore::new();
/// let session = SessionLayer::new(store.clone()).sessions().create();
/// session.insert("cart", ["apple"])?;
///
/// store.fail_next(Verb::Add, Fault::Full);
/// assert_eq!(session.save().await.unwrap_err().kind(), ErrorKind::StoreFull);
/// session.save().await?;
///
/// assert_eq!(store.len(), 1);
/// assert_eq!(store.calls(), [Verb::Add, Verb::Add]);
/// # Ok(())
/// # }
/// ```
///
/// What is said about *the next call* is about the one after it when it is said again: faults form one line
/// for each verb, and what comes before the call another.
#[derive(Clone, Default)]
pub struct TestStore(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    entries: HashMap<StoreKey, Kept>,
    versions: u64,
    calls: Vec<Verb>,
    faults: HashMap<Verb, VecDeque<Option<Fault>>>,
    /// What runs before the next calls of each verb.
    before: HashMap<Verb, VecDeque<Option<BoxFuture<()>>>>,
    /// What happens to all calls.
    broken: Option<Fault>,
}

#[derive(Clone)]
struct Kept {
    entry: Entry,
    time_to_live: Duration,
}

impl Inside {
    fn put(&mut self, key: &StoreKey, value: Bytes, time_to_live: Duration) -> Version {
        self.versions += 1;
        let version = Version::new(self.versions);
        let entry = Entry::new(value, version);
        let kept = Kept {
            entry,
            time_to_live,
        };
        self.entries.insert(*key, kept);
        version
    }
}

impl TestStore {
    /// A store without entries, in which nothing goes wrong yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets the next call of this verb go wrong.
    pub fn fail_next(&self, verb: Verb, fault: Fault) {
        self.inside().fault(verb, Some(fault));
    }

    /// Lets the next call of this verb go well, so that what is said of *the next* from now on is about one after it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), sessile::Error> {
    /// # use sessile::test_util::{Fault, TestStore, Verb};
    /// # use sessile::{ErrorKind, SessionLayer};
    /// # let store = TestStore::new();
    /// # let session = SessionLayer::new(store.clone()).sessions().create();
    /// // The second of all.
    /// store.pass_next(Verb::Replace);
    /// store.fail_next(Verb::Replace, Fault::TooLarge);
    ///
    /// for (n, goes_well) in [(0, true), (1, true), (2, false), (3, true)] {
    ///     session.insert("n", n)?;
    ///     assert_eq!(session.save().await.is_ok(), goes_well);
    /// }
    /// # assert_eq!(store.calls(), [Verb::Add, Verb::Replace, Verb::Replace, Verb::Replace]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn pass_next(&self, verb: Verb) {
        let mut inside = self.inside();
        inside.fault(verb, None);
        inside.before(verb, None);
    }

    /// Lets all calls go wrong, until the store is [restored](Self::restore).
    pub fn fail_all(&self, fault: Fault) {
        self.inside().broken = Some(fault);
    }

    /// Ends what [`fail_all`](Self::fail_all) began.
    pub fn restore(&self) {
        self.inside().broken = None;
    }

    /// Holds up the next call of this verb, before it has its effect.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), sessile::Error> {
    /// # use sessile::test_util::{TestStore, Verb};
    /// # use sessile::SessionLayer;
    /// # let store = TestStore::new();
    /// # let session = SessionLayer::new(store.clone()).sessions().create();
    /// session.insert("n", 1)?;
    /// let gate = store.gate_next(Verb::Add);
    /// let saving = tokio::spawn(async move { session.save().await });
    ///
    /// gate.reached().await;
    /// assert_eq!(store.len(), 0);
    /// gate.open();
    ///
    /// saving.await.unwrap()?;
    /// assert_eq!(store.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn gate_next(&self, verb: Verb) -> Gate {
        let gate = Gate::new();
        self.before_next(verb, gate.clone().pass());
        gate
    }

    /// Lets this happen between the next call of this verb and its effect: another request most of the time, which
    /// thereby comes first. No thread, no sleep and no luck are needed for two requests to overlap.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), sessile::Error> {
    /// # use sessile::test_util::{TestStore, Verb};
    /// # use sessile::{ErrorKind, SessionLayer};
    /// # let store = TestStore::new();
    /// # let sessions = SessionLayer::new(store.clone()).sessions();
    /// # let session = sessions.create();
    /// # session.insert("n", 1)?;
    /// # session.save().await?;
    /// # let id = session.id()?.unwrap();
    /// store.before_next(Verb::Replace, async move { sessions.end(&id).await.unwrap() });
    ///
    /// session.insert("n", 2)?;
    /// let error = session.save().await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Interrupted);
    /// # Ok(())
    /// # }
    /// ```
    pub fn before_next(&self, verb: Verb, happens: impl Future<Output = ()> + Send + 'static) {
        self.inside().before(verb, Some(Box::pin(happens)));
    }

    /// The calls so far, in order, also those that went wrong.
    #[must_use]
    pub fn calls(&self) -> Vec<Verb> {
        self.inside().calls.clone()
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        self.inside().calls.clear();
    }

    /// How many entries there are: one for each session, and one for each user whose sessions are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inside().entries.len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The keys of all entries, in no order.
    #[must_use]
    pub fn keys(&self) -> Vec<StoreKey> {
        self.inside().entries.keys().copied().collect()
    }

    /// The entry of this key. It is no call: nothing can go wrong with it.
    #[must_use]
    pub fn entry(&self, key: &StoreKey) -> Option<Entry> {
        let inside = self.inside();
        inside.entries.get(key).map(|kept| kept.entry.clone())
    }

    /// The time to live that the last write gave this entry.
    #[must_use]
    pub fn time_to_live(&self, key: &StoreKey) -> Option<Duration> {
        let inside = self.inside();
        inside.entries.get(key).map(|kept| kept.time_to_live)
    }

    /// Puts these bytes under this key, whatever was there: a damaged entry, say.
    pub fn put(&self, key: &StoreKey, value: impl Into<Bytes>) {
        self.inside().put(key, value.into(), Duration::MAX);
    }

    /// Drops an entry, as a store that needs room. `false` if there is none.
    #[must_use = "there may have been no such entry"]
    pub fn evict(&self, key: &StoreKey) -> bool {
        self.inside().entries.remove(key).is_some()
    }

    /// Drops all entries, as a store that was restarted.
    pub fn evict_all(&self) {
        self.inside().entries.clear();
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one call, with whatever comes before it and goes wrong with it.
    async fn call<T>(
        &self,
        verb: Verb,
        denied: T,
        effect: impl FnOnce(&mut Inside) -> T,
    ) -> Result<T, StoreError> {
        let (before, fault) = self.inside().begin(verb);
        if let Some(before) = before {
            before.await;
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

impl Inside {
    fn fault(&mut self, verb: Verb, fault: Option<Fault>) {
        self.faults.entry(verb).or_default().push_back(fault);
    }

    fn before(&mut self, verb: Verb, happens: Option<BoxFuture<()>>) {
        self.before.entry(verb).or_default().push_back(happens);
    }

    /// Notes a call, and takes out what is said about it.
    fn begin(&mut self, verb: Verb) -> (Option<BoxFuture<()>>, Option<Fault>) {
        self.calls.push(verb);
        let before = self.before.get_mut(&verb).and_then(VecDeque::pop_front);
        let fault = self.faults.get_mut(&verb).and_then(VecDeque::pop_front);
        (before.flatten(), fault.flatten().or(self.broken))
    }
}

impl Store for TestStore {
    async fn get(&self, key: &StoreKey) -> Result<Option<Entry>, StoreError> {
        self.call(Verb::Get, None, |inside| {
            inside.entries.get(key).map(|kept| kept.entry.clone())
        })
        .await
    }

    async fn add(&self, key: &StoreKey, value: Bytes, ttl: Duration) -> Result<Added, StoreError> {
        self.call(Verb::Add, Added::Exists, |inside| {
            if inside.entries.contains_key(key) {
                return Added::Exists;
            }
            Added::Done(inside.put(key, value, ttl))
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
        self.call(Verb::Replace, Replaced::Missing, |inside| {
            match inside.entries.get(key) {
                None => Replaced::Missing,
                Some(kept) if kept.entry.version != expected => Replaced::Conflict,
                Some(_) => Replaced::Done(inside.put(key, value, ttl)),
            }
        })
        .await
    }

    async fn delete(&self, key: &StoreKey) -> Result<Deleted, StoreError> {
        self.call(Verb::Delete, Deleted::Missing, |inside| {
            match inside.entries.remove(key) {
                Some(_) => Deleted::Done,
                None => Deleted::Missing,
            }
        })
        .await
    }
}

impl fmt::Debug for TestStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestStore")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
