//! Sessions outside of a request.

use crate::support::{Browser, Fault, assert_ok, layer, layer_with};
use http::header;
use sessile::{ErrorKind, Expiry, Session, SessionId};
use std::time::Duration;

#[tokio::test]
async fn one_that_a_job_makes_is_used_by_a_browser() {
    let (layer, store, _) = layer();
    let sessions = layer.sessions();
    let session = sessions.create();
    assert!(
        sessions.set_cookie(&session).unwrap().is_none(),
        "nothing is stored yet"
    );
    session.insert("n", 1).unwrap();
    session.save().await.unwrap();
    assert_eq!(store.calls(), ["add"]);

    let set_cookie = sessions.set_cookie(&session).unwrap().unwrap();
    assert!(set_cookie.is_sensitive());
    let id = session.id().unwrap().unwrap();
    let text = std::str::from_utf8(set_cookie.as_bytes()).unwrap();
    assert!(
        text.starts_with(&format!("__Host-id={};", id.expose()))
            && text.contains("Max-Age=1209600")
    );
    let mut request = Browser::new().request("GET", "/");
    request
        .headers_mut()
        .insert(header::COOKIE, sessions.cookie(&id));
    let answer = crate::support::answer(&layer, request, async |session: Session| {
        session.get::<u32>("n").unwrap().unwrap().to_string()
    });
    assert_eq!(answer.await.body, "1");
}

#[tokio::test]
async fn an_empty_one_is_not_stored() {
    let (layer, store, _) = layer();
    let session = layer.sessions().create();
    assert!(session.is_empty().unwrap() && session.is_new().unwrap());
    session.save().await.unwrap();
    session.cycle_id();
    session.save().await.unwrap();
    assert_eq!(store.calls(), [""; 0]);
}

#[tokio::test]
async fn one_is_loaded_changed_rotated_and_ended() {
    let (layer, _, _) = layer();
    let browser = Browser::with_n(&layer).await;
    let id: SessionId = browser.id().unwrap().parse().unwrap();
    let sessions = layer.sessions();
    let session = sessions.load(&id).await.unwrap().unwrap();
    session.insert("n", 2).unwrap();
    session.cycle_id();
    session.set_expiry(Expiry::BrowserSession);
    session.save().await.unwrap();
    let next = session.id().unwrap().unwrap();
    assert!(sessions.load(&id).await.unwrap().is_none());
    let cookie = sessions.set_cookie(&session).unwrap().unwrap();
    assert!(
        !std::str::from_utf8(cookie.as_bytes())
            .unwrap()
            .contains("Max-Age")
    );
    assert_eq!(
        sessions
            .load(&next)
            .await
            .unwrap()
            .unwrap()
            .get("n")
            .unwrap(),
        Some(2)
    );
    sessions.end(&next).await.unwrap();
    assert!(sessions.load(&next).await.unwrap().is_none());
    sessions.end(&next).await.unwrap();
}

#[tokio::test]
async fn a_write_after_the_end_is_interrupted() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let id: SessionId = browser.id().unwrap().parse().unwrap();
    let job = layer.sessions().load(&id).await.unwrap().unwrap();
    assert_ok(
        &browser
            .visit(&layer, async |session: &Session| session.flush())
            .await
            .1,
    );
    job.insert("n", 9).unwrap();
    assert_eq!(job.save().await.unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn increments_of_jobs_and_requests_are_all_counted() {
    let (layer, _, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let id: SessionId = browser.id().unwrap().parse().unwrap();
    let add = |session: &Session| {
        session
            .update("n", |n: Option<u32>| n.map(|n| n + 1))
            .unwrap()
    };
    let jobs: Vec<_> = std::iter::repeat_with(|| layer.sessions())
        .take(10)
        .collect();
    let mut loaded = Vec::new();
    for job in &jobs {
        loaded.push(job.load(&id).await.unwrap().unwrap());
    }
    browser
        .visit(&layer, async |session: &Session| add(session))
        .await;
    for session in &loaded {
        add(session);
        session.save().await.unwrap();
    }
    assert_eq!(browser.n(&layer).await, Some(12));
}

#[tokio::test]
async fn a_store_that_is_gone_is_an_error_and_not_an_absent_session() {
    let limit = Duration::from_millis(50);
    let (layer, store, _) = layer_with(|builder| builder.time_limit(limit));
    let browser = Browser::with_n(&layer).await;
    let id: SessionId = browser.id().unwrap().parse().unwrap();
    store.fail_all(Fault::Unavailable);
    let sessions = layer.sessions();
    assert_eq!(
        sessions.load(&id).await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        sessions.end(&id).await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    store.fail_all(Fault::Hang);
    assert_eq!(
        sessions.load(&id).await.unwrap_err().kind(),
        ErrorKind::TimedOut
    );
    let error = sessions.of("alice").end_all().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}
