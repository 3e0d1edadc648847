//! `save` and `reload` under the policy.

use crate::support::{Browser, DAY, Fault, TestStore, layer_with, now};
use crate::{assert_stale, get, refusing};
use axum::response::IntoResponse as _;
use sessile::test_util::{ManualClock, SeededRandom};
use sessile::{Conflict, ErrorKind, OnStoreError, Session, SessionLayer};
use std::sync::Arc;

#[tokio::test]
async fn a_save_that_is_refused_can_be_followed_by_a_reload_and_made_anew() {
    let house = refusing();
    let (session, id) = house.session().await;
    get(&session).unwrap();
    session.insert("a", 2).unwrap();
    session.insert("mine", 1).unwrap();
    session.set_expiry(DAY);
    house.set(&id, "a", 5).await;
    assert_stale(session.save().await);
    assert_eq!(house.store.calls(), ["replace", "get"]);

    // Nothing is lost, and nothing is stored: not even if it is tried again.
    assert!(session.is_modified());
    assert_eq!(session.get("a").unwrap(), Some(2));
    assert_stale(session.save().await);
    assert_eq!(house.store.calls(), [""; 0]);
    assert_eq!(house.value(&id, "mine").await, None);

    session.reload().await.unwrap();
    assert!(!session.is_modified());
    assert_eq!(session.get("a").unwrap(), Some(5));
    session.insert("a", 6).unwrap();
    session.save().await.unwrap();
    assert_eq!(house.value(&id, "a").await, Some(6));
    assert_eq!(house.value(&id, "mine").await, None);
    let default = sessile::Expiry::Default;
    assert_eq!(house.load(&id).await.expiry().unwrap(), default);
}

#[tokio::test]
async fn a_handler_that_ignores_what_a_save_said_is_refused_at_the_end() {
    for reloads in [false, true] {
        let house = refusing();
        let mut browser = house.browser().await;
        let id = browser.id().unwrap().parse().unwrap();
        let answer = browser
            .answer(&house.layer, async |session: Session| {
                get(&session).unwrap();
                session.insert("mine", 1).unwrap();
                house.set(&id, "a", 2).await;
                assert_stale(session.save().await);
                if reloads {
                    session.reload().await.unwrap();
                }
                "a page that says that somebody else was quicker".into_response()
            })
            .await;
        // After the reload there is nothing left to store, so the handler's answer stands.
        let status = if reloads { 200 } else { 409 };
        assert_eq!(answer.status, status);
        assert_eq!(answer.set_cookies(), [""; 0]);
        assert_eq!(house.value(&id, "mine").await, None);
    }
}

#[tokio::test]
async fn a_reload_does_not_put_changes_on_what_they_were_not_made_for() {
    let house = refusing();
    let (session, id) = house.session().await;
    get(&session).unwrap();
    session.insert("mine", 1).unwrap();
    house.set(&id, "a", 5).await;
    assert_stale(session.reload().await);
    assert_eq!(session.get("a").unwrap(), Some(1));
    assert!(session.is_modified());

    // The second one begins anew.
    session.reload().await.unwrap();
    assert_eq!(session.get("a").unwrap(), Some(5));
    assert!(!session.is_modified());
}

#[tokio::test]
async fn after_a_reload_that_was_refused_nothing_is_stored() {
    let house = refusing();
    let (session, id) = house.session().await;
    get(&session).unwrap();
    session.insert("mine", 1).unwrap();
    house.set(&id, "a", 5).await;
    assert_stale(session.reload().await);
    house.store.calls();
    assert_stale(session.save().await);
    assert_eq!(house.store.calls(), [""; 0]);
}

#[tokio::test]
async fn a_reload_keeps_changes_that_still_fit_and_what_they_rest_on() {
    let house = refusing();
    let (session, id) = house.session().await;
    get(&session).unwrap();
    session.insert("mine", 1).unwrap();
    house.set(&id, "b", 5).await;
    session.reload().await.unwrap();
    assert_eq!(session.get("mine").unwrap(), Some(1));
    house.set(&id, "a", 5).await;
    assert_stale(session.save().await);
    assert_eq!(house.value(&id, "mine").await, None);
}

#[tokio::test]
async fn what_was_read_before_a_reload_counts_no_more_where_nothing_rests_on_it() {
    for other in ["a", "b"] {
        let house = refusing();
        let (session, id) = house.session().await;
        get(&session).unwrap();
        house.set(&id, other, 5).await;
        session.reload().await.unwrap();
        session.insert("mine", 1).unwrap();
        house.set(&id, "a", 6).await;
        session.save().await.unwrap();
        assert_eq!(house.value(&id, "mine").await, Some(1));
    }
}

