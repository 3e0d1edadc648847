//! The record of a session as the store keeps it: a fixed header, then each key with its value.
//!
//! ```text
//! schema 1 | created 8 | deadline 8 | expiry 1 + 8 | secret 16 | rotated_at 8 | tokens 4 × 8 | count 4
//! if it is somebody's (the highest bit of expiry):
//!     roster 32 | authenticated_at 8 | used 4 | length of label 1 | label
//! then for each key, sorted: length of key 4 | length of value 4 | key | value
//! ```
//!
//! Numbers are big-endian, times are milliseconds since 1970, a value is a JSON text. Reading a
//! record checks each length against what is left and looks at no value, so a large session costs
//! no more than a small one with as many keys.

mod pair;

pub(crate) use pair::Pair;

use crate::error::{Error, ErrorKind};
use crate::expiry::{Expiry, Lifetimes, Timestamp, millis};
use crate::id::Secret;
use crate::owner::{MAX_LABEL, Owner};
use crate::store::StoreKey;
use bytes::Bytes;
use std::cmp::Ordering;
use std::time::Duration;

const SCHEMA: u8 = 1;

// Where each part of the header begins.
const CREATED: usize = 1;
const DEADLINE: usize = CREATED + 8;
const EXPIRY: usize = DEADLINE + 8;
const SECRET: usize = EXPIRY + 1 + 8;
const ROTATED_AT: usize = SECRET + Secret::LEN;
const TOKENS: usize = ROTATED_AT + 8;
const COUNT: usize = TOKENS + 8 * Tokens::KEPT;
const HEADER: usize = COUNT + 4;

// The kinds of expiry.
const DEFAULT: u8 = 0;
const AFTER_INACTIVITY: u8 = 1;
const AT: u8 = 2;
const BROWSER_SESSION: u8 = 3;

/// A bit beside the kind of expiry: there is an owner.
const OWNED: u8 = 0x80;

/// Where the last use is in an owner.
const USED: usize = 32 + 8;

/// What an owner takes besides the label.
const OWNER: usize = USED + 4 + 1;

/// What a key and its value cost besides their bytes.
const ENTRY: usize = 4 + 4;

/// A key, which is UTF-8, with its value.
pub(crate) type Item<'a> = (&'a [u8], &'a [u8]);

/// The size of a session without keys, in bytes.
pub(crate) const EMPTY: usize = HEADER;

/// The most that an owner takes, in bytes.
pub(crate) const MAX_OWNER: usize = OWNER + MAX_LABEL;

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
    /// Whether the session has reached its end. The limit as well, since it may have been lowered after
    /// the deadline was set.
    #[inline]
    pub(crate) fn is_over(&self, lifetimes: &Lifetimes, now: Timestamp) -> bool {
        now >= self
            .deadline
            .min(lifetimes.limit(self.expiry, self.created))
    }

    /// The new deadline if the session is used now, where it moves: if a tenth of the idle lifetime
    /// has passed, with a new policy, or with a new id.
    #[inline]
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

    /// Reads a header of this schema. Always inline, so that only what is used of it is read.
    #[inline(always)]
    fn decode(head: &[u8; HEADER]) -> Self {
        let time = |at| Timestamp::from_millis(number(head, at));
        Self {
            created: time(CREATED),
            deadline: time(DEADLINE),
            expiry: match head[EXPIRY] & !OWNED {
                AFTER_INACTIVITY => {
                    Expiry::AfterInactivity(Duration::from_millis(number(head, EXPIRY + 1)))
                }
                AT => Expiry::At(time(EXPIRY + 1).into()),
                BROWSER_SESSION => Expiry::BrowserSession,
                _ => Expiry::Default,
            },
            secret: Secret::from_bytes(part(head, SECRET)),
            rotated_at: (number(head, ROTATED_AT) > 0).then(|| time(ROTATED_AT)),
            tokens: Tokens(std::array::from_fn(|index| {
                number(head, TOKENS + 8 * index)
            })),
        }
    }

    fn encode(&self, owned: bool, count: u32) -> [u8; HEADER] {
        let (kind, value) = match self.expiry {
            Expiry::Default => (DEFAULT, 0),
            Expiry::AfterInactivity(time) => (AFTER_INACTIVITY, millis(time)),
            Expiry::At(date) => (AT, Timestamp::from(date).as_millis()),
            Expiry::BrowserSession => (BROWSER_SESSION, 0),
        };
        let rotated_at = self.rotated_at.map_or(0, Timestamp::as_millis);
        let mut head = [0; HEADER];
        let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &[SCHEMA]);
        put(CREATED, &self.created.as_millis().to_be_bytes());
        put(DEADLINE, &self.deadline.as_millis().to_be_bytes());
        put(EXPIRY, &[if owned { kind | OWNED } else { kind }]);
        put(EXPIRY + 1, &value.to_be_bytes());
        put(SECRET, self.secret.as_bytes());
        put(ROTATED_AT, &rotated_at.to_be_bytes());
        for (index, token) in self.tokens.0.iter().enumerate() {
            put(TOKENS + 8 * index, &token.to_be_bytes());
        }
        put(COUNT, &count.to_be_bytes());
        head
    }
}

