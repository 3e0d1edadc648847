use super::{BadReply, Command, MAX_LINE, Reply, Verb, parse};
use crate::store::{StoreKey, Version};
use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;

const MAX_VALUE: usize = 1000;

fn parsed(bytes: &[u8], verb: Verb) -> Result<Option<Reply>, BadReply> {
    parse(&mut bytes.into(), verb, 7, MAX_VALUE)
}

/// Writes an answer as memcached does.
fn answer(verb: Verb, reply: &Reply, tag: u64) -> Vec<u8> {
    let line = match (verb, reply) {
        (_, Reply::Value(value, version)) => {
            let head = format!("VA {} c{} O{tag}\r\n", value.len(), version.get());
            return [head.as_bytes(), value, b"\r\n"].concat();
        }
        (_, Reply::Stored(version)) => format!("HD c{} O{tag}\r\n", version.get()),
        (_, Reply::Deleted) => format!("HD O{tag}\r\n"),
        (Verb::Get, Reply::Missing) => format!("EN O{tag}\r\n"),
        (Verb::Replace, Reply::Missing) => format!("NF c0 O{tag}\r\n"),
        (_, Reply::Missing) => format!("NF O{tag}\r\n"),
        (_, Reply::Exists) => format!("NS c0 O{tag}\r\n"),
        (_, Reply::Conflict) => format!("EX c0 O{tag}\r\n"),
        (_, Reply::TooLarge) => "SERVER_ERROR object too large for cache\r\n".to_owned(),
        (_, Reply::Full) => "SERVER_ERROR out of memory storing object\r\n".to_owned(),
    };
    line.into_bytes()
}

fn any_verb() -> impl Strategy<Value = Verb> {
    use Verb::{Add, Delete, Get, Replace};
    prop_oneof![Just(Get), Just(Add), Just(Replace), Just(Delete)]
}

/// A verb, and what can be answered to it.
fn any_answer() -> impl Strategy<Value = (Verb, Reply)> {
    let version = || (1..=u64::MAX).prop_map(Version::new);
    let stored = prop_oneof![
        version().prop_map(Reply::Stored),
        Just(Reply::TooLarge),
        Just(Reply::Full),
    ];
    let value = vec(any::<u8>(), 0..MAX_VALUE);
    prop_oneof![
        (value, version()).prop_map(|(value, v)| (Verb::Get, Reply::Value(value.into(), v))),
        Just((Verb::Get, Reply::Missing)),
        prop_oneof![stored.clone(), Just(Reply::Exists)].prop_map(|reply| (Verb::Add, reply)),
        prop_oneof![stored, Just(Reply::Missing), Just(Reply::Conflict)]
            .prop_map(|reply| (Verb::Replace, reply)),
        prop_oneof![Just(Reply::Deleted), Just(Reply::Missing)]
            .prop_map(|reply| (Verb::Delete, reply)),
    ]
}