#[tokio::test]
async fn a_save_that_wrote_has_settled_what_was_read_before() {
    let house = refusing();
    let (session, id) = house.session().await;
    get(&session).unwrap();
    session.insert("mine", 1).unwrap();
    session.save().await.unwrap();
    house.set(&id, "a", 2).await;
    session.insert("mine", 2).unwrap();
    session.save().await.unwrap();
    assert_eq!(house.value(&id, "mine").await, Some(2));
    // What is read after it counts.
    assert_eq!(session.get("a").unwrap(), Some(2));
    house.set(&id, "a", 3).await;
    session.insert("mine", 3).unwrap();
    assert_stale(session.save().await);
}

#[tokio::test]
async fn a_save_with_nothing_to_write_settles_nothing_also_if_it_renews() {
    for (days, calls) in [(0, vec![]), (2, vec!["replace"])] {
        let house = refusing();
        let (session, id) = house.session().await;
        house.clock.advance(days * DAY);
        let session = match days {
            0 => session,
            _ => house.load(&id).await,
        };
        house.store.calls();
        get(&session).unwrap();
        session.insert("b", 1).unwrap();
        session.save().await.unwrap();
        assert_eq!(house.store.calls(), calls);
        house.set(&id, "a", 2).await;
        session.insert("mine", 1).unwrap();
        assert_stale(session.save().await);
    }
}

#[tokio::test]
async fn a_save_that_failed_settles_nothing() {
    let house = refusing();
    let (session, id) = house.session().await;
    get(&session).unwrap();
    session.insert("mine", 1).unwrap();
    house.store.fail_next("replace", Fault::Unavailable);
    house.store.fail_next("replace", Fault::Unavailable);
    let error = session.save().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    house.set(&id, "a", 2).await;
    assert_stale(session.save().await);
}

#[tokio::test]
async fn a_new_session_has_nothing_that_could_change() {
    let house = refusing();
    let session = house.layer.sessions().create();
    get(&session).unwrap();
    assert!(session.is_empty().unwrap());
    session.insert("mine", 1).unwrap();
    session.save().await.unwrap();
    let id = session.id().unwrap().unwrap();
    house.set(&id, "a", 2).await;
    session.insert("mine", 2).unwrap();
    session.save().await.unwrap();
    assert_eq!(house.value(&id, "a").await, Some(2));
}

#[tokio::test]
async fn what_was_read_of_a_session_that_stood_in_is_no_ground_to_write_on() {
    for writes in [false, true] {
        let (layer, store, _) = layer_with(|builder| {
            let builder = builder.on_store_error(OnStoreError::Anonymous);
            builder.conflict(Conflict::Refuse)
        });
        let made = layer.sessions().create();
        made.insert("n", 41).unwrap();
        made.save().await.unwrap();
        let id = made.id().unwrap().unwrap();
        store.fail_all(Fault::Unavailable);
        let answer = Browser::with_cookie("__Host-id", &id.expose())
            .answer(&layer, async |session: Session| {
                let mut n = session.get::<i64>("n")?.unwrap_or(0);
                if writes {
                    session.insert("n", n + 1)?;
                }
                store.restore();
                session.reload().await?;
                if !writes {
                    n = session.get("n")?.unwrap_or(0);
                    session.insert("n", n + 1)?;
                }
                Ok::<_, sessile::Error>(())
            })
            .await;
        assert_eq!(answer.status, if writes { 409 } else { 200 });
        let session = layer.sessions().load(&id).await.unwrap().unwrap();
        let n = if writes { 41 } else { 42 };
        assert_eq!(session.get("n").unwrap(), Some(n));
    }
}

#[tokio::test]
async fn a_save_whose_renaming_is_refused_settles_nothing() {
    const FORMER: &str = "shop";
    let (store, clock) = (TestStore::new(), Arc::new(ManualClock::new()));
    let until = now(&clock) + DAY;
    let builder = |seed| {
        SessionLayer::builder(store.clone())
            .clock(clock.clone())
            .random(Arc::new(SeededRandom::new(seed)))
            .keyspace(FORMER)
    };
    let before = builder(1).cookie_name(FORMER).build().unwrap();
    let after = builder(2).conflict(Conflict::Refuse);
    let after = after.former_cookie_name(FORMER, until).build().unwrap();
    let mut browser = Browser::with_n(&before).await;
    let mut other = browser.clone();
    let ((), answer) = browser
        .visit(&after, async |session| {
            session.get::<u32>("n").unwrap();
            let set = async |it: &Session| it.insert("n", 2).unwrap();
            other.visit(&before, set).await;
            session.save().await.unwrap();
            session.insert("mine", 1).unwrap();
        })
        .await;
    assert_eq!(answer.status, 409);
}
