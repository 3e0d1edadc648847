//! The methods of a session, as a handler uses them.

mod support;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sessile::ErrorKind;
use std::collections::BTreeMap;
use support::{Browser, layer};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Cart {
    owner: Option<String>,
    items: Vec<Item>,
    notes: BTreeMap<String, (u8, bool)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Item {
    Apples(u32),
    Book { title: String, price: f64 },
    Voucher,
}

fn cart() -> Cart {
    Cart {
        owner: Some("Zoë \"the reader\" \u{0} \u{1F36B}".to_owned()),
        items: vec![
            Item::Apples(u32::MAX),
            // A number that a careless reader gets wrong in its last bit.
            Item::Book {
                title: String::new(),
                price: 31.245270191439438,
            },
            Item::Voucher,
        ],
        notes: [("a".to_owned(), (255, true)), (String::new(), (0, false))].into(),
    }
}

#[tokio::test]
async fn values_of_any_type_are_read_back_in_this_request_and_the_next() {
    let (layer, _, _) = layer();
    let mut browser = Browser::new();
    let check = |session: &sessile::Session| {
        assert_eq!(session.get("cart").unwrap(), Some(cart()));
        assert_eq!(session.get("unit").unwrap(), Some(()));
        assert_eq!(session.get("char").unwrap(), Some('ß'));
        assert_eq!(session.get("least").unwrap(), Some(i64::MIN));
        assert_eq!(session.get("most").unwrap(), Some(u128::MAX));
        assert_eq!(session.get("float").unwrap(), Some(f64::MIN_POSITIVE));
        assert_eq!(
            session.get("numbered").unwrap(),
            Some(BTreeMap::from([(-7, "seven".to_owned())]))
        );
        assert_eq!(session.get("none").unwrap(), Some(None::<u8>));
        assert_eq!(
            session.get("nested").unwrap(),
            Some(json!({"a": [{"b": null}, 1.5, "c"]}))
        );
        assert_eq!(session.get("").unwrap(), Some("the empty key".to_owned()));
    };
    let ((), answer) = browser
        .visit(&layer, async |session| {
            session.insert("cart", cart()).unwrap();
            session.insert("unit", ()).unwrap();
            session.insert("char", 'ß').unwrap();
            session.insert("least", i64::MIN).unwrap();
            session.insert("most", u128::MAX).unwrap();
            session.insert("float", f64::MIN_POSITIVE).unwrap();
            session
                .insert("numbered", BTreeMap::from([(-7, "seven")]))
                .unwrap();
            session.insert("none", None::<u8>).unwrap();
            session
                .insert("nested", json!({"a": [{"b": null}, 1.5, "c"]}))
                .unwrap();
            session.insert("", "the empty key").unwrap();
            check(session);
        })
        .await;
    assert_eq!(answer.status, 200);
    browser.visit(&layer, async |session| check(session)).await;
}

#[tokio::test]
async fn what_is_not_there_is_none_and_leaves_room_for_a_default() {
    let (layer, store, _) = layer();
    Browser::new()
        .visit(&layer, async |session| {
            assert_eq!(session.get::<u32>("n").unwrap(), None);
            assert_eq!(session.get::<u32>("n").unwrap().unwrap_or(7), 7);
            assert_eq!(session.get_value("n").unwrap(), None);
            assert_eq!(session.remove::<u32>("n").unwrap(), None);
            assert_eq!(session.remove_value("n").unwrap(), None);
            assert!(!session.is_modified());
        })
        .await;
    assert!(store.calls().is_empty());
}

#[tokio::test]
async fn remove_returns_the_value_and_it_is_gone() {
    let (layer, _, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| {
            session.insert("a", vec![1, 2]).unwrap();
            session.insert("b", "text").unwrap();
            session.insert("c", 3).unwrap();
        })
        .await;
    browser
        .visit(&layer, async |session| {
            assert_eq!(session.remove("a").unwrap(), Some(vec![1, 2]));
            assert_eq!(session.remove::<Vec<i32>>("a").unwrap(), None);
            assert_eq!(
                session.remove_value("b").unwrap(),
                Some(Value::from("text"))
            );
            assert!(session.is_modified());
            assert!(!session.contains_key("a").unwrap());
        })
        .await;
    let (keys, _) = browser
        .visit(&layer, async |session| session.keys().unwrap())
        .await;
    assert_eq!(keys, ["c"]);
}

#[tokio::test]
async fn a_value_of_another_type_is_an_error_that_names_key_and_type_and_not_the_value() {
    let (layer, _, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| {
            session.insert("pin", "canary-4711").unwrap();
            session.insert("n", 1).unwrap();
        })
        .await;
    let ((), answer) = browser
        .visit(&layer, async |session| {
            let errors = [
                session.get::<u32>("pin").unwrap_err(),
                session.remove::<u32>("pin").unwrap_err(),
                session
                    .update("pin", |n: Option<u32>| n.map(|n| n + 1))
                    .unwrap_err(),
            ];
            for error in errors {
                assert_eq!(error.kind(), ErrorKind::Decode);
                assert_eq!(error.key(), Some("pin"));
                assert_eq!(error.status(), 500);
                let text = error.to_string();
                assert!(text.contains("pin") && text.contains("u32"), "{text}");
                assert!(!format!("{error} {error:?}").contains("4711"));
                assert!(std::error::Error::source(&error).is_none());
            }
            // It stays, and spoils nothing else.
            assert!(!session.is_modified());
            assert_eq!(session.get("pin").unwrap(), Some("canary-4711".to_owned()));
            assert_eq!(
                session
                    .update("n", |n: Option<u32>| n.map(|n| n + 1))
                    .unwrap(),
                Some(2)
            );
        })
        .await;
    assert_eq!(answer.status, 200);
    let (n, _) = browser
        .visit(&layer, async |session| session.get::<u32>("n").unwrap())
        .await;
    assert_eq!(n, Some(2));
}

#[tokio::test]
async fn one_damaged_value_costs_its_key_and_not_the_session() {
    let (layer, store, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| {
            session.insert("bad", "XXXX").unwrap();
            session.insert("good", 1).unwrap();
        })
        .await;
    let mut record = store.record().to_vec();
    let at = record.windows(4).position(|four| four == b"XXXX").unwrap();
    record[at] = 0xff;
    store.tamper(record);
    browser
        .visit(&layer, async |session| {
            assert_eq!(
                session.get_value("bad").unwrap_err().kind(),
                ErrorKind::Decode
            );
            assert_eq!(
                session.remove::<String>("bad").unwrap_err().kind(),
                ErrorKind::Decode
            );
            assert_eq!(session.get("good").unwrap(), Some(1));
            assert_eq!(session.keys().unwrap(), ["bad", "good"]);
            session.insert("bad", "healed").unwrap();
        })
        .await;
    let (healed, _) = browser
        .visit(&layer, async |session| session.get("bad").unwrap())
        .await;
    assert_eq!(healed, Some("healed".to_owned()));
}

#[tokio::test]
async fn keys_are_sorted_and_counted_with_what_is_pending() {
    let (layer, _, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| {
            assert!(session.is_empty().unwrap());
            assert_eq!(session.len().unwrap(), 0);
            assert!(session.keys().unwrap().is_empty());
            for key in ["m", "b", "ä", "B"] {
                session.insert(key, 0).unwrap();
            }
            assert_eq!(session.keys().unwrap(), ["B", "b", "m", "ä"]);
        })
        .await;
    browser
        .visit(&layer, async |session| {
            session.remove_value("b").unwrap();
            session.insert("m", 1).unwrap();
            session.insert("z", 1).unwrap();
            session.insert("a", 1).unwrap();
            assert_eq!(session.keys().unwrap(), ["B", "a", "m", "z", "ä"]);
            assert_eq!(session.len().unwrap(), 5);
            assert!(!session.is_empty().unwrap());
            assert!(session.contains_key("z").unwrap());
            assert!(session.contains_key("B").unwrap());
            assert!(!session.contains_key("b").unwrap());
            session.clear();
            session.insert("only", 1).unwrap();
            assert_eq!(session.keys().unwrap(), ["only"]);
        })
        .await;
    let (keys, _) = browser
        .visit(&layer, async |session| session.keys().unwrap())
        .await;
    assert_eq!(keys, ["only"]);
}

#[tokio::test]
async fn a_session_knows_whether_it_is_new_modified_and_accessed() {
    let (layer, _, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| {
            assert!(!session.is_accessed());
            assert!(!session.is_modified());
            assert!(!session.is_accessed(), "to ask so is no access");
            assert!(session.is_new().unwrap());
            assert!(session.is_accessed());
            assert_eq!(session.created().unwrap(), None);
            session.insert("a", 1).unwrap();
            assert!(session.is_modified());
            assert!(session.is_new().unwrap(), "nothing is stored yet");
            session.save().await.unwrap();
            assert!(!session.is_modified(), "a save resets it");
            assert!(!session.is_new().unwrap());
        })
        .await;
    browser
        .visit(&layer, async |session| {
            assert!(!session.is_new().unwrap());
            session.insert("a", 1).unwrap();
            assert!(!session.is_modified(), "it was 1 before");
            session.insert("a", 2).unwrap();
            assert!(session.is_modified());
            session.insert("a", 1).unwrap();
            assert!(!session.is_modified(), "and is 1 again");
            session.flush();
            assert!(session.is_modified());
            assert!(session.is_new().unwrap());
        })
        .await;
}

#[tokio::test]
async fn each_way_to_use_a_session_is_an_access() {
    let (layer, _, _) = layer();
    type Use = fn(&sessile::Session);
    let uses: [(&str, Use); 20] = [
        ("get", |s| drop(s.get::<u8>("k"))),
        ("get_value", |s| drop(s.get_value("k"))),
        ("insert", |s| s.insert("k", 1).unwrap()),
        ("update", |s| drop(s.update("k", |_: Option<u8>| None))),
        ("remove", |s| drop(s.remove::<u8>("k"))),
        ("remove_value", |s| drop(s.remove_value("k"))),
        ("contains_key", |s| drop(s.contains_key("k"))),
        ("keys", |s| drop(s.keys())),
        ("len", |s| drop(s.len())),
        ("is_empty", |s| drop(s.is_empty())),
        ("clear", |s| s.clear()),
        ("id", |s| drop(s.id())),
        ("is_new", |s| drop(s.is_new())),
        ("cycle_id", |s| s.cycle_id()),
        ("flush", |s| s.flush()),
        ("set_expiry", |s| s.set_expiry(sessile::Expiry::Default)),
        ("expiry", |s| drop(s.expiry())),
        ("expiry_age", |s| drop(s.expiry_age())),
        ("expiry_date", |s| drop(s.expiry_date())),
        ("created", |s| drop(s.created())),
    ];
    for (name, access) in uses {
        let (accessed, answer) = Browser::new()
            .visit(&layer, async |session| {
                access(session);
                session.is_accessed()
            })
            .await;
        assert!(accessed, "{name}");
        assert_eq!(answer.header(http::header::VARY), Some("cookie"), "{name}");
    }
}

#[tokio::test]
async fn debug_shows_no_id_and_no_data() {
    let (layer, _, _) = layer();
    let mut browser = Browser::new();
    let texts = |session: &sessile::Session| format!("{session:?} {session:#?}");
    let (pending, _) = browser
        .visit(&layer, async |session| {
            session.insert("canary-key", "canary-value").unwrap();
            texts(session)
        })
        .await;
    let (loaded, _) = browser
        .visit(&layer, async |session| {
            let id = session.id().unwrap().unwrap();
            assert_eq!(format!("{id:?}"), "SessionId(..)");
            assert_eq!(format!("{:?}", Some(id)), "Some(SessionId(..))");
            texts(session)
        })
        .await;
    for text in [pending, loaded] {
        assert!(
            text.contains("Session") && !text.contains("canary"),
            "{text}"
        );
        assert!(!text.contains(browser.id().unwrap()));
    }
}

#[tokio::test]
async fn clones_are_the_same_session() {
    let (layer, store, _) = layer();
    let mut browser = Browser::new();
    browser
        .visit(&layer, async |session| {
            let other = session.clone();
            other.insert("a", 1).unwrap();
            assert_eq!(session.get("a").unwrap(), Some(1));
            // And any thread may have one.
            let third = session.clone();
            std::thread::spawn(move || third.insert("b", 2))
                .join()
                .unwrap()
                .unwrap();
            assert_eq!(other.keys().unwrap(), ["a", "b"]);
        })
        .await;
    assert_eq!(store.calls(), ["add"]);
}
