//! Which node of a cluster has which hash slots.

use super::dial::Address;
use super::reply::Reply;
use std::str;

/// How many slots a cluster has, whatever its size.
const SLOTS: u16 = 16384;

/// Slots that one node has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) node: Address,
}

/// Reads the answer to CLUSTER SLOTS. A node that does not know its own name leaves it out: then it
/// is the one that was asked.
pub(super) fn ranges(reply: Reply, asked: &str) -> Option<Vec<Range>> {
    let Reply::List(entries) = reply else {
        return None;
    };
    let ranges: Option<Vec<_>> = entries.iter().map(|entry| range(entry, asked)).collect();
    let mut ranges = ranges?;
    ranges.sort_by_key(|range| range.first);
    Some(ranges)
}

fn range(entry: &Reply, asked: &str) -> Option<Range> {
    let Reply::List(parts) = entry else {
        return None;
    };
    // The master comes first, then the replicas.
    let [
        Reply::Number(first),
        Reply::Number(last),
        Reply::List(master),
        ..,
    ] = &parts[..]
    else {
        return None;
    };
    let [host, Reply::Number(port), ..] = &master[..] else {
        return None;
    };
    let host = match host {
        Reply::Bytes(host) if !host.is_empty() => str::from_utf8(host).ok()?.to_owned(),
        Reply::Bytes(_) | Reply::Nil => asked.to_owned(),
        _ => return None,
    };
    Some(Range {
        first: u16::try_from(*first).ok()?,
        last: u16::try_from(*last).ok()?,
        node: Address {
            host,
            port: u16::try_from(*port).ok()?,
        },
    })
}

/// The slot of a key: that of the text in its first pair of braces, if there is any.
pub(super) fn slot(key: &str) -> u16 {
    let tag = key
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'));
    let hashed = tag.map_or(key, |(tag, _)| tag);
    let mut crc = 0_u16;
    for byte in hashed.bytes() {
        crc ^= u16::from(byte) << 8;
        for _ in 0..8 {
            let carry = crc & 0x8000 != 0;
            crc <<= 1;
            if carry {
                crc ^= 0x1021;
            }
        }
    }
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::{Range, ranges, slot};
    use crate::store::redis::dial::Address;
    use crate::store::redis::reply::Reply;

    #[test]
    fn a_key_has_the_slot_that_redis_gives_it() {
        // As CLUSTER KEYSLOT answers.
        assert_eq!(slot("123456789"), 12739);
        assert_eq!(slot("foo"), 12182);
        assert_eq!(slot("sessile:{foo}"), 12182);
        assert_eq!(slot("sessile:{foo}:1f"), 12182);
    }

    #[test]
    fn the_answer_of_a_cluster_is_read() {
        let text = |text: &str| Reply::Bytes(text.to_owned().into());
        let node = |host, port| Reply::List(vec![host, Reply::Number(port), text("id")]);
        let entry =
            |first, last, node| Reply::List(vec![Reply::Number(first), Reply::Number(last), node]);
        let reply = Reply::List(vec![
            entry(8192, 16383, node(text(""), 7001)),
            entry(0, 8191, node(text("10.0.0.1"), 7000)),
        ]);
        let range = |first, last, host: &str, port| Range {
            first,
            last,
            node: Address {
                host: host.to_owned(),
                port,
            },
        };
        assert_eq!(
            ranges(reply, "asked"),
            Some(vec![
                range(0, 8191, "10.0.0.1", 7000),
                range(8192, 16383, "asked", 7001)
            ])
        );
        assert_eq!(ranges(Reply::Nil, "asked"), None);
        let bad = Reply::List(vec![entry(-1, 70_000, node(text("a"), 1))]);
        assert_eq!(ranges(bad, "asked"), None);
    }
}
