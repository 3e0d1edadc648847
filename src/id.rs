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

/// The length of an id as text: 32 bytes as base64url.
const TEXT: usize = 43;

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
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionId {
    pub(crate) handle: Handle,
    pub(crate) secret: Secret,
}

impl SessionId {
    pub(crate) fn draw(random: &dyn Random) -> Result<Self, RandomError> {
        let mut bytes = [0; 2 * HALF];
        random.secret(&mut bytes)?;
        Ok(Self::from_bytes(&bytes))
    }

    fn from_bytes(bytes: &[u8; 2 * HALF]) -> Self {
        let (mut handle, mut secret) = ([0; HALF], [0; HALF]);
        handle.copy_from_slice(&bytes[..HALF]);
        secret.copy_from_slice(&bytes[HALF..]);
        Self {
            handle: Handle(handle),
            secret: Secret(secret),
        }
    }

    /// Reads an id from the bytes of a cookie's value. A last character that no encoder
    /// writes is malformed, so that each id has one text.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != TEXT {
            return None;
        }
        let mut bytes = [0; 2 * HALF];
        URL_SAFE_NO_PAD
            .decode(text, Out::from_slice(&mut bytes))
            .ok()?;
        Some(Self::from_bytes(&bytes))
    }

    /// The value of the cookie: 43 characters of base64url. A secret, never to be logged.
    #[must_use]
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode_to_string(self.to_bytes())
    }

    /// The same text as bytes.
    pub(crate) fn to_text(self) -> [u8; TEXT] {
        let mut text = [0; TEXT];
        let _text = URL_SAFE_NO_PAD.encode(&self.to_bytes(), Out::from_slice(&mut text));
        text
    }

    fn to_bytes(self) -> [u8; 2 * HALF] {
        let mut bytes = [0; 2 * HALF];
        bytes[..HALF].copy_from_slice(&self.handle.0);
        bytes[HALF..].copy_from_slice(&self.secret.0);
        bytes
    }
}

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
