//! What the log alone has: fingerprints, and calm in an outage.

use crate::support::{Browser, DAY, Fault, SECOND};
use crate::watched;
use sessile::observe::Event;

#[tokio::test]
async fn a_session_has_one_fingerprint_for_life_and_no_other_has_it() {
    let it = watched();
    let mut browser = Browser::new();
    browser.get(&it.app, "/insert:a:1").await;
    let mut other = Browser::new();
    other.get(&it.app, "/insert:a:1").await;
    let [one, another] = &it.sessions()[..] else {
        panic!("two were created")
    };
    assert_ne!(one, another);
    assert_eq!(one.len(), 16);
    assert!(one.bytes().all(|digit| digit.is_ascii_hexdigit()));

    let before = browser.id().map(str::to_owned);
    browser.get(&it.app, "/cycle").await;
    assert_ne!(browser.id().map(str::to_owned), before);
    it.clock.advance(2 * DAY);
    browser.get(&it.app, "/show").await;
    it.store.fail_next("replace", Fault::Lost);
    browser.get(&it.app, "/insert:a:2").await;
    let slow = browser.start(&it.app, "/insert:b:2/hold").held().await;
    browser.get(&it.app, "/insert:c:3").await;
    slow.finish().await;
    browser.get(&it.app, "/flush").await;
    browser.set_cookie("__Host-id", before.unwrap());
    browser.get(&it.app, "/show").await;
    let sessions = it.sessions();
    assert_eq!(sessions.len(), 12, "{sessions:?}");
    assert!(sessions.iter().all(|it| it == one), "{sessions:?}");

    // Also where it is known only by the list of its user's sessions.
    let log_in = async |session: &sessile::Session| session.renew_for("alice").unwrap();
    other.visit(&it.layer, log_in).await;
    it.layer.sessions().of("alice").end_all().await.unwrap();
    let sessions = it.sessions();
    assert_eq!(sessions.len(), 3, "{sessions:?}");
    assert!(sessions.iter().all(|it| it == another), "{sessions:?}");
}

#[tokio::test]
async fn an_outage_is_one_warning_in_ten_seconds() {
    let it = watched();
    let mut browser = Browser::with_session(&it.app, &it.store, "/insert:a:1").await;
    it.told();
    let mut levels = async |fault: Fault, times: usize| {
        it.store.fail_all(fault);
        for _ in 0..times {
            browser.get(&it.app, "/show").await;
        }
        let told = it.told();
        assert_eq!(told.len(), times);
        told.iter()
            .filter(|event| event.starts_with("WARN"))
            .count()
    };
    assert_eq!(levels(Fault::Unavailable, 100).await, 1);
    // Another trouble is not hidden by it.
    assert_eq!(levels(Fault::Lost, 100).await, 1);
    it.clock.advance(9 * SECOND);
    assert_eq!(levels(Fault::Unavailable, 100).await, 0);
    it.clock.advance(SECOND);
    assert_eq!(levels(Fault::Unavailable, 100).await, 1);
}

#[test]
fn the_table_of_the_documentation_has_all_names() {
    let page = include_str!("../../docs/monitoring.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let names: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
    assert_eq!(names, Event::NAMES);
}
