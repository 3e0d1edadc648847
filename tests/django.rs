//! What people who come from Django's sessions rely on, one by one.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use axum::Router;
use axum::routing::{get, post};
use serde_json::json;
use sessile::{Error, ErrorKind, Expiry, Session, SessionLayer};
use support::{Browser, HOUR, TestStore, layer, layer_with, now};

const FORGED: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[tokio::test]
async fn values_are_nested_have_defaults_and_can_be_popped() {
    let (layer, _, _) = layer();
    let mut browser = Browser::new();
    let nested = json!({"a": {"b": [1, 2, {"c": "d"}]}});
    browser
        .visit(&layer, async |session| {
            session.insert("nested", nested.clone()).unwrap();
        })
        .await;
    browser
        .visit(&layer, async |session| {
            assert_eq!(session.get_value("nested").unwrap(), Some(nested.clone()));
            assert_eq!(
                session
                    .get("other")
                    .unwrap()
                    .unwrap_or("default".to_owned()),
                "default"
            );
            assert_eq!(
                session.remove_value("nested").unwrap(),
                Some(nested.clone())
            );
            assert_eq!(session.remove_value("nested").unwrap(), None);
        })
        .await;
    let (left, _) = browser
        .visit(&layer, async |session| session.len().unwrap())
        .await;
    assert_eq!(left, 0);
}

#[tokio::test]
async fn clear_keeps_the_session_and_its_id() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let id = browser.id().unwrap().to_owned();
    store.calls();
    let ((), answer) = browser.visit(&layer, async |session| session.clear()).await;
    assert!(answer.set_cookies().is_empty());
    assert_eq!(store.calls(), ["get", "replace"]);
    browser
        .visit(&layer, async |session| {
            assert!(session.is_empty().unwrap());
            assert!(!session.is_new().unwrap());
            assert_eq!(session.id().unwrap().unwrap().expose(), id);
        })
        .await;
}

#[tokio::test]
async fn flush_ends_the_session() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let mut stale = browser.clone();
    let ((), answer) = browser.visit(&layer, async |session| session.flush()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(browser.id(), None);
    assert_eq!(store.len(), 0);
    assert_eq!(stale.n(&layer).await, None);
}

#[tokio::test]
async fn a_session_whose_last_key_went_stays_alive() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let before = browser.id().unwrap().to_owned();
    let ((), answer) = browser
        .visit(&layer, async |session| {
            assert_eq!(session.remove("n").unwrap(), Some(1));
        })
        .await;
    assert!(answer.set_cookies().is_empty());
    assert_eq!(store.len(), 1);
    let ((), answer) = browser
        .visit(&layer, async |session| session.insert("n", 2).unwrap())
        .await;
    assert!(answer.set_cookies().is_empty());
    assert_eq!(browser.id(), Some(&*before));
    assert_eq!(browser.n(&layer).await, Some(2));
}

#[tokio::test]
async fn a_rotation_keeps_the_data_and_changes_the_id() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let mut old = browser.clone();
    let ((), answer) = browser
        .visit(&layer, async |session| {
            assert!(session.id().unwrap().is_some());
            session.cycle_id();
            assert_eq!(session.id().unwrap(), None, "until it is committed");
            session.cycle_id();
            session.save().await.unwrap();
            assert!(session.id().unwrap().is_some());
        })
        .await;
    assert_eq!(answer.set_cookies().len(), 1);
    assert_ne!(browser.id(), old.id());
    assert_eq!(browser.n(&layer).await, Some(1));
    assert_eq!(old.n(&layer).await, None);
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn a_rotation_of_nothing_makes_nothing() {
    let (layer, store, _) = layer();
    let mut browser = Browser::new();
    let ((), answer) = browser
        .visit(&layer, async |session| session.cycle_id())
        .await;
    assert!(answer.set_cookies().is_empty());
    assert!(store.calls().is_empty());
    // With data it is a login, and makes one session.
    browser
        .visit(&layer, async |session| {
            session.cycle_id();
            session.insert("n", 1).unwrap();
            session.cycle_id();
        })
        .await;
    assert_eq!(store.calls(), ["add"]);
    assert_eq!(browser.n(&layer).await, Some(1));
}

#[tokio::test]
async fn an_expiry_of_each_kind_survives_a_reload_and_later_requests() {
    let (layer, _, clock) = layer();
    let date = now(&clock) + 5 * HOUR;
    for (expiry, age) in [
        (Expiry::from(HOUR), HOUR),
        (Expiry::from(date), 5 * HOUR),
        (Expiry::BrowserSession, 14 * 24 * HOUR),
        (Expiry::Default, 14 * 24 * HOUR),
    ] {
        let mut browser = Browser::with_n(&layer).await;
        browser
            .visit(&layer, async |session| session.set_expiry(expiry))
            .await;
        let ((), answer) = browser
            .visit(&layer, async |session| {
                assert_eq!(session.expiry().unwrap(), expiry);
                session.reload().await.unwrap();
                assert_eq!(session.expiry().unwrap(), expiry);
                session.insert("n", 2).unwrap();
            })
            .await;
        assert_eq!(answer.status, 200);
        browser
            .visit(&layer, async |session| {
                assert_eq!(session.expiry().unwrap(), expiry);
                assert_eq!(session.expiry_age().unwrap(), age);
                let now = now(&clock);
                assert_eq!(session.expiry_date().unwrap(), now + age);
                // And back.
                session.set_expiry(Expiry::Default);
                assert_eq!(session.expiry_age().unwrap(), 14 * 24 * HOUR);
            })
            .await;
        let (expiry, _) = browser
            .visit(&layer, async |session| session.expiry().unwrap())
            .await;
        assert_eq!(expiry, Expiry::Default);
    }
}

