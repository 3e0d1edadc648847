//! A cookie that got another name: its sessions go on under the new one, each with a new id.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use axum::Router;
use sessile::test_util::{ManualClock, SeededRandom};
use sessile::{ConfigError, Load, SessionLayer, SessionLayerBuilder};
use std::sync::Arc;
use std::time::SystemTime;
use support::{
    Answer, Browser, DAY, Fault, Gate, TestStore, assert_interrupted, assert_ok, kind_of, now,
    scripted,
};

const FORMER: &str = "shop_session";

/// An app before its cookie got another name, and after.
struct Renamed {
    before: Router,
    after: Router,
    layer: SessionLayer,
    store: TestStore,
    clock: Arc<ManualClock>,
    until: SystemTime,
}

fn renamed() -> Renamed {
    renamed_with(|builder| builder)
}

fn renamed_with(settings: impl Fn(SessionLayerBuilder) -> SessionLayerBuilder) -> Renamed {
    let (store, clock) = (TestStore::new(), Arc::new(ManualClock::new()));
    let until = now(&clock) + 3 * DAY;
    let builder = |seed| {
        let builder = SessionLayer::builder(store.clone()).error_response(kind_of);
        let random = Arc::new(SeededRandom::new(seed));
        settings(builder.clock(clock.clone()).random(random))
    };
    let before = builder(1).cookie_name(FORMER).build().unwrap();
    let after = builder(2).keyspace(FORMER);
    let layer = after.former_cookie_name(FORMER, until).build().unwrap();
    Renamed {
        before: scripted(before),
        after: scripted(layer.clone()),
        layer,
        store,
        clock,
        until,
    }
}

impl Renamed {
    /// A browser with a session from before.
    async fn browser(&self) -> Browser {
        let mut browser = Browser::new();
        assert_ok(&browser.get(&self.before, "/insert:a:1").await);
        assert!(browser.cookie(FORMER).is_some());
        self.store.calls();
        browser
    }

    /// The session is dead for whoever has these cookies.
    async fn assert_dead(&self, browsers: &[&Browser]) {
        assert_eq!(self.store.len(), 0);
        for browser in browsers {
            assert_eq!(browser.sees(&self.after).await, "");
            assert_eq!(browser.sees(&self.before).await, "");
        }
    }
}

/// The answer sets the present cookie, and removes the former one.
#[track_caller]
fn assert_renames(answer: &Answer) {
    assert_ok(answer);
    let cookies = answer.set_cookies();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    assert!(cookies[0].starts_with("__Host-id="), "{cookies:?}");
    assert!(!cookies[0].contains("Max-Age=0"), "{cookies:?}");
    assert!(cookies[1].starts_with("shop_session=;"), "{cookies:?}");
    assert!(cookies[1].contains("; Max-Age=0;"), "{cookies:?}");
    assert_eq!(answer.header(http::header::CACHE_CONTROL), Some("no-store"));
}

#[tokio::test]
async fn a_session_goes_on_under_the_new_name_with_a_new_id() {
    let shop = renamed();
    let mut browser = shop.browser().await;
    let old = browser.clone();
    let answer = browser.get(&shop.after, "/show/insert:b:2").await;
    assert_renames(&answer);
    assert_eq!(answer.body, "a=1 ");
    // In the same entry, by one write.
    assert_eq!(shop.store.calls(), ["get", "replace"]);
    assert_eq!(shop.store.len(), 1);

    assert_eq!(browser.cookie_names().count(), 1);
    assert_ne!(browser.id(), old.cookie(FORMER));
    let answer = browser.get(&shop.after, "/show").await;
    assert_eq!(answer.body, "a=1 b=2 ");
    assert_eq!(answer.set_cookies(), [""; 0]);
    // Who has the old cookie only can neither read nor write, under either name.
    assert_eq!(old.sees(&shop.after).await, "");
    assert_eq!(old.sees(&shop.before).await, "");
    assert_interrupted(&old.clone().get(&shop.after, "/insert:c:3").await);
    assert_eq!(browser.sees(&shop.after).await, "a=1 b=2");
}

#[tokio::test]
async fn a_request_that_does_nothing_with_its_session_renames_it_too() {
    let shop = renamed();
    assert_renames(&shop.browser().await.get(&shop.after, "/").await);
    assert_eq!(shop.store.calls(), ["get", "replace"]);
}

