//! The roster of a user: a record that names each of the user's sessions, so that they can be shown
//! and ended.
//!
//! A session is entered before it is written, and struck off when it is gone, so no living session is
//! missing. An entry that is marked as ended is a session that must not live: whoever reads the
//! roster to change it ends that session first.
//!
//! ```text
//! schema 1 | count 4 | for each session, in the order of their logins: key 32 | entered 8 | ended 1
//! ```

mod keep;

pub(crate) use keep::{confirm, enroll, entries, leave, look, mark, reset};

use crate::expiry::{Lifetimes, Timestamp, time_to_live};
use crate::store::StoreKey;
use bytes::Bytes;
use std::time::Duration;

const SCHEMA: u8 = 1;
const HEADER: usize = 1 + 4;
const ENTRY: usize = 32 + 8 + 1;

/// How many sessions a user may have where the application sets no limit.
pub(crate) const MOST: usize = 1000;

/// The sessions of a user, in the order of their logins.
#[derive(Default)]
pub(crate) struct Roster(Vec<Entry>);

#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) key: StoreKey,
    /// When the login was.
    pub(crate) entered: Timestamp,
    /// The session must not live.
    pub(crate) ended: bool,
}

/// Bytes that are no roster, or one of a newer schema.
#[derive(Debug)]
pub(crate) struct Unreadable;

impl Roster {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let (head, entries) = bytes.split_first_chunk::<HEADER>().ok_or(Unreadable)?;
        let [schema, count @ ..] = *head;
        let (entries, []) = entries.as_chunks::<ENTRY>() else {
            return Err(Unreadable);
        };
        if schema != SCHEMA || u32::from_be_bytes(count) as usize != entries.len() {
            return Err(Unreadable);
        }
        entries
            .iter()
            .map(Entry::decode)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(HEADER + ENTRY * self.0.len());
        out.push(SCHEMA);
        // There are no more than `MOST`, and those that a limit that was lowered since leaves.
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&count.to_be_bytes());
        for entry in &self.0 {
            out.extend_from_slice(entry.key.as_bytes());
            out.extend_from_slice(&entry.entered.as_millis().to_be_bytes());
            out.push(entry.ended.into());
        }
        out.into()
    }

    fn find(&self, key: StoreKey) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }

    fn strike(&mut self, keys: &[StoreKey]) {
        self.0.retain(|entry| !keys.contains(&entry.key));
    }

    /// Those that must not live.
    fn ended(&self) -> impl Iterator<Item = StoreKey> {
        let ended = self.0.iter().filter(|entry| entry.ended);
        ended.map(|entry| entry.key)
    }

    /// How long the store has to keep it: as long as any of its sessions can live.
    fn time_to_live(&self, lifetimes: &Lifetimes, now: Timestamp) -> Duration {
        let longest = lifetimes.absolute.unwrap_or(Duration::MAX);
        let longest = if self.0.is_empty() {
            Duration::ZERO
        } else {
            longest
        };
        time_to_live(now.plus(longest), now)
    }
}

impl Entry {
    fn decode(bytes: &[u8; ENTRY]) -> Result<Self, Unreadable> {
        let (key, rest) = bytes.split_first_chunk::<32>().ok_or(Unreadable)?;
        let (entered, ended) = rest.split_first_chunk::<8>().ok_or(Unreadable)?;
        Ok(Self {
            key: StoreKey::from_bytes(*key),
            entered: Timestamp::from_millis(u64::from_be_bytes(*entered)),
            ended: match ended {
                [0] => false,
                [1] => true,
                _ => return Err(Unreadable),
            },
        })
    }
}
