//! The record of a session as the store keeps it: a fixed header, then each key with its value.
//!
//! ```text
//! schema 1 | created 8 | deadline 8 | expiry 1 + 8 | secret 16 | rotated_at 8 | tokens 4 × 8 | count 4
//! then for each key, sorted: length of key 4 | length of value 4 | key | value
//! ```
//!
//! Numbers are big-endian, times are milliseconds since 1970, a value is a JSON text. Reading a
//! record checks each length against what is left and looks at no value, so a large session costs
//! no more than a small one with as many keys.

use crate::error::{Error, ErrorKind};
use crate::expiry::{Expiry, Lifetimes, Timestamp, millis};
use crate::id::Secret;
use bytes::Bytes;
use std::cmp::Ordering;
use std::time::Duration;

const SCHEMA: u8 = 1;
const HEADER: usize = 1 + 8 + 8 + 9 + Secret::LEN + 8 + 8 * Tokens::KEPT + 4;

/// What a key and its value cost besides their bytes.
const ENTRY: usize = 4 + 4;

/// A key, which is UTF-8, with its value.
pub(crate) type Item<'a> = (&'a [u8], &'a [u8]);

/// The size of a session without keys, in bytes.
pub(crate) const EMPTY: usize = HEADER;

/// The size of a key with its value in a record, in bytes.
pub(crate) const fn entry_size(key: &[u8], value: &[u8]) -> usize {
    ENTRY + key.len() + value.len()
}

/// What a record says about its session, besides its data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) created: Timestamp,
    pub(crate) deadline: Timestamp,
    pub(crate) expiry: Expiry,
    pub(crate) secret: Secret,
    pub(crate) rotated_at: Option<Timestamp>,
    pub(crate) tokens: Tokens,
}

impl Header {
    /// The new deadline if the session is used now, where it moves: if a tenth of the idle lifetime
    /// has passed, with a new policy, or with a new id.
    pub(crate) fn next_deadline(
        &self,
        lifetimes: &Lifetimes,
        expiry: Expiry,
        rotates: bool,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let moves = rotates
            || expiry != self.expiry
            || lifetimes.renewal_due(expiry, self.created, self.deadline, now);
        moves.then(|| lifetimes.deadline(expiry, self.created, now))
    }

    fn encode(&self, count: u32) -> [u8; HEADER] {
        let (kind, value) = match self.expiry {
            Expiry::Default => (0, 0),
            Expiry::AfterInactivity(time) => (1, millis(time)),
            Expiry::At(date) => (2, Timestamp::from(date).as_millis()),
            Expiry::BrowserSession => (3, 0),
        };
        let mut out = [0; HEADER];
        let mut rest = &mut out[..];
        let mut put = |bytes: &[u8]| {
            let (place, left) = std::mem::take(&mut rest).split_at_mut(bytes.len());
            place.copy_from_slice(bytes);
            rest = left;
        };
        put(&[SCHEMA]);
        put(&self.created.as_millis().to_be_bytes());
        put(&self.deadline.as_millis().to_be_bytes());
        put(&[kind]);
        put(&value.to_be_bytes());
        put(self.secret.as_bytes());
        put(&self
            .rotated_at
            .map_or(0, Timestamp::as_millis)
            .to_be_bytes());
        for token in self.tokens.0 {
            put(&token.to_be_bytes());
        }
        put(&count.to_be_bytes());
        out
    }
}

/// The tokens of the last commits, newest first: by these a commit recognises its own work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tokens([u64; Self::KEPT]);

impl Tokens {
    const KEPT: usize = 4;

    pub(crate) const NONE: Self = Self([0; Self::KEPT]);

    pub(crate) fn contains(&self, token: u64) -> bool {
        self.0.contains(&token)
    }

    pub(crate) const fn newest(&self) -> u64 {
        self.0[0]
    }

    pub(crate) fn push(&mut self, token: u64) {
        self.0.rotate_right(1);
        self.0[0] = token;
    }
}

/// A record that was read from the store, or is about to be written to it.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) header: Header,
    count: u32,
    bytes: Bytes,
}

/// Bytes that are no record, or one of a newer schema.
#[derive(Debug)]
pub(crate) struct Unreadable;

