//! Passwords: wrong, changed, and never shown. Certificates.

use crate::support::Browser;
use crate::support::log::Log;
use crate::support::redis::{cli, redis};
use crate::support::server::free_port;
use crate::support::tls::Certificates;
use crate::visitor::{AT_ONCE, Visitor, app};
use sessile::store::RedisStore;
use sessile::store::redis::{RedisConfigError, RedisStoreBuilder};

const PASSWORD: &str = "swordfish-canary";

fn at(port: u16) -> RedisStoreBuilder {
    RedisStore::builder().server(format!("127.0.0.1:{port}"))
}

fn stranger(store: RedisStore) -> Visitor {
    Visitor {
        app: app(store),
        browser: Browser::with_cookie("__Host-id", &"A".repeat(43)),
    }
}

#[tokio::test]
async fn without_the_right_password_the_server_is_away() {
    let server = redis(&["--requirepass", PASSWORD]);
    let visitor = Visitor::of(at(server.port()).password(PASSWORD).build().unwrap()).await;
    visitor.sees_it_back("a=1").await;
    let none = at(server.port()).build().unwrap();
    stranger(none).sees_it_away(AT_ONCE).await;
    let wrong = at(server.port()).password("wrong").build().unwrap();
    stranger(wrong).sees_it_away(AT_ONCE).await;
}

#[tokio::test]
async fn a_user_needs_no_more_than_the_docs_say() {
    let server = redis(&[]);
    let rule = "~shop:* resetchannels -@all +get +set +del +eval +evalsha +getrange +exists +rename \
                +pexpire +hello";
    let mut command = vec!["acl", "setuser", "shop", "on", ">swordfish-canary"];
    command.extend(rule.split(' '));
    assert_eq!(cli(server.port(), &command), "OK");
    let store = || {
        let builder = at(server.port()).username("shop").password(PASSWORD);
        builder.key_prefix("shop:").build().unwrap()
    };
    Visitor::of(store()).await.sees_it_back("a=1").await;
    let large = sessile::store::StoreKey::from_bytes([9; 32]);
    let minute = std::time::Duration::from_secs(60);
    use sessile::store::{Added, Replaced, Store as _};
    let Ok(Added::Done(version)) = store().add(&large, "x".into(), minute).await else {
        panic!("not added");
    };
    let replaced = store()
        .replace(&large, version, vec![7; 20_000].into(), minute)
        .await;
    assert!(matches!(replaced, Ok(Replaced::Done(_))), "{replaced:?}");
}

#[tokio::test]
async fn a_password_that_is_changed_and_changed_back_needs_no_restart() {
    let mut server = redis(&["--requirepass", PASSWORD]);
    let visitor = Visitor::of(at(server.port()).password(PASSWORD).build().unwrap()).await;
    let command = ["--no-auth-warning", "-a", PASSWORD];
    cli(
        server.port(),
        &[&command[..], &["config", "set", "requirepass", "another"]].concat(),
    );
    // Who is in stays in.
    visitor.sees_it_back("a=1").await;
    let command = ["--no-auth-warning", "-a", "another"];
    cli(
        server.port(),
        &[&command[..], &["client", "kill", "type", "normal"]].concat(),
    );
    visitor.sees_it_away(AT_ONCE).await;
    cli(
        server.port(),
        &[&command[..], &["config", "set", "requirepass", PASSWORD]].concat(),
    );
    visitor.sees_it_back("a=1").await;
    server.kill();
}

#[test]
fn nothing_secret_is_shown() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let runtime = tokio::runtime::Builder::new_current_thread();
    runtime_of(runtime).block_on(async {
        let server = redis(&["--requirepass", "another"]);
        let builder = at(server.port()).password(PASSWORD).username("user-canary");
        let builder = builder.sentinel_password(PASSWORD);
        assert!(!format!("{builder:?}").contains("canary"));
        let store = builder.build().unwrap();
        assert!(!format!("{store:?}").contains("canary"));
        let visitor = stranger(store);
        visitor.sees_it_away(AT_ONCE).await;
        let answer = visitor.browser.clone().get(&visitor.app, "/show").await;
        assert!(!answer.body.contains("canary"));
    });
    let text = log.text();
    assert!(
        text.contains("cannot be used: the login is refused")
            && text.contains("Redis at 127.0.0.1:"),
        "{text}"
    );
    assert!(!text.contains("canary"), "{text}");
}

