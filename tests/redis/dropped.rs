//! Calls that are dropped at any point, while two users share the connection.

use crate::support::redis::{redis, store_at};
use crate::support::{Browser, drops};
use http::StatusCode;
use sessile::store::{Added, Replaced, Store as _, StoreKey};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tower::ServiceExt as _;

const MINUTE: Duration = Duration::from_secs(60);

/// Polls the future so often and drops it, or takes what it returns before that.
async fn dropped_after<T>(polls: u32, future: impl Future<Output = T>) {
    let mut future = pin!(future);
    for _ in 0..polls {
        let ready = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await;
        if ready {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_call_gives_nobody_anothers_answer() {
    let server = redis(&[]);
    let store = store_at(server.port());
    let keys = [1, 2].map(|user| StoreKey::from_bytes([user; 32]));
    // One value is small and one is large, so both ways to replace are among the dropped.
    let values = [vec![1_u8; 50], vec![2; 9_000]];
    let mut versions = Vec::new();
    for (key, value) in keys.iter().zip(&values) {
        let Ok(Added::Done(version)) = store.add(key, value.clone().into(), MINUTE).await else {
            panic!("not added");
        };
        versions.push(version);
    }
    for round in 0..drops(5_000) {
        let user = round as usize % 2;
        let (key, value, version) = (&keys[user], &values[user], versions[user]);
        let polls = round / 2 % 5;
        match round / 10 % 4 {
            0 => dropped_after(polls, store.get(key)).await,
            1 => dropped_after(polls, store.add(key, "never".into(), MINUTE)).await,
            2 => {
                let replace = store.replace(key, version, value.clone().into(), MINUTE);
                dropped_after(polls, replace).await;
            }
            _ => dropped_after(polls, store.delete(&StoreKey::from_bytes([3; 32]))).await,
        }
        for (user, key) in keys.iter().enumerate() {
            let entry = store.get(key).await.unwrap().unwrap();
            assert!(
                entry.value == values[user],
                "another's answer in round {round}"
            );
            versions[user] = entry.version;
        }
        if round % 7 == 0 {
            let value = values[user].clone().into();
            match store
                .replace(&keys[user], versions[user], value, MINUTE)
                .await
            {
                Ok(Replaced::Done(version)) => versions[user] = version,
                // The dropped one came in between.
                Ok(Replaced::Conflict) => {}
                other => panic!("{other:?} in round {round}"),
            }
        }
    }
}

/// The same, one floor up: requests whose clients hang up, at any point.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_request_shows_nobody_anothers_session() {
    let server = redis(&[]);
    let app = crate::visitor::app(store_at(server.port()));
    let mut users = [Browser::new(), Browser::new()];
    for (number, user) in users.iter_mut().enumerate() {
        let path = format!("/insert:user{number}:{number}/insert:n:0");
        assert_eq!(user.get(&app, &path).await.status, StatusCode::OK);
    }
    for round in 0..drops(5_000) {
        let path = ["/show", "/increment:n", "/load/save/increment:n"][round as usize / 2 % 3];
        let request = users[round as usize % 2].request("GET", path);
        dropped_after(round / 6 % 6, app.clone().oneshot(request)).await;
        for (number, user) in users.iter().enumerate() {
            let seen = user.sees(&app).await;
            let own = format!(" user{number}={number}");
            assert!(seen.starts_with("n=") && seen.ends_with(&own), "{seen}");
            assert_eq!(seen.matches("user").count(), 1, "{seen}");
        }
    }
}

/// The task that keeps the connection ends with the store.
#[tokio::test]
async fn a_store_that_is_dropped_closes_its_connection() {
    let server = redis(&[]);
    let store = store_at(server.port());
    let key = StoreKey::from_bytes([7; 32]);
    assert!(store.get(&key).await.unwrap().is_none());
    let clients = || {
        crate::support::redis::cli(server.port(), &["client", "list"])
            .lines()
            .count()
    };
    assert_eq!(clients(), 2);
    drop(store);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(clients(), 1);
}

#[test]
fn a_store_outlives_the_runtime_that_it_was_first_used_in() {
    let server = redis(&[]);
    let store = store_at(server.port());
    let key = StoreKey::from_bytes([7; 32]);
    for _ in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        assert!(
            runtime
                .unwrap()
                .block_on(store.get(&key))
                .unwrap()
                .is_none()
        );
    }
    // And without any it is an error.
    assert!(futures_executor::block_on(store.get(&key)).is_err());
}