/// The order of two keys, which the first letters tell as a rule.
fn compare(one: &[u8], other: &[u8]) -> Ordering {
    let first = one.first().cmp(&other.first());
    first.then_with(|| one.cmp(other))
}

fn is_text(key: &[u8]) -> bool {
    // Two reads that overlap, of a key of up to eight bytes: a loop over so few takes longer.
    let halves = key.first_chunk().zip(key.last_chunk());
    let ascii = match halves {
        Some((first, last)) if key.len() <= 8 => {
            (u32::from_ne_bytes(*first) | u32::from_ne_bytes(*last)) & 0x8080_8080 == 0
        }
        _ => key.is_ascii(),
    };
    ascii || std::str::from_utf8(key).is_ok()
}

const fn is_owned(head: &[u8; HEADER]) -> bool {
    head[EXPIRY] & OWNED != 0
}

fn put_owner(out: &mut Vec<u8>, owner: Owner<'_>) {
    let authenticated_at = owner.authenticated_at.map_or(0, Timestamp::as_millis);
    out.extend_from_slice(owner.roster.as_bytes());
    out.extend_from_slice(&authenticated_at.to_be_bytes());
    out.extend_from_slice(&owner.used.to_be_bytes());
    // No label is longer.
    out.push(u8::try_from(owner.label.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(owner.label.as_bytes());
}

fn part<const N: usize>(head: &[u8; HEADER], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&head[at..at + N]);
    part
}

fn number(head: &[u8; HEADER], at: usize) -> u64 {
    u64::from_be_bytes(part(head, at))
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
        let [newest, second, third, _] = self.0;
        self.0 = [token, newest, second, third];
    }
}

/// A record that was read from the store, or is about to be written to it: bytes of which all but the
/// values were checked.
#[derive(Clone)]
pub(crate) struct Record(Bytes);

/// Bytes that are no record, or one of a newer schema.
#[derive(Debug)]
pub(crate) struct Unreadable;

impl Record {
    /// Reads a record, and checks all of it but the values.
    #[inline]
    pub(crate) fn decode(bytes: Bytes) -> Result<Self, Unreadable> {
        let (head, entries) = bytes.split_first_chunk::<HEADER>().ok_or(Unreadable)?;
        if head[0] != SCHEMA || head[EXPIRY] & !OWNED > BROWSER_SESSION {
            return Err(Unreadable);
        }
        let mut rest = Reader(entries);
        if is_owned(head) {
            rest.owner()?;
        }
        let mut last = None;
        for _ in 0..u32::from_be_bytes(part(head, COUNT)) {
            let (key, _) = rest.entry()?;
            if last.is_some_and(|last| compare(last, key).is_ge()) || !is_text(key) {
                return Err(Unreadable);
            }
            last = Some(key);
        }
        if !rest.0.is_empty() {
            return Err(Unreadable);
        }
        Ok(Self(bytes))
    }

    /// What the record says besides its data.
    #[inline]
    pub(crate) fn header(&self) -> Header {
        Header::decode(self.head())
    }

    fn head(&self) -> &[u8; HEADER] {
        // No record is shorter.
        self.0.first_chunk().unwrap_or(&[0; HEADER])
    }

    /// Whose session it is, if it is known.
    pub(crate) fn owner(&self) -> Option<Owner<'_>> {
        let mut rest = self.after_header();
        is_owned(self.head()).then(|| rest.owner().ok()).flatten()
    }

    /// The owner, if there is one, and the keys with their values.
    fn after_header(&self) -> Reader<'_> {
        Reader(&self.0[HEADER..])
    }

    /// Writes a record: the entries of `base`, with these changes. The changes must be sorted by key,
    /// without doubles.
    ///
    /// Whoever knows the `size` saves the record from having to be moved to another buffer.
    ///
    /// # Errors
    ///
    /// `TooLarge`, if it would take more than `limit` bytes.
    pub(crate) fn write<'a>(
        header: Header,
        owner: Option<Owner<'_>>,
        base: Option<&'a Self>,
        changes: impl Iterator<Item = &'a Pair> + Clone,
        size: Option<usize>,
        limit: usize,
    ) -> Result<Self, Error> {
        let mut kept = base.map_or(Entries::NONE, Self::entries);
        let size = size.unwrap_or_else(|| {
            let added = changes.clone().map(Pair::size).sum::<usize>();
            let owner = owner.map_or(0, |owner| OWNER + owner.label.len());
            HEADER + owner + kept.bytes().len() + added
        });
        let mut out = Vec::with_capacity(size);
        let mut count = 0;
        out.resize(HEADER, 0);
        if let Some(owner) = owner {
            put_owner(&mut out, owner);
        }
        for pair in changes {
            // Whatever stands before this key, in one copy.
            let (before, entries) = kept.split_before(pair.key());
            out.extend_from_slice(before);
            count += entries;
            if let Some(bytes) = pair.bytes() {
                out.extend_from_slice(bytes);
                count += 1;
            }
        }
        out.extend_from_slice(kept.bytes());
        if out.len() > limit {
            return Err(ErrorKind::TooLarge.into());
        }
        out[..HEADER].copy_from_slice(&header.encode(owner.is_some(), count + kept.count));
        // To the byte, since the store keeps it. As a rule it is so already.
        Ok(Self(out.into_boxed_slice().into()))
    }

    /// The same data under another header, last used then if it is somebody's.
    pub(crate) fn with_header(&self, header: Header, now: Timestamp) -> Self {
        let mut out = self.0.to_vec();
        let owned = is_owned(self.head());
        if owned {
            out[HEADER + USED..HEADER + USED + 4].copy_from_slice(&now.hours().to_be_bytes());
        }
        out[..HEADER].copy_from_slice(&header.encode(owned, self.count()));
        Self(out.into())
    }

    /// The record as the store keeps it.
    pub(crate) const fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The keys with their values, sorted.
    #[inline]
    pub(crate) fn entries(&self) -> Entries<'_> {
        let mut rest = self.after_header();
        if is_owned(self.head()) {
            let _owner = rest.owner();
        }
        Entries {
            rest,
            count: self.count(),
        }
    }

    fn count(&self) -> u32 {
        u32::from_be_bytes(part(self.head(), COUNT))
    }

    /// The value of a key, as a view into the record.
    #[inline]
    pub(crate) fn view(&self, key: &[u8]) -> Option<Bytes> {
        Some(self.0.slice_ref(self.get(key)?))
    }

    /// The value of a key.
    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> Option<&[u8]> {
        // Not to stop at a greater key: to compare lengths is quicker than to compare names.
        let (_, value) = self.entries().find(|(name, _)| *name == key)?;
        Some(value)
    }
}

