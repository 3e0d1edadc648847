//! What a single server can do to the sessions.

use crate::support::Browser;
use crate::support::proxy::Proxy;
use crate::support::redis::{cli, redis, store_at, wait_until};
use crate::visitor::{AT_ONCE, IN_TIME, Visitor, assert_unavailable};
use bytes::Bytes;
use http::StatusCode;
use sessile::store::{Added, Replaced, Store as _, StoreError, StoreKey, Version};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn killed_while_idle_and_restarted_empty() {
    let mut server = redis(&[]);
    let proxy = Proxy::before(server.port()).await;
    let visitor = Visitor::of(store_at(proxy.port())).await;
    assert_eq!(proxy.connections(), 1);

    server.kill();
    for _ in 0..20 {
        visitor.sees_it_away(AT_ONCE).await;
        let crowd: Vec<_> = (0..50).map(|_| visitor.start("/show")).collect();
        for request in crowd {
            assert_unavailable("one of many", &request.answer().await);
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    // However many requests there were.
    let connections = proxy.connections();
    assert!(connections < 15, "{connections} attempts to connect");

    server.restart();
    // They all come at the same moment.
    let crowd: Vec<_> = (0..50).map(|_| visitor.start("/load/show")).collect();
    for request in crowd {
        let answer = request.answer().await;
        if answer.status != StatusCode::OK {
            assert_unavailable("one of many", &answer);
        }
    }
    // It has lost its memory, and the session with it.
    visitor.sees_it_back("").await;
    let connections = proxy.connections() - connections;
    assert!(connections <= 3, "{connections} attempts to connect");
}

#[tokio::test]
async fn killed_in_mid_request() {
    let mut server = redis(&[]);
    let visitor = Visitor::of(store_at(server.port())).await;
    server.pause();
    let requests = ["/show", "/insert:b:2", "/flush"].map(|path| visitor.start(path));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    server.kill();
    for request in requests {
        assert_unavailable("killed", &request.answer().await);
    }
    assert!(began.elapsed() < IN_TIME);
    visitor.sees_it_away(AT_ONCE).await;
    server.restart();
    visitor.sees_it_back("").await;
}

#[tokio::test]
async fn stopped_so_that_it_accepts_and_never_answers() {
    let server = redis(&[]);
    let proxy = Proxy::before(server.port()).await;
    let visitor = Visitor::of(store_at(proxy.port())).await;
    server.pause();
    let began = Instant::now();
    let first = visitor.start("/show").answer().await;
    assert_unavailable("the first to wait", &first);
    assert!(began.elapsed() < IN_TIME);
    // From here on it is known.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for _ in 0..5 {
        visitor.sees_it_away(AT_ONCE).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let connections = proxy.connections();
    assert!(connections < 8, "{connections} attempts to connect");
    server.resume();
    visitor.sees_it_back("a=1").await;
}

#[tokio::test]
async fn a_logout_that_a_stopped_server_did_not_confirm_is_no_logout() {
    let server = redis(&[]);
    let mut visitor = Visitor::of(store_at(server.port())).await;
    let held = visitor.start("/load/hold/flush").held().await;
    server.pause();
    let began = Instant::now();
    let answer = held.finish().await;
    assert_unavailable("a logout", &answer);
    assert!(began.elapsed() < IN_TIME);
    server.resume();
    // The cookie is still there, so it can be tried again.
    let again = loop {
        let again = visitor.browser.get(&visitor.app, "/flush").await;
        if again.status == StatusCode::OK {
            break again;
        }
        // It fails at once, and the store needs its turn to connect.
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(again.set_cookies().len(), 1);
    assert_eq!(visitor.browser.id(), None);
}

#[tokio::test]
async fn a_script_that_the_server_has_forgotten_is_loaded_again() {
    let server = redis(&[]);
    let store = store_at(server.port());
    let key = StoreKey::from_bytes([7; 32]);
    for size in [10, 20_000] {
        let Ok(Added::Done(mut version)) = store.add(&key, "first".into(), MINUTE).await else {
            panic!("not added");
        };
        for round in 0..3 {
            cli(server.port(), &["script", "flush"]);
            for _ in 0..2 {
                let value = Bytes::from(vec![round; size]);
                let replaced = store.replace(&key, version, value.clone(), MINUTE).await;
                let Ok(Replaced::Done(next)) = replaced else {
                    panic!("not replaced: {replaced:?}");
                };
                version = next;
                assert_eq!(store.get(&key).await.unwrap().unwrap().value, value);
            }
        }
        cli(server.port(), &["script", "flush"]);
        let wrong = Version::new(version.get() ^ 1);
        let refused = store
            .replace(&key, wrong, vec![0; size].into(), MINUTE)
            .await;
        assert_eq!(refused, Ok(Replaced::Conflict));
        cli(server.port(), &["script", "flush"]);
        store.delete(&key).await.unwrap();
        let refused = store
            .replace(&key, wrong, vec![0; size].into(), MINUTE)
            .await;
        assert_eq!(refused, Ok(Replaced::Missing));
        // Nothing is left behind, and the digests are right.
        assert_eq!(cli(server.port(), &["dbsize"]), "0");
    }
    let known = cli(server.port(), &["info", "memory"]);
    assert!(known.contains("number_of_cached_scripts:1"), "{known}");
}

#[tokio::test]
async fn a_read_is_one_command_and_a_write_one_more() {
    let server = redis(&[]);
    let visitor = Visitor::of(store_at(server.port())).await;
    // So that the server knows the script.
    let written = visitor
        .browser
        .clone()
        .get(&visitor.app, "/insert:b:1")
        .await;
    assert_eq!(written.status, StatusCode::OK);
    for (path, sent) in [
        ("/show", "get"),
        ("/insert:b:2", "get evalsha"),
        ("/flush", "get del"),
    ] {
        cli(server.port(), &["config", "resetstat"]);
        let answer = visitor.browser.clone().get(&visitor.app, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let stats = cli(server.port(), &["info", "commandstats"]);
        for command in ["get", "set", "eval", "evalsha", "del"] {
            // The script sends a SET of its own.
            let inside = command == "set" && sent.ends_with("evalsha");
            let calls = stats.contains(&format!("cmdstat_{command}:calls=1,"));
            let expected = inside || sent.split(' ').any(|other| other == command);
            assert_eq!(calls, expected, "{path}: {command}: {stats}");
        }
    }
}

#[tokio::test]
async fn a_replica_is_not_used() {
    let master = redis(&[]);
    let port = master.port().to_string();
    let replica = redis(&["--replicaof", "127.0.0.1", &port]);
    let visitor = Visitor::of(store_at(master.port())).await;
    let at_replica = Visitor {
        app: crate::visitor::app(store_at(replica.port())),
        browser: visitor.browser.clone(),
    };
    at_replica.sees_it_away(AT_ONCE).await;
}

#[tokio::test]
async fn a_master_that_becomes_a_replica_is_let_go_at_the_first_write() {
    let (server, other) = (redis(&[]), redis(&[]));
    let visitor = Visitor::of(store_at(server.port())).await;
    let port = other.port().to_string();
    let held = visitor.start("/load/hold/insert:b:2").held().await;
    cli(server.port(), &["replicaof", "127.0.0.1", &port]);
    assert_unavailable("a write", &held.finish().await);
    visitor.sees_it_away(AT_ONCE).await;
    wait_until("it follows the other", || {
        cli(server.port(), &["info", "replication"]).contains("master_link_status:up")
    });
    cli(server.port(), &["replicaof", "no", "one"]);
    visitor.sees_it_back("").await;
}

#[tokio::test]
async fn a_server_that_is_loading_is_away() {
    // Loading takes a while: a key each two milliseconds.
    let mut server = redis(&[
        "--key-load-delay",
        "2000",
        "--loading-process-events-interval-bytes",
        "1024",
    ]);
    let visitor = Visitor::of(store_at(server.port())).await;
    cli(
        server.port(),
        &["debug", "populate", "2000", "filler", "1000"],
    );
    cli(server.port(), &["save"]);
    server.restart();
    visitor.sees_it_away(Duration::from_secs(1)).await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        visitor.sees_it_away(Duration::from_secs(1)).await;
    }
    assert_ne!(cli(server.port(), &["ping"]), "PONG", "it loads too fast");
    while cli(server.port(), &["ping"]) != "PONG" {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it loads for ever"
        );
        let answer = visitor.browser.clone().get(&visitor.app, "/show").await;
        if answer.status == StatusCode::OK {
            assert_eq!(
                cli(server.port(), &["ping"]),
                "PONG",
                "it was still loading"
            );
            break;
        }
        assert_unavailable("while it loads", &answer);
    }
    visitor.sees_it_back("a=1").await;
}

#[tokio::test]
async fn a_full_server_that_evicts_nothing_refuses_what_is_new() {
    let server = redis(&["--maxmemory-policy", "noeviction"]);
    let mut visitor = Visitor::of(store_at(server.port())).await;
    cli(server.port(), &["config", "set", "maxmemory", "1"]);

    let new = Browser::new().get(&visitor.app, "/insert:a:1").await;
    assert_unavailable("a new session", &new);
    assert_eq!(new.body, "StoreFull");
    let changed = visitor
        .browser
        .clone()
        .get(&visitor.app, "/insert:b:2")
        .await;
    assert_unavailable("a change", &changed);
    assert_eq!(changed.body, "StoreFull");
    let store = store_at(server.port());
    let key = StoreKey::from_bytes([7; 32]);
    let added = store.add(&key, vec![7; 20_000].into(), MINUTE).await;
    assert_eq!(added, Err(StoreError::full()));

    // What was there is unchanged, can be read, and can be ended.
    assert_eq!(visitor.browser.sees(&visitor.app).await, "a=1");
    let logout = visitor.browser.get(&visitor.app, "/flush").await;
    assert_eq!(logout.status, StatusCode::OK);

    cli(server.port(), &["config", "set", "maxmemory", "0"]);
    assert!(matches!(
        store.add(&key, "x".into(), MINUTE).await,
        Ok(Added::Done(_))
    ));
    let Some(entry) = store.get(&key).await.unwrap() else {
        panic!("not there")
    };
    cli(server.port(), &["config", "set", "maxmemory", "1"]);
    for size in [10, 20_000] {
        let replaced = store
            .replace(&key, entry.version, vec![7; size].into(), MINUTE)
            .await;
        assert_eq!(replaced, Err(StoreError::full()), "{size}");
        assert_eq!(store.get(&key).await.unwrap().unwrap().value, "x");
    }
}

#[tokio::test]
async fn an_evicting_server_logs_users_out_and_mixes_nothing_up() {
    let server = redis(&["--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru"]);
    let store = store_at(server.port());
    let mut lost = 0;
    let mut versions = Vec::new();
    for number in 0..300_u32 {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        let key = StoreKey::from_bytes(bytes);
        let value = Bytes::from(vec![bytes[3]; 20_000]);
        if let Added::Done(version) = store.add(&key, value, MINUTE).await.unwrap() {
            versions.push((key, version, bytes[3]));
        }
    }
    for (key, version, byte) in versions {
        match store.get(&key).await.unwrap() {
            None => lost += 1,
            Some(entry) => assert!(entry.value.iter().all(|found| *found == byte)),
        }
        // Also where the spare key is evicted, it is one of these.
        match store
            .replace(&key, version, vec![byte; 20_000].into(), MINUTE)
            .await
        {
            Ok(Replaced::Done(_) | Replaced::Missing) => {}
            Err(error) => assert!([StoreError::unavailable(), StoreError::full()].contains(&error)),
            Ok(Replaced::Conflict) => panic!("a conflict with nobody"),
        }
    }
    assert!(lost > 0);
    let visitor = Visitor::of(store).await;
    visitor.sees_it_back("a=1").await;
}

#[tokio::test]
async fn nobody_is_served_by_something_that_is_no_redis() {
    // It talks first, and of something else.
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    let greeter = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let greeting = b"HTTP/1.1 400 Bad Request\r\n\r\nhello\r\n";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, greeting).await;
        }
    });
    let visitor = Visitor {
        app: crate::visitor::app(store_at(port)),
        browser: Browser::with_cookie("__Host-id", &"A".repeat(43)),
    };
    visitor.sees_it_away(IN_TIME).await;
    greeter.abort();
}
