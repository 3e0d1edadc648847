//! Redis servers of the test's own, of every kind that the store speaks to.

use super::server::{Directory, Server, free_port, run};
use sessile::store::RedisStore;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

pub(super) const PACKAGE: &str = "redis-server";

/// A single server that keeps nothing on the disk, with further arguments.
pub fn redis(more: &[&str]) -> Server {
    Server::start("redis-server", PACKAGE, |port, directory| {
        let mut arguments = arguments(port, directory);
        arguments.extend(more.iter().map(|&more| more.to_owned()));
        arguments
    })
}

/// The same in Valkey.
pub fn valkey() -> Server {
    let package = "valkey-server (or set TEST_WITHOUT=valkey where it cannot be had)";
    Server::start("valkey-server", package, arguments)
}

pub(super) fn arguments(port: u16, directory: &Path) -> Vec<String> {
    let directory = directory.to_str().unwrap();
    let port = port.to_string();
    [
        "--bind",
        "127.0.0.1",
        "--port",
        &port,
        "--dir",
        directory,
        "--save",
        "",
        "--appendonly",
        "no",
        // For tests that fill or stop it.
        "--enable-debug-command",
        "yes",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The store over a server at this port.
pub fn store_at(port: u16) -> RedisStore {
    let builder = RedisStore::builder().server(format!("127.0.0.1:{port}"));
    builder.build().unwrap()
}

/// What the server at this port answers.
pub fn cli(port: u16, command: &[&str]) -> String {
    let port = port.to_string();
    run(
        "redis-cli",
        "redis-tools",
        &[&["-p", &port][..], command].concat(),
    )
}

/// Waits until it is so, with a limit.
#[track_caller]
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < end, "it never came about that {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Three masters, each with a third of the slots.
pub fn cluster() -> Vec<Server> {
    let nodes: Vec<_> = (0..3).map(|_| node()).collect();
    for (index, node) in nodes.iter().enumerate() {
        let (first, last) = [(0, 5460), (5461, 10922), (10923, 16383)][index];
        let (first, last) = (first.to_string(), last.to_string());
        cli(node.port(), &["cluster", "addslotsrange", &first, &last]);
        let epoch = (index + 1).to_string();
        cli(node.port(), &["cluster", "set-config-epoch", &epoch]);
        meet(&nodes[0], node);
    }
    for node in &nodes {
        wait_until("the cluster knows itself", || {
            let info = cli(node.port(), &["cluster", "info"]);
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        });
        wait_until("all nodes know who has which slot", || {
            cli(node.port(), &["cluster", "slots"]).lines().count() >= 3 * 5
        });
    }
    nodes
}

/// A replica of the first of these nodes.
pub fn cluster_replica(nodes: &[Server]) -> Server {
    let (master, replica) = (&nodes[0], node());
    meet(master, &replica);
    for node in nodes.iter().chain([&replica]) {
        wait_until("all know the replica", || {
            cli(node.port(), &["cluster", "info"]).contains("cluster_known_nodes:4")
        });
    }
    let id = cli(master.port(), &["cluster", "myid"]);
    wait_until("the replica knows its master", || {
        cli(replica.port(), &["cluster", "replicate", &id]) == "OK"
    });
    wait_until("the replica follows", || {
        cli(replica.port(), &["info", "replication"]).contains("master_link_status:up")
    });
    replica
}

/// A node of a cluster. One whose second port is taken ends while it listens on the first.
fn node() -> Server {
    let arguments = |port, directory: &Path| {
        let bus = free_port().to_string();
        let more = [
            "--cluster-enabled",
            "yes",
            "--cluster-node-timeout",
            "1000",
            "--repl-diskless-sync-delay",
            "0",
            // So that the loss of a node takes only its own slots away.
            "--cluster-require-full-coverage",
            "no",
            "--cluster-port",
            &bus,
        ];
        let mut arguments = arguments(port, directory);
        arguments.extend(more.map(str::to_owned));
        arguments
    };
    let answers = |port: u16| {
        let port = port.to_string();
        let ping = Command::new("redis-cli")
            .args(["-p", &port, "ping"])
            .output();
        // Without the program, `cli` says what to install.
        ping.map_or(true, |ping| ping.status.success())
    };
    Server::start_until("redis-server", PACKAGE, arguments, answers)
}

fn meet(one: &Server, other: &Server) {
    let bus = cli(other.port(), &["config", "get", "cluster-port"]);
    let (bus, port) = (bus.lines().last().unwrap(), other.port().to_string());
    cli(one.port(), &["cluster", "meet", "127.0.0.1", &port, bus]);
}

/// A master, its replica, and a Sentinel that watches them.
pub struct Watched {
    pub master: Server,
    pub replica: Server,
    pub sentinel: Server,
}

pub fn sentinel() -> Watched {
    let master = redis(&[]);
    let master_port = master.port().to_string();
    let replica = redis(&[
        "--replicaof",
        "127.0.0.1",
        &master_port,
        "--repl-diskless-sync-delay",
        "0",
    ]);
    wait_until("the replica follows", || {
        cli(replica.port(), &["info", "replication"]).contains("master_link_status:up")
    });
    let sentinel = Server::start("redis-sentinel", "redis-sentinel", |port, directory| {
        let file = directory.join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\n\
             sentinel monitor sessions 127.0.0.1 {master_port} 1\n\
             sentinel down-after-milliseconds sessions 1500\n\
             sentinel failover-timeout sessions 2000\n",
            directory.display()
        );
        std::fs::write(&file, text).unwrap();
        vec![file.to_str().unwrap().to_owned()]
    });
    wait_until("the Sentinel knows the replica", || {
        cli(sentinel.port(), &["sentinel", "replicas", "sessions"]).contains("127.0.0.1")
    });
    Watched {
        master,
        replica,
        sentinel,
    }
}

impl Watched {
    pub fn store(&self) -> RedisStore {
        let sentinel = format!("127.0.0.1:{}", self.sentinel.port());
        RedisStore::builder()
            .sentinel("sessions", [sentinel])
            .build()
            .unwrap()
    }

    /// The port of the master, as the Sentinel sees it.
    pub fn master_port(&self) -> u16 {
        let command = ["sentinel", "get-master-addr-by-name", "sessions"];
        let answer = cli(self.sentinel.port(), &command);
        answer.lines().last().unwrap().parse().unwrap()
    }
}
