//! The values of a session: JSON texts.

use crate::error::{Error, ErrorKind, MAX_DEPTH};
use crate::record::Pair;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};
use std::cell::Cell;
use std::io;

/// Reads the value of a key.
#[inline]
pub(crate) fn decode<T: DeserializeOwned>(key: &str, value: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(value).map_err(|_| Error::decode::<T>(key))
}

/// Writes a key with its value, and stops as soon as the value is too deep or longer than `limit` bytes.
pub(crate) fn encode<T: Serialize + ?Sized>(
    key: &str,
    value: &T,
    limit: usize,
) -> Result<Pair, Error> {
    let mut buffer = SCRATCH.take();
    let pair = Pair::write(&mut buffer, key, |buffer| write(buffer, key, value, limit));
    if buffer.capacity() <= KEPT {
        buffer.clear();
        SCRATCH.set(buffer);
    }
    pair
}

#[inline]
fn write<T: Serialize + ?Sized>(
    buffer: &mut Vec<u8>,
    key: &str,
    value: &T,
    limit: usize,
) -> Result<(), Error> {
    let full = Cell::new(false);
    let writer = Bounded {
        limit: limit.saturating_add(buffer.len()),
        buffer,
        full: &full,
    };
    let mut serializer = Serializer::with_formatter(writer, Shallow { depth: 0 });
    value.serialize(&mut serializer).map_err(|_| {
        if full.get() {
            ErrorKind::TooLarge.into()
        } else {
            Error::encode::<T>(key)
        }
    })
}

thread_local! {
    /// A buffer to write in, since a value's length is known when it is written.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The largest buffer that a thread keeps, in bytes.
const KEPT: usize = 4096;

/// A buffer that takes no more than `limit` bytes.
struct Bounded<'a> {
    buffer: &'a mut Vec<u8>,
    limit: usize,
    full: &'a Cell<bool>,
}

impl io::Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.limit - self.buffer.len() {
            self.full.set(true);
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compact JSON, with an end to the nesting: a value that is too deep is refused before it can
/// exhaust the stack.
struct Shallow {
    depth: usize,
}

impl Shallow {
    fn enter(&mut self) -> io::Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            Err(io::ErrorKind::InvalidData.into())
        } else {
            Ok(())
        }
    }
}

impl Formatter for Shallow {
    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.enter()?;
        CompactFormatter.begin_array(writer)
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        CompactFormatter.end_array(writer)
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.enter()?;
        CompactFormatter.begin_object(writer)
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        CompactFormatter.end_object(writer)
    }
}
