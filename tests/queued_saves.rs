//! A save that waits for its turn, while what it is to store is given up.

mod support;

use http::StatusCode;
use sessile::{Error, ErrorKind, Session, SessionLayer};
use std::sync::Mutex;
use support::{Browser, Fault, TestStore, abandon, layer, settle};
use tokio::task::{JoinHandle, yield_now};
use tokio_test::{assert_pending, task};

fn save(session: &Session) -> JoinHandle<Result<(), Error>> {
    let session = session.clone();
    tokio::spawn(async move { session.save().await })
}

fn add(session: &Session, n: u32) {
    let update = move |old: Option<u32>| Some(old.unwrap_or(0) + n);
    session.update("n", update).unwrap();
}

/// What the store has for this browser.
async fn stored(layer: &SessionLayer, browser: &mut Browser) -> (Option<u32>, Option<u32>) {
    let look = async |session: &Session| (session.get("n").unwrap(), session.get("b").unwrap());
    browser.visit(layer, look).await.0
}

#[tokio::test]
async fn a_save_that_a_5xx_overtakes_is_an_error() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let gate = store.gate_next("replace");
    let given = Mutex::new(None);
    let answering = browser.answer(&layer, async |session: Session| {
        add(&session, 1);
        let first = save(&session);
        gate.reached().await;
        session.insert("b", 2).unwrap();
        *given.lock().unwrap() = Some((session, first));
        StatusCode::INTERNAL_SERVER_ERROR
    });
    let playing = async {
        settle().await;
        let (session, first) = given.lock().unwrap().take().unwrap();
        // It waits, as the answer does, and is not polled again before that has had its turn.
        let mut second = task::spawn(async move { session.save().await });
        assert_pending!(second.poll());
        gate.open();
        settle().await;
        (first.await.unwrap(), second.await)
    };
    let (answer, (first, second)) = tokio::join!(answering, playing);
    assert_eq!(answer.status, 500);
    first.unwrap();
    assert_eq!(second.unwrap_err().kind(), ErrorKind::ResponseSent);
    assert_eq!(stored(&layer, &mut browser).await, (Some(2), None));
}

/// A request that is cancelled while its save is under way, and another one waits.
async fn cancelled(
    store: &TestStore,
    layer: &SessionLayer,
    browser: &Browser,
) -> Result<(), Error> {
    let gate = store.gate_next("replace");
    let saves = Mutex::new(None);
    abandon(
        layer,
        browser.request("GET", "/"),
        async |session: Session| {
            add(&session, 1);
            let first = save(&session);
            gate.reached().await;
            session.insert("b", 2).unwrap();
            let second = save(&session);
            *saves.lock().unwrap() = Some((first, second));
            std::future::pending::<()>().await;
        },
    )
    .await;
    gate.open();
    let (first, second) = saves.lock().unwrap().take().unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap()
}

#[tokio::test]
async fn a_save_that_waits_when_the_client_leaves_is_an_error() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let second = cancelled(&store, &layer, &browser).await;
    assert_eq!(second.unwrap_err().kind(), ErrorKind::ResponseSent);
    assert_eq!(stored(&layer, &mut browser).await, (Some(2), None));
}

#[tokio::test(start_paused = true)]
async fn a_save_that_waits_for_a_commit_that_fails_is_the_same_error() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let gate = store.gate_next("replace");
    for _ in 0..2 {
        store.fail_next("replace", Fault::Unavailable);
    }
    let given = Mutex::new(None::<Session>);
    let answering = browser.visit(&layer, async |session| {
        session.insert("b", 2).unwrap();
        *given.lock().unwrap() = Some(session.clone());
    });
    let playing = async {
        gate.reached().await;
        let session = given.lock().unwrap().take().unwrap();
        let waiting = save(&session);
        yield_now().await;
        gate.open();
        waiting.await.unwrap()
    };
    let (((), answer), saved) = tokio::join!(answering, playing);
    assert_eq!(answer.status, 503);
    assert_eq!(saved.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(stored(&layer, &mut browser).await, (Some(1), None));
}

#[tokio::test]
async fn an_update_in_flight_is_made_again_on_what_it_did_not_know_though_its_client_left() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let mut other = browser.clone();
    let held = Mutex::new(None);
    abandon(
        &layer,
        browser.request("GET", "/"),
        async |session: Session| {
            add(&session, 1);
            let gate = store.gate_next("replace");
            let first = save(&session);
            gate.reached().await;
            other.visit(&layer, async |session| add(session, 100)).await;
            // Made on 2, where there will be 102.
            add(&session, 10);
            gate.open();
            first.await.unwrap().unwrap();
            let gate = store.gate_next("replace");
            for _ in 0..2 {
                store.fail_next("replace", Fault::Unavailable);
            }
            let second = save(&session);
            gate.reached().await;
            *held.lock().unwrap() = Some((session.clone(), gate, second));
            std::future::pending::<()>().await;
        },
    )
    .await;
    let (session, gate, second) = held.lock().unwrap().take().unwrap();
    gate.open();
    let failed = second.await.unwrap().unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Unavailable);
    session.save().await.unwrap();
    assert_eq!(stored(&layer, &mut browser).await, (Some(112), None));
}
