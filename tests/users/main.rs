//! The sessions of a user: who is shown what, what is ended, and how many there may be.

#[path = "../support/mod.rs"]
mod support;

mod damage;
mod ending;
mod limit;
mod listing;
mod login;
mod outside;

use sessile::sessions::{SessionInfo, Sessions};
use sessile::{Session, SessionId, SessionLayer};
use support::{Browser, assert_ok};

/// A browser in which this user has logged in.
async fn logged_in(layer: &SessionLayer, user: &str, label: &str) -> Browser {
    let mut browser = Browser::new();
    log_in(layer, &mut browser, user, label).await;
    browser
}

async fn log_in(layer: &SessionLayer, browser: &mut Browser, user: &str, label: &str) {
    let (result, answer) = browser
        .visit(layer, async |session: &Session| {
            session.renew_for(user)?;
            session.set_label(label);
            session.insert("user", user)
        })
        .await;
    result.unwrap();
    assert_ok(&answer);
}

/// Whether the browser's session is there.
async fn lives(layer: &SessionLayer, browser: &Browser) -> bool {
    let Some(id) = browser.id() else { return false };
    let id: SessionId = id.parse().unwrap();
    layer.sessions().load(&id).await.unwrap().is_some()
}

async fn session_of(layer: &SessionLayer, browser: &Browser) -> Session {
    let id: SessionId = browser.id().unwrap().parse().unwrap();
    layer.sessions().load(&id).await.unwrap().unwrap()
}

async fn list(sessions: &Sessions, user: &str) -> Vec<SessionInfo> {
    sessions.of(user).list().await.unwrap()
}

async fn labels(layer: &SessionLayer, user: &str) -> Vec<String> {
    let list = list(&layer.sessions(), user).await;
    list.iter().map(|it| it.label().to_owned()).collect()
}
