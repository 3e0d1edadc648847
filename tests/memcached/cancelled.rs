//! Calls that are dropped in the middle, and runtimes that end.

use crate::app::{app, session};
use crate::servers::{memcached, store, store_at};
use crate::support::drops;
use bytes::Bytes;
use sessile::store::{Added, Store, StoreKey, Version};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

const MINUTE: Duration = Duration::from_secs(60);

/// Polls a call so often, and drops it.
async fn dropped_after<F: Future>(polls: u32, call: F) {
    let mut call = pin!(call);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 || call.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        left -= 1;
        // At once or when it is woken, so that it gets to each of its points.
        if left == 0 {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

type Call<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// One user's calls: most are dropped, and those that are not must get the answers to him.
async fn user(store: &impl Store, user: u8, calls: u32) {
    let [own, other] = [user, user + 100].map(|byte| StoreKey::from_bytes([byte; 32]));
    let value = Bytes::from(vec![user; usize::from(user) * 50]);
    let add = store.add(&own, value.clone(), MINUTE).await.unwrap();
    let Added::Done(version) = add else {
        panic!("it exists");
    };
    for n in 0..calls {
        let call: Call<'_> = match n % 5 {
            0 | 1 => Box::pin(async { drop(store.get(&own).await) }),
            2 => Box::pin(async {
                let _ = store.add(&other, value.clone(), MINUTE).await;
            }),
            3 => {
                let late = Version::new(version.get() ^ 1 << 60);
                Box::pin(async move {
                    let _ = store.replace(&other, late, Bytes::new(), MINUTE).await;
                })
            }
            _ => Box::pin(async {
                let _ = store.delete(&other).await;
            }),
        };
        dropped_after(n / 5 % 4, call).await;
        if n % 10 == 0 {
            let entry = store.get(&own).await.unwrap().unwrap();
            assert!(
                entry.value == value && entry.version == version,
                "a neighbour's answer"
            );
            assert!(
                store
                    .get(&StoreKey::from_bytes([200; 32]))
                    .await
                    .unwrap()
                    .is_none()
            );
        }
        // Those who are dropped leave their place when the answer has come.
        if n % 500 == 0 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_calls_of_two_users_mix_up_no_answers() {
    let server = memcached();
    let store = store([&server]);
    let users = [1, 2].map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { user(&store, number, drops(100_000) / 2).await })
    });
    for user in users {
        user.await.unwrap();
    }
}

/// The same through a layer: a commit that has begun is finished all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_requests_of_two_users_mix_up_no_sessions() {
    let server = memcached();
    let app = app(store([&server]));
    let users = [1, 2].map(|user| {
        let app = app.clone();
        tokio::spawn(async move {
            let browser = session(&app, &format!("/insert:user:{user}")).await;
            for n in 0..drops(20_000) / 2 {
                let path = ["/load/show", "/increment:n", "/cycle/fail", "/"][n as usize % 4];
                let request = browser.request("GET", path);
                dropped_after(n / 4 % 6, app.clone().oneshot(request)).await;
                if n % 20 == 0 {
                    let seen = browser.sees(&app).await;
                    assert!(seen.ends_with(&format!("user={user}")), "{seen}");
                }
            }
        })
    });
    for user in users {
        user.await.unwrap();
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

#[test]
fn a_store_outlives_the_runtimes_that_it_is_used_on() {
    let server = memcached();
    let store = store_at(server.port());
    let key = StoreKey::from_bytes([7; 32]);
    let add = store.add(&key, "value".into(), MINUTE);
    runtime().block_on(add).unwrap();
    for _ in 0..5 {
        let entry = runtime().block_on(store.get(&key)).unwrap();
        assert_eq!(entry.unwrap().value, "value");
    }
}

#[test]
fn a_store_serves_several_runtimes_at_once_also_next_to_one_that_stands_still() {
    let server = memcached();
    let store = store_at(server.port());
    let key = StoreKey::from_bytes([7; 32]);
    let idle = runtime();
    idle.block_on(store.add(&key, "value".into(), MINUTE))
        .unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let runtime = runtime();
                for _ in 0..100 {
                    let entry = runtime.block_on(store.get(&key)).unwrap();
                    assert_eq!(entry.unwrap().value, "value");
                }
            });
        }
    });
    assert!(idle.block_on(store.get(&key)).unwrap().is_some());
}

#[test]
fn a_call_whose_runtime_ends_gets_an_answer() {
    let server = memcached();
    let store = store_at(server.port());
    let key = StoreKey::from_bytes([7; 32]);
    let runtime = runtime();
    runtime.block_on(async { drop(store.get(&key).await) });
    server.pause();
    let mut call = Box::pin(async { store.get(&key).await });
    runtime.block_on(dropped_after(
        1,
        poll_fn(|cx| call.as_mut().poll(cx).map(drop)),
    ));
    drop(runtime);
    assert!(futures_executor::block_on(call).is_err());
}
