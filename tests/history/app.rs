//! The app that the clients talk to. A request says in an extension what it wants done, and the answer
//! says in another what came of it.

use crate::record::{Found, Kind, Outcome, Seen};
use crate::support::{Answer, Browser};
use axum::body::Body;
use axum::{Extension, Router};
use bytes::Bytes;
use http::{Response, StatusCode};
use sessile::store::Store;
use sessile::{Error, ErrorKind, Session, SessionLayer};
use std::time::Duration;
use tower::ServiceExt as _;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    pub(crate) kind: Kind,
    pub(crate) number: u64,
    pub(crate) user: u32,
    /// How long the handler waits between the load and the commit.
    pub(crate) pause: Duration,
    /// The handler commits what it did by itself.
    pub(crate) saves: bool,
    /// The handler answers 500, and nothing is done.
    pub(crate) fails: bool,
}

pub(crate) fn app(store: impl Store) -> Router {
    let layer = SessionLayer::builder(store)
        .time_limit(Duration::from_millis(600))
        .error_response(|error| {
            let mut response = Response::new(Bytes::new());
            refuse(&mut response, error);
            response
        });
    Router::new().fallback(handle).layer(layer.build().unwrap())
}

async fn handle(
    Extension(session): Extension<Session>,
    Extension(task): Extension<Task>,
) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    match act(&session, task).await {
        Ok(_) if task.fails => {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response.extensions_mut().insert(Outcome::Refused);
        }
        Ok(found) => {
            response.extensions_mut().insert(Outcome::Done(found));
        }
        Err(error) => refuse(&mut response, &error),
    }
    response
}

fn refuse<B>(response: &mut Response<B>, error: &Error) {
    let outcome = match error.kind() {
        ErrorKind::Interrupted => Outcome::Interrupted,
        ErrorKind::Unavailable | ErrorKind::TimedOut => Outcome::Refused,
        ErrorKind::Unknown => Outcome::Unknown,
        kind => panic!("{kind:?}"),
    };
    *response.status_mut() = error.status();
    response.extensions_mut().insert(outcome);
}

async fn act(session: &Session, task: Task) -> Result<Found, Error> {
    let found = look(session);
    if !task.pause.is_zero() {
        tokio::time::sleep(task.pause).await;
    }
    if task.kind == Kind::Logout {
        session.flush();
        return Ok(found.unwrap_or(Found::Unseen));
    }
    let found = found?;
    let number = task.number;
    match task.kind {
        Kind::Read | Kind::Logout => {}
        Kind::Increment | Kind::Rotate => {
            own(session, task.user)?;
            session.update("count", |count: Option<u64>| Some(count.unwrap_or(0) + 1))?;
            session.update("log", move |log: Option<Vec<u64>>| {
                let mut log = log.unwrap_or_default();
                log.push(number);
                Some(log)
            })?;
            if task.kind == Kind::Rotate {
                session.cycle_id();
            }
        }
        Kind::Insert => {
            own(session, task.user)?;
            session.insert("note", number)?;
        }
        Kind::Remove => drop(session.remove_value("note")?),
    }
    if task.saves {
        session.save().await?;
    }
    Ok(found)
}

/// Says whose session it is. Some users have large ones, since Redis replaces those in another way.
fn own(session: &Session, user: u32) -> Result<(), Error> {
    session.insert("owner", user)?;
    if user.is_multiple_of(2) {
        session.insert("padding", "x".repeat(5000))?;
    }
    Ok(())
}

fn look(session: &Session) -> Result<Found, Error> {
    if session.is_new()? {
        return Ok(Found::Empty);
    }
    Ok(Found::Session(Seen {
        owner: session.get("owner")?.unwrap_or(0),
        count: session.get("count")?.unwrap_or(0),
        log: session.get("log")?.unwrap_or_default(),
        note: session.get("note")?,
    }))
}

/// Sends a request, and says what came of it. The browser takes in the cookie.
pub(crate) async fn ask(app: &Router, browser: &mut Browser, task: Task) -> Outcome {
    let mut request = browser.request("GET", "/");
    request.extensions_mut().insert(task);
    let response = app.clone().oneshot(request).await.unwrap();
    let outcome = response.extensions().get::<Outcome>().unwrap().clone();
    let answer = Browser::read(response).await;
    check_answer(&outcome, &answer);
    browser.take(&answer);
    outcome
}

fn check_answer(outcome: &Outcome, answer: &Answer) {
    let status = answer.status.as_u16();
    let mut cookies = answer.set_cookies().into_iter();
    if !matches!(outcome, Outcome::Done(_)) && cookies.any(|it| it.contains("Max-Age=0")) {
        panic!("{outcome:?}, and the cookie is removed");
    }
    match outcome {
        Outcome::Done(_) => assert_eq!(status, 200),
        Outcome::Interrupted => assert_eq!(status, 400),
        Outcome::Refused => assert!([500, 503].contains(&status), "{status}"),
        Outcome::Unknown => assert_eq!(status, 503),
    }
}
