//! What can go wrong with a call to a store, and what can hold it up.

use std::fmt;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What goes wrong with one call to a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing is done, and the caller is told so.
    Unavailable,
    /// Nothing is done, and the caller does not know: the command was lost.
    Lost,
    /// It is done, and the caller does not know: the answer was lost.
    LostAnswer,
    /// Nothing is done, and no answer ever comes: the layer waits until its time limit.
    Hang,
    /// Nothing is done, and the caller is told that the entry is missing; to `add`, that it exists.
    Denied,
    /// Nothing is done, and the caller is told that the store is full.
    Full,
    /// Nothing is done, and the caller is told that the value is too large.
    TooLarge,
}

/// Where one call to a [`TestStore`](super::TestStore) waits for the test.
///
/// A gate that is dropped stays closed, and its call waits until the layer's time limit.
#[derive(Clone)]
#[must_use = "a gate that nobody opens stays closed"]
pub struct Gate {
    reached: Arc<Semaphore>,
    opened: Arc<Semaphore>,
}

impl Gate {
    pub(super) fn new() -> Self {
        let closed = || Arc::new(Semaphore::new(0));
        Self {
            reached: closed(),
            opened: closed(),
        }
    }

    /// Waits until the call is at the gate.
    pub async fn reached(&self) {
        // Given back at once, so that several can wait.
        drop(self.reached.acquire().await);
    }

    /// Lets the call go on, also if it comes later.
    pub fn open(&self) {
        self.opened.add_permits(1);
    }

    pub(super) async fn pass(self) {
        self.reached.add_permits(1);
        drop(self.opened.acquire().await);
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("reached", &(self.reached.available_permits() > 0))
            .field("opened", &(self.opened.available_permits() > 0))
            .finish()
    }
}
