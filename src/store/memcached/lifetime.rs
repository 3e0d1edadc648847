//! Lifetimes as memcached counts them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The longest lifetime that memcached takes as a number of seconds: 30 days. A larger number is
/// a date to it.
const MAX_SECONDS: u64 = 30 * 24 * 60 * 60;

/// The last date that it takes, in January 2038.
const LAST_DATE: u64 = i32::MAX as u64;

/// What to write for a lifetime that begins now.
///
/// Never 0, which is for ever. A second is added, since memcached's clock ticks in seconds: a
/// lifetime of one can be over at once.
pub(super) fn expiry(ttl: Duration, now: SystemTime) -> u32 {
    let begun = u64::from(ttl.subsec_nanos() > 0);
    let seconds = ttl.as_secs().saturating_add(begun + 1);
    let number = if seconds <= MAX_SECONDS {
        seconds
    } else {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let date = now.saturating_add(seconds).min(LAST_DATE);
        // Near the end of its dates, 30 days are the most there is.
        if date.saturating_sub(now) > MAX_SECONDS {
            date
        } else {
            MAX_SECONDS
        }
    };
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::expiry;
    use std::time::{Duration, UNIX_EPOCH};

    const DAY: u64 = 24 * 60 * 60;

    #[track_caller]
    fn check(ttl: Duration, now: u64, expected: u64) {
        let now = UNIX_EPOCH + Duration::from_secs(now);
        assert_eq!(u64::from(expiry(ttl, now)), expected);
    }

    #[test]
    fn a_lifetime_is_rounded_up_and_never_for_ever() {
        let now = 1_800_000_000;
        check(Duration::ZERO, now, 1);
        check(Duration::from_millis(1), now, 2);
        check(Duration::from_secs(1), now, 2);
        check(Duration::from_millis(1001), now, 3);
        check(Duration::from_secs(30 * DAY - 1), now, 30 * DAY);
    }

    #[test]
    fn above_thirty_days_it_is_a_date() {
        let now = 1_800_000_000;
        check(Duration::from_secs(30 * DAY), now, now + 30 * DAY + 1);
        check(Duration::from_secs(400 * DAY), now, now + 400 * DAY + 1);
    }

    #[test]
    fn beyond_the_last_date_it_is_the_last_date_or_thirty_days() {
        let last = 2_147_483_647;
        for ttl in [Duration::from_secs(40_000 * DAY), Duration::MAX] {
            check(ttl, 1_800_000_000, last);
            check(ttl, last - DAY, 30 * DAY);
            check(ttl, last + DAY, 30 * DAY);
        }
    }
}
