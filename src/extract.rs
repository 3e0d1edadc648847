//! The session as an axum extractor, and errors as axum responses.

use crate::error::{Error, ErrorKind};
use crate::response::default_error_response;
use crate::session::Session;
use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use std::fmt;
use std::time::Duration;

/// Why a handler got no [`Session`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SessionRejection {
    /// There is no [`SessionLayer`](crate::SessionLayer) around the handler: 500.
    MissingLayer,
    /// The session could not be loaded, because the store is not available: 503.
    Store(Error),
}

impl fmt::Display for SessionRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingLayer => f.write_str(
                "there is no session layer: add `.layer(SessionLayer::new(store))` to the router, \
                 below this route",
            ),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SessionRejection {}

impl IntoResponse for SessionRejection {
    fn into_response(self) -> Response {
        match self {
            Self::MissingLayer => {
                let mut response = self.to_string().into_response();
                *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
            Self::Store(error) => error.into_response(),
        }
    }
}

/// The error's status with a short text, for handlers that return it.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        default_error_response(&self).map(Body::from)
    }
}

/// Loads the session if that was not done.
impl<S: Send + Sync> FromRequestParts<S> for Session {
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, SessionRejection> {
        match parts.extensions.get::<Self>().cloned() {
            Some(session) => loaded(session).await,
            None => Err(SessionRejection::MissingLayer),
        }
    }
}

/// `None` only where there is no layer.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _state: &S,
    ) -> Result<Option<Self>, SessionRejection> {
        match parts.extensions.get::<Self>().cloned() {
            Some(session) => loaded(session).await.map(Some),
            None => Ok(None),
        }
    }
}

async fn loaded(session: Session) -> Result<Session, SessionRejection> {
    match session.load().await {
        // A record that cannot be read can still be flushed, so that a login always works.
        Err(error) if error.kind() != ErrorKind::Undecodable => Err(SessionRejection::Store(error)),
        _ => Ok(session),
    }
}

/// The session of a user who logged in at most so many minutes ago, by
/// [`Session::renew_for`]: for what an unattended browser must not do.
///
/// ```
/// use sessile::{Error, RecentLogin, Session};
///
/// async fn change_address(RecentLogin(session): RecentLogin<10>) -> Result<(), Error> {
///     session.insert("address", "moved")
/// }
/// ```
///
/// Everybody else gets a 403. Take it as `Result<RecentLogin<10>, RecentLoginRejection>` to lead them to
/// a form that asks for the password again.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "to be taken apart by a handler")]
pub struct RecentLogin<const MINUTES: u64>(pub Session);

/// Why a handler got no [`RecentLogin`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum RecentLoginRejection {
    /// There is no session to look at.
    Session(SessionRejection),
    /// The login is too long ago, or there was none: 403.
    TooLongAgo,
}

impl fmt::Display for RecentLoginRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session(rejection) => rejection.fmt(f),
            Self::TooLongAgo => f.write_str("Please log in again to do this."),
        }
    }
}

impl std::error::Error for RecentLoginRejection {}

impl IntoResponse for RecentLoginRejection {
    fn into_response(self) -> Response {
        match self {
            Self::Session(rejection) => rejection.into_response(),
            Self::TooLongAgo => (http::StatusCode::FORBIDDEN, self.to_string()).into_response(),
        }
    }
}

impl<S: Send + Sync, const MINUTES: u64> FromRequestParts<S> for RecentLogin<MINUTES> {
    type Rejection = RecentLoginRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &S,
    ) -> Result<Self, RecentLoginRejection> {
        let session = <Session as FromRequestParts<S>>::from_request_parts(parts, state)
            .await
            .map_err(RecentLoginRejection::Session)?;
        let limit = Duration::from_secs(MINUTES.saturating_mul(60));
        match session.authenticated_within(limit) {
            Ok(true) => Ok(Self(session)),
            Ok(false) => Err(RecentLoginRejection::TooLongAgo),
            Err(error) => Err(RecentLoginRejection::Session(SessionRejection::Store(
                error,
            ))),
        }
    }
}
