//! Replies as bytes without I/O: Redis' protocol RESP, version 2.
//!
//! <https://redis.io/docs/latest/develop/reference/protocol-spec/>

use super::MAX_VALUE;
use super::reply::{Refusal, Reply};
use crate::store::network::{BadReply, Protocol, first_line, take};
use bytes::{Buf as _, Bytes, BytesMut};
use std::str;

/// Longer than any line of a reply. A script's error quotes what it says about itself.
const MAX_LINE: usize = 64 << 10;
/// More than a list has parts, and than there are lists in lists.
const MAX_PARTS: usize = 1 << 20;
const MAX_DEPTH: usize = 8;
const END: &[u8] = b"\r\n";

/// How Redis speaks, and Valkey.
pub(super) struct Resp;

impl Protocol for Resp {
    /// How many replies there are to the request: of several, a list is made.
    type Expected = usize;
    type Reply = Reply;

    fn parse(&self, input: &mut BytesMut, &count: &usize) -> Result<Option<Reply>, BadReply> {
        if length(input, count, MAX_DEPTH)?.is_none() {
            return Ok(None);
        }
        if count == 1 {
            return read(input).map(Some);
        }
        let replies: Result<_, _> = (0..count).map(|_| read(input)).collect();
        Ok(Some(Reply::List(replies?)))
    }
}

/// How long the first replies are, or `None` as long as they are not whole.
fn length(input: &[u8], count: usize, depth: usize) -> Result<Option<usize>, BadReply> {
    let depth = depth.checked_sub(1).ok_or(BadReply)?;
    let mut end = 0;
    for _ in 0..count {
        let Some(line) = first_line(&input[end..], MAX_LINE)? else {
            return Ok(None);
        };
        end += line.len() + END.len();
        match Head::read(line)? {
            Head::Text | Head::Error | Head::Number(_) | Head::Nil => {}
            Head::Bytes(length) => {
                end += length + END.len();
                match input.get(end - END.len()..end) {
                    Some(END) => {}
                    Some(_) => return Err(BadReply),
                    None => return Ok(None),
                }
            }
            Head::List(parts) => match length(&input[end..], parts, depth)? {
                Some(length) => end += length,
                None => return Ok(None),
            },
        }
    }
    Ok(Some(end))
}

/// Takes the first reply, which is whole.
fn read(input: &mut BytesMut) -> Result<Reply, BadReply> {
    let line = first_line(input, MAX_LINE)?.ok_or(BadReply)?;
    let (head, end) = (Head::read(line)?, line.len() + END.len());
    let reply = match head {
        Head::Text if line == b"+OK" => Reply::Done,
        Head::Text => Reply::Bytes(Bytes::copy_from_slice(&line[1..])),
        Head::Error => {
            let text = String::from_utf8_lossy(&line[1..]);
            let (code, details) = text.split_once(' ').unwrap_or((&text, ""));
            Reply::Refused(Refusal::from_text(code, details))
        }
        Head::Number(number) => Reply::Number(number),
        Head::Nil => Reply::Nil,
        Head::Bytes(length) => {
            input.advance(end);
            let bytes = take(input, length);
            input.advance(END.len());
            return Ok(Reply::Bytes(bytes));
        }
        Head::List(parts) => {
            input.advance(end);
            let parts: Result<_, _> = (0..parts).map(|_| read(input)).collect();
            return parts.map(Reply::List);
        }
    };
    input.advance(end);
    Ok(reply)
}

/// What the first line of a reply says.
enum Head {
    Text,
    Error,
    Number(i64),
    Nil,
    /// So many bytes follow.
    Bytes(usize),
    /// So many replies follow.
    List(usize),
}

impl Head {
    fn read(line: &[u8]) -> Result<Self, BadReply> {
        let (kind, rest) = line.split_first().ok_or(BadReply)?;
        Ok(match kind {
            b'+' => Self::Text,
            b'-' => Self::Error,
            b':' => Self::Number(number(rest)?),
            b'$' | b'*' if rest == b"-1" => Self::Nil,
            b'$' => Self::Bytes(size(rest, MAX_VALUE)?),
            b'*' => Self::List(size(rest, MAX_PARTS)?),
            _ => return Err(BadReply),
        })
    }
}

fn number(digits: &[u8]) -> Result<i64, BadReply> {
    let digits = str::from_utf8(digits).map_err(|_| BadReply)?;
    digits.parse().map_err(|_| BadReply)
}

fn size(digits: &[u8], most: usize) -> Result<usize, BadReply> {
    let size = usize::try_from(number(digits)?).map_err(|_| BadReply)?;
    if size > most { Err(BadReply) } else { Ok(size) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
