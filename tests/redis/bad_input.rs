//! What somebody else put where a session should be.

use crate::support::Browser;
use crate::support::redis::{cli, redis, store_at};
use crate::support::server::Server;
use crate::visitor::app;
use axum::Router;
use http::StatusCode;
use sessile::store::{Added, Deleted, Replaced, Store as _, StoreError, StoreKey, Version};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

async fn session() -> (Server, Router, Browser, String) {
    let server = redis(&[]);
    let app = app(store_at(server.port()));
    let mut browser = Browser::new();
    browser.get(&app, "/insert:a:1").await;
    let name = cli(server.port(), &["keys", "*"]);
    assert!(name.starts_with("sessile:{"), "{name}");
    (server, app, browser, name)
}

#[tokio::test]
async fn what_is_no_session_is_unreadable_and_can_be_left() {
    let spoilers: [&[&str]; 7] = [
        &["set", "KEY", ""],
        &["set", "KEY", "short"],
        &["set", "KEY", "exactly8"],
        &["set", "KEY", "longer than a version, and no record"],
        &["lpush", "KEY", "a list"],
        &["hset", "KEY", "a", "hash"],
        &["setrange", "KEY", "8", "\x02"],
    ];
    for spoiler in spoilers {
        let (server, app, mut browser, name) = session().await;
        if spoiler[0] != "setrange" {
            cli(server.port(), &["del", &name]);
        }
        let command: Vec<_> = spoiler
            .iter()
            .map(|word| if *word == "KEY" { &name } else { *word })
            .collect();
        cli(server.port(), &command);
        for path in ["/show", "/insert:b:2", "/increment:a"] {
            let answer = browser.clone().get(&app, path).await;
            assert_eq!(
                answer.status,
                StatusCode::INTERNAL_SERVER_ERROR,
                "{spoiler:?}"
            );
            assert_eq!(answer.body, "[Undecodable]", "{spoiler:?}");
            assert_eq!(answer.set_cookies(), [""; 0]);
        }
        // A logout gets rid of it, and a login works.
        let answer = browser.get(&app, "/flush/insert:a:2").await;
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{spoiler:?}: {}",
            answer.body
        );
        assert_eq!(cli(server.port(), &["exists", &name]), "0");
        assert_eq!(browser.sees(&app).await, "a=2");
    }
}

#[tokio::test]
async fn a_key_without_a_lifetime_gets_one_with_the_next_write() {
    let (server, app, browser, name) = session().await;
    assert_eq!(cli(server.port(), &["persist", &name]), "1");
    assert_eq!(browser.sees(&app).await, "a=1");
    assert_eq!(
        browser.clone().get(&app, "/insert:b:2").await.status,
        StatusCode::OK
    );
    let left: i64 = cli(server.port(), &["ttl", &name]).parse().unwrap();
    assert!(left > 0);
}

#[tokio::test]
async fn a_record_that_is_copied_to_another_key_is_nobodys_session() {
    let (server, app, browser, name) = session().await;
    let mut other = Browser::new();
    other.get(&app, "/insert:secret:7").await;
    let keys = cli(server.port(), &["keys", "*"]);
    let others = keys.lines().find(|key| *key != name).unwrap();
    assert_eq!(cli(server.port(), &["copy", others, &name, "replace"]), "1");
    assert_eq!(browser.sees(&app).await, "");
}

#[tokio::test]
async fn the_verbs_on_a_key_of_another_type() {
    let server = redis(&[]);
    let store = store_at(server.port());
    let key = StoreKey::from_bytes([7; 32]);
    let name = format!("sessile:{{{}}}", key.to_text());
    cli(server.port(), &["lpush", &name, "a list"]);
    assert_eq!(store.add(&key, "x".into(), MINUTE).await, Ok(Added::Exists));
    for size in [10, 20_000] {
        let value = vec![0; size].into();
        let replaced = store.replace(&key, Version::new(0), value, MINUTE).await;
        assert_eq!(replaced, Ok(Replaced::Conflict));
    }
    assert_eq!(store.get(&key).await.unwrap().unwrap().value, "");
    assert_eq!(store.delete(&key).await, Ok(Deleted::Done));
}

#[tokio::test]
async fn the_longest_lifetime_and_the_shortest() {
    let server = redis(&[]);
    let store = store_at(server.port());
    for size in [10, 20_000] {
        let key = StoreKey::from_bytes([7; 32]);
        let value = vec![0_u8; size];
        let Ok(Added::Done(version)) = store.add(&key, value.clone().into(), Duration::MAX).await
        else {
            panic!("not added");
        };
        let replaced = store
            .replace(&key, version, value.clone().into(), Duration::MAX)
            .await;
        let Ok(Replaced::Done(version)) = replaced else {
            panic!("{replaced:?}")
        };
        let name = format!("sessile:{{{}}}", key.to_text());
        let left: i64 = cli(server.port(), &["pttl", &name]).parse().unwrap();
        assert!(left > 1_000_000_000_000_000_000, "{left}");
        let short = Duration::from_nanos(1);
        let replaced = store.replace(&key, version, value.into(), short).await;
        assert!(matches!(replaced, Ok(Replaced::Done(_))));
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(store.get(&key).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_value_over_what_a_string_can_hold_is_too_large() {
    let store = store_at(1);
    let key = StoreKey::from_bytes([7; 32]);
    let value = bytes::Bytes::from(vec![0; 512 << 20]);
    assert_eq!(
        store.add(&key, value, MINUTE).await,
        Err(StoreError::too_large())
    );
}
