//! The id of a session: a handle that finds it, and a secret that opens it.

use crate::random::{Random, RandomError};
use base64_simd::{Out, URL_SAFE_NO_PAD};
use std::fmt;
use subtle::ConstantTimeEq as _;

/// 128 random bits that name the entry in the store, for as long as the session lives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handle([u8; HALF]);

/// 128 random bits that the cookie and the record share, new at each rotation.
#[derive(Clone, Copy)]
pub(crate) struct Secret([u8; HALF]);

const HALF: usize = 16;
const LEN: usize = 2 * HALF;

impl Handle {
    pub(crate) const LEN: usize = HALF;

    pub(crate) const fn as_bytes(&self) -> &[u8; HALF] {
        &self.0
    }
}

impl Secret {
    pub(crate) const LEN: usize = HALF;

    pub(crate) fn draw(random: &dyn Random) -> Result<Self, RandomError> {
        let mut secret = [0; HALF];
        random.secret(&mut secret)?;
        Ok(Self(secret))
    }

    pub(crate) const fn from_bytes(bytes: [u8; HALF]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; HALF] {
        &self.0
    }
}

/// Takes the same time wherever the two differ.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        // As one number, which is one comparison.
        let [one, other] = [self.0, other.0].map(u128::from_ne_bytes);
        one.ct_eq(&other).into()
    }
}

impl Eq for Secret {}

/// The id of a session, as [`Session::id`](crate::Session::id) returns it.
///
/// Whoever knows an id is that session's user. So it prints as nothing, cannot be
/// serialized, and is compared in constant time; [`expose`](Self::expose) is the one way
/// to its text. It carries 256 random bits (OWASP ASVS 5.0, 7.2.3 asks for 128).
///
/// ```
/// # use sessile::SessionId;
/// let id: SessionId = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".parse()?;
/// assert_eq!(format!("{id:?}"), "SessionId(..)");
/// assert_eq!(id.expose().len(), 43);
/// # Ok::<(), sessile::ParseIdError>(())
/// ```
#[derive(Clone, Copy)]
pub struct SessionId([u8; LEN]);

impl SessionId {
    /// Its length as text: 32 bytes as base64url.
    pub(crate) const TEXT: usize = 43;

    pub(crate) fn draw(random: &dyn Random) -> Result<Self, RandomError> {
        let mut id = Self([0; LEN]);
        random.secret(&mut id.0)?;
        Ok(id)
    }

    pub(crate) fn new(handle: Handle, secret: Secret) -> Self {
        let mut id = [0; LEN];
        id[..HALF].copy_from_slice(&handle.0);
        id[HALF..].copy_from_slice(&secret.0);
        Self(id)
    }

    pub(crate) fn handle(&self) -> Handle {
        Handle(self.half(0))
    }

    pub(crate) fn secret(&self) -> Secret {
        Secret(self.half(HALF))
    }

    fn half(&self, at: usize) -> [u8; HALF] {
        let mut half = [0; HALF];
        half.copy_from_slice(&self.0[at..at + HALF]);
        half
    }

    /// Reads an id from the bytes of a cookie's value. A last character that no encoder
    /// writes is malformed, so that each id has one text.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let mut id = None;
        Self::parse_into(&mut id, text);
        id
    }

    /// The same, right where it is to stay: bytes that were just decoded are slow to move.
    pub(crate) fn parse_into(place: &mut Option<Self>, text: &[u8]) {
        if text.len() != Self::TEXT {
            *place = None;
            return;
        }
        let id = place.insert(Self([0; LEN]));
        if URL_SAFE_NO_PAD
            .decode(text, Out::from_slice(&mut id.0))
            .is_err()
        {
            *place = None;
        }
    }

    /// The value of the cookie: 43 characters of base64url. A secret, never to be logged.
    #[must_use]
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode_to_string(self.0)
    }

    /// Adds the same text to another.
    pub(crate) fn write_to(&self, text: &mut Vec<u8>) {
        URL_SAFE_NO_PAD.encode_append(self.0, text);
    }
}

impl PartialEq for SessionId {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.handle() == other.handle() && self.secret() == other.secret()
    }
}

impl Eq for SessionId {}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(..)")
    }
}

impl std::str::FromStr for SessionId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        Self::parse(text.as_bytes()).ok_or(ParseIdError)
    }
}

/// A text that is not the id of any session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseIdError;

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a session id: it takes 43 characters of base64url")
    }
}

impl std::error::Error for ParseIdError {}
