//! Where the randomness comes from.

use rand::TryRng as _;
use rand::rngs::{SysError, SysRng};
use std::cell::RefCell;
use std::fmt;

/// A source of randomness.
///
/// The layer draws ids from the operating system and everything that has to be
/// unique but not secret from a faster generator. A test hands it a
/// [`SeededRandom`] instead.
pub trait Random: fmt::Debug + Send + Sync + 'static {
    /// Fills `secret` with bytes that nobody can guess.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if the generator fails.
    fn secret(&self, secret: &mut [u8]) -> Result<(), RandomError>;

    /// A number that is unique, but need not be secret.
    fn unique(&self) -> u64;
}

/// The generator of random numbers failed.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(
    feature = "test-util",
    expect(clippy::exhaustive_structs, reason = "so that a test can make one")
)]
pub struct RandomError;

impl fmt::Display for RandomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the generator of random numbers failed")
    }
}

impl std::error::Error for RandomError {}

/// The operating system for secrets, the thread's generator for the rest.
pub(crate) struct SystemRandom;

thread_local! {
    /// One for each thread, so that none waits for another.
    static POOL: RefCell<Pool> = const { RefCell::new(Pool::EMPTY) };
}

/// Bytes of the operating system that nobody was given yet: asking it for each id would cost as much
/// as half of what else makes a session.
struct Pool {
    bytes: [u8; Self::SIZE],
    left: usize,
}

impl Pool {
    /// Enough for 64 ids.
    const SIZE: usize = 2048;

    const EMPTY: Self = Self {
        bytes: [0; Self::SIZE],
        left: 0,
    };

    fn fill(&mut self, secret: &mut [u8]) -> Result<(), SysError> {
        if self.left < secret.len() {
            self.left = 0;
            SysRng.try_fill_bytes(&mut self.bytes)?;
            self.left = Self::SIZE;
        }
        let left = self.left - secret.len();
        let given = &mut self.bytes[left..self.left];
        secret.copy_from_slice(given);
        // Whoever reads this memory later finds no id that is in use.
        given.fill(0);
        self.left = left;
        Ok(())
    }
}

impl Random for SystemRandom {
    fn secret(&self, secret: &mut [u8]) -> Result<(), RandomError> {
        let filled = if secret.len() <= Pool::SIZE {
            POOL.with_borrow_mut(|pool| pool.fill(secret))
        } else {
            SysRng.try_fill_bytes(secret)
        };
        filled.map_err(|_| RandomError)
    }

    fn unique(&self) -> u64 {
        unique()
    }
}

/// A number that is unique, and not secret.
#[inline]
pub(crate) fn unique() -> u64 {
    rand::Rng::next_u64(&mut rand::rng())
}

impl fmt::Debug for SystemRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SystemRandom")
    }
}

#[cfg(feature = "test-util")]
pub use seeded::SeededRandom;

#[cfg(feature = "test-util")]
mod seeded {
    use super::{Random, RandomError};
    use std::sync::atomic::{AtomicU64, Ordering};

    /// The same sequence for the same seed. Never for production: its ids can be guessed.
    #[derive(Debug)]
    pub struct SeededRandom(AtomicU64);

    impl SeededRandom {
        /// The sequence that belongs to `seed`.
        #[must_use]
        pub const fn new(seed: u64) -> Self {
            Self(AtomicU64::new(seed))
        }
    }

    impl Random for SeededRandom {
        fn secret(&self, secret: &mut [u8]) -> Result<(), RandomError> {
            for chunk in secret.chunks_mut(8) {
                chunk.copy_from_slice(&self.unique().to_le_bytes()[..chunk.len()]);
            }
            Ok(())
        }

        /// SplitMix64: every number comes once in 2^64.
        fn unique(&self) -> u64 {
            const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
            let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }
    }
}
