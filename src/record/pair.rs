//! A key with its value, as a record holds them.

use super::{ENTRY, lengths};
use crate::error::Error;

/// A key that is to have this value, or none.
#[derive(Clone)]
pub(crate) struct Pair {
    /// Both, with their lengths, in one buffer.
    bytes: Box<[u8]>,
    key: usize,
    has_value: bool,
}

impl Pair {
    /// A key that is to have no value.
    pub(crate) fn without_value(key: &str) -> Self {
        Self {
            bytes: [&[0; ENTRY], key.as_bytes()].concat().into(),
            key: key.len(),
            has_value: false,
        }
    }

    /// A key with the value that `write` adds to this buffer, which is empty.
    ///
    /// # Errors
    ///
    /// Those of `write`. `TooLarge`, if no record could hold it.
    #[inline]
    pub(crate) fn write(
        buffer: &mut Vec<u8>,
        key: &str,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        buffer.extend_from_slice(&[0; ENTRY]);
        buffer.extend_from_slice(key.as_bytes());
        let before = buffer.len();
        write(buffer)?;
        let lengths = lengths(key.len(), buffer.len() - before)?;
        buffer[..ENTRY].copy_from_slice(&lengths);
        Ok(Self {
            bytes: buffer.as_slice().into(),
            key: key.len(),
            has_value: true,
        })
    }

    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        &self.bytes[ENTRY..ENTRY + self.key]
    }

    #[inline]
    pub(crate) fn value(&self) -> Option<&[u8]> {
        self.has_value.then(|| &self.bytes[ENTRY + self.key..])
    }

    /// What it adds to a record.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        self.has_value.then_some(&*self.bytes)
    }

    /// The size that it has in a record.
    #[inline]
    pub(crate) const fn size(&self) -> usize {
        if self.has_value { self.bytes.len() } else { 0 }
    }
}
