//! Settings that do not fit together are refused when the layer is built, by name.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use sessile::{ConfigError, SameSite, SessionLayer, SessionLayerBuilder};
use std::time::Duration;
use support::{Browser, TestStore, layer_with};

type Set = fn(SessionLayerBuilder) -> SessionLayerBuilder;

fn build(
    set: impl FnOnce(SessionLayerBuilder) -> SessionLayerBuilder,
) -> Result<SessionLayer, ConfigError> {
    set(SessionLayer::builder(TestStore::new())).build()
}

/// The error of these settings, which has to name each of these setters.
fn refused(
    set: impl FnOnce(SessionLayerBuilder) -> SessionLayerBuilder,
    setters: &[&str],
) -> ConfigError {
    let error = build(set).unwrap_err();
    let text = error.to_string();
    for setter in setters {
        assert!(text.contains(&format!("`{setter}")), "{setter}: {text}");
    }
    error
}

#[tokio::test]
async fn the_defaults_fit_together() {
    let store = TestStore::new();
    let layer = SessionLayer::new(store.clone());
    assert!(Browser::with_n(&layer).await.id().is_some());
    assert_eq!(store.len(), 1);
    assert!(build(|builder| builder).is_ok());
}

#[test]
fn same_site_none_and_partitioned_need_secure() {
    let set: Set = |b| {
        b.cookie_name("id")
            .cookie_secure(false)
            .cookie_same_site(SameSite::None)
    };
    let error = refused(set, &["cookie_same_site", "cookie_secure(true)"]);
    assert_eq!(error, ConfigError::SameSiteNoneNeedsSecure);
    let set: Set = |b| {
        b.cookie_name("id")
            .cookie_secure(false)
            .cookie_partitioned(true)
    };
    let error = refused(set, &["cookie_partitioned", "cookie_secure(true)"]);
    assert_eq!(error, ConfigError::PartitionedNeedsSecure);
    // Plain http takes Secure away.
    let error = refused(
        |b| b.plain_http().cookie_same_site(SameSite::None),
        &["cookie_same_site"],
    );
    assert_eq!(error, ConfigError::SameSiteNoneNeedsSecure);
    let error = refused(
        |b| b.plain_http().cookie_partitioned(true),
        &["cookie_partitioned"],
    );
    assert_eq!(error, ConfigError::PartitionedNeedsSecure);
}

#[test]
fn a_prefix_is_held_to_what_it_promises_whatever_its_case() {
    let host = [
        "__Host-id",
        "__host-id",
        "__HOST-ID",
        "__hOsT-",
        "__Host-Http-id",
        "__hOST-hTTP-id",
    ];
    for name in host {
        for set in [
            (|b| b.cookie_domain("shop.example")) as Set,
            |b| b.cookie_path("/shop"),
            |b| b.cookie_path("//"),
        ] {
            let setters = ["cookie_name", "cookie_domain", "cookie_path"];
            let error = refused(|b| set(b).cookie_name(name), &setters);
            assert_eq!(error, ConfigError::HostPrefix, "{name}");
        }
    }
    let secure = ["__Secure-id", "__sEcUrE-id", "__Http-id", "__hTTp-id"];
    for name in host.iter().chain(&secure) {
        let setters = ["cookie_name", "cookie_secure(true)", "plain_http()"];
        let error = refused(|b| b.cookie_name(*name).cookie_secure(false), &setters);
        assert_eq!(error, ConfigError::PrefixNeedsSecure, "{name}");
    }
    for name in ["__Http-id", "__hTTp-id", "__Host-Http-id", "__hOST-hTTP-id"] {
        let setters = ["cookie_name", "cookie_http_only(true)"];
        let error = refused(|b| b.cookie_name(name).cookie_http_only(false), &setters);
        assert_eq!(error, ConfigError::PrefixNeedsHttpOnly, "{name}");
    }
}