const SHOP: &str = "shop=; HttpOnly; SameSite=Lax; Secure; Path=/shop; Domain=example.com; Max-Age=0; \
     Expires=Thu, 01 Jan 1970 00:00:00 GMT";

fn shop() -> (SessionLayer, TestStore) {
    let (layer, store, _) = layer_with(|builder| {
        builder
            .cookie_name("shop")
            .cookie_path("/shop")
            .cookie_domain("example.com")
    });
    (layer, store)
}

#[tokio::test]
async fn a_logout_removes_the_cookie_with_the_path_and_domain_it_was_set_with() {
    let (layer, _) = shop();
    let mut browser = Browser::with_n(&layer).await;
    let ((), answer) = browser.visit(&layer, async |session| session.flush()).await;
    assert_eq!(answer.set_cookies(), [SHOP]);
}

#[tokio::test]
async fn a_logout_removes_the_cookie_also_when_the_record_was_gone_or_unreadable() {
    for damage in [
        |store: &TestStore| store.evict_all(),
        |store: &TestStore| {
            store.tamper("no record");
        },
    ] {
        let (layer, store) = shop();
        let mut browser = Browser::with_n(&layer).await;
        damage(&store);
        let ((), answer) = browser.visit(&layer, async |session| session.flush()).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.set_cookies(), [SHOP]);
        assert_eq!(store.len(), 0);
    }
}

#[tokio::test]
async fn a_login_works_on_top_of_an_unreadable_record() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    store.tamper("no record");
    let ((), answer) = browser
        .visit(&layer, async |session| {
            let error = session.insert("n", 2).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Undecodable);
            session.flush();
            session.insert("n", 3).unwrap();
        })
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.set_cookies().len(), 1);
    assert_eq!(browser.n(&layer).await, Some(3));
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn an_invalid_cookie_gives_an_empty_session_and_no_record() {
    for cookie in [
        "",
        "x",
        "not an id at all",
        &"A".repeat(44),
        &FORGED.replace('A', "="),
    ] {
        let (layer, store, _) = layer();
        let mut browser = Browser::with_cookie("__Host-id", cookie);
        let ((), answer) = browser
            .visit(&layer, async |session| {
                assert!(session.is_empty().unwrap());
                assert!(session.is_new().unwrap());
                assert_eq!(session.id().unwrap(), None);
            })
            .await;
        assert!(answer.set_cookies().is_empty());
        assert!(store.calls().is_empty(), "{cookie}");
    }
}

#[tokio::test]
async fn a_stale_id_is_not_adopted_and_the_next_write_makes_a_fresh_one() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_cookie("__Host-id", FORGED);
    let ((), answer) = browser
        .visit(&layer, async |session| {
            assert_eq!(session.id().unwrap(), None);
            session.insert("n", 1).unwrap();
        })
        .await;
    assert_eq!(answer.set_cookies().len(), 1);
    assert_ne!(browser.id(), Some(FORGED));
    assert_eq!(browser.n(&layer).await, Some(1));
    assert_eq!(
        Browser::with_cookie("__Host-id", FORGED).n(&layer).await,
        None
    );
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn a_small_shop_works_in_axum() {
    async fn login(session: Session) -> Result<(), Error> {
        session.cycle_id();
        session.insert("user", "ada")
    }
    async fn who(session: Session) -> Result<String, Error> {
        Ok(session.get("user")?.unwrap_or("nobody".to_owned()))
    }
    async fn logout(session: Session) {
        session.flush();
    }
    let (layer, store, _) = layer();
    let app = Router::new()
        .route("/login", post(login))
        .route("/who", get(who))
        .route("/logout", post(logout))
        .layer(layer);
    let mut browser = Browser::new();
    assert_eq!(browser.get(&app, "/who").await.body, "nobody");
    assert_eq!(browser.post(&app, "/login").await.status, 200);
    let first = browser.id().unwrap().to_owned();
    assert_eq!(browser.post(&app, "/login").await.status, 200);
    assert_ne!(browser.id(), Some(&*first));
    assert_eq!(browser.get(&app, "/who").await.body, "ada");
    assert_eq!(browser.post(&app, "/logout").await.status, 200);
    assert_eq!((browser.id(), store.len()), (None, 0));
    assert_eq!(browser.get(&app, "/who").await.body, "nobody");
}
