//! The rows *5xx or inner failure* and *failed*.

use crate::assert_error;
use crate::support::{Browser, Fault, script};

#[tokio::test]
async fn what_was_recorded_after_a_failed_load_answers_the_loads_error() {
    for (fault, kind) in [
        (Fault::Unavailable, "Unavailable"),
        (Fault::Lost, "Unavailable"),
    ] {
        for path in ["/clear", "/cycle", "/expire:60"] {
            let (app, store, _) = script();
            let browser = Browser::with_session(&app, &store, "/insert:a:1").await;
            store.fail_next("get", fault);
            assert_error(&browser.clone().get(&app, path).await, 503, kind);
            assert_eq!(store.calls(), ["get"]);
            assert_eq!(browser.sees(&app).await, "a=1");
        }
    }
}

#[tokio::test]
async fn a_500_after_a_failed_load_is_left_as_it_is() {
    let (app, store, _) = script();
    let mut browser = Browser::with_session(&app, &store, "/insert:a:1").await;
    store.fail_next("get", Fault::Unavailable);
    assert_error(&browser.get(&app, "/cycle/fail").await, 500, "");
    assert_eq!(store.calls(), ["get"]);
}
