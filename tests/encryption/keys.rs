//! Keys as bytes and as text, and lists of them.

use crate::support::TestStore;
use crate::{key, place};
use futures_executor::block_on;
use sessile::store::encrypted::EncryptionKeyError::{self, Characters, Length, Missing, Twice};
use sessile::store::{EncryptedStore, EncryptionKey, Store as _};
use std::time::Duration;

/// 32 bytes whose base64 has both of the characters in which the alphabets differ.
const BYTES: [u8; 32] = *b"\xfb\xef\xff\x00 canary in an encryption key";
const HEX: &str = "fbefff002063616e61727920696e20616e20656e6372797074696f6e206b6579";
const BASE64: &str = "++//ACBjYW5hcnkgaW4gYW4gZW5jcnlwdGlvbiBrZXk";

fn error(text: &str) -> EncryptionKeyError {
    text.parse::<EncryptionKey>().unwrap_err()
}

/// Whether this text is the key of `BYTES`.
fn is_the_key(text: &str) -> bool {
    let inner = TestStore::new();
    let store = |key| EncryptedStore::new(inner.clone(), [key]).unwrap();
    let writes = store(EncryptionKey::from_bytes(BYTES));
    block_on(writes.add(&place(1), "a session".into(), Duration::MAX)).unwrap();
    let entry = block_on(store(text.parse().unwrap()).get(&place(1)));
    entry.unwrap().unwrap().value == "a session"
}

#[test]
fn a_key_is_read_from_hexadecimal_digits_and_from_base64() {
    let url_safe = BASE64.replace('+', "-").replace('/', "_");
    for text in [
        HEX,
        &HEX.to_uppercase(),
        BASE64,
        &format!("{BASE64}="),
        &url_safe,
        &format!("{url_safe}="),
        &format!(" {HEX}\r\n"),
        &format!("\t{BASE64}=\n"),
    ] {
        assert!(is_the_key(text), "{text}");
    }
    let other = HEX.replace('0', "1");
    assert!(!is_the_key(&other));
}

#[test]
fn what_is_no_key_is_refused() {
    for text in ["", " ", "\n"] {
        assert_eq!(error(text), Missing);
    }
    for text in [
        "secret",
        &HEX[1..],
        &HEX[..32],
        &format!("{HEX}00"),
        &BASE64[1..],
        &format!("{BASE64}=="),
        &format!("{BASE64}A"),
    ] {
        assert_eq!(error(text), Length, "{text}");
    }
    for text in [
        &format!("\"{BASE64}=\""),
        &HEX.replace('0', "g"),
        &HEX.replace("00", "é"),
        &BASE64.replace('A', "="),
        // A last character that no encoder writes.
        &BASE64.replace("ZXk", "ZXl"),
        // Of both alphabets.
        &BASE64.replace("++", "+-"),
        &"\u{7f}".repeat(64),
        &"é".repeat(32),
        &format!("{HEX},{HEX}"),
    ] {
        assert_eq!(error(text), Characters, "{text}");
    }
}

#[test]
fn a_list_needs_keys_and_each_but_once() {
    let new = |keys: Vec<EncryptionKey>| EncryptedStore::new(TestStore::new(), keys).map(drop);
    assert_eq!(new(vec![]), Err(Missing));
    assert_eq!(new(vec![key(1), key(2), key(1)]), Err(Twice));
    assert_eq!(new(vec![key(1), key(2), key(3)]), Ok(()));
}

#[test]
fn errors_say_what_to_do_and_repeat_nothing() {
    for (error, says) in [
        (Missing, "`openssl rand -base64 32`"),
        (Length, "must be 32 bytes: 64 hexadecimal digits, or 44"),
        (Characters, "without quotes"),
        (Twice, "twice"),
    ] {
        assert!(error.to_string().contains(says), "{error}");
    }
    for text in ["canary", "canary!", "canary in a key"] {
        let error = error(text);
        let printed = format!("{error} {error:?} {error:#?}");
        assert!(!printed.contains("canary"), "{printed}");
    }
}

#[test]
fn a_key_prints_nothing() {
    let key = EncryptionKey::from_bytes(BYTES);
    assert_eq!(
        format!("{key:?} {key:#?}"),
        "EncryptionKey(..) EncryptionKey(..)"
    );
}
