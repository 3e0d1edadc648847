//! When a session ends: the one place that answers it, for the record, the store and the cookie.

use std::time::{Duration, SystemTime};

/// When a session ends, as [`Session::set_expiry`](crate::Session::set_expiry) takes it.
///
/// Whatever is chosen, the absolute lifetime of the layer is the limit. A [`Duration`] or a
/// [`SystemTime`] can be handed over as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Expiry {
    /// As the layer is configured.
    #[default]
    Default,
    /// After this time without a request that uses the session (Django's `set_expiry(seconds)`).
    AfterInactivity(Duration),
    /// At this date, however much the session is used.
    At(SystemTime),
    /// When the browser is closed (Django's `set_expiry(0)`): the cookie carries no lifetime. The
    /// record keeps the idle lifetime of the layer, since a server cannot see a browser close.
    BrowserSession,
}

impl Expiry {
    /// As a record keeps it, so that what is set compares equal to what was stored.
    pub(crate) fn in_millis(self) -> Self {
        match self {
            Self::AfterInactivity(time) => {
                Self::AfterInactivity(Duration::from_millis(millis(time)))
            }
            Self::At(date) => Self::At(Timestamp::from(date).into()),
            Self::Default | Self::BrowserSession => self,
        }
    }
}

impl From<Duration> for Expiry {
    fn from(inactivity: Duration) -> Self {
        Self::AfterInactivity(inactivity)
    }
}

impl From<SystemTime> for Expiry {
    fn from(date: SystemTime) -> Self {
        Self::At(date)
    }
}

/// Milliseconds since 1970, from there to the end of the year 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(u64);

impl Timestamp {
    const MAX: Self = Self(253_402_300_799_999);

    /// Dates out of range become the nearest one in it.
    pub(crate) fn from_millis(millis: u64) -> Self {
        Self(millis).min(Self::MAX)
    }

    pub(crate) const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole hours, as exactly as the last use of a session is kept.
    pub(crate) fn hours(self) -> u32 {
        u32::try_from(self.0 / (60 * 60 * 1000)).unwrap_or(u32::MAX)
    }

    pub(crate) fn from_hours(hours: u32) -> Self {
        Self::from_millis(u64::from(hours) * 60 * 60 * 1000)
    }

    pub(crate) fn plus(self, duration: Duration) -> Self {
        Self::from_millis(self.0.saturating_add(millis(duration)))
    }

    /// The time from `earlier` to here; zero if that is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        Self::from_millis(
            time.duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, millis),
        )
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        Self::UNIX_EPOCH + Duration::from_millis(time.0)
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    // Not `as_millis`, which counts in 128 bits.
    let seconds = duration.as_secs().saturating_mul(1000);
    seconds.saturating_add(duration.subsec_millis().into())
}

/// The lifetimes that a layer gives its sessions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lifetimes {
    pub(crate) idle: Duration,
    pub(crate) absolute: Option<Duration>,
    /// Whether the default cookie outlives the browser.
    pub(crate) persistent: bool,
}

impl Lifetimes {
    /// The end that no activity moves.
    #[inline]
    pub(crate) fn limit(&self, expiry: Expiry, created: Timestamp) -> Timestamp {
        let absolute = self
            .absolute
            .map_or(Timestamp::MAX, |age| created.plus(age));
        match expiry {
            Expiry::At(date) => absolute.min(date.into()),
            _ => absolute,
        }
    }

    /// The end of a session that is used now. One that was created in the future, by a clock
    /// that has jumped back since, counts as created now.
    pub(crate) fn deadline(&self, expiry: Expiry, created: Timestamp, now: Timestamp) -> Timestamp {
        now.plus(self.inactivity(expiry))
            .min(self.limit(expiry, created.min(now)))
    }

    /// Whether a tenth of the idle lifetime lies between `now` and when `deadline` was set.
    ///
    /// In either direction: a clock that jumped back, or a lifetime that is configured anew, must
    /// not leave a session with a deadline far from what the rules give. Nor must it leave one
    /// beyond the limit, where the session has no idle lifetime to measure by.
    #[inline]
    pub(crate) fn renewal_due(
        &self,
        expiry: Expiry,
        created: Timestamp,
        deadline: Timestamp,
        now: Timestamp,
    ) -> bool {
        let idle = self.inactivity(expiry);
        let moved = now.plus(idle).0.abs_diff(deadline.0);
        (moved >= millis(idle) / 10 && self.deadline(expiry, created, now) != deadline)
            || deadline > self.limit(expiry, created.min(now))
    }

    /// Whether the cookie ends with the browser.
    pub(crate) const fn ends_with_browser(&self, expiry: Expiry) -> bool {
        match expiry {
            Expiry::BrowserSession => true,
            Expiry::Default => !self.persistent,
            Expiry::AfterInactivity(_) | Expiry::At(_) => false,
        }
    }

    const fn inactivity(&self, expiry: Expiry) -> Duration {
        match expiry {
            Expiry::Default | Expiry::BrowserSession => self.idle,
            Expiry::AfterInactivity(time) => time,
            Expiry::At(_) => Duration::MAX,
        }
    }
}

/// How much longer than its session an entry is kept in the store, so that a request which loaded
/// it in time can still write, and servers need not agree on the second.
const MARGIN: Duration = Duration::from_secs(60 * 60);

/// The store's time to live for a session that ends at `deadline`.
pub(crate) fn time_to_live(deadline: Timestamp, now: Timestamp) -> Duration {
    deadline.since(now) + MARGIN
}
