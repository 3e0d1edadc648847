//! Sessions that are ended from elsewhere.

use crate::support::{Fault, assert_interrupted, assert_ok, kind_of, layer, layer_with};
use crate::{labels, list, lives, log_in, logged_in, session_of};
use sessile::{ErrorKind, Session};

#[tokio::test]
async fn one_is_ended_by_its_handle() {
    let (layer, store, _) = layer();
    let phone = logged_in(&layer, "alice", "phone").await;
    let laptop = logged_in(&layer, "alice", "laptop").await;
    let theirs = layer.sessions().of("alice");
    let handle = list(&layer.sessions(), "alice").await[0].handle();
    store.calls();
    assert!(theirs.end(handle).await.unwrap());
    let (mark, end, strike) = (["get", "replace"], ["get", "delete"], ["get", "replace"]);
    assert_eq!(store.calls(), [mark, end, strike].concat());
    assert!(!lives(&layer, &phone).await && lives(&layer, &laptop).await);
    assert_eq!(labels(&layer, "alice").await, ["laptop"]);
    assert!(!theirs.end(handle).await.unwrap(), "it has ended already");
    assert_eq!(store.len(), 2);
}

#[tokio::test]
async fn a_handle_of_somebody_else_is_an_unknown_one() {
    let (layer, _, _) = layer();
    let alice = logged_in(&layer, "alice", "").await;
    logged_in(&layer, "bob", "").await;
    let handle = list(&layer.sessions(), "alice").await[0].handle();
    assert!(!layer.sessions().of("bob").end(handle).await.unwrap());
    assert!(lives(&layer, &alice).await);
}

#[tokio::test]
async fn all_others_are_ended_from_within_a_request() {
    let (layer, _, _) = layer();
    let phone = logged_in(&layer, "alice", "phone").await;
    let tablet = logged_in(&layer, "alice", "tablet").await;
    let mut laptop = logged_in(&layer, "alice", "laptop").await;
    let bob = logged_in(&layer, "bob", "his").await;
    let (ended, answer) = laptop
        .visit(&layer, async |session: &Session| {
            // As where the password changes.
            session.renew_for("alice").unwrap();
            layer
                .sessions()
                .of("alice")
                .end_others(session)
                .await
                .unwrap()
        })
        .await;
    assert_ok(&answer);
    assert_eq!(ended, 2);
    assert!(!lives(&layer, &phone).await && !lives(&layer, &tablet).await);
    assert!(lives(&layer, &laptop).await && lives(&layer, &bob).await);
}

#[tokio::test]
async fn all_are_ended_and_a_later_login_lives() {
    let (layer, _, _) = layer();
    let mut phone = logged_in(&layer, "alice", "phone").await;
    let laptop = logged_in(&layer, "alice", "laptop").await;
    let old = phone.clone();
    phone
        .visit(&layer, async |session: &Session| session.cycle_id())
        .await;
    assert_eq!(layer.sessions().of("alice").end_all().await.unwrap(), 2);
    for browser in [&phone, &old, &laptop] {
        assert!(!lives(&layer, browser).await);
    }
    log_in(&layer, &mut phone, "alice", "again").await;
    assert_eq!(labels(&layer, "alice").await, ["again"]);
}

#[tokio::test]
async fn a_write_or_a_rotation_in_flight_does_not_bring_an_ended_session_back() {
    for rotates in [false, true] {
        let (layer, _, _) = layer_with(|builder| builder.error_response(kind_of));
        let mut browser = logged_in(&layer, "alice", "").await;
        let before = browser.clone();
        let (_, answer) = browser
            .visit(&layer, async |session: &Session| {
                session.insert("n", 1).unwrap();
                if rotates {
                    session.cycle_id();
                }
                layer.sessions().of("alice").end_all().await.unwrap();
            })
            .await;
        assert_interrupted(&answer);
        assert!(!lives(&layer, &before).await);
        assert_eq!(labels(&layer, "alice").await, [""; 0]);
    }
}

#[tokio::test]
async fn a_login_that_meets_the_end_of_all_is_interrupted() {
    let (layer, store, _) = layer_with(|builder| builder.error_response(kind_of));
    logged_in(&layer, "alice", "first").await;
    let gate = store.gate_next("add");
    let (answer, ended) = tokio::join!(
        async {
            let mut browser = crate::support::Browser::new();
            let login = async |session: &Session| session.renew_for("alice").unwrap();
            browser.visit(&layer, login).await.1
        },
        async {
            gate.reached().await;
            let ended = layer.sessions().of("alice").end_all().await;
            gate.open();
            ended.unwrap()
        }
    );
    assert_eq!(ended, 1, "the other one was not written yet");
    assert_interrupted(&answer);
    assert_eq!(labels(&layer, "alice").await, [""; 0]);
    assert_eq!(store.len(), 1, "the roster alone");
}

