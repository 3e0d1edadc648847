//! What is said to memcached and what it answers: its meta commands, as bytes without I/O.
//!
//! Each command carries a tag that its answer repeats (the flag `O`). So an answer that is out
//! of step is noticed, whatever went wrong on the way, and never taken for a neighbour's.

use crate::store::network::{self, BadReply, Protocol};
use crate::store::{StoreKey, Version};
use base64_simd::{Out, URL_SAFE_NO_PAD};
use bytes::{Buf as _, Bytes, BytesMut};

/// Longer than any line of an answer to these commands.
const MAX_LINE: usize = 512;
/// How long a key is as text.
const KEY: usize = 43;
/// What memcached takes.
pub(super) const MAX_PREFIX: usize = 250 - KEY;
/// At least what memcached's own frame of an entry takes, with the longest key.
const FRAME: usize = 512;

/// One command. Lifetimes are as [`expiry`](super::lifetime::expiry) says.
#[derive(Clone, Copy)]
pub(super) enum Command<'a> {
    Get,
    Add {
        value: &'a [u8],
        expiry: u32,
    },
    Replace {
        expected: Version,
        value: &'a [u8],
        expiry: u32,
    },
    Delete,
}

impl Command<'_> {
    pub(super) const fn verb(&self) -> Verb {
        match self {
            Self::Get => Verb::Get,
            Self::Add { .. } => Verb::Add,
            Self::Replace { .. } => Verb::Replace,
            Self::Delete => Verb::Delete,
        }
    }

    /// Whether a server with this bound on its items has a place for the value.
    ///
    /// To be asked before: a server that refuses a value as too large drops the entry that was there.
    pub(super) const fn fits(&self, max_item: usize) -> bool {
        match self {
            Self::Get | Self::Delete => true,
            Self::Add { value, .. } | Self::Replace { value, .. } => {
                value.len().saturating_add(FRAME) <= max_item
            }
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>, prefix: &str, key: &StoreKey, tag: u64) {
        out.extend_from_slice(match self {
            Self::Get => b"mg ",
            Self::Add { .. } | Self::Replace { .. } => b"ms ",
            Self::Delete => b"md ",
        });
        out.extend_from_slice(prefix.as_bytes());
        let mut text = [0; KEY];
        let _text = URL_SAFE_NO_PAD.encode(key.as_bytes(), Out::from_slice(&mut text));
        out.extend_from_slice(&text);
        let mut number = |before: &[u8], number| {
            out.extend_from_slice(before);
            write_number(out, number);
        };
        match *self {
            Self::Get => number(b" v c O", tag),
            Self::Delete => number(b" O", tag),
            Self::Add { value, expiry } => {
                number(b" ", value.len() as u64);
                number(b" ME c T", expiry.into());
                number(b" O", tag);
            }
            Self::Replace {
                expected,
                value,
                expiry,
            } => {
                // With a version to compare, memcached never creates.
                number(b" ", value.len() as u64);
                number(b" c T", expiry.into());
                number(b" C", expected.get());
                number(b" O", tag);
            }
        }
        out.extend_from_slice(b"\r\n");
        if let Self::Add { value, .. } | Self::Replace { value, .. } = self {
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn write_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b"0123456789"[(number % 10) as usize];
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

/// What an answer answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Add,
    Replace,
    Delete,
}

// Not printed but in tests: it holds session data.
#[cfg_attr(test, derive(Debug))]
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Reply {
    Value(Bytes, Version),
    Stored(Version),
    Deleted,
    Missing,
    Exists,
    Conflict,
    TooLarge,
    Full,
}

/// How a server with this bound on its items speaks.
pub(super) struct Meta {
    pub(super) max_item: usize,
}

impl Protocol for Meta {
    /// What was asked, and the tag.
    type Expected = (Verb, u64);
    type Reply = Reply;

    fn parse(
        &self,
        input: &mut BytesMut,
        &(verb, tag): &(Verb, u64),
    ) -> Result<Option<Reply>, BadReply> {
        parse(input, verb, tag, self.max_item)
    }
}

/// Takes the next answer off the front of the input, or `None` as long as it is not whole.
///
/// A large value is a part of the input's allocation, and not copied.
fn parse(
    input: &mut BytesMut,
    verb: Verb,
    tag: u64,
    max_value: usize,
) -> Result<Option<Reply>, BadReply> {
    let Some(line) = first_line(input)? else {
        return Ok(None);
    };
    let end = line.len() + 2;
    if line.starts_with(b"SERVER_ERROR ") {
        let reply = refusal(line, verb)?;
        input.advance(end);
        return Ok(Some(reply));
    }
    let mut words = line.split(|&byte| byte == b' ');
    let code = words.next().unwrap_or_default();
    let size = match (verb, code) {
        (Verb::Get, b"VA") => Some(words.next().and_then(read_number).ok_or(BadReply)?),
        _ => None,
    };
    let flags = Flags::read(words)?;
    if flags.tag != Some(tag) {
        return Err(BadReply);
    }
    let version = || flags.version.filter(|&number| number != 0).ok_or(BadReply);
    let reply = match (verb, code) {
        (Verb::Get, b"EN") | (Verb::Replace | Verb::Delete, b"NF") => Reply::Missing,
        (Verb::Add | Verb::Replace, b"HD") => Reply::Stored(Version::new(version()?)),
        (Verb::Add, b"NS") => Reply::Exists,
        (Verb::Replace, b"EX") => Reply::Conflict,
        (Verb::Delete, b"HD") => Reply::Deleted,
        (Verb::Get, b"VA") => {
            let version = Version::new(version()?);
            let size = size.and_then(|size| usize::try_from(size).ok());
            let size = size.filter(|&size| size <= max_value).ok_or(BadReply)?;
            return value(input, end, size).map(|value| Some(Reply::Value(value?, version)));
        }
        _ => return Err(BadReply),
    };
    input.advance(end);
    Ok(Some(reply))
}

pub(super) fn first_line(input: &[u8]) -> Result<Option<&[u8]>, BadReply> {
    network::first_line(input, MAX_LINE)
}

/// The two ways in which a server refuses to store. After any other error it is not to be trusted.
fn refusal(line: &[u8], verb: Verb) -> Result<Reply, BadReply> {
    match (verb, line) {
        (Verb::Add | Verb::Replace, b"SERVER_ERROR object too large for cache") => {
            Ok(Reply::TooLarge)
        }
        (Verb::Add | Verb::Replace, b"SERVER_ERROR out of memory storing object") => {
            Ok(Reply::Full)
        }
        _ => Err(BadReply),
    }
}

#[derive(Default)]
struct Flags {
    version: Option<u64>,
    tag: Option<u64>,
}

impl Flags {
    fn read<'a>(words: impl Iterator<Item = &'a [u8]>) -> Result<Self, BadReply> {
        let mut flags = Self::default();
        for word in words {
            let slot = match word.first() {
                Some(b'c') => &mut flags.version,
                Some(b'O') => &mut flags.tag,
                // Which of them a server adds is its own affair.
                _ => continue,
            };
            *slot = Some(read_number(&word[1..]).ok_or(BadReply)?);
        }
        Ok(flags)
    }
}

fn value(input: &mut BytesMut, start: usize, size: usize) -> Result<Option<Bytes>, BadReply> {
    let Some(end) = input.get(start + size..start + size + 2) else {
        return Ok(None);
    };
    if end != b"\r\n" {
        return Err(BadReply);
    }
    input.advance(start);
    let value = network::take(input, size);
    input.advance(2);
    Ok(Some(value))
}

/// A number in decimal digits and nothing else.
pub(super) fn read_number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
