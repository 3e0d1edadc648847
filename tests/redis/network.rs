//! What a bad network can do: a proxy between the store and its server.

use crate::support::Browser;
use crate::support::proxy::{Proxy, Trouble};
use crate::support::redis::{cli, redis, store_at};
use crate::visitor::{IN_TIME, Visitor, assert_unavailable};
use http::StatusCode;
use std::time::{Duration, Instant};

/// A write whose answer is lost counts once or not at all, and a retry finds out which.
#[tokio::test]
async fn a_connection_that_is_cut_before_the_answer_applies_nothing_twice() {
    for trouble in [
        Trouble::CutAnswer,
        Trouble::Reset,
        Trouble::Truncate,
        Trouble::CutRequest,
    ] {
        let server = redis(&[]);
        let proxy = Proxy::before(server.port()).await;
        let mut visitor = Visitor::of(store_at(proxy.port())).await;
        let direct = crate::visitor::app(store_at(server.port()));
        let mut known = 1;
        for _ in 0..10 {
            let request = visitor.start("/load/hold/increment:a").held().await;
            proxy.set(trouble);
            request.go();
            tokio::time::sleep(Duration::from_millis(10)).await;
            proxy.set(Trouble::None);
            let answer = request.answer().await;
            let now: i64 = value_of(&visitor.browser.sees(&direct).await);
            match answer.status {
                StatusCode::OK => assert_eq!(now, known + 1, "{trouble:?}: acknowledged"),
                StatusCode::SERVICE_UNAVAILABLE => {
                    assert!(
                        [known, known + 1].contains(&now),
                        "{trouble:?}: twice or lost"
                    );
                    assert_eq!(answer.set_cookies(), [""; 0]);
                }
                status => panic!("{trouble:?}: {status} {}", answer.body),
            }
            known = now;
            visitor.sees_it_back(&format!("a={known}")).await;
        }

        // A first visit: there is a session and its cookie, or an error and none.
        let mut new = Browser::new();
        let request = new.start(&visitor.app, "/hold/insert:x:1").held().await;
        proxy.set(trouble);
        request.go();
        tokio::time::sleep(Duration::from_millis(10)).await;
        proxy.set(Trouble::None);
        let answer = request.answer().await;
        new.take(&answer);
        if answer.status == StatusCode::OK {
            assert_eq!(
                new.sees(&direct).await,
                "x=1",
                "{trouble:?}: a session that is not there"
            );
        } else {
            assert_unavailable("a first visit", &answer);
        }
        visitor.sees_it_back(&format!("a={known}")).await;

        // A logout the same, and it is never called done unless it is.
        let request = visitor.start("/load/hold/flush").held().await;
        proxy.set(trouble);
        let answer = request.finish().await;
        proxy.set(Trouble::None);
        if answer.status == StatusCode::OK {
            assert_eq!(
                visitor.browser.sees(&direct).await,
                "",
                "{trouble:?}: not logged out"
            );
        } else {
            assert_unavailable("a logout", &answer);
        }
        visitor.browser.take(&answer);
    }
}

fn value_of(text: &str) -> i64 {
    text.strip_prefix("a=").unwrap().parse().unwrap()
}

#[tokio::test]
async fn answers_that_come_late_are_waited_for() {
    let server = redis(&[]);
    let proxy = Proxy::before(server.port()).await;
    let mut visitor = Visitor::of(store_at(proxy.port())).await;
    proxy.set(Trouble::Delay(Duration::from_millis(300)));
    let answer = visitor.browser.get(&visitor.app, "/increment:a").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(visitor.browser.sees(&visitor.app).await, "a=2");
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn a_network_that_swallows_everything_is_noticed_and_recovers() {
    let server = redis(&[]);
    let proxy = Proxy::before(server.port()).await;
    let visitor = Visitor::of(store_at(proxy.port())).await;
    proxy.set(Trouble::Stall);
    visitor.sees_it_away(IN_TIME).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    visitor.sees_it_away(crate::visitor::AT_ONCE).await;
    let connections = proxy.connections();
    assert!(connections < 8, "{connections} attempts to connect");
    proxy.set(Trouble::None);
    visitor.sees_it_back("a=1").await;
}

#[tokio::test]
async fn answers_that_are_no_answers_are_no_sessions() {
    for garbage in [
        &b"$5\r\nhello\r\n"[..],
        b"*2\r\n$1\r\na\r\n:1\r\n",
        b":1\r\n",
        b"+OK\r\n",
        b"-ERR something secret\r\n",
        b"$9999999999999\r\n",
        b"\xff\xfe\x00\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ] {
        let server = redis(&[]);
        let proxy = Proxy::before(server.port()).await;
        let visitor = Visitor::of(store_at(proxy.port())).await;
        proxy.set(Trouble::Garbage(garbage));
        let began = Instant::now();
        let answer = visitor.browser.clone().get(&visitor.app, "/show").await;
        assert!(
            answer.status.is_server_error(),
            "{garbage:?}: {}",
            answer.body
        );
        assert_eq!(answer.set_cookies(), [""; 0]);
        assert!(!answer.body.contains("secret"));
        assert!(began.elapsed() < IN_TIME);
        proxy.set(Trouble::None);
        tokio::time::sleep(Duration::from_millis(1200)).await;
        visitor.sees_it_back("a=1").await;
    }
}

/// A request that waits is polled more than once, and that must not send it before the others.
#[tokio::test]
async fn requests_that_come_together_are_sent_together() {
    let server = redis(&[]);
    let visitor = Visitor::of(store_at(server.port())).await;
    let reads = || {
        let stats = cli(server.port(), &["info", "stats"]);
        let field = |line: &str| line.strip_prefix("total_reads_processed:")?.parse().ok();
        let reads: u64 = stats.lines().find_map(field).unwrap();
        reads
    };
    let before = reads();
    let requests: Vec<_> = (0..100).map(|_| visitor.start("/load/show")).collect();
    for request in requests {
        assert_eq!(request.answer().await.body, "a=1 ");
    }
    let after = reads();
    // The first goes out alone. The figures are read from the same server.
    assert!(after - before < 10, "{} reads", after - before);
}

/// A network that doubles or swaps what a server says breaks every protocol that numbers nothing; but nobody
/// sees another's session, since a record tells whose it is.
#[tokio::test]
async fn doubled_and_swapped_answers_show_nobody_anothers_session() {
    for trouble in [Trouble::Duplicate, Trouble::Swap] {
        let server = redis(&[]);
        let proxy = Proxy::before(server.port()).await;
        let app = crate::visitor::app(store_at(proxy.port()));
        let mut users = Vec::new();
        for number in 0..8 {
            let mut browser = Browser::new();
            let path = format!("/insert:user{number}:{number}");
            assert_eq!(browser.get(&app, &path).await.status, StatusCode::OK);
            users.push(browser);
        }
        proxy.set(trouble);
        for _ in 0..5 {
            let requests: Vec<_> = users.iter().map(|user| user.start(&app, "/show")).collect();
            for (number, request) in requests.into_iter().enumerate() {
                let answer = request.answer().await;
                let own = format!("user{number}={number} ");
                let no_others = answer.body.is_empty() || answer.body == own;
                assert!(no_others || !answer.status.is_success(), "{}", answer.body);
            }
        }
    }
}