#[tokio::test]
async fn what_could_not_be_ended_is_still_in_the_list() {
    let (layer, store, _) = layer();
    let phone = logged_in(&layer, "alice", "phone").await;
    let laptop = logged_in(&layer, "alice", "laptop").await;
    for _ in 0..2 {
        store.fail_next("delete", Fault::Unavailable);
    }
    let error = layer.sessions().of("alice").end_all().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(lives(&layer, &phone).await && lives(&layer, &laptop).await);
    assert_eq!(labels(&layer, "alice").await, ["phone", "laptop"]);
    assert_eq!(layer.sessions().of("alice").end_all().await.unwrap(), 2);
    assert!(!lives(&layer, &phone).await && !lives(&layer, &laptop).await);
}

#[tokio::test]
async fn one_that_could_not_be_ended_is_not_told_of_another() {
    let (layer, store, _) = layer();
    let phone = logged_in(&layer, "alice", "phone").await;
    let mut laptop = logged_in(&layer, "alice", "laptop").await;
    let theirs = layer.sessions().of("alice");
    let list = list(&layer.sessions(), "alice").await;
    let laptops = list[1].handle();
    for _ in 0..2 {
        store.fail_next("delete", Fault::Unavailable);
    }
    theirs.end(list[0].handle()).await.unwrap_err();
    let logout = async |session: &Session| session.flush();
    laptop.visit(&layer, logout).await;
    // The phone's session is ended now, but that is not what was asked.
    assert!(!theirs.end(laptops).await.unwrap());
    assert!(!lives(&layer, &phone).await);
}

#[tokio::test]
async fn the_next_login_ends_what_an_end_of_all_left() {
    let (layer, store, _) = layer();
    let phone = logged_in(&layer, "alice", "phone").await;
    for _ in 0..2 {
        store.fail_next("delete", Fault::Unavailable);
    }
    layer.sessions().of("alice").end_all().await.unwrap_err();
    logged_in(&layer, "alice", "again").await;
    assert!(!lives(&layer, &phone).await);
    assert_eq!(labels(&layer, "alice").await, ["again"]);
}

#[tokio::test]
async fn a_visitor_whose_login_failed_is_left_alone_when_he_is_somebody_else_by_then() {
    let (layer, store, _) = layer();
    let mut browser = crate::support::Browser::with_n(&layer).await;
    // He is entered in the list of alice, and then his session cannot be written.
    for _ in 0..2 {
        store.fail_next("replace", Fault::Unavailable);
    }
    let login = async |session: &Session| session.renew_for("alice").unwrap();
    assert_eq!(browser.visit(&layer, login).await.1.status, 503);
    log_in(&layer, &mut browser, "bob", "his").await;
    assert_eq!(layer.sessions().of("alice").end_all().await.unwrap(), 0);
    assert!(lives(&layer, &browser).await);
    assert_eq!(labels(&layer, "bob").await, ["his"]);
}

#[tokio::test]
async fn a_logout_is_done_although_the_roster_cannot_be_written() {
    let (layer, store, _) = layer();
    let mut browser = logged_in(&layer, "alice", "").await;
    for _ in 0..2 {
        store.fail_next("replace", Fault::Unavailable);
    }
    let (_, answer) = browser
        .visit(&layer, async |session: &Session| session.flush())
        .await;
    assert_ok(&answer);
    assert!(browser.id().is_none());
    assert_eq!(labels(&layer, "alice").await, [""; 0]);
}

#[tokio::test]
async fn a_session_without_a_roster_lives_until_it_ends_by_itself() {
    let (layer, store, _) = layer();
    let browser = logged_in(&layer, "alice", "").await;
    assert!(store.evict(&store.roster()));
    assert_eq!(layer.sessions().of("alice").end_all().await.unwrap(), 0);
    assert!(lives(&layer, &browser).await, "as the docs say");
    // The next login of that session enters it again.
    let mut again = browser.clone();
    log_in(&layer, &mut again, "alice", "again").await;
    assert!(
        session_of(&layer, &again)
            .await
            .belongs_to("alice")
            .unwrap()
    );
    assert_eq!(labels(&layer, "alice").await, ["again"]);
}
