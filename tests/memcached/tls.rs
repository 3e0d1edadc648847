//! Servers that speak TLS.

use crate::app::{app, assert_ok, recovers, session};
use crate::servers::address;
use crate::strangers::is_no_store;
use crate::support::log::Log;
use crate::support::proxy::{Proxy, Trouble};
use crate::support::server::Server;
use crate::support::tls::Certificates;
use bytes::Bytes;
use sessile::conformance;
use sessile::store::memcached::{MemcachedConfigError, MemcachedStoreBuilder};
use sessile::store::{Added, MemcachedStore, Store as _, StoreKey};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

fn at(address: impl Into<String>) -> MemcachedStoreBuilder {
    MemcachedStore::builder().server(address)
}

/// With everything that the server asks for.
fn known(builder: MemcachedStoreBuilder, certificates: &Certificates) -> Arc<MemcachedStore> {
    let [ca, client, key] =
        ["ca.crt", "client.crt", "client.key"].map(|file| certificates.read(file));
    let builder = builder.tls_roots(ca).tls_identity(client, key);
    Arc::new(builder.build().unwrap())
}

fn served() -> (Certificates, Server) {
    let certificates = Certificates::new();
    let server = certificates.memcached();
    (certificates, server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_sentence_of_the_contract() {
    let (certificates, server) = served();
    let store = || known(at(address(&server)), &certificates);
    conformance::all(&store(), Duration::from_secs(4), sleep).await;
    conformance::what_one_client_did_another_sees(&store(), &store()).await;
}

#[tokio::test]
async fn certificates_are_checked_on_both_sides() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let (certificates, server) = served();
    let good = app(known(at(address(&server)), &certificates));
    let browser = session(&good, "/insert:a:1").await;
    assert_eq!(browser.sees(&good).await, "a=1");

    let read = |file| certificates.read(file);
    let nobody = at(address(&server)).tls_roots(read("ca.crt"));
    is_no_store(&app(nobody.build().unwrap())).await;
    let unknown_server = at(address(&server))
        .tls_roots(read("other.crt"))
        .tls_identity(read("client.crt"), read("client.key"));
    is_no_store(&app(unknown_server.build().unwrap())).await;
    // It has its address in its certificate, and no name.
    let another_name = at(format!("localhost:{}", server.port()));
    is_no_store(&app(known(another_name, &certificates))).await;
    let text = log.text();
    assert_eq!(
        text.matches("certificate is not trusted").count(),
        3,
        "{text}"
    );
    is_no_store(&app(at(address(&server)).build().unwrap())).await;
}

/// The socket takes no more while the server stands still. Wherever in what TLS holds back that happens, the
/// rest goes out afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_socket_does_not_take_goes_out_later() {
    const PIECE: usize = 40_000;
    let (certificates, server) = served();
    let store = known(at(address(&server)), &certificates);
    let add = |number: usize| {
        let (store, mut key) = (Arc::clone(&store), [0; 32]);
        key[..8].copy_from_slice(&number.to_be_bytes());
        let minute = Duration::from_secs(60);
        let value = Bytes::from(vec![7; PIECE]);
        tokio::spawn(async move { store.add(&StoreKey::from_bytes(key), value, minute).await })
    };
    let mut number = 0;
    // Up to more than there is room for on the way.
    for pieces in 1..150 {
        server.pause();
        let adds: Vec<_> = (number..number + pieces).map(add).collect();
        number += pieces;
        sleep(Duration::from_millis(10)).await;
        server.resume();
        for added in adds {
            assert!(
                matches!(added.await.unwrap(), Ok(Added::Done(_))),
                "{pieces}"
            );
        }
    }
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_counts_once() {
    let (certificates, server) = served();
    for trouble in [Trouble::CutAnswer, Trouble::Reset, Trouble::Truncate] {
        let proxy = Proxy::before(server.port()).await;
        let to_proxy = at(format!("127.0.0.1:{}", proxy.port()));
        let app = app(known(to_proxy, &certificates));
        let browser = session(&app, "/insert:n:0").await;
        let write = browser.start(&app, "/hold/increment:n").held().await;
        proxy.once(trouble);
        assert_ok(&write.finish().await);
        assert_eq!(browser.sees(&app).await, "n=1", "{trouble:?}");
    }
}

#[tokio::test]
async fn a_server_that_comes_back_is_used_again() {
    let (certificates, mut server) = served();
    let app = app(known(at(address(&server)), &certificates));
    let browser = session(&app, "/insert:a:1").await;
    server.kill();
    server.restart();
    // It has forgotten everything.
    recovers(&app, &browser, "").await;
}

#[test]
fn settings_that_cannot_be_right_are_refused() {
    let certificates = Certificates::new();
    let error = |builder: MemcachedStoreBuilder| builder.build().unwrap_err();
    let roots = error(at("host").tls_roots("no certificate"));
    assert_eq!(roots, MemcachedConfigError::TlsRoots);
    let trusting = at("host").tls_roots(certificates.read("ca.crt"));
    let client = certificates.read("client.crt");
    let identity = error(trusting.tls_identity(client, "no key"));
    assert_eq!(identity, MemcachedConfigError::TlsIdentity);
    for error in [roots, identity] {
        assert!(error.to_string().contains("cannot be read"));
    }
}
