//! An entry as the inner store keeps it.
//!
//! ```text
//! form 1 | key 4 | nonce 12 | the encrypted value | tag 16
//! ```
//!
//! The tag covers all of it and the key under which the store keeps it, so an entry that was copied to
//! another key opens there no more than one that was changed.

use super::key::EncryptionKey;
use crate::store::StoreKey;
use aes_gcm_siv::{AeadInOut as _, Aes256GcmSiv, KeyInit as _, Nonce, Tag};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// Of this form. No record begins with this byte, so a layer without the key takes none for one.
const FORM: u8 = 0xe1;
const KEY_ID: usize = 4;
pub(super) const NONCE: usize = 12;
const TAG: usize = 16;
const STORE_KEY: usize = 32;

/// What an entry takes besides its value, in bytes.
const OVERHEAD: usize = 1 + KEY_ID + NONCE + TAG;

/// A key, ready for use.
pub(super) struct Sealer {
    /// By this an entry says which key it was made with. Two keys may share one.
    id: [u8; KEY_ID],
    cipher: Aes256GcmSiv,
}

/// A value that is longer than the cipher can take: 64 GiB.
#[derive(Debug)]
pub(super) struct TooLong;

impl Sealer {
    pub(super) fn new(key: &EncryptionKey) -> Self {
        let hash =
            Sha256::new_with_prefix("sessile.encryption-key.v1").chain_update(key.as_bytes());
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&hash.finalize()[..KEY_ID]);
        Self {
            id,
            cipher: Aes256GcmSiv::new(key.as_bytes().into()),
        }
    }

    /// Encrypts a value for its place. Each with another nonce.
    pub(super) fn seal(
        &self,
        place: &StoreKey,
        nonce: [u8; NONCE],
        value: &[u8],
    ) -> Result<Bytes, TooLong> {
        let mut out = Vec::with_capacity(OVERHEAD + value.len());
        out.push(FORM);
        out.extend_from_slice(&self.id);
        out.extend_from_slice(&nonce);
        let begin = out.len();
        out.extend_from_slice(value);
        let tag = self.cipher.encrypt_inout_detached(
            &Nonce::from(nonce),
            &self.associated(place),
            (&mut out[begin..]).into(),
        );
        out.extend_from_slice(&tag.map_err(|_| TooLong)?);
        Ok(out.into())
    }

    /// The value that was sealed with this key for this place, if it is so.
    pub(super) fn open(&self, place: &StoreKey, sealed: &Sealed<'_>) -> Option<Bytes> {
        if sealed.id != self.id {
            return None;
        }
        let mut value = sealed.value.to_vec();
        let opened = self.cipher.decrypt_inout_detached(
            &Nonce::from(sealed.nonce),
            &self.associated(place),
            value.as_mut_slice().into(),
            &Tag::from(sealed.tag),
        );
        opened.ok()?;
        Some(value.into())
    }

    /// What is not encrypted, and must be the same to whoever opens it.
    fn associated(&self, place: &StoreKey) -> [u8; 1 + KEY_ID + STORE_KEY] {
        let mut data = [FORM; 1 + KEY_ID + STORE_KEY];
        data[1..][..KEY_ID].copy_from_slice(&self.id);
        data[1 + KEY_ID..].copy_from_slice(place.as_bytes());
        data
    }
}

/// The parts of an entry, of which nothing is proved yet.
pub(super) struct Sealed<'a> {
    id: [u8; KEY_ID],
    nonce: [u8; NONCE],
    value: &'a [u8],
    tag: [u8; TAG],
}

impl<'a> Sealed<'a> {
    /// `None` for bytes of another form.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&FORM, rest) = bytes.split_first()? else {
            return None;
        };
        let (&id, rest) = rest.split_first_chunk()?;
        let (&nonce, rest) = rest.split_first_chunk()?;
        let (value, &tag) = rest.split_last_chunk()?;
        Some(Self {
            id,
            nonce,
            value,
            tag,
        })
    }
}