#[tokio::test]
async fn on_access_a_session_is_renamed_when_it_is_loaded() {
    let shop = renamed_with(|builder| builder.load(Load::OnAccess));
    let mut browser = Browser::new();
    browser.get(&shop.before, "/load/insert:a:1").await;
    shop.store.calls();
    let answer = browser.get(&shop.after, "/").await;
    assert_eq!(answer.set_cookies(), [""; 0]);
    assert_eq!(shop.store.calls(), [""; 0]);
    assert_renames(&browser.get(&shop.after, "/load").await);
    assert_eq!(browser.sees(&shop.after).await, "a=1");
}

#[tokio::test]
async fn a_former_cookie_counts_only_where_there_is_no_present_one() {
    let shop = renamed();
    let former = shop.browser().await;
    for present in ["nonsense", &"A".repeat(43)] {
        let mut browser = former.clone();
        browser.set_cookie("__Host-id", present);
        let answer = browser.get(&shop.after, "/show").await;
        assert_eq!((&*answer.body, answer.set_cookies()), ("", vec![]));
    }
    let mut browser = Browser::new();
    browser.get(&shop.after, "/insert:b:2").await;
    carry(&mut browser, &former);
    assert_eq!(browser.sees(&shop.after).await, "b=2");
    assert_eq!(former.sees(&shop.before).await, "a=1");
}

#[tokio::test]
async fn from_its_date_on_a_former_name_is_as_any_other() {
    let shop = renamed();
    let (mut in_time, late) = (shop.browser().await, shop.browser().await);
    shop.clock.jump_to(shop.until - support::MS);
    assert_renames(&in_time.get(&shop.after, "/").await);
    shop.store.calls();

    shop.clock.jump_to(shop.until);
    let answer = late.clone().get(&shop.after, "/show/flush").await;
    assert_eq!((&*answer.body, answer.set_cookies()), ("", vec![]));
    assert_eq!(shop.store.calls(), [""; 0]);
    // What was renamed in time is a session as any other.
    assert_eq!(in_time.sees(&shop.after).await, "a=1");
}

#[tokio::test]
async fn a_5xx_leaves_the_former_cookie_and_its_session() {
    let shop = renamed();
    let mut browser = shop.browser().await;
    let answer = browser.get(&shop.after, "/insert:b:2/fail").await;
    assert_eq!(
        (answer.status.as_u16(), answer.set_cookies()),
        (500, vec![])
    );
    assert_eq!(shop.store.calls(), ["get"]);
    assert_renames(&browser.get(&shop.after, "/").await);
    assert_eq!(browser.sees(&shop.after).await, "a=1");
}

#[tokio::test]
async fn a_logout_with_the_former_cookie_ends_the_session_and_removes_it() {
    let shop = renamed();
    let mut browser = shop.browser().await;
    let old = browser.clone();
    let answer = browser.get(&shop.after, "/flush").await;
    assert_ok(&answer);
    assert!(
        answer
            .set_cookies()
            .iter()
            .all(|it| it.contains("Max-Age=0"))
    );
    assert!(browser.cookie_names().next().is_none());
    shop.assert_dead(&[&old]).await;
}

#[tokio::test]
async fn a_logout_ends_the_sessions_of_both_cookies() {
    let shop = renamed();
    let mut browser = shop.browser().await;
    let former = browser.clone();
    let mut present = Browser::new();
    present.get(&shop.after, "/insert:b:2").await;
    carry(&mut browser, &present);
    assert_eq!(browser.cookie_names().count(), 2);
    assert_ok(&browser.get(&shop.after, "/flush").await);
    assert!(browser.cookie_names().next().is_none());
    shop.assert_dead(&[&former, &present]).await;
}

#[tokio::test]
async fn a_login_with_the_former_cookie_is_one_rotation() {
    let shop = renamed();
    let mut browser = shop.browser().await;
    assert_renames(&browser.get(&shop.after, "/cycle/insert:user:1").await);
    assert_eq!(shop.store.calls(), ["get", "replace"]);
    assert_eq!(browser.sees(&shop.after).await, "a=1 user=1");
}

#[tokio::test]
async fn a_dead_former_cookie_goes_with_the_first_new_session() {
    let shop = renamed();
    let mut browser = shop.browser().await;
    shop.store.evict_all();
    assert_eq!(
        browser.get(&shop.after, "/show").await.set_cookies(),
        [""; 0]
    );
    assert_renames(&browser.get(&shop.after, "/insert:b:2").await);
    assert_eq!(browser.sees(&shop.after).await, "b=2");
}

