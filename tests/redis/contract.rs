//! The conformance suite, over every kind of server.

use crate::support::redis::{cluster, redis, sentinel, store_at, valkey};
use crate::support::server::is_left_out;
use crate::support::tls::Certificates;
use sessile::conformance;
use sessile::store::RedisStore;
use std::sync::Arc;
use std::time::Duration;

async fn keeps(store: RedisStore, other: RedisStore) {
    let ttl = Duration::from_millis(600);
    conformance::what_one_client_did_another_sees(&store, &other).await;
    conformance::all(&Arc::new(store), ttl, tokio::time::sleep).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_server_keeps_the_contract() {
    let server = redis(&[]);
    keeps(store_at(server.port()), store_at(server.port())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unix_socket_keeps_the_contract() {
    let server = redis(&["--unixsocket", "redis.sock"]);
    let path = server.directory().join("redis.sock");
    let store = || {
        let builder = RedisStore::builder().unix_socket(&path).database(3);
        builder.key_prefix("").build().unwrap()
    };
    keeps(store(), store()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_over_tls_keeps_the_contract() {
    let certificates = Certificates::new();
    let server = certificates.redis();
    let store = || {
        RedisStore::builder()
            .server(format!("127.0.0.1:{}", server.port()))
            .tls_roots(certificates.read("ca.crt"))
            .tls_identity(
                certificates.read("client.crt"),
                certificates.read("client.key"),
            )
            .build()
            .unwrap()
    };
    keeps(store(), store()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_keeps_the_contract() {
    let nodes = cluster();
    let store = || {
        let addresses = nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port()));
        RedisStore::builder().cluster(addresses).build().unwrap()
    };
    keeps(store(), store()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_that_a_sentinel_names_keeps_the_contract() {
    let watched = sentinel();
    keeps(watched.store(), watched.store()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_of_the_apps_own_keeps_the_contract() {
    let server = redis(&[]);
    let client = redis::Client::open(("127.0.0.1", server.port())).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let store = || {
        let builder = RedisStore::builder().connection(connection.clone());
        builder.key_prefix("app:").build().unwrap()
    };
    keeps(store(), store()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn valkey_keeps_the_contract() {
    if is_left_out("valkey") {
        return;
    }
    let server = valkey();
    keeps(store_at(server.port()), store_at(server.port())).await;
}
