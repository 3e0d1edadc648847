//! A connection that the app made with redis-rs.
//!
//! No text of that crate goes further than this, since its errors can quote replies.

pub(super) use redis::aio::ConnectionLike;

use super::reply::{Refusal, Reply};
use super::request::Request;
use crate::store::StoreError;
use redis::{ErrorKind, RedisError, RedisFuture, ServerError, Value};

pub(super) trait Given: Send + Sync {
    fn send<'a>(&self, request: &'a Request) -> RedisFuture<'a, Value>;
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> Given for C {
    fn send<'a>(&self, request: &'a Request) -> RedisFuture<'a, Value> {
        let mut connection = self.clone();
        Box::pin(async move {
            match request {
                Request::One(cmd) => connection.req_packed_command(cmd).await,
                Request::Two(pipeline) => {
                    let values = connection.req_packed_commands(pipeline, 0, 2).await;
                    values.map(Value::Array)
                }
            }
        })
    }
}

pub(super) async fn send(given: &dyn Given, request: &Request) -> Result<Reply, StoreError> {
    match given.send(request).await {
        Ok(value) => Ok(value.into()),
        Err(error) => refusal(&error).map(Reply::Refused),
    }
}

/// Some connections hand on the server's refusals as errors. After any other error nobody knows what became
/// of the request.
fn refusal(error: &RedisError) -> Result<Refusal, StoreError> {
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => Ok(Refusal::from_text(
            error.code().unwrap_or_default(),
            error.detail().unwrap_or_default(),
        )),
        _ => Err(StoreError::in_doubt()),
    }
}

impl From<Value> for Reply {
    fn from(value: Value) -> Self {
        match value {
            Value::Nil => Self::Nil,
            Value::Okay => Self::Done,
            Value::Int(number) => Self::Number(number),
            Value::BulkString(bytes) => Self::Bytes(bytes.into()),
            Value::SimpleString(text) => Self::Bytes(text.into()),
            Value::Array(values) => Self::List(values.into_iter().map(Self::from).collect()),
            Value::ServerError(error) => Self::Refused(error.into()),
            _ => Self::Other,
        }
    }
}

impl From<ServerError> for Refusal {
    fn from(error: ServerError) -> Self {
        Self::from_text(error.code(), error.details().unwrap_or_default())
    }
}