#[tokio::test]
async fn the_expiry_and_the_absolute_limit_are_those_of_the_session() {
    let shop = renamed();
    let mut browser = Browser::new();
    browser.get(&shop.before, "/insert:a:1/browser").await;
    let answer = browser.get(&shop.after, "/").await;
    assert_renames(&answer);
    assert!(!answer.set_cookies()[0].contains("Max-Age"));

    let mut browser = Browser::new();
    browser.get(&shop.before, "/insert:a:1/expire:600").await;
    let answer = browser.get(&shop.after, "/").await;
    assert!(answer.set_cookies()[0].ends_with("; Max-Age=600"));
}

#[tokio::test]
async fn a_save_in_the_handler_renames_and_the_response_does_not_do_it_again() {
    let shop = renamed();
    let mut browser = shop.browser().await;
    let answer = browser.get(&shop.after, "/save/insert:b:2").await;
    assert_renames(&answer);
    assert_eq!(shop.store.calls(), ["get", "replace", "replace"]);
    assert_eq!(browser.sees(&shop.after).await, "a=1 b=2");
}

#[tokio::test]
async fn a_save_after_a_failed_response_writes_under_the_old_id() {
    let shop = renamed();
    let mut browser = shop.browser().await;
    let given = std::sync::Mutex::new(None);
    let answer = browser
        .answer(&shop.layer, async |session| {
            *given.lock().unwrap() = Some(session);
            http::StatusCode::INTERNAL_SERVER_ERROR
        })
        .await;
    assert_eq!(answer.set_cookies(), [""; 0]);
    let session = given.into_inner().unwrap().unwrap();
    session.insert("b", 2).unwrap();
    session.save().await.unwrap();
    assert_eq!(browser.sees(&shop.before).await, "a=1 b=2");
}

#[tokio::test]
async fn the_sessions_of_a_user_stay_in_the_list() {
    let shop = renamed();
    let mut browser = shop.browser().await;
    let ((), answer) = browser
        .visit(&shop.layer, async |session| {
            assert_eq!(session.id().unwrap(), None);
            session.bind("alice").unwrap();
        })
        .await;
    assert_renames(&answer);
    let alice = shop.layer.sessions().of("alice");
    assert_eq!(alice.list().await.unwrap().len(), 1);
    alice.end_all().await.unwrap();
    assert_eq!(browser.sees(&shop.after).await, "");
}

// Overlaps

#[tokio::test]
async fn of_two_requests_at_once_the_second_is_served_and_leaves_the_cookie_alone() {
    let shop = renamed();
    let mut browser = shop.browser().await;
    let other = browser.start(&shop.after, "/show/hold").held().await;
    assert_renames(&browser.get(&shop.after, "/show").await);
    let answer = other.finish().await;
    assert_ok(&answer);
    assert_eq!((&*answer.body, answer.set_cookies()), ("a=1 ", vec![]));
    // The one that comes in now with the former cookie finds nothing, and does no harm.
    assert_eq!(browser.sees(&shop.after).await, "a=1");
}

#[tokio::test]
async fn two_renamings_that_meet_at_the_store_leave_one_id() {
    let shop = renamed();
    let browser = shop.browser().await;
    let gates = [(); 2].map(|()| shop.store.gate_next("replace"));
    let both = [(); 2].map(|()| browser.start(&shop.after, "/show"));
    shop.store.called("replace", 2).await;
    gates.iter().for_each(Gate::open);
    let mut renamed = Vec::new();
    for started in both {
        let answer = started.answer().await;
        assert_ok(&answer);
        assert_eq!(answer.body, "a=1 ");
        let mut browser = browser.clone();
        browser.take(&answer);
        renamed.extend((!answer.set_cookies().is_empty()).then_some(browser));
    }
    assert_eq!(renamed.len(), 1);
    assert_eq!(renamed[0].sees(&shop.after).await, "a=1");
    assert_eq!(shop.store.len(), 1);
}

