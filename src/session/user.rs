//! Whose session it is.

use super::Session;
use crate::error::Error;
use crate::expiry::Timestamp;
use crate::owner::{Claim, MAX_LABEL};
use std::time::{Duration, SystemTime};

/// How far the clocks of two servers may be apart.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

/// # Whose session it is
///
/// A session that is a user's is in the list of that user's sessions, which
/// [`Sessions::of`](crate::sessions::Sessions::of) shows and ends. See
/// [`sessions`](crate::sessions) for what that costs and promises.
impl Session {
    /// Makes this the session of a user who has just proved who they are: gives it another id, notes the
    /// time, and enters it in the list of that user's sessions. A session of nobody keeps its data, as one
    /// of this user does; that of another user ends, and a new one begins.
    ///
    /// The principal is whatever the application calls a user for good: the primary key rather than a name
    /// that can change. It is hashed before it reaches the store.
    ///
    /// ```
    /// # fn f(session: sessile::Session, user: u64) -> Result<(), sessile::Error> {
    /// session.renew_for(user.to_string())?;
    /// session.insert("user", user)?;
    /// session.set_label("Firefox on Linux");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The load's error. When the session is stored, the request answers
    /// [`TooManySessions`](crate::ErrorKind::TooManySessions) if the user has as many as there may be, and
    /// [`Undecodable`](crate::ErrorKind::Undecodable) if the list is damaged.
    pub fn renew_for(&self, principal: impl AsRef<[u8]>) -> Result<(), Error> {
        let claim = Claim {
            authenticated_at: Some(self.inner.settings().now()),
            ..self.claim(principal)
        };
        self.access(|state| {
            state.bind(claim)?;
            state.cycle();
            Ok(())
        })
    }

    /// Enters the session in the list of a user's sessions, and no more: for an application that gives
    /// the session its new id itself. That of another user ends, and a new one begins.
    ///
    /// # Errors
    ///
    /// As [`renew_for`](Self::renew_for).
    pub fn bind(&self, principal: impl AsRef<[u8]>) -> Result<(), Error> {
        let claim = self.claim(principal);
        self.access(|state| state.bind(claim))
    }

    fn claim(&self, principal: impl AsRef<[u8]>) -> Claim {
        Claim {
            roster: Some(self.inner.settings().keyspace.roster(principal.as_ref())),
            ..Claim::NONE
        }
    }

    /// Says what the user knows the session by, such as the browser and the system. At most 255 bytes are
    /// kept, and only of a session that is somebody's. Call it after [`renew_for`](Self::renew_for): where that
    /// ends the session of another user, what was said before is gone. Whatever shows it has to escape it.
    pub fn set_label(&self, label: impl AsRef<str>) {
        let label = label.as_ref();
        let mut ends = (0..=MAX_LABEL.min(label.len())).rev();
        let end = ends.find(|end| label.is_char_boundary(*end));
        let label = &label[..end.unwrap_or(0)];
        let claim = Claim {
            label: Some(label.into()),
            ..Claim::NONE
        };
        self.record(|state| state.claim(claim));
    }

    /// Whether the session is this user's.
    ///
    /// # Errors
    ///
    /// The load's error.
    pub fn belongs_to(&self, principal: impl AsRef<[u8]>) -> Result<bool, Error> {
        let roster = self.inner.settings().keyspace.roster(principal.as_ref());
        self.access(|state| Ok(state.roster()? == Some(roster)))
    }

    /// When the user last proved who they are, by [`renew_for`](Self::renew_for).
    ///
    /// # Errors
    ///
    /// The load's error.
    pub fn authenticated_at(&self) -> Result<Option<SystemTime>, Error> {
        Ok(self.last_login()?.map(SystemTime::from))
    }

    /// Whether that was within this time: ask before what an unattended browser must not do (NIST SP
    /// 800-63B, 7.2, reauthentication; OWASP ASVS 5.0, 7.5.1).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # fn f(session: sessile::Session) -> Result<(), sessile::Error> {
    /// if !session.authenticated_within(Duration::from_secs(10 * 60))? {
    ///     // Ask for the password first.
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The load's error.
    pub fn authenticated_within(&self, time: Duration) -> Result<bool, Error> {
        let now = self.inner.settings().now();
        // A login in the future is one by a clock that is a little fast, or has jumped back since.
        Ok(self
            .last_login()?
            .is_some_and(|at| at.since(now) <= CLOCK_SKEW && now.since(at) < time))
    }

    fn last_login(&self) -> Result<Option<Timestamp>, Error> {
        self.access(|state| state.authenticated_at())
    }
}
