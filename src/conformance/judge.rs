//! What the sentences have in common: verbs that must not fail, and threads to run them in.

use crate::store::{Added, Deleted, Entry, Replaced, Store, StoreError, StoreKey, Version};
use bytes::Bytes;
use std::future;
use std::panic;
use std::pin::pin;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Longer than a sentence takes, and short enough to leave no rubbish on a server.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// A key that nobody else uses.
pub(super) fn fresh_key() -> StoreKey {
    StoreKey::from_bytes(rand::random())
}

/// A store under the eyes of one sentence.
pub(super) struct Judge<'a, S> {
    sentence: &'static str,
    store: &'a S,
}

impl<'a, S: Store> Judge<'a, S> {
    pub(super) const fn new(sentence: &'static str, store: &'a S) -> Self {
        Self { sentence, store }
    }

    #[track_caller]
    pub(super) fn fail(&self, why: &str) -> ! {
        panic!("{}: {why}", self.sentence)
    }

    #[track_caller]
    pub(super) fn check(&self, holds: bool, otherwise: &str) {
        if !holds {
            self.fail(otherwise);
        }
    }

    fn answer<T>(&self, verb: &str, answer: Result<T, StoreError>) -> T {
        answer.unwrap_or_else(|error| self.fail(&format!("`{verb}` failed: {error}")))
    }

    pub(super) async fn get(&self, key: &StoreKey) -> Option<Entry> {
        self.answer("get", self.store.get(key).await)
    }

    pub(super) async fn add(&self, key: &StoreKey, value: Bytes, ttl: Duration) -> Added {
        self.answer("add", self.store.add(key, value, ttl).await)
    }

    pub(super) async fn replace(
        &self,
        key: &StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> Replaced {
        self.answer(
            "replace",
            self.store.replace(key, expected, value, ttl).await,
        )
    }

    pub(super) async fn delete(&self, key: &StoreKey) -> Deleted {
        self.answer("delete", self.store.delete(key).await)
    }

    /// Adds an entry that must not exist yet.
    pub(super) async fn create(
        &self,
        key: &StoreKey,
        value: impl Into<Bytes>,
        ttl: Duration,
    ) -> Version {
        match self.add(key, value.into(), ttl).await {
            Added::Done(version) => version,
            Added::Exists => self.fail("`add` found an entry where there is none"),
        }
    }

    /// Replaces an entry that must exist in this version.
    pub(super) async fn update(
        &self,
        key: &StoreKey,
        expected: Version,
        value: impl Into<Bytes>,
        ttl: Duration,
    ) -> Version {
        match self.replace(key, expected, value.into(), ttl).await {
            Replaced::Done(version) => version,
            Replaced::Missing => self.fail("`replace` did not find an entry that is there"),
            Replaced::Conflict => {
                self.fail("`replace` refused the version that the last write or read gave out")
            }
        }
    }

    /// Reads an entry that must exist.
    pub(super) async fn entry(&self, key: &StoreKey) -> Entry {
        match self.get(key).await {
            Some(entry) => entry,
            None => self.fail("`get` did not find an entry that is there"),
        }
    }

    /// Checks that the key has this entry.
    pub(super) async fn holds(&self, key: &StoreKey, value: &[u8], version: Version) {
        let entry = self.entry(key).await;
        self.check(
            entry.value == value,
            "`get` gave other bytes than the last write left",
        );
        self.check(
            entry.version == version,
            "`get` gave another version than the last write",
        );
    }

    /// Checks that the key has no entry.
    pub(super) async fn is_gone(&self, key: &StoreKey, otherwise: &str) {
        self.check(self.get(key).await.is_none(), otherwise);
    }
}

/// Runs the jobs at the same time, each in a thread of its own, and yields what they returned.
///
/// Threads and not tasks, so that they run at once under any executor. They enter the caller's
/// runtime, which goes on working meanwhile: the caller waits and does not block.
pub(super) async fn in_threads<F>(jobs: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let jobs: Vec<F> = jobs.into_iter().collect();
    let start = Arc::new(Barrier::new(jobs.len()));
    let runtime = Handle::try_current().ok();
    let run = |job| {
        let (done, answer) = oneshot::channel();
        let (start, runtime) = (Arc::clone(&start), runtime.clone());
        let thread = thread::spawn(move || {
            start.wait();
            let result = match runtime {
                Some(runtime) => runtime.block_on(job),
                None => block_on(job),
            };
            // Nobody listens if another job panicked.
            drop(done.send(result));
        });
        (answer, thread)
    };
    let running: Vec<_> = jobs.into_iter().map(run).collect();
    let mut results = Vec::with_capacity(running.len());
    for (answer, thread) in running {
        if let Ok(result) = answer.await {
            results.push(result);
        } else if let Err(panic) = thread.join() {
            panic::resume_unwind(panic);
        }
    }
    results
}

fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
        thread::park();
    }
}

/// Polls a future this often, drops it, and says whether it was done.
pub(super) async fn dropped_after<F: Future>(polls: usize, future: F) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