#[tokio::test]
async fn a_write_that_comes_first_is_kept_and_one_that_comes_later_is_interrupted() {
    for write_first in [true, false] {
        for writer in ["before", "after"] {
            let shop = renamed();
            let mut browser = shop.browser().await;
            let renaming = browser.start(&shop.after, "/hold").held().await;
            // An instance that knows the former name only, or one that renames by its write.
            let app = if writer == "before" {
                &shop.before
            } else {
                &shop.after
            };
            let writing = browser.start(app, "/hold/increment:a").held().await;
            let sees = if write_first {
                let wrote = writing.finish().await;
                assert_ok(&wrote);
                browser.take(&wrote);
                let answer = renaming.finish().await;
                assert_ok(&answer);
                // Whoever gives the new id, the other one does not.
                assert_eq!(answer.set_cookies().is_empty(), writer == "after");
                browser.take(&answer);
                "a=2"
            } else {
                let answer = renaming.finish().await;
                assert_renames(&answer);
                browser.take(&answer);
                assert_interrupted(&writing.finish().await);
                "a=1"
            };
            assert_eq!(browser.sees(&shop.after).await, sees, "{writer}");
        }
    }
}

#[tokio::test]
async fn a_logout_and_a_renaming_that_meet_at_the_store_end_the_session_in_either_order() {
    for renaming_first in [true, false] {
        for logout in ["before", "after"] {
            let shop = renamed();
            let old = shop.browser().await;
            let (replace, delete) = (
                shop.store.gate_next("replace"),
                shop.store.gate_next("delete"),
            );
            let renaming = old.start(&shop.after, "/show");
            let app = if logout == "before" {
                &shop.before
            } else {
                &shop.after
            };
            let logout = old.start(app, "/flush");
            shop.store.called("replace", 1).await;
            shop.store.called("delete", 1).await;
            let (answer, logged_out) = if renaming_first {
                replace.open();
                let answer = renaming.answer().await;
                delete.open();
                (answer, logout.answer().await)
            } else {
                delete.open();
                let logged_out = logout.answer().await;
                replace.open();
                (renaming.answer().await, logged_out)
            };
            assert_ok(&logged_out);
            assert_ok(&answer);
            if !renaming_first {
                assert_eq!(answer.set_cookies(), [""; 0]);
            }
            let mut new = old.clone();
            new.take(&answer);
            shop.assert_dead(&[&old, &new]).await;
        }
    }
}

#[tokio::test]
async fn whatever_one_call_of_the_store_does_the_browser_keeps_its_session() {
    let faults = [
        Fault::Unavailable,
        Fault::Lost,
        Fault::LostAnswer,
        Fault::Full,
    ];
    for fault in faults {
        let shop = renamed();
        let mut browser = shop.browser().await;
        shop.store.fail_next("replace", fault);
        let answer = browser.get(&shop.after, "/show").await;
        assert_ok(&answer);
        assert_eq!(answer.body, "a=1 ", "{fault:?}");
        assert_eq!(browser.sees(&shop.after).await, "a=1", "{fault:?}");
    }
}

#[tokio::test]
async fn a_store_that_goes_away_before_the_renaming_is_no_error() {
    let shop = renamed();
    let browser = shop.browser().await;
    let renaming = browser.start(&shop.after, "/show/hold").held().await;
    shop.store.fail_all(Fault::Unavailable);
    let answer = renaming.finish().await;
    assert_ok(&answer);
    assert_eq!(answer.set_cookies(), [""; 0]);
    shop.store.restore();
    assert_eq!(browser.sees(&shop.after).await, "a=1");
}

// Settings

#[tokio::test]
async fn several_former_names_are_read_and_removed() {
    let (store, until) = (TestStore::new(), SystemTime::now() + DAY);
    let layer =
        |name: &str, settings: fn(SessionLayerBuilder, SystemTime) -> SessionLayerBuilder| {
            let builder = SessionLayer::builder(store.clone()).cookie_name(name);
            scripted(settings(builder, until).build().unwrap())
        };
    let first = layer("one", |builder, _| builder);
    let second = layer("__Secure-two", |builder, _| builder.keyspace("one"));
    let third = layer("three", |builder, until| {
        builder
            .keyspace("one")
            .cookie_path("/shop")
            .cookie_domain("example.com")
            .former_cookie_name("one", until)
            .former_cookie_name("__Host-two", until)
            .former_cookie_name("__Secure-two", until)
    });
    for (app, name) in [(first, "one"), (second, "__Secure-two")] {
        let mut browser = Browser::new();
        browser.get(&app, "/insert:a:1").await;
        assert!(browser.cookie(name).is_some());
        let answer = browser.get(&third, "/show").await;
        assert_eq!(answer.body, "a=1 ");
        assert_eq!(browser.cookie_names().collect::<Vec<_>>(), ["three"]);
        // As browsers ask it of the prefix.
        let cookies = answer.set_cookies();
        let of = |name| *cookies.iter().find(|it| it.starts_with(name)).unwrap();
        assert!(of("one=").contains("; Path=/shop; Domain=example.com"));
        assert!(!of("__Host-two=").contains("Domain"));
        assert!(of("__Host-two=").contains("; Path=/;"));
    }
}