/// The keys of a record with their values, sorted by key.
#[derive(Clone)]
pub(crate) struct Entries<'a> {
    rest: Reader<'a>,
    count: u32,
}

impl<'a> Entries<'a> {
    pub(crate) const NONE: Self = Self {
        rest: Reader(&[]),
        count: 0,
    };

    /// What is left, as the record holds it.
    const fn bytes(&self) -> &'a [u8] {
        self.rest.0
    }

    /// Takes the entries up to this key, and the key's own too, and yields the bytes and the number of
    /// those before it.
    fn split_before(&mut self, key: &[u8]) -> (&'a [u8], u32) {
        let (all, mut rest) = (self.bytes(), self.rest.clone());
        let (mut before, mut count) = (0, 0);
        while let Ok((other, _)) = rest.entry() {
            match compare(other, key) {
                Ordering::Less => {
                    before = all.len() - rest.0.len();
                    count += 1;
                }
                Ordering::Equal => {
                    self.rest = rest;
                    self.count -= count + 1;
                    return (&all[..before], count);
                }
                Ordering::Greater => break,
            }
        }
        self.rest = Reader(&all[before..]);
        self.count -= count;
        (&all[..before], count)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.rest.entry().ok()?;
        self.count -= 1;
        Some(item)
    }
}

/// What a record says of a key and its value.
fn lengths(key: usize, value: usize) -> Result<[u8; ENTRY], ErrorKind> {
    let length = |size| u32::try_from(size).map_err(|_| ErrorKind::TooLarge);
    let lengths = u64::from(length(key)?) << 32 | u64::from(length(value)?);
    Ok(lengths.to_be_bytes())
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
        Ok(u32::from_be_bytes(self.array()?))
    }

    fn owner(&mut self) -> Result<Owner<'a>, Unreadable> {
        let roster = StoreKey::from_bytes(self.array()?);
        let authenticated_at = u64::from_be_bytes(self.array()?);
        let used = self.u32()?;
        let [length] = self.array()?;
        let label = self.bytes(length.into())?;
        Ok(Owner {
            roster,
            authenticated_at: (authenticated_at > 0)
                .then(|| Timestamp::from_millis(authenticated_at)),
            used,
            label: std::str::from_utf8(label).map_err(|_| Unreadable)?,
        })
    }

    #[inline]
    fn entry(&mut self) -> Result<Item<'a>, Unreadable> {
        let (lengths, rest) = self.0.split_first_chunk::<ENTRY>().ok_or(Unreadable)?;
        let [a, b, c, d, e, f, g, h] = *lengths;
        let [key, value] = [[a, b, c, d], [e, f, g, h]].map(u32::from_be_bytes);
        let (key, rest) = rest.split_at_checked(key as usize).ok_or(Unreadable)?;
        let (value, rest) = rest.split_at_checked(value as usize).ok_or(Unreadable)?;
        self.0 = rest;
        Ok((key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::is_text;

    #[test]
    fn every_byte_of_a_key_is_looked_at() {
        for length in 0..20 {
            let mut key = vec![b'k'; length];
            assert!(is_text(&key));
            for place in 0..length {
                key[place] = 0xff;
                assert!(!is_text(&key), "byte {place} of {length}");
                key[place] = b'k';
            }
        }
        assert!(
            is_text("schlüssel".as_bytes()) && is_text("ü".as_bytes()) && is_text("üüü".as_bytes())
        );
    }
}
