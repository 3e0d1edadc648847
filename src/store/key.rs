//! The key of an entry in the store, and how it is derived.

use crate::id::Handle;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The key of an entry: 32 bytes that no client can choose.
///
/// It is a SHA-256 hash, so a dump of the keys yields no cookie, and a store may take any of
/// its bits as a hash. It never changes while the session lives.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreKey([u8; 32]);

impl StoreKey {
    /// The key with these bytes. The layer derives its keys; this is for a store's tests.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key as bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key as text, for a store that wants printable keys: 43 characters of base64url.
    ///
    /// ```
    /// # use sessile::store::StoreKey;
    /// let key = StoreKey::from_bytes([0; 32]);
    /// assert_eq!(key.to_text().len(), 43);
    /// ```
    #[must_use]
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(..)")
    }
}

/// The keys of one application's sessions under one cookie.
///
/// An id under another cookie name or another application label has another key, so it is
/// void there. The constant part fills one block and is hashed once.
#[derive(Clone)]
pub(crate) struct Keyspace(Sha256);

impl Keyspace {
    pub(crate) fn new(cookie_name: &str, application: &str) -> Self {
        const BLOCK: usize = 64;
        let mut constant = Vec::with_capacity(2 * BLOCK);
        for part in ["sessile.v1", cookie_name, application] {
            constant.extend_from_slice(&(part.len() as u64).to_be_bytes());
            constant.extend_from_slice(part.as_bytes());
        }
        constant.resize(constant.len().next_multiple_of(BLOCK), 0);
        Self(Sha256::new_with_prefix(constant))
    }

    pub(crate) fn key(&self, handle: &Handle) -> StoreKey {
        let hash = self.0.clone().chain_update(handle.as_bytes());
        StoreKey(hash.finalize().into())
    }
}

impl fmt::Debug for Keyspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyspace(..)")
    }
}
