//! Servers that are not what they should be, and entries that nobody here wrote.

use crate::app::{app, assert_ok, is_known_to_be_down, session};
use crate::servers::{address, memcached, memcached_with, store, store_at, tell};
use crate::support::Browser;
use crate::support::log::Log;
use crate::support::server::{Directory, Server};
use axum::Router;
use http::StatusCode;
use sessile::store::{MemcachedStore, Store as _, StoreError, StoreKey};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

const MINUTE: Duration = Duration::from_secs(60);

/// A browser with an id that some store might know.
fn browser() -> Browser {
    Browser::with_cookie("__Host-id", &"A".repeat(43))
}

/// The app has an answer for everybody, and never takes the server for an empty store.
pub(crate) async fn is_no_store(app: &Router) {
    let mut browser = browser();
    for _ in 0..3 {
        // The first request waits until it is known.
        let answer = browser.get(app, "/load/show").await;
        assert_eq!(
            answer.status,
            StatusCode::SERVICE_UNAVAILABLE,
            "{}",
            answer.body
        );
        assert_eq!(answer.set_cookies(), [""; 0]);
        is_known_to_be_down(app, &browser).await;
    }
}

#[tokio::test]
async fn redis_on_the_port_is_no_memcached() {
    let server = Server::start("redis-server", "redis-server", |port, _| {
        let line = format!("--bind 127.0.0.1 --port {port} --save");
        line.split(' ')
            .map(str::to_owned)
            .chain([String::new()])
            .collect()
    });
    is_no_store(&app(store_at(server.port()))).await;
}

/// What answers whatever is asked with these bytes, over and over.
async fn answers(bytes: &'static [u8], often: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut buffer = [0; 1000];
                while stream.read(&mut buffer).await? > 0 {
                    for _ in 0..often {
                        stream.write_all(bytes).await?;
                    }
                }
                std::io::Result::Ok(())
            });
        }
    });
    port
}

#[tokio::test]
async fn other_protocols_on_the_port_are_no_memcached() {
    for bytes in [
        &b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\r\n",
        b"\0\0\0\0\0\0",
        b"END\r\n",
        b"STAT cas_enabled yes\r\nEND\r\n",
        b"STAT cas_enabled yes\r\nSTAT item_size_max -1\r\nEND\r\n",
        b"STAT cas_enabled yes\r\nSTAT item_size_max 1000000\r\nEND\r\nEN\r\n",
        b"STAT cas_enabled yes\r\nSTAT item_size_max 1000000\r\nEND\r\nEN Ocheck\r\nEN\r\n",
        b"ERROR\r\n",
    ] {
        is_no_store(&app(store_at(answers(bytes, 1).await))).await;
    }
}

#[tokio::test]
async fn a_server_that_never_ends_or_never_begins_is_no_memcached() {
    // Without a line's end, and with nothing but lines.
    is_no_store(&app(store_at(answers(b"x", 1_000_000).await))).await;
    is_no_store(&app(store_at(answers(b"STAT a 1\r\n", 1_000_000).await))).await;
    is_no_store(&app(store_at(answers(b"", 0).await))).await;
}

#[tokio::test]
async fn a_server_that_turns_strange_after_its_settings_is_in_doubt() {
    const SETTINGS: &[u8] =
        b"STAT cas_enabled yes\r\nSTAT item_size_max 1000000\r\nEND\r\nEN Ocheck\r\n";
    // It answers what comes next with its settings too.
    let store = store_at(answers(SETTINGS, 1).await);
    let key = StoreKey::from_bytes([7; 32]);
    assert_eq!(store.delete(&key).await, Err(StoreError::in_doubt()));
}

#[tokio::test]
async fn a_server_without_versions_is_refused() {
    let server = memcached_with(&["-C"]);
    is_no_store(&app(store([&server]))).await;
}

fn with_password() -> (Server, Directory) {
    let directory = Directory::new();
    let file = directory.path().join("users");
    std::fs::write(&file, "someone:a:secret\n").unwrap();
    let option = file.to_str().unwrap();
    (memcached_with(&["-Y", option]), directory)
}

fn store_of(server: &Server, user: &str, password: &str) -> Arc<MemcachedStore> {
    let builder = MemcachedStore::builder().server(address(server));
    Arc::new(builder.credentials(user, password).build().unwrap())
}

#[tokio::test]
async fn a_user_and_a_password_open_the_server_and_others_do_not() {
    let (server, _directory) = with_password();
    let right = app(store_of(&server, "someone", "a:secret"));
    let browser = session(&right, "/insert:a:1").await;
    assert_eq!(browser.sees(&right).await, "a=1");
    is_no_store(&app(store_of(&server, "someone", "another"))).await;
    is_no_store(&app(store_of(&server, "another", "a:secret"))).await;
    is_no_store(&app(store([&server]))).await;
}