/// What the log says of a store that cannot connect.
fn said(builder: RedisStoreBuilder) -> String {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let runtime = tokio::runtime::Builder::new_current_thread();
    let visitor = stranger(builder.build().unwrap());
    runtime_of(runtime).block_on(visitor.sees_it_away(AT_ONCE * 5));
    log.text()
}

#[test]
fn the_log_says_why_there_is_no_connection() {
    let open = redis(&[]);
    let closed = redis(&["--requirepass", PASSWORD]);
    let replica = redis(&["--replicaof", "127.0.0.1", &open.port().to_string()]);
    let web = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let web_port = web.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in web.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let sentinel = |port| RedisStore::builder().sentinel("m", [format!("127.0.0.1:{port}")]);
    for (builder, expected) in [
        (at(free_port()), "it does not answer"),
        (at(web_port), "what answers is no Redis"),
        (at(closed.port()), "a password is missing"),
        (
            at(closed.port()).password("another"),
            "the login is refused",
        ),
        (
            at(open.port()).database(99),
            "it has no database of this number",
        ),
        (at(replica.port()), "it does not say that it is a master"),
        (sentinel(open.port()), "the Sentinel refuses to tell"),
        (sentinel(web_port), "what answers is no Redis"),
    ] {
        let text = said(builder);
        let times = text.matches("cannot be used: ").count();
        assert!(times == 1 && text.contains(expected), "{expected}: {text}");
    }
}

fn runtime_of(mut builder: tokio::runtime::Builder) -> tokio::runtime::Runtime {
    builder.enable_all().build().unwrap()
}

#[tokio::test]
async fn certificates_are_checked_on_both_sides() {
    let certificates = Certificates::new();
    let server = certificates.redis();
    let read = |file| certificates.read(file);
    let good = at(server.port())
        .tls_roots(read("ca.crt"))
        .tls_identity(read("client.crt"), read("client.key"));
    Visitor::of(good.build().unwrap())
        .await
        .sees_it_back("a=1")
        .await;

    let none = at(server.port()).tls_roots(read("ca.crt"));
    stranger(none.build().unwrap()).sees_it_away(AT_ONCE).await;
    let unknown_server = at(server.port())
        .tls_roots(read("other.crt"))
        .tls_identity(read("client.crt"), read("client.key"));
    stranger(unknown_server.build().unwrap())
        .sees_it_away(AT_ONCE)
        .await;
    let plain = at(server.port());
    stranger(plain.build().unwrap())
        .sees_it_away(AT_ONCE * 5)
        .await;
}

#[test]
fn settings_that_cannot_be_right_are_refused() {
    use RedisConfigError as Error;
    let error = |builder: RedisStoreBuilder| builder.build().unwrap_err();
    let new = RedisStore::builder;
    for address in [
        "",
        "localhost",
        ":6379",
        "localhost:",
        "localhost:99999",
        "redis://h:1x",
    ] {
        assert_eq!(error(new().server(address)), Error::Address, "{address}");
    }
    assert_eq!(error(new().cluster([""; 0])), Error::Address);
    assert_eq!(error(new().sentinel("m", [""; 0])), Error::Address);
    assert_eq!(error(new().key_prefix("{a}")), Error::KeyPrefix);
    assert_eq!(error(new().username("a")), Error::UsernameWithoutPassword);
    assert_eq!(
        error(new().cluster(["h:1"]).database(1)),
        Error::DatabaseInCluster
    );
    assert_eq!(
        error(new().unix_socket("s").tls(true)),
        Error::TlsOverUnixSocket
    );
    assert_eq!(error(new().tls_roots("no certificate")), Error::TlsRoots);
    assert_eq!(
        error(new().connect_timeout(std::time::Duration::ZERO)),
        Error::Timeout
    );
    let certificates = Certificates::new();
    let roots = || new().tls_roots(certificates.read("ca.crt"));
    let [ca, client] = ["ca.crt", "client.key"].map(|file| certificates.read(file));
    assert_eq!(
        error(roots().tls_identity("no", client.clone())),
        Error::TlsIdentity
    );
    assert_eq!(
        error(roots().tls_identity(ca.clone(), "no")),
        Error::TlsIdentity
    );
    assert_eq!(error(roots().tls_identity(ca, client)), Error::TlsIdentity);
    assert!(new().server("[::1]:6379").build().is_ok());
}
