//! What counts as reading.

use crate::support::{Browser, assert_ok};
use crate::{House, Step, get, refusing};
use axum::Router;
use sessile::store::MemoryStore;
use sessile::{Conflict, Error, Session, SessionLayer};
use std::time::Duration;

/// The steps that read `a`.
const READ_A: &[(&str, Step)] = &[
    ("get", get),
    ("get as another type", |it| {
        assert!(it.get::<String>("a").is_err());
        Ok(())
    }),
    ("get_value", |it| it.get_value("a").map(drop)),
    ("contains_key", |it| it.contains_key("a").map(drop)),
    ("remove", |it| it.remove::<i64>("a").map(drop)),
    ("remove as another type", |it| {
        assert!(it.remove::<String>("a").is_err());
        Ok(())
    }),
    ("remove_value", |it| it.remove_value("a").map(drop)),
    ("get, insert", |it| {
        get(it)?;
        it.insert("a", 9)
    }),
    ("get, update", |it| {
        get(it)?;
        increment(it)
    }),
    ("update, get", |it| {
        increment(it)?;
        get(it)
    }),
    ("get, remove another", |it| {
        get(it)?;
        it.remove_value("b").map(drop)
    }),
];

const READ_ALL: &[(&str, Step)] = &[
    ("keys", |it| it.keys().map(drop)),
    ("len", |it| it.len().map(drop)),
    ("is_empty", |it| it.is_empty().map(drop)),
    ("clear", |it| {
        it.clear();
        Ok(())
    }),
    ("clear, get", |it| {
        it.clear();
        get(it)
    }),
    ("insert, len", |it| {
        it.insert("d", 1)?;
        it.len().map(drop)
    }),
];

/// What reads nothing that is stored.
const READ_NOTHING: &[(&str, Step)] = &[
    ("insert", |it| it.insert("a", 9)),
    ("update", increment),
    ("get another key", |it| it.get::<i64>("other").map(drop)),
    ("insert, get, remove", |it| {
        it.insert("a", 9)?;
        get(it)?;
        it.remove::<i64>("a").map(drop)
    }),
    ("insert, update, get", |it| {
        it.insert("a", 9)?;
        increment(it)?;
        get(it)
    }),
    ("id", |it| it.id().map(drop)),
    ("is_new", |it| it.is_new().map(drop)),
    ("is_anonymous", |it| it.is_anonymous().map(drop)),
    ("is_modified, is_accessed", |it| {
        assert!(!it.is_modified() && !it.is_accessed());
        Ok(())
    }),
    ("created", |it| it.created().map(drop)),
    ("expiry", |it| it.expiry().map(drop)),
    ("expiry_date", |it| it.expiry_date().map(drop)),
    ("expiry_age", |it| it.expiry_age().map(drop)),
    ("set_expiry", |it| {
        it.set_expiry(Duration::from_secs(60));
        Ok(())
    }),
    ("belongs_to", |it| it.belongs_to("user").map(drop)),
    ("authenticated_at", |it| it.authenticated_at().map(drop)),
    ("authenticated_within", |it| {
        it.authenticated_within(Duration::from_secs(60)).map(drop)
    }),
    ("bind", |it| it.bind("user")),
    ("set_label", |it| {
        it.set_label("Firefox");
        Ok(())
    }),
];

fn increment(session: &Session) -> Result<(), Error> {
    session
        .update("a", |a: Option<i64>| Some(a.unwrap_or(0) + 1))
        .map(drop)
}

/// The request is refused, and has no effect but one `get` more.
async fn assert_refused(name: &str, step: Step, other: &str) {
    let house = refusing();
    let browser = house.browser().await;
    let answer = house.overtaken(&browser, step, other).await;
    let said = (answer.status.as_u16(), &*answer.body);
    assert_eq!(said, (409, "Stale"), "{name}, {other}");
    assert_eq!(house.store.calls(), ["get"], "{name}, {other}");
    let id = browser.id().unwrap().parse().unwrap();
    assert_eq!(house.value(&id, "mine").await, None, "{name}, {other}");
}

async fn assert_merged(policy: Conflict, name: &str, step: Step, other: &str) {
    let house = House::new(policy);
    let browser = house.browser().await;
    let answer = house.overtaken(&browser, step, other).await;
    assert_eq!(answer.status, 200, "{name}, {other}: {}", answer.body);
    let id = browser.id().unwrap().parse().unwrap();
    assert_eq!(house.value(&id, "mine").await, Some(1), "{name}, {other}");
}