#[tokio::test]
async fn a_password_is_never_printed_nor_left_on_a_server_that_asks_for_none() {
    let server = memcached();
    let store = store_of(&server, "someone", "a:secret");
    assert!(
        store
            .get(&StoreKey::from_bytes([7; 32]))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(tell(&server, "mg auth v\r\n"), "EN\r\n");
    let builder = MemcachedStore::builder().server("someone:secret@host");
    let printed = format!("{store:?} {builder:?} {:?}", builder.clone().build());
    assert!(!printed.contains("secret"), "{printed}");
}

#[tokio::test]
async fn the_log_tells_once_why_a_server_cannot_be_used_and_no_secrets() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let (server, _directory) = with_password();
    let store = store_of(&server, "someone-else", "canary");
    let browser = browser();
    let app = app(store);
    browser.start(&app, "/show").answer().await;
    sleep(Duration::from_millis(500)).await;
    is_known_to_be_down(&app, &browser).await;
    let text = log.text();
    assert_eq!(text.matches("cannot be used").count(), 1, "{text}");
    assert!(text.contains(&address(&server)) && text.contains("the user and the password"));
    for secret in ["canary", "someone-else", "AAAA"] {
        assert!(!text.contains(secret), "{text}");
    }
}

/// The keys on the server.
fn keys(server: &Server) -> Vec<String> {
    let dump = tell(server, "lru_crawler metadump all\r\n");
    let key = |line: &str| Some(line.strip_prefix("key=")?.split(' ').next()?.to_owned());
    dump.lines()
        .filter_map(key)
        .map(|key| key.replace("%3A", ":"))
        .collect()
}

#[tokio::test]
async fn an_entry_that_nobody_here_wrote_is_an_error_or_nothing_and_no_session() {
    let server = memcached();
    let app = app(store([&server]));
    for garbage in ["", "x", "\u{1}\u{2}\u{3}", "EN", "{\"user\":1}"] {
        let browser = session(&app, "/insert:a:1").await;
        let key = keys(&server).pop().unwrap();
        assert!(key.starts_with("test:"), "{key}");
        // For ever.
        let set = format!("ms {key} {} T0\r\n{garbage}\r\n", garbage.len());
        assert_eq!(tell(&server, &set), "HD\r\n");
        let read = browser.clone().get(&app, "/load/show").await;
        assert_eq!(read.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(read.set_cookies(), [""; 0]);
        // A logout can always be.
        assert_ok(&browser.clone().get(&app, "/flush").await);
        assert_eq!(keys(&server), [""; 0]);
        assert_eq!(browser.sees(&app).await, "");
    }
}

#[tokio::test]
async fn a_record_that_was_copied_from_another_key_is_no_session() {
    let server = memcached();
    let store = store([&server]);
    let app = app(store.clone());
    let victim = session(&app, "/insert:user:1").await;
    let source = keys(&server).pop().unwrap();
    let attacker = session(&app, "/insert:user:2").await;
    let target = keys(&server)
        .into_iter()
        .find(|key| *key != source)
        .unwrap();
    let key = |text: &str| {
        use base64::Engine as _;
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let bytes = engine.decode(text.strip_prefix("test:").unwrap()).unwrap();
        StoreKey::from_bytes(bytes.try_into().unwrap())
    };
    let record = store.get(&key(&source)).await.unwrap().unwrap().value;
    let entry = store.get(&key(&target)).await.unwrap().unwrap();
    store
        .replace(&key(&target), entry.version, record, MINUTE)
        .await
        .unwrap();
    assert_eq!(attacker.sees(&app).await, "");
    assert_eq!(victim.sees(&app).await, "user=1");
}

#[tokio::test]
async fn a_store_without_a_runtime_or_with_half_of_one_is_unavailable() {
    let key = StoreKey::from_bytes([7; 32]);
    std::thread::spawn(move || {
        let store = store_at(1);
        let got = futures_executor::block_on(store.get(&key));
        assert_eq!(got.unwrap_err(), StoreError::unavailable());
        // Neither time nor sockets.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        for _ in 0..2 {
            let got = runtime.block_on(store.get(&key));
            assert_eq!(got.unwrap_err(), StoreError::unavailable());
        }
    })
    .join()
    .unwrap();
}

#[tokio::test]
async fn a_dropped_store_leaves_no_task_and_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let store = store_at(listener.local_addr().unwrap().port());
    let key = StoreKey::from_bytes([7; 32]);
    let asking = timeout(Duration::from_millis(100), store.get(&key));
    let (asked, accepted) = tokio::join!(asking, listener.accept());
    assert!(asked.is_err());
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(tasks, 1);
    drop(store);
    let mut heard = Vec::new();
    accepted.unwrap().0.read_to_end(&mut heard).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    let tasks = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    assert_eq!(tasks, 0);
}
