//! Entries that do not open: changed, copied, cut off, of another key, or not encrypted at all.

use crate::{opened, place, sealed};
use proptest::prelude::*;

#[test]
fn one_flipped_bit_anywhere_spoils_an_entry() {
    let whole = sealed(&[1], b"a session");
    assert_eq!(opened(&[1], place(1), whole.clone()), "a session");
    for bit in 0..8 * whole.len() {
        let mut changed = whole.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(opened(&[1], place(1), changed), "", "bit {bit}");
    }
}

#[test]
fn an_entry_that_is_cut_off_or_longer_does_not_open() {
    let whole = sealed(&[1], b"a session");
    for length in 0..whole.len() {
        let cut = whole.slice(..length);
        assert_eq!(opened(&[1], place(1), cut), "", "{length}");
        let end = whole.slice(whole.len() - length..);
        assert_eq!(opened(&[1], place(1), end), "", "the last {length}");
    }
    assert_eq!(opened(&[1], place(1), [&whole[..], b"\0"].concat()), "");
}

#[test]
fn an_entry_opens_in_its_own_place_only() {
    let whole = sealed(&[1], b"a session");
    for other in [0, 2, 255] {
        assert_eq!(opened(&[1], place(other), whole.clone()), "");
    }
}

#[test]
fn an_entry_opens_with_its_own_key_only() {
    let whole = sealed(&[1], b"a session");
    assert_eq!(opened(&[2], place(1), whole.clone()), "");
    assert_eq!(opened(&[2, 3], place(1), whole.clone()), "");
    assert_eq!(opened(&[2, 3, 1], place(1), whole), "a session");
}

/// As an entry names its key, this may look as if it were of a key that is there.
#[test]
fn an_entry_that_names_another_key_than_its_own_does_not_open() {
    let (one, other) = (sealed(&[1], b"a session"), sealed(&[2], b"another"));
    let renamed = [&other[..5], &one[5..]].concat();
    assert_eq!(opened(&[1, 2], place(1), renamed), "");
}

#[test]
fn what_is_not_encrypted_is_not_read() {
    for plain in [
        "",
        "a session",
        "\u{1}a session that is longer than what encryption adds",
    ] {
        assert_eq!(opened(&[1], place(1), plain), "");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_do_not_open(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(opened(&[1, 2], place(1), bytes), "");
    }

    #[test]
    fn random_bytes_after_a_true_beginning_do_not_open(
        kept in 0..42_usize,
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let whole = sealed(&[1], b"a session");
        let mixed = [&whole[..kept], &bytes[..]].concat();
        prop_assume!(mixed != whole);
        prop_assert_eq!(opened(&[1, 2], place(1), mixed), "");
    }

    #[test]
    fn what_was_written_is_read(value in prop::collection::vec(any::<u8>(), 0..1000)) {
        let whole = sealed(&[1], &value);
        prop_assert_eq!(opened(&[1], place(1), whole), value);
    }
}
