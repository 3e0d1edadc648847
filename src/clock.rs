//! Where the time comes from.

use std::fmt;
use std::time::{Duration, SystemTime};

/// A source of time.
///
/// The layer and the memory store ask the system. A test hands them a
/// [`ManualClock`] instead, and moves it.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall clock, which may jump in either direction, and may go on in ticks, as long as 10 ms.
    fn now(&self) -> SystemTime;

    /// The time since some fixed point, which never goes back. It may go on in ticks, as long as 10 ms.
    fn uptime(&self) -> Duration;
}

/// The clock of the operating system.
#[derive(Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        system::now()
    }

    fn uptime(&self) -> Duration {
        system::uptime()
    }
}

/// Linux keeps the times of its last tick, which are enough, at a third of the cost.
#[cfg(target_os = "linux")]
mod system {
    use rustix::time::{ClockId, clock_gettime};
    use std::time::{Duration, SystemTime};

    pub(super) fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + read(ClockId::RealtimeCoarse)
    }

    pub(super) fn uptime() -> Duration {
        read(ClockId::MonotonicCoarse)
    }

    /// Zero for a wall clock that stands before 1970.
    fn read(clock: ClockId) -> Duration {
        Duration::try_from(clock_gettime(clock)).unwrap_or_default()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::sync::LazyLock;
    use std::time::{Duration, Instant, SystemTime};

    pub(super) fn now() -> SystemTime {
        SystemTime::now()
    }

    pub(super) fn uptime() -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}

#[cfg(feature = "test-util")]
pub use manual::ManualClock;

#[cfg(feature = "test-util")]
mod manual {
    use super::Clock;
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use std::time::{Duration, SystemTime};

    /// A clock that stands still until a test moves it.
    ///
    /// It starts at the beginning of 2026.
    ///
    /// ```
    /// use sessile::test_util::{Clock, ManualClock};
    /// use std::time::Duration;
    ///
    /// let clock = ManualClock::new();
    /// let before = clock.now();
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(clock.now().duration_since(before).unwrap().as_secs(), 60);
    /// ```
    #[derive(Debug)]
    pub struct ManualClock(Mutex<(SystemTime, Duration)>);

    impl ManualClock {
        /// A clock that stands at 2026-01-01T00:00:00Z.
        #[must_use]
        pub fn new() -> Self {
            let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
            Self(Mutex::new((start, Duration::ZERO)))
        }

        fn time(&self) -> MutexGuard<'_, (SystemTime, Duration)> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        /// Lets `time` pass, on the wall and in the uptime.
        pub fn advance(&self, time: Duration) {
            let mut now = self.time();
            now.0 += time;
            now.1 += time;
        }

        /// Sets the wall clock alone, as an administrator or a time server would.
        pub fn jump_to(&self, time: SystemTime) {
            self.time().0 = time;
        }
    }

    impl Default for ManualClock {
        fn default() -> Self {
            Self::new()
        }
    }

    impl Clock for ManualClock {
        fn now(&self) -> SystemTime {
            self.time().0
        }

        fn uptime(&self) -> Duration {
            self.time().1
        }
    }
}
