//! What is said on a connection, as bytes without I/O.

use bytes::{Buf as _, Bytes, BytesMut};

/// Fewer bytes than this are copied.
const SMALL: usize = 4 << 10;

/// A protocol whose replies come in the order of the requests.
pub(in crate::store) trait Protocol: Send + Sync + 'static {
    /// What has to be known of a request to read its reply.
    type Expected: Send;
    type Reply: Send;

    /// Takes the next reply off the front of the input, or `None` as long as it is not whole.
    fn parse(
        &self,
        input: &mut BytesMut,
        expected: &Self::Expected,
    ) -> Result<Option<Self::Reply>, BadReply>;
}

/// Bytes that no server sends in answer to what was asked. They may hold anything, so they are not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct BadReply;

/// The first line without its end, if it is there. It is no longer than this with its end.
pub(in crate::store) fn first_line(
    input: &[u8],
    longest: usize,
) -> Result<Option<&[u8]>, BadReply> {
    let head = &input[..input.len().min(longest)];
    match memchr::memchr(b'\n', head) {
        Some(end) => head[..end].strip_suffix(b"\r").map(Some).ok_or(BadReply),
        None if head.len() == longest => Err(BadReply),
        None => Ok(None),
    }
}

/// Takes so many bytes off the front. Many are not copied; few are, since a request that lasts would keep
/// a whole buffer for them.
pub(in crate::store) fn take(input: &mut BytesMut, length: usize) -> Bytes {
    if length < SMALL {
        let bytes = Bytes::copy_from_slice(&input[..length]);
        input.advance(length);
        bytes
    } else {
        input.split_to(length).freeze()
    }
}
