//! Stores by URL: each scheme over a real server, and errors that say what to write and tell no secret.

#![cfg(all(feature = "memory", feature = "redis", feature = "memcached"))]

mod support;

use proptest::prelude::*;
use sessile::conformance;
use sessile::store::{AnyStore, OpenError, Store, StoreKey, open};
use std::time::Duration;
use support::memcached::memcached;
use support::redis::{cli, cluster, redis, sentinel};
use support::tls::Certificates;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Whether two stores that the same URL names are one.
async fn works(url: &str) {
    let (one, other) = (open(url).unwrap(), open(url).unwrap());
    conformance::what_one_client_did_another_sees(&one, &other).await;
}

fn error(url: &str) -> OpenError {
    open(url)
        .err()
        .unwrap_or_else(|| panic!("{url} was opened"))
}

#[tokio::test]
async fn memory_has_its_bounds() {
    let store = open("memory:?max_entries=1&when_full=refuse&max_bytes=4096").unwrap();
    let key = |byte| StoreKey::from_bytes([byte; 32]);
    store.add(&key(1), "one".into(), HOUR).await.unwrap();
    let full = store.add(&key(2), "other".into(), HOUR).await;
    assert!(full.unwrap_err().to_string().contains("full"));
    assert!(open("memory:").is_ok() && open("memory://").is_ok());
}

#[tokio::test]
async fn a_server_has_a_login_a_database_and_a_prefix() {
    let server = redis(&["--requirepass", "p@ss/word?"]);
    let url = format!(
        "redis://:p%40ss%2Fword%3F@127.0.0.1:{}/5?key_prefix=shop:&answer_timeout_ms=500",
        server.port()
    );
    works(&url).await;
    let store = open(&url).unwrap();
    store
        .add(&StoreKey::from_bytes([1; 32]), "one".into(), HOUR)
        .await
        .unwrap();
    let keys = cli(server.port(), &["-a", "p@ss/word?", "-n", "5", "keys", "*"]);
    assert!(keys.contains("shop:{"), "{keys}");
}

#[tokio::test]
async fn a_unix_socket_has_a_database() {
    let server = redis(&["--unixsocket", "redis.sock"]);
    let path = server.directory().join("redis.sock");
    works(&format!("redis+unix://{}?database=2", path.display())).await;
}

#[tokio::test]
async fn tls_takes_its_certificates_from_files() {
    let certificates = Certificates::new();
    let server = certificates.redis();
    works(&format!(
        "rediss://127.0.0.1:{}?tls_roots={}&tls_certificate={}&tls_key={}",
        server.port(),
        certificates.path("ca.crt"),
        certificates.path("client.crt"),
        certificates.path("client.key"),
    ))
    .await;
}

#[tokio::test]
async fn memcached_over_tls_takes_them_too() {
    let certificates = Certificates::new();
    let server = certificates.memcached();
    works(&format!(
        "memcached://127.0.0.1:{}?tls_roots={}&tls_certificate={}&tls_key={}",
        server.port(),
        certificates.path("ca.crt"),
        certificates.path("client.crt"),
        certificates.path("client.key"),
    ))
    .await;
}

#[tokio::test]
async fn a_cluster_is_found_by_some_of_its_nodes() {
    let nodes = cluster();
    works(&format!(
        "redis+cluster://127.0.0.1:{},127.0.0.1:{}",
        nodes[0].port(),
        nodes[1].port()
    ))
    .await;
}

#[tokio::test]
async fn sentinels_name_the_master() {
    let watched = sentinel();
    works(&format!(
        "redis+sentinel://127.0.0.1:{}/sessions",
        watched.sentinel.port()
    ))
    .await;
}

#[tokio::test]
async fn memcached_has_several_servers() {
    let (one, other) = (memcached(), memcached());
    works(&format!(
        "memcached://127.0.0.1:{},127.0.0.1:{}?key_prefix=shop:",
        one.port(),
        other.port()
    ))
    .await;
}

