//! The key of an entry in the store, and how it is derived.

use crate::id::Handle;
use base64_simd::URL_SAFE_NO_PAD;
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
        URL_SAFE_NO_PAD.encode_to_string(self.0)
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
    /// The block of a session, but for the handle.
    block: [u8; BLOCK],
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
        let hashed = constant.len();
        Self {
            state,
            hashed,
            block: padded(hashed, &[0; Handle::LEN]),
        }
    }

    /// The key of a session.
    #[inline]
    pub(crate) fn key(&self, handle: &Handle) -> StoreKey {
        // Whole rows of bytes are copied and none is changed alone: to read what was just written in
        // parts is what would take the time here.
        let mut block = self.block;
        block[..Handle::LEN].copy_from_slice(handle.as_bytes());
        let mut hash = self.compress(&block);
        hash[7] &= !1;
        StoreKey(bytes(hash))
    }

    /// The key of the list of a user's sessions.
    pub(crate) fn roster(&self, principal: &[u8]) -> StoreKey {
        let mut hash = self.hash(&tagged(b'l', &Sha256::digest(principal).into()));
        hash[7] |= 1;
        StoreKey(bytes(hash))
    }

    /// What a session is called in front of its user: from this nobody finds the key.
    pub(crate) fn public(&self, key: &StoreKey) -> [u8; 16] {
        let mut public = [0; 16];
        public.copy_from_slice(&bytes(self.hash(&tagged(b'p', &key.0)))[..16]);
        public
    }

    /// The hash of the constant part and a few bytes.
    fn hash(&self, bytes: &[u8; TAGGED]) -> [u32; 8] {
        self.compress(&padded(self.hashed, bytes))
    }

    #[inline]
    fn compress(&self, block: &[u8; BLOCK]) -> [u32; 8] {
        let mut state = self.state;
        compress256(&mut state, std::slice::from_ref(block));
        state
    }
}

/// The one block that a few bytes fill with the padding (FIPS 180-4, 5.1.1), after so many bytes.
fn padded<const N: usize>(hashed: usize, bytes: &[u8; N]) -> [u8; BLOCK] {
    const { assert!(N < BLOCK - 8) };
    let bits = 8 * (hashed + N) as u64;
    let mut block = [0; BLOCK];
    block[..N].copy_from_slice(bytes);
    block[N] = 0x80;
    block[BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
    block
}

/// A hash as bytes.
fn bytes(hash: [u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (place, word) in bytes.as_chunks_mut().0.iter_mut().zip(hash) {
        *place = word.to_be_bytes();
    }
    bytes
}

const TAGGED: usize = 33;

/// Longer than a handle, so that none of these is ever one.
fn tagged(tag: u8, hash: &[u8; 32]) -> [u8; TAGGED] {
    let mut tagged = [tag; TAGGED];
    tagged[1..].copy_from_slice(hash);
    tagged
}

impl fmt::Debug for Keyspace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyspace(..)")
    }
}