#[test]
fn what_a_prefix_does_not_forbid_is_fine() {
    let fine: [Set; 10] = [
        |b| b.cookie_name("__Host-id").cookie_http_only(false),
        |b| {
            b.cookie_name("__Host-id")
                .cookie_same_site(SameSite::None)
                .cookie_partitioned(true)
        },
        |b| {
            b.cookie_name("__Secure-id")
                .cookie_domain("shop.example")
                .cookie_path("/shop")
        },
        |b| b.cookie_name("__Secure-id").cookie_http_only(false),
        |b| b.cookie_name("__Http-id").cookie_domain("shop.example"),
        |b| b.cookie_name("__Host-Http-id"),
        // These are none.
        |b| {
            b.cookie_name("__Host")
                .cookie_domain("shop.example")
                .cookie_secure(false)
        },
        |b| {
            b.cookie_name("_Host-id")
                .cookie_path("/shop")
                .cookie_secure(false)
        },
        |b| {
            b.cookie_name("x__Host-id")
                .cookie_path("/shop")
                .cookie_secure(false)
        },
        |b| {
            b.cookie_name("id")
                .cookie_secure(false)
                .cookie_http_only(false)
        },
    ];
    for (at, set) in fine.into_iter().enumerate() {
        assert!(build(set).is_ok(), "{at}");
    }
}

#[test]
fn a_name_is_a_token() {
    let long = "n".repeat(200);
    for name in ["i", "id.2", "!#$%&'*+-.^_`|~", "JSESSIONID", &long] {
        assert!(build(|b| b.cookie_name(name)).is_ok(), "{name}");
    }
    for name in [
        "",
        " ",
        "a b",
        "a=b",
        "a;b",
        "a,b",
        "a\"b",
        "a\tb",
        "a\r\nb",
        "a\0b",
        "ä",
        "a\u{a0}",
        "a/b",
        "a(b",
        "a@b",
        "a[b]",
        "a{b}",
        "a\\b",
        "a?b",
        "a:b",
        "a<b>",
        "a\u{7f}",
        "__Host-a;b",
    ] {
        let error = refused(|b| b.cookie_name(name), &["cookie_name"]);
        assert_eq!(
            error,
            ConfigError::CookieName {
                name: name.to_owned()
            }
        );
        assert!(
            !error.to_string().contains(['\r', '\n', '\0']),
            "it is safe to print"
        );
    }
    // A prefix and nothing else.
    let error = refused(|b| b.cookie_name("__Host-").plain_http(), &["cookie_name"]);
    assert_eq!(
        error,
        ConfigError::CookieName {
            name: String::new()
        }
    );
}

#[test]
fn a_path_begins_with_a_slash_and_ends_nothing_else() {
    for path in [
        "/", "/shop", "/a/b/", "/a,b", "/a=b", "/%C3%A4", "/a\"b", "/~a",
    ] {
        assert!(
            build(|b| b.cookie_name("id").cookie_path(path)).is_ok(),
            "{path}"
        );
    }
    for path in [
        "",
        "shop",
        " /",
        "/; Domain=evil.example",
        "/a;",
        "/\r\nSet-Cookie: a=b",
        "/\n",
        "/\t",
        "/\0",
        "/ä",
        "/\u{a0}",
        "/\u{7f}",
        "/\u{2028}",
    ] {
        let error = refused(|b| b.cookie_name("id").cookie_path(path), &["cookie_path"]);
        assert_eq!(
            error,
            ConfigError::CookiePath {
                path: path.to_owned()
            }
        );
        assert!(
            !error.to_string().contains(['\r', '\n', '\0']),
            "it is safe to print"
        );
    }
}

#[test]
fn a_domain_is_a_host_name() {
    for domain in [
        "example.com",
        "a.b-c.example",
        "localhost",
        "xn--bcher-kva.example",
        "127.0.0.1",
        "A.B",
    ] {
        assert!(
            build(|b| b.cookie_name("id").cookie_domain(domain)).is_ok(),
            "{domain}"
        );
    }
    for domain in [
        "",
        ".",
        ".example.com",
        "example.com.",
        "a..b",
        "example.com:8080",
        "exa mple.com",
        " example.com",
        "example.com ",
        "bücher.example",
        "a;b",
        "a; Path=/",
        "a\r\nb",
        "a\tb",
        "a\0b",
        "a=b",
        "a,b",
        "a_b",
        "-a.example",
        "a-.example",
        "[::1]",
        "::1",
        "https://example.com",
        "example.com/",
        "*.example.com",
    ] {
        let error = refused(
            |b| b.cookie_name("id").cookie_domain(domain),
            &["cookie_domain"],
        );
        assert_eq!(
            error,
            ConfigError::CookieDomain {
                domain: domain.to_owned()
            }
        );
        assert!(
            !error.to_string().contains(['\r', '\n', '\0']),
            "it is safe to print"
        );
    }
}

