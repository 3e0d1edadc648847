//! The row *loaded, changed*, where the operations do not fit what came between.

use crate::support::{Browser, kind_of, layer_with, scripted};
use crate::{assert_error, assert_ok};
use axum::Router;
use axum::handler::Handler;
use sessile::Session;

/// Runs a handler whose first `replace` comes after another request's change; returns what is stored then.
async fn overtaken<H, T>(handler: H, change: &str, status: u16, kind: &str) -> String
where
    H: Handler<T, ()>,
    T: 'static,
{
    let (layer, store, _) = layer_with(|builder| builder.error_response(kind_of).max_size(400));
    let app = scripted(layer.clone());
    let handling = Router::new().fallback(handler).layer(layer);
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;

    let gate = store.gate_next("replace");
    let request = browser.start(&handling, "/");
    gate.reached().await;
    assert_ok(&browser.get(&app, change).await);
    let stored = store.record();
    store.calls();
    gate.open();
    let answer = request.answer().await;
    if status == 200 {
        assert_ok(&answer);
    } else {
        assert_error(&answer, status, kind);
        assert_eq!(store.calls(), ["get"]);
        assert_eq!(store.record(), stored);
    }
    let seen = browser.get(&app, "/show").await;
    seen.body
}

#[tokio::test]
async fn an_update_that_panics_on_the_newest_version_writes_nothing() {
    let handler = async |session: Session| {
        session.update("a", |a: Option<i64>| {
            assert_ne!(a, Some(2), "this panic is part of the test");
            a.map(|a| a + 10)
        })?;
        session.insert("b", 1)
    };
    let seen = overtaken(handler, "/insert:a:2", 500, "Conflict").await;
    assert_eq!(seen, "a=2 ");
    // Where another key changed, it fits.
    let seen = overtaken(handler, "/insert:c:3", 200, "").await;
    assert_eq!(seen, "a=11 b=1 c=3 ");
}

#[tokio::test]
async fn an_update_whose_key_has_another_type_now_writes_nothing() {
    let handler = async |session: Session| {
        session.update("a", |a: Option<u8>| a.map(|a| a + 10))?;
        session.insert("b", 1)
    };
    let seen = overtaken(handler, "/insert:a:300", 500, "Conflict").await;
    assert_eq!(seen, "a=300 ");
}

#[tokio::test]
async fn a_merged_record_over_the_limit_is_not_written() {
    let handler = async |session: Session| session.insert("b", "b".repeat(250));
    let large = "/insert:a_key_of_about_fifty_bytes_that_takes_its_place:1";
    let seen = overtaken(handler, large, 500, "TooLarge").await;
    assert_eq!(
        seen,
        "a=1 a_key_of_about_fifty_bytes_that_takes_its_place=1 "
    );
    let seen = overtaken(handler, "/insert:a:2/remove:b", 200, "").await;
    assert_eq!(seen, "[Decode]");
}

#[tokio::test]
async fn an_update_is_made_once_on_what_is_stored() {
    let handler = async |session: Session| {
        for _ in 0..3 {
            session.update("a", |a: Option<i64>| a.map(|a| a * 2))?;
        }
        session
            .update("gone", |gone: Option<i64>| gone.map(|gone| gone + 1))
            .map(drop)
    };
    let seen = overtaken(handler, "/insert:a:5/insert:gone:1", 200, "").await;
    assert_eq!(seen, "a=40 gone=2 ");
}
