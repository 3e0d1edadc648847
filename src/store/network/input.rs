//! What has been read from a server, in buffers that are used again.

use bytes::BytesMut;
use std::collections::VecDeque;
use std::mem;

/// How much is read at once, and when there is too little room left for it.
const READ: usize = 64 << 10;
const LOW: usize = 4 << 10;
/// How many buffers wait until they are free again.
const USED: usize = 16;

/// Bytes that have not been handed out. Replies are parts of a buffer, so it is free when all of
/// them have been dropped; to allocate one for each reply costs page faults.
pub(super) struct Input {
    pub(super) bytes: BytesMut,
    /// It has grown for a large reply, and is not kept.
    is_large: bool,
    /// The oldest first.
    used: VecDeque<BytesMut>,
}

impl Input {
    pub(super) fn new() -> Self {
        Self {
            bytes: BytesMut::with_capacity(READ),
            is_large: false,
            used: VecDeque::new(),
        }
    }

    /// Makes room to read into.
    pub(super) fn reserve(&mut self) {
        let length = self.bytes.len();
        if self.bytes.capacity() - length >= LOW || self.bytes.try_reclaim(READ / 2) {
            return;
        }
        let is_large = length > READ / 2;
        let free = self.used.iter_mut().position(|used| used.try_reclaim(READ));
        let mut next = match free {
            Some(index) if !is_large => self.used.remove(index).unwrap_or_default(),
            _ => BytesMut::with_capacity(READ.max(2 * length)),
        };
        next.extend_from_slice(&self.bytes);
        let mut last = mem::replace(&mut self.bytes, next);
        if !mem::replace(&mut self.is_large, is_large) {
            last.clear();
            if self.used.len() == USED {
                self.used.pop_front();
            }
            self.used.push_back(last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Input, LOW, READ, USED};
    use bytes::Bytes;

    /// Reads so many bytes, and hands them out.
    fn read(input: &mut Input, length: usize) -> Bytes {
        while input.bytes.len() < length {
            input.reserve();
            let room = input.bytes.capacity() - input.bytes.len();
            assert!(room >= LOW);
            let piece = room.min(length - input.bytes.len());
            input.bytes.extend_from_slice(&vec![b'x'; piece]);
        }
        input.bytes.split_to(length).freeze()
    }

    #[test]
    fn a_buffer_is_used_again_when_nobody_has_a_part_of_it() {
        let mut input = Input::new();
        let first = read(&mut input, READ / 2);
        let place = first.as_ptr();
        let kept: Vec<_> = (0..4).map(|_| read(&mut input, READ / 2)).collect();
        assert!(kept.iter().all(|bytes| bytes.as_ptr() != place));
        drop(first);
        drop(kept);
        let again: Vec<_> = (0..4).map(|_| read(&mut input, READ / 2)).collect();
        assert!(again.iter().any(|bytes| bytes.as_ptr() == place));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut input = Input::new();
        let kept: Vec<_> = (0..10 * USED).map(|_| read(&mut input, READ / 2)).collect();
        assert_eq!(input.used.len(), USED);
        drop(kept);
        let large = read(&mut input, 100 * READ);
        assert_eq!(large.len(), 100 * READ);
        drop(large);
        drop(read(&mut input, READ));
        input.reserve();
        let sizes = input.used.iter_mut().map(|used| {
            assert!(used.try_reclaim(1));
            used.capacity()
        });
        assert!(sizes.max() <= Some(READ));
    }
}
