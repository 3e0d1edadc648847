//! Stored records that are damaged: an error, an empty session, or the session without one key.
//! Never a panic, never somebody else's session, never one without end.

mod support;

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;
use sessile::{Expiry, Unreadable};
use std::ops::Range;
use std::time::{Duration, SystemTime};
use support::victim::{EXPIRY_KIND, HEADER, ROTATED_AT, Seen, Victim};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const CREATED: Range<usize> = 1..9;
const DEADLINE: Range<usize> = 9..17;
const EXPIRY_VALUE: Range<usize> = 18..26;
const SECRET: Range<usize> = 26..42;
const TOKENS: Range<usize> = 50..82;
const COUNT: Range<usize> = 82..HEADER;

fn flipped(record: &[u8], bit: usize) -> Vec<u8> {
    let mut record = record.to_vec();
    record[bit / 8] ^= 1 << (bit % 8);
    record
}

fn with_schema(record: &[u8], schema: u8) -> Vec<u8> {
    let mut record = record.to_vec();
    record[0] = schema;
    record
}

/// A record with this header, this count, and these bytes for the keys.
fn frame(record: &[u8], count: u32, keys: &[u8]) -> Vec<u8> {
    let mut frame = record[..COUNT.start].to_vec();
    frame.extend_from_slice(&count.to_be_bytes());
    frame.extend_from_slice(keys);
    frame
}

/// A key with its value, as a record holds it.
fn entry(key: &[u8], value: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_be_bytes();
    [&length(key)[..], &length(value)[..], key, value].concat()
}

#[test]
fn a_record_that_is_cut_off_anywhere_is_undecodable() {
    let victim = Victim::new(Expiry::Default);
    for length in 0..victim.record.len() {
        let seen = victim.check(&victim.record[..length]);
        assert_eq!(seen, Seen::Undecodable, "cut off at {length}");
    }
    let longer = [&victim.record[..], b"\0"].concat();
    assert_eq!(victim.check(&longer), Seen::Undecodable);
}

#[test]
fn one_flipped_bit_costs_at_most_the_session_or_one_key() {
    let victim = Victim::new(Expiry::Default);
    let whole = Seen::Loaded { damaged: 0 };
    for bit in 0..victim.record.len() * 8 {
        let seen = victim.check(&flipped(&victim.record, bit));
        let byte = bit / 8;
        let expected = match byte {
            0 => vec![Seen::Undecodable],
            // A policy of the value 0 is one of no time, or the year 1970.
            EXPIRY_KIND => vec![Seen::Undecodable, Seen::Empty, whole],
            _ if DEADLINE.contains(&byte) => vec![Seen::Empty, whole],
            _ if SECRET.contains(&byte) => vec![Seen::Empty],
            _ if COUNT.contains(&byte) => vec![Seen::Undecodable],
            // Created so long ago that its absolute lifetime is over, perhaps.
            _ if CREATED.contains(&byte) => vec![Seen::Empty, whole],
            _ if EXPIRY_VALUE.contains(&byte)
                || ROTATED_AT.contains(&byte)
                || TOKENS.contains(&byte) =>
            {
                vec![whole]
            }
            _ => vec![Seen::Undecodable, Seen::Loaded { damaged: 1 }],
        };
        assert!(expected.contains(&seen), "bit {bit}: {seen:?}");
    }
}

#[test]
fn no_flipped_bit_makes_a_session_immortal() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
    for expiry in [
        Expiry::Default,
        Expiry::AfterInactivity(5 * DAY),
        Expiry::AfterInactivity(Duration::MAX),
        Expiry::At(now + 20 * DAY),
        Expiry::BrowserSession,
    ] {
        let victim = Victim::new(expiry);
        for bit in 0..HEADER * 8 {
            victim.clock.jump_to(now);
            if victim.read(&flipped(&victim.record, bit)) == Seen::Undecodable {
                continue;
            }
            // One who comes every day. The absolute lifetime is over after 30 of them, or 30 after
            // the first renewal, where the damage moved its beginning into the future.
            for _ in 0..=32 {
                victim.clock.advance(DAY);
                victim.read_again();
            }
            assert_eq!(victim.read_again(), Seen::Empty, "{expiry:?}, bit {bit}");
        }
    }
}