/// Bytes that look like answers here and there.
fn near_answers() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "VA ",
        "EN",
        "HD",
        "NS",
        "EX",
        "NF",
        " c",
        " c1",
        " O7",
        " O",
        "3",
        "0",
        "-1",
        "\r\n",
        "\n",
        "\r",
        " ",
        "SERVER_ERROR ",
        "object too large for cache",
        "CLIENT_ERROR ",
        "ERROR\r\n",
        "18446744073709551615",
        "18446744073709551616",
        "abc\r\n",
        "END\r\n",
    ];
    let piece = prop_oneof![
        4 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_a_clear_error(
        bytes in prop_oneof![near_answers(), vec(any::<u8>(), 0..2000)],
        verb in any_verb(),
    ) {
        let mut input = BytesMut::from(&bytes[..]);
        match parse(&mut input, verb, 7, MAX_VALUE) {
            // It takes an answer off the front, and leaves the rest.
            Ok(Some(_)) => prop_assert!(input.len() < bytes.len() && bytes.ends_with(&input)),
            // What it waits for is bounded.
            Ok(None) => {
                prop_assert_eq!(&input[..], &bytes[..]);
                prop_assert!(bytes.len() < MAX_LINE + MAX_VALUE + 2);
            }
            Err(BadReply) => {}
        }
    }

    #[test]
    fn however_a_stream_of_answers_is_split_it_is_the_same(
        answers in vec(any_answer(), 1..8),
        splits in vec(1_usize..300, 1..40),
    ) {
        let stream: Vec<_> = (0..).zip(&answers)
            .flat_map(|(tag, (verb, reply))| answer(*verb, reply, tag))
            .collect();
        let mut input = BytesMut::new();
        let mut expected = (0..).zip(answers);
        let mut first = expected.next();
        let (mut rest, mut splits) = (&stream[..], splits.into_iter().cycle());
        while let Some((tag, (verb, reply))) = &first {
            match parse(&mut input, *verb, *tag, MAX_VALUE).unwrap() {
                Some(parsed) => {
                    prop_assert!(parsed == *reply);
                    first = expected.next();
                }
                None => {
                    let (read, unread) = rest.split_at(splits.next().unwrap().min(rest.len()));
                    prop_assert!(!read.is_empty());
                    input.extend_from_slice(read);
                    rest = unread;
                }
            }
        }
        prop_assert!(input.is_empty() && rest.is_empty());
    }

    #[test]
    fn an_answer_with_another_tag_is_refused((verb, reply) in any_answer(), tag in any::<u64>()) {
        // The errors have none.
        if tag != 7 && reply != Reply::TooLarge && reply != Reply::Full {
            prop_assert!(parsed(&answer(verb, &reply, tag), verb) == Err(BadReply));
        }
    }

    #[test]
    fn a_command_is_one_line_and_its_value(value in vec(any::<u8>(), 0..100), tag in any::<u64>()) {
        let key = StoreKey::from_bytes([0; 32]);
        let written = |command: Command<'_>| {
            let mut out = Vec::new();
            command.write(&mut out, "p:", &key, tag);
            out
        };
        let (key, size, expiry) = (format!("p:{}", key.to_text()), value.len(), 60);
        let with_value = |line: String| [line.as_bytes(), &value[..], b"\r\n"].concat();
        let expected = Version::new(u64::MAX);
        let [add, replace] = [
            Command::Add { value: &value, expiry },
            Command::Replace { expected, value: &value, expiry },
        ];
        prop_assert_eq!(written(Command::Get), format!("mg {key} v c O{tag}\r\n").into_bytes());
        prop_assert_eq!(written(Command::Delete), format!("md {key} O{tag}\r\n").into_bytes());
        let line = format!("ms {key} {size} ME c T60 O{tag}\r\n");
        prop_assert_eq!(written(add), with_value(line));
        let line = format!("ms {key} {size} c T60 C{} O{tag}\r\n", u64::MAX);
        prop_assert_eq!(written(replace), with_value(line));
    }
}

#[test]
fn what_memcached_would_not_answer_is_refused() {
    for (verb, bytes) in [
        // A line without an end, or with half of one.
        (Verb::Get, &[b'x'; MAX_LINE][..]),
        (Verb::Get, b"EN O7\n"),
        // An answer to another verb.
        (Verb::Add, b"EN O7\r\n"),
        (Verb::Get, b"HD c1 O7\r\n"),
        (Verb::Delete, b"EX O7\r\n"),
        // No tag, twice nothing, no version, a version that stands for none.
        (Verb::Get, b"EN\r\n"),
        (Verb::Get, b"\r\n"),
        (Verb::Add, b"HD O7\r\n"),
        (Verb::Add, b"HD c0 O7\r\n"),
        (Verb::Get, b"VA 1 O7\r\nx\r\n"),
        // Sizes.
        (Verb::Get, b"VA -1 c1 O7\r\n"),
        (Verb::Get, b"VA  c1 O7\r\n"),
        (Verb::Get, b"VA 1001 c1 O7\r\n"),
        (Verb::Get, b"VA 18446744073709551616 c1 O7\r\n"),
        (Verb::Get, b"VA 1 c1 O7\r\nxxx"),
        // Errors of the server that may mean anything.
        (Verb::Add, b"SERVER_ERROR out of memory\r\n"),
        (Verb::Get, b"SERVER_ERROR out of memory storing object\r\n"),
        (Verb::Add, b"CLIENT_ERROR bad data chunk\r\n"),
        (Verb::Add, b"ERROR\r\n"),
        // Other protocols.
        (Verb::Get, b"-ERR unknown command\r\n"),
        (Verb::Get, b"HTTP/1.1 400 Bad Request\r\n"),
    ] {
        assert!(
            parsed(bytes, verb) == Err(BadReply),
            "{}",
            bytes.escape_ascii()
        );
    }
}

#[test]
fn what_is_not_whole_is_waited_for() {
    for (verb, bytes) in [
        (Verb::Get, &b""[..]),
        (Verb::Get, b"EN O7"),
        (Verb::Get, b"EN O7\r"),
        (Verb::Get, b"VA 3 c1 O7\r\nabc"),
        (Verb::Get, b"VA 3 c1 O7\r\nabc\r"),
    ] {
        assert!(parsed(bytes, verb) == Ok(None), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_value_that_is_larger_than_the_server_takes_is_not_sent() {
    let value = vec![0; 1000];
    let command = Command::Add {
        value: &value,
        expiry: 1,
    };
    assert!(command.fits(1 << 20));
    assert!(!command.fits(1100));
    assert!(Command::Get.fits(0) && Command::Delete.fits(0));
}
