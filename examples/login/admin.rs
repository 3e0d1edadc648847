use super::users::{User, Users};
use axum::extract::FromRequestParts;
use axum::http::{StatusCode, request::Parts};
use axum::response::{IntoResponse, Response};

/// A permission: a handler that asks for it runs for nobody else.
pub(super) struct Admin;

impl FromRequestParts<Users> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, users: &Users) -> Result<Self, Response> {
        let user = <User as FromRequestParts<_>>::from_request_parts(parts, users).await?;
        match &*user.name {
            "admin" => Ok(Self),
            _ => Err((StatusCode::FORBIDDEN, "not for you\n").into_response()),
        }
    }
}