#[test]
fn a_newer_schema_is_undecodable_and_kept() {
    let victim = Victim::new(Expiry::Default);
    for schema in [0, 2, 255] {
        let newer = with_schema(&victim.record, schema);
        assert_eq!(victim.check(&newer), Seen::Undecodable);
    }
}

#[test]
fn an_unreadable_record_can_count_as_an_empty_session_and_is_kept() {
    let victim = Victim::with(Expiry::Default, |builder| {
        builder.unreadable(Unreadable::Empty)
    });
    for record in [
        with_schema(&victim.record, 2),
        victim.record[..40].to_vec(),
        Vec::new(),
    ] {
        assert_eq!(victim.check(&record), Seen::Empty);
    }
}

#[test]
fn lengths_and_counts_beyond_the_record_are_undecodable() {
    let victim = Victim::new(Expiry::Default);
    let keys = &victim.record[HEADER..];
    for huge in [4, 1 << 16, i32::MAX as u32, u32::MAX - 1, u32::MAX] {
        let frames = [
            frame(&victim.record, huge, keys),
            frame(&victim.record, 1, &huge.to_be_bytes()),
            frame(
                &victim.record,
                1,
                &[&huge.to_be_bytes()[..], &[0; 4], b"k"].concat(),
            ),
            frame(
                &victim.record,
                1,
                &[&[0, 0, 0, 1], &huge.to_be_bytes()[..], b"kv"].concat(),
            ),
            frame(
                &victim.record,
                1,
                &[&huge.to_be_bytes()[..], &huge.to_be_bytes(), b"kv"].concat(),
            ),
        ];
        for frame in frames {
            assert_eq!(victim.check(&frame), Seen::Undecodable);
        }
    }
}

#[test]
fn doubled_unsorted_and_odd_keys_are_undecodable() {
    let victim = Victim::new(Expiry::Default);
    let (number, text) = (entry(b"number", b"7"), entry(b"text", b"\"alice\""));
    for (count, keys) in [
        (2, [number.clone(), number.clone()].concat()),
        (2, [text, number].concat()),
        (1, entry(b"\xff", b"1")),
        (1, entry("\u{e9}".as_bytes().split_last().unwrap().1, b"1")),
    ] {
        let frame = frame(&victim.record, count, &keys);
        assert_eq!(victim.check(&frame), Seen::Undecodable);
    }
}

#[test]
fn a_damaged_value_costs_its_key_only_and_can_be_set_anew() {
    let victim = Victim::new(Expiry::Default);
    let deep = |bracket: &str| bracket.repeat(100_000).into_bytes();
    for value in [
        b"".to_vec(),
        b"{".to_vec(),
        b"\"alice".to_vec(),
        b"\"\xff\"".to_vec(),
        b"null garbage".to_vec(),
        b"1e999".to_vec(),
        deep("["),
        deep("{\"\":"),
        deep("\""),
    ] {
        let keys = [
            entry(b"list", b"[1,2,3]"),
            entry(b"number", b"7"),
            entry(b"text", &value),
        ]
        .concat();
        let record = frame(&victim.record, 3, &keys);
        assert_eq!(victim.read(&record), Seen::Loaded { damaged: 1 });
        assert_eq!(victim.check(&record), Seen::Loaded { damaged: 1 });
        victim.mend(&record);
        assert_eq!(victim.read_again(), Seen::Loaded { damaged: 0 });
    }
}

#[test]
fn a_record_under_another_key_belongs_to_nobody() {
    let victim = Victim::new(Expiry::Default);
    let other = Victim::new(Expiry::Default);
    // The twin drew the same ids, so it takes a session of its own.
    let mut browser = support::Browser::new();
    let answer = futures_executor::block_on(browser.post(&other.app, "/make"));
    assert_eq!(answer.status, 200);
    assert!(other.store.evict(&other.key));
    let foreign = other.store.record();
    assert_ne!(foreign, victim.record);
    assert_eq!(victim.check(&foreign), Seen::Empty);
}

