//! A store that panics while a session is loaded from it or stored in it.

mod support;

use bytes::Bytes;
use sessile::store::{Added, Deleted, Entry, Replaced, Store, StoreError, StoreKey, Version};
use sessile::{Load, Session, SessionLayer};
use std::cell::Cell;
use std::cmp::Ordering;
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use support::{Browser, hold, respond, settle};

/// A store whose `get` panics at one poll, waits before it, and finds nothing after it. Its `add` panics at the
/// second.
#[derive(Clone, Default)]
struct Panicking {
    polls: Arc<AtomicUsize>,
    panics_at: usize,
}

impl Store for Panicking {
    async fn get(&self, _: &StoreKey) -> Result<Option<Entry>, StoreError> {
        poll_fn(
            |_| match self.polls.fetch_add(1, SeqCst).cmp(&self.panics_at) {
                Ordering::Less => Poll::Pending,
                Ordering::Equal => panic!("on purpose"),
                Ordering::Greater => Poll::Ready(Ok(None)),
            },
        )
        .await
    }

    async fn add(&self, _: &StoreKey, _: Bytes, _: Duration) -> Result<Added, StoreError> {
        tokio::task::yield_now().await;
        panic!("on purpose")
    }

    async fn replace(
        &self,
        _: &StoreKey,
        _: Version,
        _: Bytes,
        _: Duration,
    ) -> Result<Replaced, StoreError> {
        Ok(Replaced::Missing)
    }

    async fn delete(&self, _: &StoreKey) -> Result<Deleted, StoreError> {
        Ok(Deleted::Missing)
    }
}

/// A session that such a store is to be asked for.
async fn on_panicking(panics_at: usize) -> (Session, Arc<AtomicUsize>) {
    let store = Panicking {
        polls: Arc::default(),
        panics_at,
    };
    let polls = store.polls.clone();
    let builder = SessionLayer::builder(store).load(Load::OnAccess);
    let mut browser = Browser::with_cookie("__Host-id", &"A".repeat(43));
    let layer = builder.build().unwrap();
    let (session, _) = browser.visit(&layer, async |it| it.clone()).await;
    (session, polls)
}

#[tokio::test]
async fn a_store_that_panics_is_asked_anew() {
    for panics_at in [0, 1] {
        let (session, polls) = on_panicking(panics_at).await;
        let own = session.clone();
        let first = tokio::spawn(async move { own.load().await });
        assert!(first.await.unwrap_err().is_panic());
        session.load().await.unwrap();
        assert_eq!(polls.load(SeqCst), panics_at + 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_panics_leaves_nobody_waiting() {
    // One who waits has polled twice: for itself, and for all.
    let (session, _) = on_panicking(2).await;
    let own = session.clone();
    let waiting = tokio::spawn(async move { own.load().await });
    tokio::task::yield_now().await;
    let other = tokio::spawn(async move { session.load().await });
    assert!(other.await.unwrap_err().is_panic());
    let loaded = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    loaded.unwrap().unwrap().unwrap();
}

thread_local! {
    /// How often something panicked on this thread.
    static PANICS: Cell<u32> = const { Cell::new(0) };
}

#[tokio::test]
async fn a_commit_whose_store_panicked_is_not_handed_to_the_runtime() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICS.set(PANICS.get() + 1);
        before(info);
    }));
    let layer = SessionLayer::new(Panicking::default());
    let session = layer.sessions().create();
    session.insert("n", 1).unwrap();
    let saving = session.clone();
    let save = tokio::spawn(async move { saving.save().await });
    assert!(save.await.unwrap_err().is_panic());
    tokio::task::yield_now().await;
    assert_eq!(PANICS.get(), 1);
    // Its turn is free again, and nothing was lost.
    assert!(session.is_modified());
    let saving = session.clone();
    let save = tokio::spawn(async move { saving.save().await });
    assert!(save.await.unwrap_err().is_panic());
}

#[tokio::test]
async fn a_response_whose_store_panicked_keeps_no_closure() {
    for client_leaves in [false, true] {
        let layer = SessionLayer::new(Panicking::default());
        let value = Arc::new(());
        let handler = async |session: Session| hold(&session, &value);
        let request = Browser::new().request("GET", "/");
        let mut answer = Box::pin(respond(&layer, request, handler));
        let mut poll = || {
            let mut cx = Context::from_waker(Waker::noop());
            panic::catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(&mut cx)))
        };
        assert!(poll().unwrap().is_pending());
        if !client_leaves {
            assert!(poll().is_err());
        }
        drop(answer);
        // Where the client has left, the runtime goes on with the commit.
        settle().await;
        assert_eq!(Arc::strong_count(&value), 1, "{client_leaves}");
    }
}
