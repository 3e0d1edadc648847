//! The key of an entry in the store, and how it is derived.

use crate::id::Handle;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The key of an entry: 32 bytes that no client can choose.
///
/// It is a SHA-256 hash but for its last bit, so a dump of the keys yields no cookie, and a store may
/// take any of the other bits as a hash. It never changes while the session lives.
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

    /// Whether the entry is a roster: the list of a user's sessions. A store that evicts should keep it for longer
    /// than the sessions, since without it nobody can end those.
    ///
    /// ```
    /// # use sessile::store::StoreKey;
    /// assert!(!StoreKey::from_bytes([2; 32]).is_roster());
    /// ```
    #[must_use]
    pub const fn is_roster(&self) -> bool {
        self.0[31] & 1 == 1
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
/// void there. The constant part fills whole blocks and is hashed once.
#[derive(Clone)]
pub(crate) struct Keyspace {
    state: [u32; 8],
    /// The length of the constant part, in bytes.
    hashed: usize,
}

const BLOCK: usize = 64;

impl Keyspace {
    /// The state of SHA-256 at the beginning (FIPS 180-4, 5.3.3).
    const START: [u32; 8] = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];

    pub(crate) fn new(cookie_name: &str, application: &str) -> Self {
        let mut constant = Vec::with_capacity(2 * BLOCK);
        for part in ["sessile.v1", cookie_name, application] {
            constant.extend_from_slice(&(part.len() as u64).to_be_bytes());
            constant.extend_from_slice(part.as_bytes());
        }
        constant.resize(constant.len().next_multiple_of(BLOCK), 0);
        let mut state = Self::START;
        compress256(&mut state, constant.as_chunks().0);
        Self {
            state,
            hashed: constant.len(),
        }
    }

    /// The key of a session.
    #[inline]
    pub(crate) fn key(&self, handle: &Handle) -> StoreKey {
        let mut key = self.hash(handle.as_bytes());
        key[31] &= !1;
        StoreKey(key)
    }

    /// The key of the list of a user's sessions.
    pub(crate) fn roster(&self, principal: &[u8]) -> StoreKey {
        let mut key = self.hash(&tagged(b'l', &Sha256::digest(principal).into()));
        key[31] |= 1;
        StoreKey(key)
    }

    /// What a session is called in front of its user: from this nobody finds the key.
    pub(crate) fn public(&self, key: &StoreKey) -> [u8; 16] {
        let mut public = [0; 16];
        public.copy_from_slice(&self.hash(&tagged(b'p', &key.0))[..16]);
        public
    }

    /// The hash of the constant part and a few bytes: one block, which those and the padding
    /// (FIPS 180-4, 5.1.1) fill.
    #[inline]
    fn hash<const N: usize>(&self, bytes: &[u8; N]) -> [u8; 32] {
        const { assert!(N < BLOCK - 8) };
        let bits = 8 * (self.hashed + N) as u64;
        let mut block = [0; BLOCK];
        block[..N].copy_from_slice(bytes);
        block[N] = 0x80;
        block[BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
        let mut state = self.state;
        compress256(&mut state, &[block]);
        let mut hash = [0; 32];
        for (place, word) in hash.as_chunks_mut().0.iter_mut().zip(state) {
            *place = word.to_be_bytes();
        }
        hash
    }
}

/// Longer than a handle, so that none of these is ever one.
fn tagged(tag: u8, hash: &[u8; 32]) -> [u8; 33] {
    let mut tagged = [tag; 33];
    tagged[1..].copy_from_slice(hash);
    tagged
}

impl fmt::Debug for Keyspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyspace(..)")
    }
}
