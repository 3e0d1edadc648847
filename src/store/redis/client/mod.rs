//! What this store asks of redis-rs, and the only folder that knows it: requests, replies, and one
//! connection that many requests share.
//!
//! No text of that crate goes further than this, since its errors can quote replies.

mod reply;
mod request;

pub(super) use redis::aio::ConnectionLike;
pub(super) use reply::{Lost, Refusal, Reply};
pub(super) use request::{Call, Lua, Request, Stored};

use super::stream::{Activity, Watched};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ErrorKind, ProtocolVersion, RedisConnectionInfo, RedisFuture, Value,
};
use reply::{one, two};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// How many requests may wait for the connection to take them.
const WAITING: usize = 1024;

/// Who the store is to the server.
#[derive(Clone, Default)]
pub(super) struct Login {
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: u32,
}

/// Why there is no connection, in words for the log.
#[derive(Debug, Clone, Copy)]
pub(super) enum Why {
    Unreachable,
    Login,
    Hello,
    Replica,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "nobody answers there",
            Self::Login => "the login is refused",
            Self::Hello => "HELLO is refused: a password is missing, or an ACL forbids it",
            Self::Replica => "it does not say that it is a master",
        })
    }
}

impl From<Lost> for Why {
    fn from(_: Lost) -> Self {
        Self::Unreachable
    }
}

/// A connection to one server, which any number of requests share. A request that is dropped before its
/// answer is there leaves its place in the queue, so no other gets that answer.
#[derive(Clone)]
pub(super) struct Connection {
    inner: MultiplexedConnection,
    activity: Arc<Activity>,
}

/// What a connection does.
pub(super) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Connection {
    /// Introduces itself on this stream. The future that comes with the connection does its work; when
    /// it ends, so does the connection.
    pub(super) async fn open<S>(
        stream: S,
        login: &Login,
        activity: &Arc<Activity>,
    ) -> Result<(Self, Work), Why>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut info = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP2)
            .set_skip_set_lib_name()
            .set_db(login.database.into());
        if let Some(username) = &login.username {
            info = info.set_username(username);
        }
        if let Some(password) = &login.password {
            info = info.set_password(password);
        }
        // The layer limits the time of the whole call.
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(None::<Duration>)
            .set_pipeline_buffer_size(WAITING);
        let stream = Watched::new(stream, Arc::clone(activity));
        let opened = MultiplexedConnection::new_with_config(&info, stream, config).await;
        let (inner, driver) = opened.map_err(|error| match error.kind() {
            ErrorKind::AuthenticationFailed => Why::Login,
            _ => Why::Unreachable,
        })?;
        let activity = Arc::clone(activity);
        Ok((Self { inner, activity }, Box::pin(driver)))
    }

    /// Whether these are the same one.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.activity, &other.activity)
    }

    pub(super) async fn send(mut self, request: &Request) -> Result<Reply, Lost> {
        let waiting = self.activity.wait();
        let inner = &mut self.inner;
        let reply = match request {
            Request::One(cmd) => one(inner.send_packed_command(cmd).await),
            Request::Two(pipeline) => two(inner.send_packed_commands(pipeline, 0, 2).await),
        };
        waiting.answered();
        reply
    }
}

/// A connection that the app made.
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

pub(super) async fn send_given(given: &dyn Given, request: &Request) -> Result<Reply, Lost> {
    one(given.send(request).await)
}