#[test]
fn what_a_record_claims_takes_no_memory() {
    let victim = Victim::with(Expiry::Default, |builder| builder.max_size(1 << 30));
    let claim = |length: u32| [&length.to_be_bytes()[..]; 2].concat();
    let many: Vec<u8> = (0..50_000_u32)
        .flat_map(|key| entry(format!("{key:08}").as_bytes(), b"1"))
        .collect();
    for record in [
        victim.record.to_vec(),
        frame(&victim.record, u32::MAX, b""),
        frame(&victim.record, u32::MAX, &claim(0)),
        frame(&victim.record, 1, &claim(u32::MAX)),
        frame(&victim.record, 50_000, &many),
        frame(&victim.record, u32::MAX, &many),
        frame(&victim.record, 1, &entry(b"text", &[b'['; 1 << 20])),
    ] {
        let input = u64::try_from(record.len()).unwrap();
        victim.store.hold(victim.key, record);
        for (method, path) in [("GET", "/peek"), ("POST", "/write"), ("POST", "/logout")] {
            let request = victim.browser.request(method, path);
            let used = allocation_counter::measure(|| {
                futures_executor::block_on(tower::ServiceExt::oneshot(victim.app.clone(), request))
                    .unwrap();
            });
            // And what one request takes with no session at all.
            let most = 2 * input + 6 * 1024;
            assert!(used.bytes_max < most, "{path}: {used:?}, {input} bytes");
        }
    }
}

#[derive(Debug, Clone)]
enum Mutation {
    Set(Index, u8),
    Flip(Index),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    /// Copies a piece over another.
    Copy(Index, Index, usize),
    Number(Index, u32),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    use Mutation::{Copy, Cut, Flip, Insert, Number, Remove, Set};
    let number = prop_oneof![0..300_u32, any::<u32>()];
    prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Set(at, byte)),
        4 => any::<Index>().prop_map(Flip),
        1 => any::<Index>().prop_map(Cut),
        1 => (any::<Index>(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(at, new)| Insert(at, new)),
        1 => (any::<Index>(), 0..20_usize).prop_map(|(at, length)| Remove(at, length)),
        2 => (any::<Index>(), any::<Index>(), 0..20_usize).prop_map(|(to, from, length)| Copy(to, from, length)),
        4 => (any::<Index>(), number).prop_map(|(at, number)| Number(at, number)),
    ]
}

fn mutated(record: &Bytes, mutations: &[Mutation]) -> Vec<u8> {
    let mut record = record.to_vec();
    for mutation in mutations {
        if record.is_empty() {
            break;
        }
        let length = record.len();
        match mutation {
            Mutation::Set(at, byte) => record[at.index(length)] = *byte,
            Mutation::Flip(at) => {
                let bit = at.index(length * 8);
                record = flipped(&record, bit);
            }
            Mutation::Cut(at) => record.truncate(at.index(length)),
            Mutation::Insert(at, new) => {
                let at = at.index(length);
                record.splice(at..at, new.iter().copied());
            }
            Mutation::Remove(at, count) => {
                let at = at.index(length);
                record.drain(at..length.min(at + count));
            }
            Mutation::Copy(to, from, count) => {
                let (to, from) = (to.index(length), from.index(length));
                let count = *count.min(&(length - to.max(from)));
                record.copy_within(from..from + count, to);
            }
            Mutation::Number(at, number) => {
                let at = at.index(length);
                for (place, byte) in record[at..].iter_mut().zip(number.to_be_bytes()) {
                    *place = byte;
                }
            }
        }
    }
    record
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_never_a_session(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let victim = Victim::new(Expiry::Default);
        prop_assert_eq!(victim.check(&bytes), Seen::Undecodable);
    }

    #[test]
    fn random_bytes_after_a_header_are_no_danger(
        count in 0..4_u32,
        bytes in prop::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..100),
    ) {
        let victim = Victim::new(Expiry::Default);
        victim.check(&frame(&victim.record, count, &bytes));
    }

    #[test]
    fn random_damage_is_no_danger(mutations in prop::collection::vec(mutation(), 1..6)) {
        let victim = Victim::new(Expiry::Default);
        victim.check(&mutated(&victim.record, &mutations));
    }
}
