//! Keys as constants with a type, and as texts.
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![expect(
    clippy::needless_borrows_for_generic_args,
    reason = "a borrowed key is one of the cases"
)]

mod support;

use serde_json::Value;
use sessile::{ErrorKind, Key, Session};
use support::{Browser, layer};

const VISITS: Key<u64> = Key::new("visits");
const NAMES: Key<Vec<String>> = Key::new("names");

#[tokio::test]
async fn a_constant_gives_the_value_its_type() {
    let (layer, _, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| {
            session.insert(VISITS, 1).unwrap();
            session.insert(NAMES, vec!["Ada".to_owned()]).unwrap();
            let visits = session
                .update(VISITS, |visits| visits.map(|n| n + 1))
                .unwrap();
            assert_eq!(visits, Some(2));
        })
        .await;
    browser
        .visit(&layer, async |session| {
            let visits = session.get(VISITS).unwrap().unwrap_or_default();
            let more: u64 = visits + u64::from(u32::MAX);
            assert_eq!(more, 4_294_967_297);
            assert!(session.contains_key(VISITS).unwrap());
            assert_eq!(session.get_value(VISITS).unwrap(), Some(Value::from(2)));
            assert_eq!(session.remove(NAMES).unwrap().unwrap(), ["Ada"]);
            assert_eq!(session.remove_value(VISITS).unwrap(), Some(Value::from(2)));
            assert!(session.is_empty().unwrap());
        })
        .await;
}

#[tokio::test]
async fn texts_strings_constants_and_references_name_the_same_key() {
    let (layer, _, _) = layer();
    Browser::new()
        .visit(&layer, async |session: &Session| {
            let owned = String::from("visits");
            session.insert("visits", 1_u64).unwrap();
            assert_eq!(session.get::<u64>("visits").unwrap(), Some(1));
            assert_eq!(session.get::<u64>(&owned).unwrap(), Some(1));
            assert_eq!(session.get::<u64>(owned.as_str()).unwrap(), Some(1));
            assert_eq!(session.get(VISITS).unwrap(), Some(1));
            assert_eq!(session.get(&VISITS).unwrap(), Some(1));
            session.insert(&owned, 2_u64).unwrap();
            session
                .insert(&VISITS, session.get(VISITS).unwrap().unwrap() + 1)
                .unwrap();
            session
                .update(&owned, |n: Option<u64>| n.map(|n| n + 1))
                .unwrap();
            session.update(&VISITS, |n| n.map(|n| n + 1)).unwrap();
            assert!(session.contains_key(&owned).unwrap());
            assert!(session.contains_key(owned.clone()).unwrap());
            assert!(session.contains_key(&VISITS).unwrap());
            assert_eq!(
                session.get_value(owned.clone()).unwrap(),
                Some(Value::from(5))
            );
            assert_eq!(session.remove(&VISITS).unwrap(), Some(5));
            assert_eq!(session.remove::<u64>(&owned).unwrap(), None);
        })
        .await;
}

#[tokio::test]
async fn a_constant_whose_type_has_changed_is_an_error_with_its_name() {
    let (layer, _, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| session.insert(VISITS, 1).unwrap())
        .await;
    const RENAMED: Key<Vec<u8>> = Key::new("visits");
    browser
        .visit(&layer, async |session| {
            let error = session.get(RENAMED).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode);
            assert_eq!(error.key(), Some("visits"));
            assert!(error.to_string().contains("Vec<u8>"), "{error}");
        })
        .await;
}

#[test]
fn a_constant_shows_its_name_and_can_be_copied_whatever_its_type() {
    struct NeitherCloneNorDebug;
    const KEY: Key<NeitherCloneNorDebug> = Key::new("key");
    let copy = KEY;
    assert_eq!(
        (copy.name(), KEY.name(), copy.as_ref()),
        ("key", "key", "key")
    );
    assert_eq!(format!("{KEY:?}"), r#"Key("key")"#);
}
