//! The conformance suite over encrypted stores, and what they print.

use crate::support::TestStore;
use crate::{encrypted, place};
use futures_executor::block_on;
use sessile::conformance;
use sessile::store::Store;
use std::sync::Arc;
use std::time::Duration;

/// Two clients of one inner store, whose keys are in another order.
async fn keeps<S: Store>(one: S, other: S, ttl: Duration) {
    let (one, other) = (encrypted(one, &[1, 2]), encrypted(other, &[2, 1]));
    conformance::what_one_client_did_another_sees(&one, &other).await;
    conformance::what_one_client_did_another_sees(&other, &one).await;
    conformance::all(&Arc::new(one), ttl, tokio::time::sleep).await;
}

#[cfg(feature = "memory")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory() {
    let inner = Arc::new(sessile::store::MemoryStore::new());
    keeps(inner.clone(), inner, Duration::from_millis(200)).await;
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_redis() {
    use crate::support::redis::{redis, store_at};
    let server = redis(&[]);
    let inner = || store_at(server.port());
    keeps(inner(), inner(), Duration::from_millis(600)).await;
}

#[cfg(feature = "memcached")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memcached() {
    use crate::support::memcached::memcached;
    use sessile::store::MemcachedStore;
    let server = memcached();
    let inner = || MemcachedStore::new(format!("127.0.0.1:{}", server.port())).unwrap();
    keeps(inner(), inner(), Duration::from_secs(4)).await;
}

#[cfg(feature = "memory")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_whatever_a_url_names() {
    let inner = Arc::new(sessile::store::open("memory:").unwrap());
    keeps(inner.clone(), inner, Duration::from_millis(200)).await;
}

#[cfg(feature = "memory")]
#[tokio::test]
async fn what_is_too_large_for_the_inner_store_changes_nothing() {
    let inner = sessile::store::MemoryStore::builder()
        .max_bytes(1000)
        .build();
    let store = encrypted(inner, &[1]);
    conformance::what_is_too_large_changes_nothing(&store, vec![0; 1000].into()).await;
}

#[test]
fn what_goes_wrong_in_the_inner_store_is_passed_on() {
    use crate::support::{DAY, Fault};
    let inner = TestStore::new();
    let store = encrypted(inner.clone(), &[1]);
    for (fault, text) in [
        (Fault::Unavailable, "unavailable"),
        (Fault::Lost, "did not say"),
        (Fault::TooLarge, "larger"),
        (Fault::Full, "full"),
    ] {
        inner.fail_all(fault);
        let version = sessile::store::Version::new(1);
        let errors = [
            block_on(store.get(&place(1))).unwrap_err(),
            block_on(store.add(&place(1), "".into(), DAY)).unwrap_err(),
            block_on(store.replace(&place(1), version, "".into(), DAY)).unwrap_err(),
            block_on(store.delete(&place(1))).unwrap_err(),
        ];
        for error in errors {
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}

#[test]
fn it_prints_nothing() {
    let store = encrypted(TestStore::new(), &[1, 2]);
    assert_eq!(format!("{store:?}"), "EncryptedStore { .. }");
}
