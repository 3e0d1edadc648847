//! The store of a layer, so that neither `Session` nor `SessionLayer` is generic over it.

use super::{Added, Deleted, Entry, Replaced, Store, StoreError, StoreKey, Version};
#[cfg(feature = "memory")]
use super::{AnyStore, MemoryStore};
use bytes::Bytes;
#[cfg(feature = "memory")]
use std::any::Any;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The embedded store, which answers at once, or any other behind a pointer.
pub(crate) enum Backend {
    #[cfg(feature = "memory")]
    Embedded(Arc<MemoryStore>),
    Other(Arc<dyn ErasedStore>),
}

/// What a verb answers.
pub(crate) enum Answer<T> {
    #[cfg_attr(
        not(feature = "memory"),
        expect(dead_code, reason = "the other stores have to wait")
    )]
    Now(Result<T, StoreError>),
    Later(BoxFuture<Result<T, StoreError>>),
}

impl Backend {
    pub(crate) fn new(store: impl Store) -> Self {
        let store = Arc::new(store);
        #[cfg(feature = "memory")]
        if let Some(store) = embedded(Arc::clone(&store) as _) {
            return Self::Embedded(store);
        }
        Self::Other(store)
    }

    pub(crate) const fn answers_at_once(&self) -> bool {
        match self {
            #[cfg(feature = "memory")]
            Self::Embedded(_) => true,
            Self::Other(_) => false,
        }
    }

    #[inline]
    pub(crate) fn get(&self, key: StoreKey) -> Answer<Option<Entry>> {
        match self {
            #[cfg(feature = "memory")]
            Self::Embedded(store) => Answer::Now(Ok(store.get_now(&key))),
            Self::Other(store) => Answer::Later(Arc::clone(store).get(key)),
        }
    }

    pub(crate) fn add(&self, key: StoreKey, value: Bytes, ttl: Duration) -> Answer<Added> {
        match self {
            #[cfg(feature = "memory")]
            Self::Embedded(store) => Answer::Now(store.add_now(&key, value, ttl)),
            Self::Other(store) => Answer::Later(Arc::clone(store).add(key, value, ttl)),
        }
    }

    pub(crate) fn replace(
        &self,
        key: StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> Answer<Replaced> {
        match self {
            #[cfg(feature = "memory")]
            Self::Embedded(store) => Answer::Now(store.replace_now(&key, expected, value, ttl)),
            Self::Other(store) => {
                Answer::Later(Arc::clone(store).replace(key, expected, value, ttl))
            }
        }
    }

    pub(crate) fn delete(&self, key: StoreKey) -> Answer<Deleted> {
        match self {
            #[cfg(feature = "memory")]
            Self::Embedded(store) => Answer::Now(Ok(store.delete_now(&key))),
            Self::Other(store) => Answer::Later(Arc::clone(store).delete(key)),
        }
    }
}

/// The embedded store, if it is one, in whatever way it is handed over.
#[cfg(feature = "memory")]
fn embedded(store: Arc<dyn Any + Send + Sync>) -> Option<Arc<MemoryStore>> {
    if let Some(any) = store.downcast_ref::<AnyStore>() {
        return any.embedded().cloned();
    }
    if let Some(shared) = store.downcast_ref::<Arc<MemoryStore>>() {
        return Some(Arc::clone(shared));
    }
    store.downcast().ok()
}

/// The twin of [`Store`]: the same verbs, as boxes that own what they need, so that a load can
/// be kept between two polls and a commit can outlive its request.
pub(crate) trait ErasedStore: Send + Sync {
    fn get(self: Arc<Self>, key: StoreKey) -> BoxFuture<Result<Option<Entry>, StoreError>>;

    fn add(
        self: Arc<Self>,
        key: StoreKey,
        value: Bytes,
        ttl: Duration,
    ) -> BoxFuture<Result<Added, StoreError>>;

    fn replace(
        self: Arc<Self>,
        key: StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> BoxFuture<Result<Replaced, StoreError>>;

    fn delete(self: Arc<Self>, key: StoreKey) -> BoxFuture<Result<Deleted, StoreError>>;
}

impl<S: Store> ErasedStore for S {
    fn get(self: Arc<Self>, key: StoreKey) -> BoxFuture<Result<Option<Entry>, StoreError>> {
        Box::pin(async move { S::get(&self, &key).await })
    }

    fn add(
        self: Arc<Self>,
        key: StoreKey,
        value: Bytes,
        ttl: Duration,
    ) -> BoxFuture<Result<Added, StoreError>> {
        Box::pin(async move { S::add(&self, &key, value, ttl).await })
    }

    fn replace(
        self: Arc<Self>,
        key: StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> BoxFuture<Result<Replaced, StoreError>> {
        Box::pin(async move { S::replace(&self, &key, expected, value, ttl).await })
    }

    fn delete(self: Arc<Self>, key: StoreKey) -> BoxFuture<Result<Deleted, StoreError>> {
        Box::pin(async move { S::delete(&self, &key).await })
    }
}

#[cfg(all(test, feature = "memory"))]
mod tests {
    use super::*;
    use crate::store::open;

    #[test]
    fn the_embedded_store_is_known_however_it_is_handed_over() {
        let Ok(opened) = open("memory:") else {
            panic!("a memory store");
        };
        let shared = Arc::new(MemoryStore::new());
        for backend in [
            Backend::new(MemoryStore::new()),
            Backend::new(Arc::clone(&shared)),
            Backend::new(opened),
        ] {
            let answer = backend.get(StoreKey::from_bytes([0; 32]));
            assert!(matches!(answer, Answer::Now(Ok(None))));
        }
        let Backend::Embedded(store) = Backend::new(Arc::clone(&shared)) else {
            panic!("it was wrapped");
        };
        assert!(Arc::ptr_eq(&store, &shared), "the app looks at its figures");
    }
}
