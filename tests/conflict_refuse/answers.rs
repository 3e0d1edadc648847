//! What the browser is told, and who is never refused.

use crate::support::{Answer, Browser, DAY, assert_interrupted, assert_ok, kind_of};
use crate::{House, Step, get, refusing};
use axum::Router;
use axum::response::IntoResponse;
use http::{StatusCode, header};
use sessile::{Conflict, Error, Session};

#[tokio::test]
async fn the_answer_is_409_with_a_short_text_and_for_no_cache() {
    let short = "This has changed meanwhile. Please have another look and try again.";
    for (house, body) in [
        (House::with(|it| it.conflict(Conflict::Refuse)), short),
        // That of the application's own `error_response`.
        (refusing(), "Stale"),
    ] {
        let browser = house.browser().await;
        // So that a write would set the cookie.
        house.clock.advance(2 * DAY);
        let answer = house.overtaken(&browser, get, "/insert:a:2").await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert_eq!(answer.body, body);
        assert_eq!(answer.set_cookies(), [""; 0]);
        assert_eq!(answer.header(header::VARY), Some("cookie"));
        assert_eq!(answer.header(header::CACHE_CONTROL), Some("no-store"));
    }
}

#[tokio::test]
async fn a_cookie_that_an_earlier_save_owes_is_sent_all_the_same() {
    let house = refusing();
    let layer = house.layer.clone();
    let answer = Browser::new()
        .answer(&house.layer, async |session: Session| {
            session.insert("a", 1)?;
            session.save().await?;
            get(&session)?;
            let id = session.id()?.unwrap();
            let other = layer.sessions().load(&id).await?.unwrap();
            other.insert("a", 2)?;
            other.save().await?;
            session.insert("mine", 1)
        })
        .await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (409, "Stale"));
    assert_eq!(answer.set_cookies().len(), 1);
}

/// The answer to a handler that this other request overtakes while it runs.
async fn overtaken_in_the_handler<R: IntoResponse>(
    house: &House,
    browser: &Browser,
    before: impl AsyncFn(&Session) -> Result<(), Error>,
    other: &str,
    after: impl AsyncFnOnce(Session) -> R,
) -> Answer {
    browser
        .clone()
        .answer(&house.layer, async |session: Session| {
            before(&session).await.unwrap();
            assert_ok(&browser.clone().get(&house.others, other).await);
            house.store.calls();
            after(session).await
        })
        .await
}

#[tokio::test]
async fn a_request_that_only_reads_is_answered_and_asks_nothing_of_the_store() {
    let house = refusing();
    let browser = house.browser().await;
    let read = async |session: &Session| {
        session.keys()?;
        get(session)
    };
    let answer =
        overtaken_in_the_handler(&house, &browser, read, "/insert:a:2", async |_| "seen").await;
    assert_ok(&answer);
    assert_eq!(house.store.calls(), [""; 0]);

    // Nor does one that changes what it read to what it was.
    let after = async |session: Session| session.insert("a", 2);
    let answer = overtaken_in_the_handler(&house, &browser, read, "/insert:a:3", after).await;
    assert_ok(&answer);
    assert_eq!(house.store.calls(), [""; 0]);
    // Nor one that fails.
    let after = async |session: Session| {
        session.insert("a", 9).unwrap();
        StatusCode::INTERNAL_SERVER_ERROR
    };
    let answer = overtaken_in_the_handler(&house, &browser, read, "/insert:a:4", after).await;
    assert_eq!(answer.status, 500);
    assert_eq!(house.store.calls(), [""; 0]);
}

#[tokio::test]
async fn a_renewal_is_not_refused() {
    let house = refusing();
    let browser = house.browser().await;
    house.clock.advance(2 * DAY);
    let read = async |session: &Session| get(session);
    let answer =
        overtaken_in_the_handler(&house, &browser, read, "/insert:a:2", async |_| "seen").await;
    assert_ok(&answer);
    assert_eq!(house.store.calls(), ["replace"]);
}

#[tokio::test]
async fn a_logout_is_never_refused() {
    let house = refusing();
    let browser = house.browser().await;
    let read = async |session: &Session| {
        session.remove::<i64>("a")?;
        session.keys().map(drop)
    };
    let after = async |session: Session| {
        session.flush();
        session.insert("user", 2)
    };
    let answer = overtaken_in_the_handler(&house, &browser, read, "/insert:a:2", after).await;
    assert_ok(&answer);
    assert_eq!(house.store.calls(), ["delete", "add"]);
    assert_eq!(browser.sees(&house.others).await, "");

    // Also after a save that was refused.
    let mut browser = house.browser().await;
    let after = async |session: Session| {
        session.insert("mine", 1).unwrap();
        session.save().await.unwrap_err();
        session.flush();
    };
    let answer = overtaken_in_the_handler(&house, &browser, read, "/insert:a:2", after).await;
    assert_ok(&answer);
    browser.take(&answer);
    assert_eq!(browser.id(), None);
}

#[tokio::test]
async fn a_login_that_read_what_has_changed_is_refused_and_leaves_the_old_id_good() {
    let house = refusing();
    let browser = house.browser().await;
    let read = async |session: &Session| get(session);
    let logins: [Step; 3] = [
        |session| {
            session.cycle_id();
            Ok(())
        },
        |session| {
            session.cycle_id();
            session.insert("user", 1)
        },
        |session| session.renew_for("user"),
    ];
    for login in logins {
        let after = async |session: Session| login(&session);
        let answer = overtaken_in_the_handler(&house, &browser, read, "/increment:a", after).await;
        assert_eq!((answer.status.as_u16(), &*answer.body), (409, "Stale"));
        assert_eq!(answer.set_cookies(), [""; 0]);
        assert!(browser.sees(&house.others).await.ends_with(" b=1"));
    }
    let theirs = house.layer.sessions().of("user");
    assert!(theirs.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn whoever_was_logged_out_or_rotated_is_told_that() {
    for other in ["/insert:a:2/flush", "/insert:a:2/cycle"] {
        let house = refusing();
        let browser = house.browser().await;
        assert_interrupted(&house.overtaken(&browser, get, other).await);
    }
}

#[tokio::test]
async fn a_clear_that_did_not_wait_for_the_load_counts_from_there() {
    let house = House::with(|builder| {
        let builder = builder.load(sessile::Load::OnAccess);
        builder.error_response(kind_of).conflict(Conflict::Refuse)
    });
    for (other, status) in [("/load/insert:c:3", 409), ("/load/expire:60", 200)] {
        let (_, id) = house.session().await;
        let browser = Browser::with_cookie("__Host-id", &id.expose());
        let handler = async |session: axum::Extension<Session>| session.clear();
        let app = Router::new().fallback(handler).layer(house.layer.clone());
        let gate = house.store.gate_next("replace");
        let request = browser.start(&app, "/");
        house.store.called("replace", 1).await;
        assert_ok(&browser.clone().get(&house.others, other).await);
        gate.open();
        assert_eq!(request.answer().await.status, status);
        house.store.calls();
    }
}
