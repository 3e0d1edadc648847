//! A generator that fails: nothing is written, what is there can be read and ended.

use crate::encrypted;
use crate::support::{Browser, TestStore, scripted};
use sessile::SessionLayer;
use sessile::test_util::{Random, RandomError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Counts, until it is broken.
#[derive(Debug, Default)]
struct Fragile {
    broken: AtomicBool,
    count: std::sync::atomic::AtomicU64,
}

impl Random for Fragile {
    fn secret(&self, secret: &mut [u8]) -> Result<(), RandomError> {
        if self.broken.load(Relaxed) {
            return Err(RandomError);
        }
        secret[..8].copy_from_slice(&self.unique().to_be_bytes());
        Ok(())
    }

    fn unique(&self) -> u64 {
        self.count.fetch_add(1, Relaxed)
    }
}

#[tokio::test]
async fn nothing_is_written_without_randomness() {
    let (inner, random) = (TestStore::new(), Arc::new(Fragile::default()));
    let store = encrypted(inner.clone(), &[1]).random(random.clone());
    let app = scripted(SessionLayer::new(store));
    let mut browser = Browser::with_session(&app, &inner, "/insert:a:1").await;
    let entry = inner.record();

    random.broken.store(true, Relaxed);
    for mut browser in [Browser::new(), browser.clone()] {
        let answer = browser.get(&app, "/insert:a:2").await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.set_cookies(), [""; 0]);
    }
    assert_eq!(browser.sees(&app).await, "a=1");
    // Neither `add` nor `replace` came through.
    assert!(inner.calls().iter().all(|call| *call == "get"));
    assert_eq!(inner.record(), entry);

    random.broken.store(false, Relaxed);
    assert_eq!(browser.get(&app, "/insert:a:2").await.status, 200);
    random.broken.store(true, Relaxed);
    assert_eq!(browser.sees(&app).await, "a=2");
    assert_eq!(browser.get(&app, "/flush").await.status, 200);
    assert_eq!(inner.len(), 0);
}
