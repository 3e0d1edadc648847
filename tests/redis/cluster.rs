//! A cluster whose nodes go, and whose slots move.

use crate::support::redis::{cli, cluster, cluster_replica, wait_until};
use crate::support::server::Server;
use crate::visitor::{AT_ONCE, Visitor, app, assert_unavailable};
use axum::Router;
use bytes::Bytes;
use http::StatusCode;
use sessile::store::{Added, Deleted, RedisStore, Replaced, Store as _, StoreKey};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

fn store(nodes: &[Server]) -> RedisStore {
    let addresses = nodes
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.port()));
    RedisStore::builder().cluster(addresses).build().unwrap()
}

/// How many keys a node has.
fn keys(node: &Server) -> u32 {
    cli(node.port(), &["dbsize"]).parse().unwrap()
}

/// Somebody whose session lives at this node, or at another one.
async fn visitor(app: &Router, node: &Server, here: bool) -> Visitor {
    loop {
        let before = keys(node);
        let visitor = Visitor::of_app(app.clone()).await;
        if (keys(node) > before) == here {
            return visitor;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_gone_takes_only_its_own_sessions_away() {
    let mut nodes = cluster();
    let app = app(store(&nodes));
    let lost = visitor(&app, &nodes[0], true).await;
    let kept = visitor(&app, &nodes[0], false).await;
    nodes[0].kill();
    for round in 0..20 {
        let began = Instant::now();
        for path in ["/show", "/insert:b:2", "/flush"] {
            let answer = lost.browser.clone().get(&app, path).await;
            assert_unavailable(path, &answer);
        }
        assert!(
            round == 0 || began.elapsed() < AT_ONCE,
            "{:?}",
            began.elapsed()
        );
        assert_eq!(kept.browser.sees(&app).await, "a=1");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    nodes[0].restart();
    // It has lost its memory; its slots it has from its file.
    let end = Instant::now() + Duration::from_secs(20);
    while !cli(nodes[0].port(), &["cluster", "info"]).contains("cluster_state:ok")
        || !cli(nodes[1].port(), &["cluster", "info"]).contains("cluster_state:ok")
    {
        assert!(Instant::now() < end, "the cluster does not heal");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let began = Instant::now();
    loop {
        let answer = lost.browser.clone().get(&app, "/load/show").await;
        if answer.status == StatusCode::OK {
            assert_eq!(answer.body, "");
            break;
        }
        assert_unavailable("before it is back", &answer);
        assert!(began.elapsed() < Duration::from_secs(1), "not back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(kept.browser.sees(&app).await, "a=1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_stopped_costs_nobody_a_wait_once_that_is_known() {
    let nodes = cluster();
    let app = app(store(&nodes));
    let lost = visitor(&app, &nodes[0], true).await;
    let kept = visitor(&app, &nodes[0], false).await;
    nodes[0].pause();
    let answer = lost.browser.clone().get(&app, "/show").await;
    assert_unavailable("the first to wait", &answer);
    tokio::time::sleep(Duration::from_secs(1)).await;
    for _ in 0..10 {
        let began = Instant::now();
        for path in ["/show", "/insert:b:2", "/flush"] {
            let answer = lost.browser.clone().get(&app, path).await;
            assert_unavailable(path, &answer);
        }
        assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        assert_eq!(kept.browser.sees(&app).await, "a=1");
    }
    nodes[0].resume();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_takes_over_is_found() {
    let mut nodes = cluster();
    let replica = cluster_replica(&nodes);
    let app = app(store(&nodes));
    let visitor = visitor(&app, &nodes[0], true).await;
    // WAIT is no help: it waits for what its own connection wrote.
    wait_until("the replica has the session", || {
        keys(&replica) == keys(&nodes[0])
    });
    nodes[0].kill();
    let end = Instant::now() + Duration::from_secs(30);
    while !cli(replica.port(), &["role"]).starts_with("master") {
        assert!(Instant::now() < end, "no failover");
        let answer = visitor.browser.clone().get(&app, "/load/show").await;
        match answer.status {
            StatusCode::OK => assert_eq!(answer.body.trim_end(), "a=1"),
            _ => assert_unavailable("before the failover", &answer),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The other nodes hear of it a moment later.
    let port = format!("127.0.0.1:{}@", replica.port());
    while !nodes[1..].iter().all(|node| {
        let nodes = cli(node.port(), &["cluster", "nodes"]);
        nodes
            .lines()
            .any(|line| line.contains(&port) && line.contains("master"))
    }) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    visitor.sees_it_back("a=1").await;
}

/// All verbs work on a slot at each step of its move, for small values and large ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_moves_is_followed() {
    let nodes = cluster();
    let store = store(&nodes);
    for size in [10, 20_000] {
        // A key at each step: before it moves, and after.
        let mut bytes = [0; 32];
        let (key, name, slot) = (0_u32..)
            .map(|number| {
                bytes[..4].copy_from_slice(&number.to_be_bytes());
                bytes[4] = if size == 10 { 0 } else { 1 };
                let key = StoreKey::from_bytes(bytes);
                let name = format!("sessile:{{{}}}", key.to_text());
                let slot: u16 = cli(nodes[0].port(), &["cluster", "keyslot", &name])
                    .parse()
                    .unwrap();
                (key, name, slot)
            })
            .find(|(_, _, slot)| *slot <= 5460)
            .unwrap();
        let slot = slot.to_string();
        let (from, to) = (nodes[0].port(), nodes[1].port());
        let [from_id, to_id] = [from, to].map(|port| cli(port, &["cluster", "myid"]));

        let Ok(Added::Done(mut version)) = store.add(&key, "first".into(), MINUTE).await else {
            panic!("not added");
        };
        let value = Bytes::from(vec![7; size]);
        let mut replace = async |step: &str| {
            let replaced = store.replace(&key, version, value.clone(), MINUTE).await;
            let Ok(Replaced::Done(next)) = replaced else {
                panic!("{step}: {replaced:?}")
            };
            version = next;
            let entry = store.get(&key).await.unwrap().unwrap();
            assert_eq!(
                (entry.version, entry.value),
                (version, value.clone()),
                "{step}"
            );
            let added = store.add(&key, value.clone(), MINUTE).await;
            assert_eq!(added, Ok(Added::Exists), "{step}");
        };
        replace("before").await;
        cli(to, &["cluster", "setslot", &slot, "importing", &from_id]);
        cli(from, &["cluster", "setslot", &slot, "migrating", &to_id]);
        replace("not moved yet").await;
        cli(
            from,
            &["migrate", "127.0.0.1", &to.to_string(), &name, "0", "2000"],
        );
        replace("moved, and the slot not yet").await;
        for port in [to, from, nodes[2].port()] {
            cli(port, &["cluster", "setslot", &slot, "node", &to_id]);
        }
        replace("the slot moved").await;
        replace("and known").await;
        assert_eq!(store.delete(&key).await, Ok(Deleted::Done));
        assert_eq!(store.delete(&key).await, Ok(Deleted::Missing));
        assert_eq!(
            store.get(&key).await.unwrap().map(|entry| entry.value),
            None
        );
    }
}
