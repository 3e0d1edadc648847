//! What a session is called in front of its user.

use base64_simd::{Out, URL_SAFE_NO_PAD};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Names a session in a list that its user sees, in a form or a link: neither the id nor the key in the
/// store can be found from it, and it ends sessions of its own user only. It stays the same as long as the
/// session lives.
///
/// ```
/// use sessile::sessions::PublicHandle;
///
/// let handle: PublicHandle = "AAAAAAAAAAAAAAAAAAAAAA".parse()?;
/// assert_eq!(handle.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
/// # Ok::<(), sessile::sessions::ParsePublicHandleError>(())
/// ```
///
/// It is read from a form and written to JSON as that text, by serde.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicHandle(pub(super) [u8; 16]);

/// The length of a handle as text: 16 bytes as base64url.
const TEXT: usize = 22;

impl fmt::Debug for PublicHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicHandle({self})")
    }
}

impl Serialize for PublicHandle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicHandle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for PublicHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode_to_string(self.0))
    }
}

impl FromStr for PublicHandle {
    type Err = ParsePublicHandleError;

    fn from_str(text: &str) -> Result<Self, ParsePublicHandleError> {
        if text.len() != TEXT {
            return Err(ParsePublicHandleError);
        }
        let mut bytes = [0; 16];
        URL_SAFE_NO_PAD
            .decode(text.as_bytes(), Out::from_slice(&mut bytes))
            .map_err(|_| ParsePublicHandleError)?;
        Ok(Self(bytes))
    }
}

/// A text that is no [`PublicHandle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParsePublicHandleError;

impl fmt::Display for ParsePublicHandleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the handle of a session: it takes 22 characters of base64url")
    }
}

impl std::error::Error for ParsePublicHandleError {}
