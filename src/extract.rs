//! The session as an axum extractor, and errors as axum responses.

use crate::error::{Error, ErrorKind};
use crate::response::default_error_response;
use crate::session::Session;
use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use std::fmt;

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

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, SessionRejection> {
        <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state)
            .await?
            .ok_or(SessionRejection::MissingLayer)
    }
}

/// `None` only where there is no layer.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Session {
    type Rejection = SessionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        _state: &S,
    ) -> Result<Option<Self>, SessionRejection> {
        let Some(session) = parts.extensions.get::<Self>().cloned() else {
            return Ok(None);
        };
        match session.load().await {
            // A record that cannot be read can still be flushed, so that a login always works.
            Err(error) if error.kind() != ErrorKind::Undecodable => {
                Err(SessionRejection::Store(error))
            }
            _ => Ok(Some(session)),
        }
    }
}
