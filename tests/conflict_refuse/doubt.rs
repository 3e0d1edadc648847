//! A write in doubt, while others change what it read.

use crate::support::Fault;
use crate::{assert_stale, get, refusing};
use sessile::ErrorKind;

/// What becomes of a write that goes wrong like this, before another one changes what it read.
async fn in_doubt(fault: Fault) -> (Result<(), sessile::Error>, Option<i64>) {
    let house = refusing();
    let (session, id) = house.session().await;
    get(&session).unwrap();
    session.insert("mine", 1).unwrap();
    house.store.fail_next("replace", fault);
    let gate = house.store.gate_next("get");
    let saving = tokio::spawn(async move { session.save().await });
    house.store.called("get", 1).await;
    house.set(&id, "a", 2).await;
    gate.open();
    (saving.await.unwrap(), house.value(&id, "mine").await)
}

#[tokio::test]
async fn one_that_was_done_is_done_whatever_was_changed_after_it() {
    let (result, mine) = in_doubt(Fault::LostAnswer).await;
    result.unwrap();
    assert_eq!(mine, Some(1));
}

#[tokio::test]
async fn one_that_was_lost_is_refused_for_sure() {
    let (result, mine) = in_doubt(Fault::Lost).await;
    assert_stale(result);
    assert_eq!(mine, None);
}

#[tokio::test]
async fn one_that_nobody_knows_of_takes_what_it_read_along() {
    let house = refusing();
    let (session, id) = house.session().await;
    get(&session).unwrap();
    session.insert("a", 2).unwrap();
    house.store.fail_next("replace", Fault::LostAnswer);
    house.store.fail_next("get", Fault::Unavailable);
    let error = session.save().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unknown);
    // It was done, so what was read has changed: by this very session.
    session.insert("mine", 1).unwrap();
    session.save().await.unwrap();
    assert_eq!(house.value(&id, "mine").await, Some(1));
}
