use super::{MAX_DEPTH, MAX_LINE, Resp};
use crate::store::network::{BadReply, Protocol as _};
use crate::store::redis::reply::{Refusal, Reply};
use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;

fn parsed(bytes: &[u8]) -> Result<Option<Reply>, BadReply> {
    Resp.parse(&mut bytes.into(), &1)
}

/// Writes a reply as Redis does.
fn written(reply: &Reply) -> Vec<u8> {
    match reply {
        Reply::Nil => b"$-1\r\n".to_vec(),
        Reply::Done => b"+OK\r\n".to_vec(),
        Reply::Number(number) => format!(":{number}\r\n").into_bytes(),
        Reply::Bytes(bytes) => {
            let head = format!("${}\r\n", bytes.len());
            [head.as_bytes(), bytes, b"\r\n"].concat()
        }
        Reply::List(parts) => {
            let head = format!("*{}\r\n", parts.len()).into_bytes();
            let parts = parts.iter().flat_map(written);
            head.into_iter().chain(parts).collect()
        }
        Reply::Refused(Refusal::NoScript) => b"-NOSCRIPT No matching script.\r\n".to_vec(),
        Reply::Refused(_) => b"-ERR something else\r\n".to_vec(),
        Reply::Other => unreachable!("no reply is that"),
    }
}

fn any_reply() -> impl Strategy<Value = Reply> {
    let part = prop_oneof![
        Just(Reply::Nil),
        Just(Reply::Done),
        any::<i64>().prop_map(Reply::Number),
        // Copied, and not copied.
        prop_oneof![vec(any::<u8>(), 0..100), vec(any::<u8>(), 4000..5000)]
            .prop_map(|bytes| Reply::Bytes(bytes.into())),
        Just(Reply::Refused(Refusal::NoScript)),
        Just(Reply::Refused(Refusal::Unknown)),
    ];
    // Nested less deep than is refused.
    part.prop_recursive(3, 20, 5, |part| vec(part, 0..5).prop_map(Reply::List))
}

/// Bytes that look like replies here and there.
fn near_replies() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "+",
        "-",
        ":",
        "$",
        "*",
        "+OK",
        "$3",
        "$-1",
        "*2",
        "*-1",
        "$-2",
        "-ERR ",
        "MOVED 1 h:2",
        "0",
        "1",
        "99999999999999999999",
        "\r\n",
        "\n",
        "\r",
        "abc\r\n",
        "_\r\n",
        "%1\r\n",
    ];
    let piece = prop_oneof![
        6 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_a_reply_or_a_clear_error(
        bytes in prop_oneof![near_replies(), vec(any::<u8>(), 0..2000)],
        count in 1_usize..3,
    ) {
        let mut input = BytesMut::from(&bytes[..]);
        match Resp.parse(&mut input, &count) {
            // It takes a reply off the front, and leaves the rest.
            Ok(Some(_)) => prop_assert!(input.len() < bytes.len() && bytes.ends_with(&input)),
            Ok(None) => prop_assert_eq!(&input[..], &bytes[..]),
            Err(BadReply) => {}
        }
    }

    #[test]
    fn however_a_stream_of_replies_is_split_it_is_the_same(
        replies in vec(any_reply(), 2..8),
        pairs in any::<bool>(),
        splits in vec(1_usize..3000, 1..40),
    ) {
        let stream: Vec<_> = replies.iter().flat_map(written).collect();
        let answers: Vec<_> = if pairs {
            let pairs = replies.chunks_exact(2);
            pairs.map(|pair| (2, Reply::List(pair.to_vec()))).collect()
        } else {
            replies.iter().map(|reply| (1, reply.clone())).collect()
        };
        let mut input = BytesMut::new();
        let (mut rest, mut splits) = (&stream[..], splits.into_iter().cycle());
        for (count, answer) in answers {
            loop {
                if let Some(parsed) = Resp.parse(&mut input, &count).unwrap() {
                    prop_assert_eq!(parsed, answer);
                    break;
                }
                let (read, unread) = rest.split_at(splits.next().unwrap().min(rest.len()));
                prop_assert!(!read.is_empty());
                input.extend_from_slice(read);
                rest = unread;
            }
        }
    }
}

#[test]
fn what_redis_would_not_answer_is_refused() {
    let deep = "*1\r\n".repeat(MAX_DEPTH);
    for bytes in [
        // A line without an end, or with half of one.
        &[b'+'; MAX_LINE][..],
        b"+OK\n",
        b"\r\n",
        // Sizes.
        b"$-2\r\n",
        b"$\r\n",
        b"$x\r\n",
        b"$536870913\r\n",
        b"$9999999999999999999\r\n",
        b"*1048577\r\n",
        b"$1\r\nxxx",
        b":\r\n",
        b":1.5\r\n",
        deep.as_bytes(),
        // Version 3, which nobody asked for.
        b"_\r\n",
        b"%1\r\n",
        b">1\r\n",
        // Other protocols.
        b"HTTP/1.1 400 Bad Request\r\n",
        b"ERROR\r\n",
    ] {
        assert_eq!(parsed(bytes), Err(BadReply), "{}", bytes.escape_ascii());
    }
}

#[test]
fn what_is_not_whole_is_waited_for() {
    for bytes in [
        &b""[..],
        b"+O",
        b"+OK\r",
        b"$3\r\nabc",
        b"$3\r\nabc\r",
        b"*2\r\n:1\r\n",
        b"*2\r\n:1\r\n$1\r\nx",
    ] {
        assert_eq!(parsed(bytes), Ok(None), "{}", bytes.escape_ascii());
    }
    assert_eq!(Resp.parse(&mut b"+OK\r\n"[..].into(), &2), Ok(None));
}

#[test]
fn lines_are_replies_too() {
    let text = |text: &str| Ok(Some(Reply::Bytes(text.to_owned().into())));
    assert_eq!(parsed(b"+PONG\r\n"), text("PONG"));
    assert_eq!(parsed(b"*-1\r\n"), Ok(Some(Reply::Nil)));
    let refused = |refusal| Ok(Some(Reply::Refused(refusal)));
    assert_eq!(parsed(b"-LOADING\r\n"), refused(Refusal::Unavailable));
    assert_eq!(parsed(b"-\xff\r\n"), refused(Refusal::Unknown));
    let moved = Refusal::Moved("127.0.0.1:7001".to_owned());
    assert_eq!(parsed(b"-MOVED 3999 127.0.0.1:7001\r\n"), refused(moved));
}