#[tokio::test]
async fn a_request_whose_key_was_changed_or_removed_after_it_was_read_is_refused() {
    for (name, step) in READ_A.iter().chain(READ_ALL) {
        for other in ["/insert:a:2", "/remove:a", "/clear", "/increment:a"] {
            assert_refused(name, *step, other).await;
        }
    }
}

#[tokio::test]
async fn who_found_nothing_is_refused_when_something_is_there() {
    let steps: [Step; 3] = [
        |it| it.get::<i64>("c").map(drop),
        |it| it.remove::<i64>("c").map(drop),
        |it| it.contains_key("c").map(drop),
    ];
    for step in steps {
        assert_refused("a missing key", step, "/insert:c:3").await;
    }
}

#[tokio::test]
async fn who_read_one_key_does_not_mind_the_others() {
    for (name, step) in READ_A {
        for other in ["/insert:c:3", "/expire:60", "/insert:a:1/increment:c"] {
            assert_merged(Conflict::Refuse, name, *step, other).await;
        }
    }
}

#[tokio::test]
async fn who_asked_for_all_keys_is_refused_for_any_but_not_for_the_expiry() {
    for (name, step) in READ_ALL {
        for other in ["/insert:c:3", "/insert:b:2", "/remove:b"] {
            assert_refused(name, *step, other).await;
        }
        assert_merged(Conflict::Refuse, name, *step, "/expire:60").await;
    }
}

#[tokio::test]
async fn who_read_nothing_that_was_stored_is_merged() {
    for (name, step) in READ_NOTHING {
        assert_merged(Conflict::Refuse, name, *step, "/insert:a:2").await;
    }
}

#[tokio::test]
async fn by_default_all_are_merged() {
    assert_eq!(Conflict::default(), Conflict::Merge);
    for (name, step) in READ_A.iter().chain(READ_ALL).chain(READ_NOTHING) {
        assert_merged(Conflict::Merge, name, *step, "/insert:a:2").await;
    }
}

#[tokio::test]
async fn a_value_that_was_changed_back_has_not_changed() {
    assert_merged(Conflict::Refuse, "get", get, "/insert:a:2/save/insert:a:1").await;
}

#[tokio::test]
async fn it_is_noticed_in_the_second_version_that_came_between() {
    let house = refusing();
    let browser = house.browser().await;
    let handler = async |session: Session| {
        get(&session)?;
        session.insert("mine", 1)
    };
    let app = Router::new().fallback(handler).layer(house.layer.clone());
    let mut gate = house.store.gate_next("replace");
    let request = browser.start(&app, "/");
    for other in ["/insert:b:2", "/insert:a:2"] {
        house.store.called("replace", 1).await;
        assert_ok(&browser.clone().get(&house.others, other).await);
        house.store.calls();
        let next = house.store.gate_next("replace");
        gate.open();
        gate = next;
    }
    assert_eq!(request.answer().await.status, 409);
    assert_eq!(house.store.calls(), ["get"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_hundred_who_read_and_insert_at_once_each_that_was_acknowledged_counts() {
    let layer = SessionLayer::builder(MemoryStore::new())
        .conflict(Conflict::Refuse)
        .build()
        .unwrap();
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(100));
    let handler = async move |session: Session| {
        let n: u64 = session.get("n")?.unwrap_or(0);
        barrier.wait().await;
        session.insert("n", n + 1)
    };
    let app = Router::new().fallback(handler).layer(layer.clone());
    let made = layer.sessions().create();
    made.insert("n", 0).unwrap();
    made.save().await.unwrap();
    let id = made.id().unwrap().unwrap();
    let browser = Browser::with_cookie("__Host-id", &id.expose());

    let requests: Vec<_> = (0..100).map(|_| browser.start(&app, "/")).collect();
    let mut done = 0;
    for request in requests {
        let answer = request.answer().await;
        match answer.status.as_u16() {
            200 => done += 1,
            status => assert_eq!(status, 409),
        }
    }
    // All of them have read 0.
    assert_eq!(done, 1);
    let session = layer.sessions().load(&id).await.unwrap().unwrap();
    assert_eq!(session.get::<u64>("n").unwrap(), Some(1));
}
