//! What is read while a save is under way, in another task of the same request.

use crate::support::{Fault, Gate};
use crate::{House, Step, assert_stale, get, refusing};
use sessile::{Error, ErrorKind, Session, SessionId};
use tokio::task::JoinHandle;

/// A session whose save waits to `replace`.
struct Saving {
    house: House,
    session: Session,
    id: SessionId,
    gate: Gate,
    save: JoinHandle<Result<(), Error>>,
}

async fn saving() -> Saving {
    let house = refusing();
    let (session, id) = house.session().await;
    session.insert("mine", 1).unwrap();
    session
        .update("n", |n: Option<i64>| Some(n.unwrap_or(0) + 1))
        .unwrap();
    let gate = house.store.gate_next("replace");
    let saved = session.clone();
    let save = tokio::spawn(async move { saved.save().await });
    house.store.called("replace", 1).await;
    Saving {
        house,
        session,
        id,
        gate,
        save,
    }
}

impl Saving {
    /// Another request sets this key, the save goes on, and so does the handler. How that is saved.
    async fn go_on(&mut self, other: Option<&str>) -> Result<(), Error> {
        if let Some(key) = other {
            self.house.set(&self.id, key, 7).await;
        }
        self.gate.open();
        (&mut self.save).await.unwrap().unwrap();
        self.session.insert("later", 1).unwrap();
        self.session.save().await
    }
}

#[tokio::test]
async fn it_counts_if_the_save_was_merged_with_another_value_of_it() {
    let mut it = saving().await;
    assert_eq!(it.session.get("a").unwrap(), Some(1));
    assert_stale(it.go_on(Some("a")).await);
    it.session.reload().await.unwrap();
    assert_eq!(it.session.get("a").unwrap(), Some(7));
    assert_eq!(it.house.value(&it.id, "mine").await, Some(1));
    assert_eq!(it.house.value(&it.id, "later").await, None);
}

#[tokio::test]
async fn an_update_of_the_save_counts_as_it_was_seen() {
    for (other, refused) in [(Some("n"), true), (Some("a"), false), (None, false)] {
        let mut it = saving().await;
        assert_eq!(it.session.get("n").unwrap(), Some(1));
        let result = it.go_on(other).await;
        assert_eq!(result.is_err(), refused, "{other:?}");
    }
}

#[tokio::test]
async fn what_the_save_sets_itself_does_not_count() {
    let mut it = saving().await;
    assert_eq!(it.session.get("mine").unwrap(), Some(1));
    it.go_on(Some("mine")).await.unwrap();
}

#[tokio::test]
async fn all_keys_count_with_those_of_the_save() {
    for (other, refused) in [(None, false), (Some("a"), true), (Some("c"), true)] {
        let mut it = saving().await;
        assert_eq!(it.session.len().unwrap(), 4);
        let result = it.go_on(other).await;
        assert_eq!(result.is_err(), refused, "{other:?}");
    }
}

#[tokio::test]
async fn it_counts_together_with_what_was_read_before_a_save_that_failed() {
    let read_b: Step = |session| session.get::<i64>("b").map(drop);
    let read_all: Step = |session| session.keys().map(drop);
    for (read, other, refused) in [
        (read_b, "a", true),
        (read_b, "b", true),
        (read_b, "c", false),
        (read_all, "c", true),
    ] {
        let house = refusing();
        let (session, id) = house.session().await;
        get(&session).unwrap();
        session.insert("mine", 1).unwrap();
        for _ in 0..2 {
            house.store.fail_next("replace", Fault::Unavailable);
        }
        let gate = house.store.gate_next("replace");
        let saved = session.clone();
        let save = tokio::spawn(async move { saved.save().await });
        house.store.called("replace", 1).await;
        read(&session).unwrap();
        gate.open();
        assert_eq!(
            save.await.unwrap().unwrap_err().kind(),
            ErrorKind::Unavailable
        );
        house.set(&id, other, 7).await;
        assert_eq!(session.save().await.is_err(), refused, "{other}");
    }
}

#[tokio::test]
async fn it_counts_after_the_save_too() {
    let mut it = saving().await;
    assert_eq!(it.session.get("a").unwrap(), Some(1));
    it.gate.open();
    (&mut it.save).await.unwrap().unwrap();
    it.house.set(&it.id, "a", 7).await;
    it.session.insert("later", 1).unwrap();
    assert_stale(it.session.save().await);
}