impl Record {
    /// Reads a record, and checks all of it but the values.
    pub(crate) fn decode(bytes: Bytes) -> Result<Self, Unreadable> {
        let mut rest = Reader(&bytes);
        if rest.array::<1>()? != [SCHEMA] {
            return Err(Unreadable);
        }
        let header = Header {
            created: rest.timestamp()?,
            deadline: rest.timestamp()?,
            expiry: rest.expiry()?,
            secret: Secret::from_bytes(rest.array()?),
            rotated_at: match rest.u64()? {
                0 => None,
                millis => Some(Timestamp::from_millis(millis)),
            },
            tokens: Tokens([rest.u64()?, rest.u64()?, rest.u64()?, rest.u64()?]),
        };
        let count = rest.u32()?;
        let mut last = None;
        for _ in 0..count {
            let (key, _) = rest.entry()?;
            if last.is_some_and(|last| last >= key) || std::str::from_utf8(key).is_err() {
                return Err(Unreadable);
            }
            last = Some(key);
        }
        if !rest.0.is_empty() {
            return Err(Unreadable);
        }
        Ok(Self {
            header,
            count,
            bytes,
        })
    }

    /// Writes a record. The entries must be sorted by key, without doubles.
    ///
    /// # Errors
    ///
    /// `TooLarge`, if it would take more than `limit` bytes.
    pub(crate) fn encode<'a>(
        header: Header,
        entries: impl Iterator<Item = Item<'a>> + Clone,
        limit: usize,
    ) -> Result<Self, Error> {
        let (mut size, mut count) = (HEADER, 0);
        for (key, value) in entries.clone() {
            size += entry_size(key, value);
            count += 1;
        }
        if size > limit {
            return Err(ErrorKind::TooLarge.into());
        }
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).map_err(|_| ErrorKind::TooLarge);
        let mut out = Vec::with_capacity(size);
        out.extend_from_slice(&header.encode(count));
        for (key, value) in entries {
            out.extend_from_slice(&length(key)?.to_be_bytes());
            out.extend_from_slice(&length(value)?.to_be_bytes());
            out.extend_from_slice(key);
            out.extend_from_slice(value);
        }
        Ok(Self {
            header,
            count,
            bytes: out.into(),
        })
    }

    /// The same data under another header.
    pub(crate) fn with_header(&self, header: Header) -> Self {
        let mut out = self.bytes.to_vec();
        out[..HEADER].copy_from_slice(&header.encode(self.count));
        Self {
            header,
            count: self.count,
            bytes: out.into(),
        }
    }

    /// The record as the store keeps it.
    pub(crate) const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The keys with their values, sorted.
    pub(crate) fn entries(&self) -> Entries<'_> {
        Entries {
            rest: Reader(&self.bytes[HEADER..]),
        }
    }

    /// The value of a key, as a view into the record.
    pub(crate) fn get(&self, key: &str) -> Option<Bytes> {
        for (name, value) in self.entries() {
            match name.cmp(key.as_bytes()) {
                Ordering::Less => {}
                Ordering::Equal => return Some(self.bytes.slice_ref(value)),
                Ordering::Greater => return None,
            }
        }
        None
    }
}

/// The keys of a record with their values, sorted by key.
#[derive(Clone)]
pub(crate) struct Entries<'a> {
    rest: Reader<'a>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rest.entry().ok()
    }
}

/// What is left of the bytes. Takes nothing that is not there.
#[derive(Clone)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, len: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unreadable> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Unreadable)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u32(&mut self) -> Result<u32, Unreadable> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, Unreadable> {
        self.array().map(u64::from_be_bytes)
    }

    fn timestamp(&mut self) -> Result<Timestamp, Unreadable> {
        self.u64().map(Timestamp::from_millis)
    }

    fn expiry(&mut self) -> Result<Expiry, Unreadable> {
        let [kind] = self.array()?;
        let value = self.u64()?;
        Ok(match kind {
            0 => Expiry::Default,
            1 => Expiry::AfterInactivity(Duration::from_millis(value)),
            2 => Expiry::At(Timestamp::from_millis(value).into()),
            3 => Expiry::BrowserSession,
            _ => return Err(Unreadable),
        })
    }

    fn entry(&mut self) -> Result<Item<'a>, Unreadable> {
        let (key, value) = (self.u32()?, self.u32()?);
        let key = self.bytes(key as usize)?;
        let value = self.bytes(value as usize)?;
        Ok((key, value))
    }
}
