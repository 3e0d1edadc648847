//! Each event, by a request that causes it.

use crate::support::{Browser, DAY, Fault, assert_interrupted, assert_ok};
use crate::{watched, watched_with};
use sessile::{Conflict, OnStoreError, Unreadable, WhenMany};
use std::time::{Duration, UNIX_EPOCH};
use tokio::time::advance;

#[tokio::test]
async fn the_life_of_a_session() {
    let it = watched();
    let mut browser = Browser::new();
    browser.get(&it.app, "/show").await;
    assert_eq!(it.told(), [""; 0]);
    browser.get(&it.app, "/insert:a:1").await;
    assert_eq!(it.told(), ["DEBUG created"]);
    browser.get(&it.app, "/insert:a:2").await;
    assert_eq!(it.told(), ["TRACE loaded"]);
    it.clock.advance(2 * DAY);
    browser.get(&it.app, "/show").await;
    assert_eq!(it.told(), ["TRACE loaded", "DEBUG renewed"]);
    browser.get(&it.app, "/cycle").await;
    assert_eq!(it.told(), ["TRACE loaded", "DEBUG rotated"]);
    it.clock.advance(2 * DAY);
    browser.get(&it.app, "/insert:a:3").await;
    assert_eq!(it.told(), ["TRACE loaded", "DEBUG renewed"]);
    let mut late = browser.clone();
    browser.get(&it.app, "/flush/insert:a:1").await;
    assert_eq!(it.told(), ["TRACE loaded", "DEBUG ended", "DEBUG created"]);
    late.get(&it.app, "/flush").await;
    assert_eq!(it.told(), ["DEBUG unknown_id"]);
    it.clock.advance(15 * DAY);
    browser.get(&it.app, "/show").await;
    assert_eq!(it.told(), ["DEBUG expired"]);
}

#[tokio::test]
async fn a_session_that_gets_another_cookie_name_is_rotated() {
    let until = UNIX_EPOCH + 1_000_000 * DAY;
    let it = watched_with(|builder| builder.keyspace("shop").former_cookie_name("old", until));
    let browser = Browser::with_session(&it.app, &it.store, "/insert:a:1").await;
    let mut browser = Browser::with_cookie("old", browser.id().unwrap());
    it.told();
    assert_ok(&browser.get(&it.app, "/show").await);
    assert_eq!(it.told(), ["TRACE loaded", "DEBUG rotated"]);
}

#[tokio::test]
async fn cookies_that_name_no_session() {
    let it = watched();
    for (value, told) in [
        ("nonsense", "DEBUG malformed_cookie"),
        ("", "DEBUG malformed_cookie"),
        (&*"A".repeat(43), "DEBUG unknown_id"),
    ] {
        let mut browser = Browser::with_cookie("__Host-id", value);
        assert_ok(&browser.get(&it.app, "/show").await);
        assert_eq!(it.told(), [told]);
    }
    // One that was retired a moment ago finds nothing, and may change nothing.
    let mut browser = Browser::with_session(&it.app, &it.store, "/insert:a:1").await;
    let mut late = browser.clone();
    browser.get(&it.app, "/cycle").await;
    it.told();
    late.get(&it.app, "/show").await;
    assert_eq!(it.told(), ["DEBUG unknown_id"]);
    assert_interrupted(&late.get(&it.app, "/insert:a:1").await);
    assert_eq!(it.told(), ["DEBUG unknown_id", "DEBUG interrupted"]);
}

#[tokio::test]
async fn requests_that_overlap() {
    let it = watched();
    let mut browser = Browser::with_session(&it.app, &it.store, "/insert:a:1").await;
    let slow = browser.start(&it.app, "/insert:b:2/hold").held().await;
    browser.get(&it.app, "/insert:c:3").await;
    it.told();
    slow.finish().await;
    assert_eq!(it.told(), ["DEBUG merged"]);

    let slow = browser.start(&it.app, "/cycle/hold").held().await;
    browser.get(&it.app, "/insert:c:4").await;
    it.told();
    slow.finish().await;
    assert_eq!(it.told(), ["DEBUG merged", "DEBUG rotated"]);

    let mut browser = Browser::new();
    browser.get(&it.app, "/insert:a:1").await;
    let slow = browser.start(&it.app, "/insert:b:2/hold").held().await;
    browser.get(&it.app, "/flush").await;
    it.told();
    assert_interrupted(&slow.finish().await);
    assert_eq!(it.told(), ["DEBUG interrupted"]);
}

