use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::{Method, request::Parts, uri::PathAndQuery};
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sessile::{Error, Key, Session};
use std::sync::{Arc, Mutex};
use std::{collections::HashMap, time::SystemTime};

/// Who is logged in, and how often that user's password had changed by then.
const USER: Key<(String, u64)> = Key::new("user");

/// How often each password has changed: a column of the users' table.
#[derive(Clone, Default)]
pub(super) struct Users(Arc<Mutex<HashMap<String, u64>>>);

impl Users {
    fn changes(&self, name: &str) -> u64 {
        self.0.lock().unwrap().get(name).copied().unwrap_or(0)
    }

    pub(super) fn change_password(&self, name: &str) {
        *self.0.lock().unwrap().entry(name.to_owned()).or_default() += 1;
    }

    /// Makes the session this user's, under a new id: one that somebody else knows is worth nothing.
    pub(super) fn log_in(&self, session: &Session, name: String) -> Result<(), Error> {
        session.renew_for(&name)?;
        let changes = self.changes(&name);
        session.insert(USER, (name, changes))
    }

    /// A new password ends the sessions from before it, also one that is in no list.
    fn current(&self, session: &Session) -> Result<Option<User>, Error> {
        let Some((name, changes)) = session.get(USER)? else {
            return Ok(None);
        };
        let valid = changes == self.changes(&name);
        (!valid).then(|| session.flush());
        let since = session.authenticated_at()?;
        Ok(valid.then_some(User { name, since }))
    }
}

/// Who is logged in. A handler that asks for it sends others to the login, and back afterwards.
pub(super) struct User {
    pub(super) name: String,
    pub(super) since: Option<SystemTime>,
}

impl OptionalFromRequestParts<Users> for User {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        users: &Users,
    ) -> Result<Option<Self>, Response> {
        let session = <Session as FromRequestParts<_>>::from_request_parts(parts, users).await;
        let session = session.map_err(IntoResponse::into_response)?;
        users.current(&session).map_err(IntoResponse::into_response)
    }
}

impl FromRequestParts<Users> for User {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, users: &Users) -> Result<Self, Response> {
        let user = <Self as OptionalFromRequestParts<_>>::from_request_parts(parts, users).await?;
        let page = parts.uri.path_and_query();
        let page = page.filter(|_| parts.method == Method::GET);
        let page = page.map_or("/", PathAndQuery::as_str);
        let login = format!("/?next={}", utf8_percent_encode(page, NON_ALPHANUMERIC));
        user.ok_or_else(|| Redirect::to(&login).into_response())
    }
}
