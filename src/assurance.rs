//! Lifetimes for the assurance levels of NIST SP 800-63B.

use std::time::Duration;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MINUTE: Duration = Duration::from_secs(60);

/// How sure an application has to be of who is at the other end: an authenticator assurance level
/// (AAL) of NIST SP 800-63B, as far as it says how long a session may last. How the user
/// logs in, the other half of a level, is up to the application.
///
/// | level | without use | at most | why |
/// |---|---|---|---|
/// | [`Aal1`](Self::Aal1) | 14 days | 30 days | an account that is a nuisance to lose: a forum, a shop without stored cards |
/// | [`Aal2`](Self::Aal2) | 30 minutes | 12 hours | personal data, money: a day's work, and a lunch break ends it |
/// | [`Aal3`](Self::Aal3) | 15 minutes | 12 hours | others are harmed: administration, health, production systems |
///
/// These satisfy revision 4 of the standard, and revision 3, which it superseded and which contracts still name. Revision 4 (2025,
/// sections 2.1.3, 2.2.3 and 2.3.3) recommends 30 days at AAL1, and allows up to 24 hours and an hour without use at AAL2; revision 3
/// (2017, sections 4.1.3, 4.2.3 and 4.3.3) demands 12 hours and 30 minutes there. At AAL3 both say 12 hours and 15 minutes. For AAL1 neither asks
/// for an end to an idle session; 14 days are this crate's default.
///
/// An idle session ends between nine tenths and the whole of its time after the last request, since its
/// deadline moves in steps of a tenth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Assurance {
    /// Some assurance.
    Aal1,
    /// High assurance: two factors.
    Aal2,
    /// Very high assurance: a key in hardware that cannot be phished.
    Aal3,
}

impl Assurance {
    /// How long a session lives without being used.
    #[must_use]
    pub const fn idle_lifetime(self) -> Duration {
        match self {
            Self::Aal1 => DAY.saturating_mul(14),
            Self::Aal2 => MINUTE.saturating_mul(30),
            Self::Aal3 => MINUTE.saturating_mul(15),
        }
    }

    /// How long a session lives at most.
    #[must_use]
    pub const fn absolute_lifetime(self) -> Duration {
        match self {
            Self::Aal1 => DAY.saturating_mul(30),
            Self::Aal2 | Self::Aal3 => HOUR.saturating_mul(12),
        }
    }
}