#[test]
fn errors_say_what_to_write() {
    for (url, says) in [
        ("", "must begin with `memory:`, `redis://`"),
        ("127.0.0.1:6379", "must begin with `memory:`"),
        ("postgres://localhost", "must begin with `memory:`"),
        (
            "redis://localhost/0?prefix=x",
            "known are `key_prefix`, `connect_timeout_ms`",
        ),
        (
            "redis://localhost?key_prefix",
            "`scheme://user:password@hosts/path?name=value",
        ),
        (
            "redis://local host",
            "`scheme://user:password@hosts/path?name=value",
        ),
        (
            "redis://",
            "`redis://[user:password@]host[:port][/database]`",
        ),
        (
            "redis://one,two",
            "`redis://[user:password@]host[:port][/database]`",
        ),
        (
            "redis://localhost/users",
            "`redis://[user:password@]host[:port][/database]`",
        ),
        ("redis://user@localhost", "a user name needs a password"),
        (
            "redis://localhost?connect_timeout_ms=soon",
            "`connect_timeout_ms` of the store's URL must be a number of milliseconds",
        ),
        ("redis://localhost?key_prefix=%7Ba", "brace"),
        ("redis+unix://host/socket", "/path/of/the/socket"),
        ("redis+sentinel://one,two", "/master[/database]"),
        ("redis+cluster://one/3", "`redis+cluster://"),
        (
            "redis+cluster://one?tls=perhaps",
            "`tls` of the store's URL must be `true` or `false`",
        ),
        (
            "rediss://one?tls_roots=/no/such/file",
            "`tls_roots` of the store's URL names cannot be read: entity not found",
        ),
        (
            "rediss://one?tls_key=/dev/null",
            "certificate and key belong together",
        ),
        (
            "memory:?max_bytes=-1",
            "`max_bytes` of the store's URL must be a number of bytes",
        ),
        ("memory:?when_full=panic", "`evict` or `refuse`"),
        ("memory:?max_bytes=1&max_bytes=2", "there twice"),
        ("memory://localhost", "`memory:`"),
        (
            "memcached://",
            "`memcached://[user:password@]host[:port],host[:port]`",
        ),
        ("memcached://one,one", "was named before"),
        ("memcached://user@one", "`memcached://[user:password@]"),
    ] {
        let text = error(url).to_string();
        assert!(text.contains(says), "{url:?}: {text}");
    }
}

#[test]
fn a_password_is_never_shown_wherever_it_stands() {
    for url in [
        "canary://localhost",
        "canary",
        "redis://user:can#ary@localhost",
        "redis://:canary@",
        "redis://:canary@localhost/canary",
        "redis://:can/canary@localhost",
        "redis://:can?canary@localhost",
        "redis://:can?canary=canary@localhost",
        "redis://localhost?canary=canary",
        "redis://localhost?connect_timeout_ms=canary",
        "redis+sentinel://:canary@one/two/three",
        "memcached://canary@one",
        "memcached://one:canary",
        "memory:canary",
    ] {
        let error = error(url);
        let (shown, debug) = (error.to_string(), format!("{error:?}"));
        assert!(!shown.contains("canary"), "{url}: {shown}");
        assert!(!debug.contains("canary"), "{url}: {debug}");
        // What a `main` that returns it shows.
        assert_eq!(debug, shown, "{url}");
    }
    let store = open("redis://canary:canary@localhost").unwrap();
    assert!(!format!("{store:?}").contains("canary"));
    let store = open("memcached://canary:canary@localhost").unwrap();
    assert!(!format!("{store:?}").contains("canary"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        scheme in "(memory|rediss?|redis\\+unix|redis\\+cluster|redis\\+sentinel|memcached)",
        rest in "(//)?[a-z0-9:@/?&=%,\\[\\].\\PC]{0,60}",
        anything in ".{0,80}",
    ) {
        let _: Result<AnyStore, _> = open(&format!("{scheme}:{rest}"));
        let _: Result<AnyStore, _> = open(&anything);
    }
}