#[tokio::test]
async fn a_name_past_its_date_may_be_somebody_elses_and_is_left_alone() {
    let shop = renamed_with(|builder| {
        let builder = builder.keyspace(FORMER);
        builder.former_cookie_name("reused", SystemTime::UNIX_EPOCH)
    });
    let mut browser = shop.browser().await;
    browser.set_cookie("reused", "x");
    assert_renames(&browser.get(&shop.after, "/").await);
    assert_ok(&browser.get(&shop.after, "/flush").await);
    assert_eq!(browser.cookie_names().collect::<Vec<_>>(), ["reused"]);
}

#[tokio::test]
async fn on_plain_http_all_names_lose_their_prefix() {
    let store = TestStore::new();
    let builder = || SessionLayer::builder(store.clone()).plain_http();
    let before = scripted(builder().cookie_name("__Host-a").build().unwrap());
    let after = builder().cookie_name("__Host-b").keyspace("__Host-a");
    let until = SystemTime::now() + DAY;
    let after = after.former_cookie_name("__Host-a", until).build().unwrap();
    let mut browser = Browser::new();
    browser.get(&before, "/insert:a:1").await;
    let answer = browser.get(&scripted(after), "/show").await;
    assert_eq!(answer.body, "a=1 ");
    assert_eq!(browser.cookie_names().collect::<Vec<_>>(), ["b"]);
}

#[tokio::test]
async fn the_present_name_is_no_former_one() {
    let until = SystemTime::now() + DAY;
    for plain in [false, true] {
        let store = TestStore::new();
        let builder = SessionLayer::builder(store.clone()).keyspace("shop");
        // On plain http, the prefix is all that the two differ in.
        let (builder, former) = if plain {
            (builder.plain_http(), "id")
        } else {
            (builder, "__Host-id")
        };
        let app = scripted(builder.former_cookie_name(former, until).build().unwrap());
        let mut browser = Browser::new();
        let answer = browser.get(&app, "/insert:a:1").await;
        assert_eq!(answer.set_cookies().len(), 1);
        let answer = browser.get(&app, "/show").await;
        assert_eq!((&*answer.body, answer.set_cookies().len()), ("a=1 ", 0));
        let answer = browser.get(&app, "/flush").await;
        assert_eq!(answer.set_cookies().len(), 1, "{:?}", answer.set_cookies());
        assert!(store.is_empty());
    }
}

#[test]
fn a_former_name_needs_a_keyspace_and_has_to_be_a_name() {
    let builder = || SessionLayer::builder(TestStore::new());
    let until = SystemTime::now();
    let error = builder().former_cookie_name("id", until).build();
    let error = error.unwrap_err();
    assert_eq!(error, ConfigError::FormerNameNeedsKeyspace);
    assert!(error.to_string().contains("`keyspace`"));
    for name in ["", "a b", "a;b", "a=b", "ä"] {
        let error = builder().keyspace("id").former_cookie_name(name, until);
        let error = error.build().unwrap_err();
        let name = name.to_owned();
        assert!(error.to_string().contains("`former_cookie_name`"));
        assert_eq!(error, ConfigError::FormerCookieName { name });
    }
}

/// Without it, another name is another set of sessions.
#[tokio::test]
async fn a_keyspace_is_a_set_of_sessions() {
    let store = TestStore::new();
    let app = |keyspace: Option<&str>| {
        let builder = SessionLayer::builder(store.clone());
        let builder = match keyspace {
            Some(keyspace) => builder.keyspace(keyspace),
            None => builder,
        };
        scripted(builder.build().unwrap())
    };
    let mut browser = Browser::new();
    browser.get(&app(None), "/insert:a:1").await;
    assert_eq!(browser.sees(&app(Some("__Host-id"))).await, "a=1");
    assert_eq!(browser.sees(&app(Some("id"))).await, "");
}

/// Puts the other's cookies in too.
fn carry(browser: &mut Browser, other: &Browser) {
    for name in other.cookie_names() {
        browser.set_cookie(name, other.cookie(name).unwrap());
    }
}
