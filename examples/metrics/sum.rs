use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A sum, and of how many.
#[derive(Default)]
pub(super) struct Sum(AtomicU64, AtomicU64);

impl Sum {
    pub(super) fn add(&self, value: u64) {
        self.0.fetch_add(value, Relaxed);
        self.1.fetch_add(1, Relaxed);
    }

    pub(super) fn sum(&self) -> f64 {
        self.0.load(Relaxed) as f64
    }

    pub(super) fn count(&self) -> u64 {
        self.1.load(Relaxed)
    }

    pub(super) fn mean(&self) -> f64 {
        self.sum() / self.count().max(1) as f64
    }
}