#[tokio::test]
async fn a_session_that_reaches_its_end_while_a_request_runs() {
    let it = watched();
    let browser = Browser::with_session(&it.app, &it.store, "/insert:a:1").await;
    let slow = browser.start(&it.app, "/insert:a:2/hold").held().await;
    it.told();
    it.clock.advance(31 * DAY);
    assert_eq!(slow.finish().await.body, "Expired");
    assert_eq!(it.told(), ["DEBUG expired"]);
}

#[tokio::test]
async fn records_that_cannot_be_read() {
    for policy in [Unreadable::Fail, Unreadable::Empty] {
        let it = watched_with(|builder| builder.unreadable(policy));
        let mut browser = Browser::with_session(&it.app, &it.store, "/insert:a:1").await;
        it.store.tamper("damaged");
        it.told();
        browser.get(&it.app, "/show").await;
        assert_eq!(it.told(), ["WARN unreadable"]);

        // The list of a user's sessions is a record too.
        let it = watched_with(|builder| builder.unreadable(policy));
        let log_in = async |session: &sessile::Session| session.renew_for("alice").unwrap();
        Browser::new().visit(&it.layer, log_in).await;
        it.store.put(&it.store.roster(), "damaged");
        it.told();
        let list = it.layer.sessions().of("alice").list().await;
        assert_eq!(list.is_ok(), policy == Unreadable::Empty);
        assert_eq!(it.told(), ["WARN unreadable"]);
    }
}

#[tokio::test]
async fn changes_that_are_refused() {
    let it = watched_with(|builder| builder.max_size(140));
    let long = "k".repeat(100);
    let answer = Browser::new()
        .get(&it.app, &format!("/insert:{long}:1"))
        .await;
    assert_eq!(answer.body, "[TooLarge]");
    assert_eq!(it.told(), ["WARN refused TooLarge"]);
    let answer = Browser::new()
        .get(&it.app, &format!("/increment:{long}"))
        .await;
    assert_eq!(answer.body, "[TooLarge]");
    assert_eq!(it.told(), ["DEBUG refused TooLarge"]);

    it.store.fail_next("add", Fault::Full);
    let answer = Browser::new().get(&it.app, "/insert:a:1").await;
    assert_eq!(answer.body, "StoreFull");
    assert_eq!(it.told(), ["WARN refused StoreFull"]);
}

/// What users do is no warning.
#[tokio::test]
async fn an_answer_that_others_made_stale() {
    let it = watched_with(|builder| builder.conflict(Conflict::Refuse));
    let mut browser = Browser::with_session(&it.app, &it.store, "/insert:a:1").await;
    let slow = browser.start(&it.app, "/show/insert:b:2/hold").held().await;
    browser.get(&it.app, "/insert:a:3").await;
    it.told();
    assert_eq!(slow.finish().await.body, "Stale");
    assert_eq!(it.told(), ["DEBUG refused Stale"]);
}

#[tokio::test]
async fn the_sessions_of_a_user() {
    let login = async |it: &crate::Watched| {
        let mut browser = Browser::new();
        let log_in = async |session: &sessile::Session| session.renew_for("alice").unwrap();
        browser.visit(&it.layer, log_in).await.1.status.as_u16()
    };
    let it = watched_with(|builder| builder.sessions_per_user(1, WhenMany::Refuse));
    assert_eq!(login(&it).await, 200);
    it.told();
    assert_eq!(login(&it).await, 403);
    // The limit looks first who still lives.
    it.clock.advance(Duration::from_secs(100));
    assert_eq!(login(&it).await, 403);
    let many = "DEBUG refused TooManySessions";
    assert_eq!(it.told(), [many, many]);
    it.clock.advance(15 * DAY);
    assert_eq!(login(&it).await, 200);
    assert_eq!(it.told(), ["DEBUG expired", "DEBUG created"]);

    let it = watched_with(|builder| builder.sessions_per_user(1, WhenMany::EndOldest));
    login(&it).await;
    it.told();
    login(&it).await;
    assert_eq!(it.told(), ["DEBUG ended", "DEBUG created"]);
    it.layer.sessions().of("alice").end_all().await.unwrap();
    assert_eq!(it.told(), ["DEBUG ended"]);
}