#[test]
fn a_lifetime_is_at_least_a_millisecond() {
    const MS: Duration = Duration::from_millis(1);
    for zero in [
        Duration::ZERO,
        Duration::from_nanos(1),
        MS - Duration::from_nanos(1),
    ] {
        let error = refused(|b| b.idle_lifetime(zero), &["idle_lifetime"]);
        assert_eq!(error, ConfigError::IdleLifetime);
        let setters = ["absolute_lifetime", "no_absolute_lifetime()"];
        assert_eq!(
            refused(|b| b.absolute_lifetime(zero), &setters),
            ConfigError::AbsoluteLifetime
        );
    }
    assert!(build(|b| b.idle_lifetime(MS).absolute_lifetime(MS)).is_ok());
    assert!(build(|b| b.absolute_lifetime(Duration::ZERO).no_absolute_lifetime()).is_ok());
    assert_eq!(
        refused(|b| b.time_limit(Duration::ZERO), &["time_limit"]),
        ConfigError::TimeLimit
    );
    assert!(build(|b| b.time_limit(Duration::from_nanos(1))).is_ok());
}

#[test]
fn a_size_limit_leaves_room_for_a_session_and_is_within_reason() {
    let error = refused(|b| b.max_size(0), &["max_size"]);
    let ConfigError::MaxSize { min, max } = error else {
        panic!("{error:?}")
    };
    for size in [min - 1, max + 1, usize::MAX] {
        assert_eq!(refused(|b| b.max_size(size), &["max_size"]), error);
    }
    assert!(build(|b| b.max_size(min)).is_ok());
    assert!(build(|b| b.max_size(max)).is_ok());
    assert!(error.to_string().contains(&min.to_string()));
}

#[tokio::test]
async fn the_longest_durations_work() {
    let (layer, _, clock) = layer_with(|builder| {
        builder
            .idle_lifetime(Duration::MAX)
            .absolute_lifetime(Duration::MAX)
            .time_limit(Duration::MAX)
    });
    let mut browser = Browser::with_n(&layer).await;
    clock.advance(Duration::from_secs(100 * 365 * 24 * 60 * 60));
    assert!(browser.is_alive(&layer).await);
    let ((), answer) = browser.visit(&layer, async |s| s.cycle_id()).await;
    assert!(answer.set_cookies()[0].ends_with("; Max-Age=34560000"));
    // And one that hardly lives at all.
    let (layer, _, clock) = layer_with(|builder| builder.idle_lifetime(Duration::from_millis(1)));
    let mut browser = Browser::with_n(&layer).await;
    assert!(browser.is_alive(&layer).await);
    clock.advance(Duration::from_millis(1));
    assert!(!browser.is_alive(&layer).await);
}

#[tokio::test(start_paused = true)]
async fn the_longest_time_limit_waits() {
    let (layer, store, _) = layer_with(|builder| builder.time_limit(Duration::MAX));
    let mut browser = Browser::with_n(&layer).await;
    let gate = store.gate_next("get");
    let mut waits = std::pin::pin!(browser.is_alive(&layer));
    let day = Duration::from_secs(24 * 60 * 60);
    assert!(tokio::time::timeout(day, &mut waits).await.is_err());
    gate.open();
    assert!(waits.await);
}

#[test]
fn the_layer_and_its_builder_can_be_printed() {
    let builder = SessionLayer::builder(TestStore::new()).cookie_name("__Host-shop");
    assert!(format!("{builder:?}").contains("__Host-shop"));
    assert!(format!("{:?}", builder.build().unwrap()).contains("__Host-shop"));
}
