//! A network that loses, delays and mixes up what the server answers.

use crate::app::{app, assert_ok, assert_unavailable, recovers, session};
use crate::servers::{memcached, store_at};
use crate::support::Browser;
use crate::support::proxy::{Proxy, Trouble};
use http::StatusCode;
use sessile::store::MemcachedStore;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const LOST: [Trouble; 3] = [Trouble::CutAnswer, Trouble::Reset, Trouble::Truncate];
const MIXED_UP: [Trouble; 3] = [Trouble::Duplicate, Trouble::SwapHalves, Trouble::Shift];

#[tokio::test]
async fn a_write_whose_answer_is_lost_counts_once() {
    let server = memcached();
    for trouble in LOST {
        let proxy = Proxy::before(server.port()).await;
        let app = app(store_at(proxy.port()));
        let browser = session(&app, "/insert:n:0").await;
        let write = browser.start(&app, "/hold/increment:n").held().await;
        proxy.once(trouble);
        assert_ok(&write.finish().await);
        assert_eq!(browser.sees(&app).await, "n=1", "{trouble:?}");
    }
}

#[tokio::test]
async fn a_read_whose_answer_is_lost_is_asked_again() {
    let server = memcached();
    for trouble in LOST {
        let proxy = Proxy::before(server.port()).await;
        let app = app(store_at(proxy.port()));
        let browser = session(&app, "/insert:a:1").await;
        proxy.once(trouble);
        assert_eq!(browser.sees(&app).await, "a=1", "{trouble:?}");
    }
}

#[tokio::test]
async fn a_rotation_whose_answer_is_lost_leaves_one_id() {
    let server = memcached();
    for trouble in LOST {
        let proxy = Proxy::before(server.port()).await;
        let app = app(store_at(proxy.port()));
        let mut browser = session(&app, "/insert:a:1").await;
        let old = browser.clone();
        let rotation = browser
            .start(&app, "/hold/cycle/insert:user:1")
            .held()
            .await;
        proxy.once(trouble);
        let answer = rotation.finish().await;
        assert_ok(&answer);
        browser.take(&answer);
        assert_ne!(browser.id(), old.id());
        assert_eq!(browser.sees(&app).await, "a=1 user=1");
        assert_eq!(old.sees(&app).await, "");
    }
}

#[tokio::test]
async fn a_logout_whose_answer_is_lost_is_done_or_503() {
    let server = memcached();
    for trouble in LOST {
        let proxy = Proxy::before(server.port()).await;
        let app = app(store_at(proxy.port()));
        let browser = session(&app, "/insert:a:1").await;
        let logout = browser.start(&app, "/hold/flush").held().await;
        proxy.once(trouble);
        assert_ok(&logout.finish().await);
        assert_eq!(browser.sees(&app).await, "");

        // The second try is lost too.
        let browser = session(&app, "/insert:a:1").await;
        let logout = browser.start(&app, "/hold/flush").held().await;
        proxy.set(Trouble::Shift);
        assert_unavailable(&logout.finish().await);
        proxy.set(Trouble::None);
        recovers(&app, &browser, "").await;
    }
}

#[tokio::test]
async fn a_first_visit_whose_answer_is_lost_has_one_session_and_one_cookie() {
    let server = memcached();
    for trouble in LOST {
        let proxy = Proxy::before(server.port()).await;
        let app = app(store_at(proxy.port()));
        session(&app, "/insert:other:1").await;
        let mut browser = Browser::new();
        let visit = browser.start(&app, "/hold/insert:a:1").held().await;
        proxy.once(trouble);
        let answer = visit.finish().await;
        assert_ok(&answer);
        assert_eq!(answer.set_cookies().len(), 1);
        browser.take(&answer);
        assert_eq!(browser.sees(&app).await, "a=1");
    }
}

#[tokio::test]
async fn answers_that_are_late_are_waited_for_within_the_limit() {
    let server = memcached();
    let proxy = Proxy::before(server.port()).await;
    let app = app(store_at(proxy.port()));
    let browser = session(&app, "/insert:n:0").await;
    proxy.set(Trouble::Delay(Duration::from_millis(300)));
    assert_ok(&browser.clone().get(&app, "/increment:n").await);
    assert_eq!(browser.sees(&app).await, "n=1");

    proxy.set(Trouble::Delay(Duration::from_secs(5)));
    let start = Instant::now();
    assert_unavailable(&browser.clone().get(&app, "/increment:n").await);
    assert!(start.elapsed() < Duration::from_millis(4500));
    proxy.set(Trouble::None);
    sleep(Duration::from_secs(1)).await;
    recovers(&app, &browser, "n=1").await;
}

/// A store that does not wait long for an answer that does not come.
fn impatient(port: u16) -> MemcachedStore {
    let builder = MemcachedStore::builder().server(format!("127.0.0.1:{port}"));
    let limit = Duration::from_millis(100);
    builder.answer_timeout(limit).build().unwrap()
}

/// Two users at once, through a network that hands out the wrong answers: each sees his own, or an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_mixed_up_reach_nobody_else() {
    let server = memcached();
    for trouble in MIXED_UP {
        let proxy = Proxy::before(server.port()).await;
        let app = app(impatient(proxy.port()));
        let users = [1, 2].map(|user| (user, format!("/insert:user:{user}/insert:n:0")));
        let mut sessions = Vec::new();
        for (user, path) in &users {
            sessions.push((user, session(&app, path).await, 0, 0));
        }
        for round in 0..24 {
            // Between them it heals.
            proxy.set(if round % 3 == 0 {
                trouble
            } else {
                Trouble::None
            });
            let requests: Vec<_> = (0..20)
                .map(|n| {
                    let path = ["/show/increment:n", "/load/show"][n / 2 % 2];
                    (n % 2, n / 2 % 2 == 0, sessions[n % 2].1.start(&app, path))
                })
                .collect();
            for (index, is_write, request) in requests {
                let answer = request.answer().await;
                let (user, _, acknowledged, unknown) = &mut sessions[index];
                if answer.status == StatusCode::OK {
                    let own = format!("user={user} ");
                    assert!(answer.body.ends_with(&own), "{trouble:?}: {}", answer.body);
                    *acknowledged += u32::from(is_write);
                } else {
                    assert_unavailable(&answer);
                    *unknown += u32::from(is_write);
                }
            }
            proxy.set(Trouble::None);
            for (user, browser, ..) in &sessions {
                let start = Instant::now();
                while browser.clone().get(&app, "/load").await.status != StatusCode::OK {
                    assert!(
                        start.elapsed() < Duration::from_secs(1),
                        "{trouble:?}: {user}"
                    );
                    sleep(Duration::from_millis(10)).await;
                }
            }
        }
        assert!(
            sessions.iter().any(|&(.., unknown)| unknown > 0),
            "{trouble:?}"
        );
        for (user, browser, acknowledged, unknown) in sessions {
            let seen = browser.sees(&app).await;
            let (n, seen_user) = seen.split_once(' ').unwrap();
            assert_eq!(seen_user, format!("user={user}"));
            let n: u32 = n.strip_prefix("n=").unwrap().parse().unwrap();
            assert!(acknowledged > 0, "{trouble:?}");
            assert!((acknowledged..=acknowledged + unknown).contains(&n));
        }
    }
}