#[tokio::test]
async fn errors_of_the_store() {
    for (verb, path, fault, told) in [
        (
            "get",
            "/show",
            Fault::Unavailable,
            &["WARN store_error Unavailable get"][..],
        ),
        // Worked around, and told all the same.
        (
            "replace",
            "/insert:a:2",
            Fault::Unavailable,
            &["TRACE loaded", "WARN store_error Unavailable replace"],
        ),
        (
            "replace",
            "/insert:a:2",
            Fault::LostAnswer,
            &["TRACE loaded", "WARN store_error Unknown replace"],
        ),
        (
            "delete",
            "/flush",
            Fault::LostAnswer,
            &[
                "TRACE loaded",
                "WARN store_error Unknown delete",
                "DEBUG ended",
            ],
        ),
    ] {
        let it = watched();
        let mut browser = Browser::with_session(&it.app, &it.store, "/insert:a:1").await;
        it.told();
        it.store.fail_next(verb, fault);
        browser.get(&it.app, path).await;
        assert_eq!(it.told(), told, "{verb} {fault:?}");
    }
    let it = watched();
    let mut browser = Browser::with_session(&it.app, &it.store, "/insert:a:1").await;
    it.told();
    it.store.fail_next("get", Fault::Lost);
    browser.get(&it.app, "/reload/show").await;
    let mut browser = Browser::with_session(&it.app, &it.store, "/insert:a:1").await;
    it.told();
    it.store.fail_next("add", Fault::Unavailable);
    it.store.fail_next("add", Fault::Unavailable);
    assert_eq!(browser.get(&it.app, "/flush/insert:b:1").await.status, 503);
    let told = [
        "TRACE loaded",
        "DEBUG ended",
        "WARN store_error Unavailable add",
        "DEBUG store_error Unavailable add",
        "WARN refused Unavailable",
    ];
    assert_eq!(it.told(), told);
}

#[tokio::test]
async fn an_outage_that_visitors_do_not_see() {
    let it = watched_with(|builder| builder.on_store_error(OnStoreError::Anonymous));
    let mut browser = Browser::with_session(&it.app, &it.store, "/insert:a:1").await;
    it.told();
    it.store.fail_all(Fault::Unavailable);
    assert_ok(&browser.get(&it.app, "/show/insert:a:2").await);
    assert_eq!(it.told(), ["WARN store_error Unavailable get"]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_slow() {
    for (verb, rest) in [("get", &["TRACE loaded"][..]), ("replace", &[])] {
        let it = watched();
        let mut browser = Browser::with_session(&it.app, &it.store, "/insert:a:1").await;
        // Half of the two seconds, and not yet half of them.
        for (wait, slow) in [(1100, true), (900, false)] {
            it.told();
            let gate = it.store.gate_next(verb);
            let open = async {
                it.store.called(verb, 1).await;
                advance(Duration::from_millis(wait)).await;
                // So that whoever waits notices the time.
                tokio::task::yield_now().await;
                gate.open();
            };
            let path = format!("/insert:a:{wait}");
            assert_ok(&tokio::join!(browser.get(&it.app, &path), open).0);
            it.store.calls();
            let mut told = it.told();
            told.retain(|event| event != "TRACE loaded" || verb == "get");
            let slow = slow.then(|| format!("WARN slow_store {verb}"));
            let expected = slow
                .into_iter()
                .chain(rest.iter().map(|it| (*it).to_owned()));
            assert_eq!(told, expected.collect::<Vec<_>>(), "{verb} {wait}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers() {
    let it = watched();
    let mut browser = Browser::with_session(&it.app, &it.store, "/insert:a:1").await;
    it.told();
    it.store.fail_next("get", Fault::Hang);
    browser.get(&it.app, "/show").await;
    let told = ["WARN slow_store get", "WARN store_error TimedOut get"];
    assert_eq!(it.told(), told);
}

#[tokio::test]
async fn a_merge_that_grows_too_large_is_refused_and_no_merge() {
    let it = watched_with(|builder| builder.max_size(400));
    let mut browser = Browser::with_session(&it.app, &it.store, "/insert:a:1").await;
    let long = |letter: &str| format!("/insert:{}:1", letter.repeat(150));
    let slow = browser
        .start(&it.app, &format!("{}/hold", long("b")))
        .held()
        .await;
    assert_ok(&browser.get(&it.app, &long("c")).await);
    it.told();
    assert_eq!(slow.finish().await.body, "TooLarge");
    assert_eq!(it.told(), ["WARN refused TooLarge"]);
}
