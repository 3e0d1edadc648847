//! A key, from bytes or from text.

use base64_simd::{Out, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

const SIZE: usize = 32;
/// As text: the digits of hexadecimal, and the characters of base64 without padding.
const HEX: usize = 2 * SIZE;
const BASE64: usize = 43;

/// A key of exactly 32 bytes, which must be random: `openssl rand -base64 32` makes one.
///
/// It is read from base64 (of either alphabet, with or without its `=`) or from hexadecimal digits, as
/// a variable or a file of secrets has it; spaces and line ends around it do not count. It prints as
/// nothing, and its bytes are overwritten when it is dropped.
///
/// A password is no key: what has less than 256 random bits can be guessed by whoever has the entries.
///
/// ```
/// use sessile::store::EncryptionKey;
///
/// # let text = "oV6Vx4Wn5Zb2q7m0kq0Xb1b0w8x0p2n4d6f8h0j2l4M=";
/// # assert!(text.parse::<EncryptionKey>().is_ok());
/// # fn load() -> Result<EncryptionKey, Box<dyn std::error::Error>> {
/// let key: EncryptionKey = std::env::var("SESSION_KEY")?.parse()?;
/// # Ok(key)
/// # }
/// ```
pub struct EncryptionKey(Zeroizing<[u8; SIZE]>);

impl EncryptionKey {
    /// The key with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; SIZE]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8; SIZE] {
        &self.0
    }
}

impl FromStr for EncryptionKey {
    type Err = EncryptionKeyError;

    fn from_str(text: &str) -> Result<Self, EncryptionKeyError> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(EncryptionKeyError::Missing);
        }
        let allowed = |c: u8| c.is_ascii_alphanumeric() || b"+/-_=".contains(&c);
        if !text.bytes().all(allowed) {
            return Err(EncryptionKeyError::Characters);
        }
        let mut key = Self::from_bytes([0; SIZE]);
        let read = if text.len() == HEX {
            read_hex(text, &mut key.0)
        } else {
            let text = text.strip_suffix('=').unwrap_or(text);
            if text.len() != BASE64 {
                return Err(EncryptionKeyError::Length);
            }
            read_base64(text, &mut key.0)
        };
        read.ok_or(EncryptionKeyError::Characters)?;
        Ok(key)
    }
}

fn read_hex(text: &str, key: &mut [u8; SIZE]) -> Option<()> {
    let digit = |c: u8| char::from(c).to_digit(16);
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let number = 16 * digit(pair[0])? + digit(pair[1])?;
        *byte = u8::try_from(number).ok()?;
    }
    Some(())
}

fn read_base64(text: &str, key: &mut [u8; SIZE]) -> Option<()> {
    let engine = if text.contains(['-', '_']) {
        URL_SAFE_NO_PAD
    } else {
        STANDARD_NO_PAD
    };
    engine.decode(text.as_bytes(), Out::from_slice(key)).ok()?;
    Some(())
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey(..)")
    }
}

/// What is wrong with a key or a list of keys. It quotes nothing of them.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncryptionKeyError {
    /// There is none: the text or the list is empty.
    Missing,
    /// The text is too long or too short for 32 bytes.
    Length,
    /// The text is neither hexadecimal digits nor base64.
    Characters,
    /// A key stands twice in the list, so one that should be there is missing.
    Twice,
}

impl fmt::Display for EncryptionKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => {
                "the encryption key is missing: `openssl rand -base64 32` makes one"
            }
            Self::Length => {
                "an encryption key must be 32 bytes: 64 hexadecimal digits, or 44 characters of base64"
            }
            Self::Characters => {
                "an encryption key must be 64 hexadecimal digits or 44 characters of base64, without \
                 quotes or anything else"
            }
            Self::Twice => "an encryption key stands twice in the list",
        })
    }
}

/// The same text: it is what a `main` that returns the error shows.
impl fmt::Debug for EncryptionKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for EncryptionKeyError {}
