//! Where the randomness comes from.

use rand::TryRng as _;
use rand::rngs::SysRng;
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
#[expect(clippy::exhaustive_structs, reason = "so that a test can make one")]
pub struct RandomError;

impl fmt::Display for RandomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the generator of random numbers failed")
    }
}

impl std::error::Error for RandomError {}

/// The operating system for secrets, the thread's generator for the rest.
#[derive(Debug)]
pub(crate) struct SystemRandom;

impl Random for SystemRandom {
    fn secret(&self, secret: &mut [u8]) -> Result<(), RandomError> {
        SysRng.try_fill_bytes(secret).map_err(|_| RandomError)
    }

    fn unique(&self) -> u64 {
        rand::Rng::next_u64(&mut rand::rng())
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
