//! The store behind a pointer, so that neither `Session` nor `SessionLayer` is generic over it.

use super::{Added, Deleted, Entry, Replaced, Store, StoreError, StoreKey, Version};
use bytes::Bytes;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

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

pub(crate) fn erase<S: Store>(store: S) -> Arc<dyn ErasedStore> {
    Arc::new(Erased(store))
}

struct Erased<S>(S);

impl<S: Store> ErasedStore for Erased<S> {
    fn get(self: Arc<Self>, key: StoreKey) -> BoxFuture<Result<Option<Entry>, StoreError>> {
        Box::pin(async move { self.0.get(&key).await })
    }

    fn add(
        self: Arc<Self>,
        key: StoreKey,
        value: Bytes,
        ttl: Duration,
    ) -> BoxFuture<Result<Added, StoreError>> {
        Box::pin(async move { self.0.add(&key, value, ttl).await })
    }

    fn replace(
        self: Arc<Self>,
        key: StoreKey,
        expected: Version,
        value: Bytes,
        ttl: Duration,
    ) -> BoxFuture<Result<Replaced, StoreError>> {
        Box::pin(async move { self.0.replace(&key, expected, value, ttl).await })
    }

    fn delete(self: Arc<Self>, key: StoreKey) -> BoxFuture<Result<Deleted, StoreError>> {
        Box::pin(async move { self.0.delete(&key).await })
    }
}
