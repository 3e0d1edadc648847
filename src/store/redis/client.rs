//! What this store asks of redis-rs, and the only file that knows it: requests, replies, and one
//! connection that many requests share.
//!
//! No text of that crate goes further than this file, since its errors can quote replies.

use super::stream::{Activity, Watched};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, Pipeline, ProtocolVersion, RedisConnectionInfo,
    RedisError, RedisFuture, RedisWrite, Script, ServerError, ToRedisArgs, ToSingleRedisArg, Value,
};
use std::io::Write as _;
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

/// A value as Redis keeps it: the version, then the record.
pub(super) struct Stored<'a> {
    pub(super) version: u64,
    pub(super) record: &'a [u8],
}

impl ToRedisArgs for Stored<'_> {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        let mut arg = out.writer_for_next_arg();
        // Into memory, which does not fail.
        let _ = arg.write_all(&self.version.to_be_bytes());
        let _ = arg.write_all(self.record);
    }
}

impl ToSingleRedisArg for Stored<'_> {}

/// A Lua script with its digest, by which a server that knows it can be told to run it.
pub(super) struct Lua(Script, &'static str);

impl Lua {
    pub(super) fn new(text: &'static str) -> Self {
        Self(Script::new(text), text)
    }
}

/// One command, or two that are sent together.
pub(super) enum Request {
    One(Cmd),
    Two(Pipeline),
}

impl Request {
    pub(super) fn get(key: &str) -> Self {
        Self::command("GET", key)
    }

    pub(super) fn delete(key: &str) -> Self {
        Self::command("DEL", key)
    }

    /// Sets a key if there is none.
    pub(super) fn add(key: &str, value: &Stored<'_>, ttl: i64) -> Self {
        Self::One(set(key, value, ttl, true))
    }

    /// Runs a script on one key with its value.
    pub(super) fn script(
        lua: Call<'_>,
        key: &str,
        expected: u64,
        ttl: i64,
        value: &Stored<'_>,
    ) -> Self {
        let mut cmd = lua.command(value.record.len());
        cmd.arg(1)
            .arg(key)
            .arg(&expected.to_be_bytes())
            .arg(ttl)
            .arg(value);
        Self::One(cmd)
    }

    /// Sets a spare key, and runs a script on the key and the spare one.
    pub(super) fn spare(
        key: &str,
        spare: &str,
        expected: u64,
        ttl: i64,
        value: &Stored<'_>,
        lua: &Lua,
    ) -> Self {
        const SPARE_TTL: i64 = 5_000;
        let mut pipeline = Pipeline::with_capacity(2);
        pipeline.add_command(set(spare, value, SPARE_TTL, false));
        pipeline.add_command(two_keys(Call::Digest(lua), key, spare, expected, ttl));
        Self::Two(pipeline)
    }

    /// The second half of [`spare`](Self::spare), with the script's text.
    pub(super) fn rename(key: &str, spare: &str, expected: u64, ttl: i64, lua: &Lua) -> Self {
        Self::One(two_keys(Call::Text(lua), key, spare, expected, ttl))
    }

    pub(super) fn hello() -> Self {
        Self::One(redis::cmd("HELLO"))
    }

    pub(super) fn cluster_slots() -> Self {
        Self::command("CLUSTER", "SLOTS")
    }

    pub(super) fn master_of(name: &str) -> Self {
        let mut cmd = redis::cmd("SENTINEL");
        cmd.arg("get-master-addr-by-name").arg(name);
        Self::One(cmd)
    }

    /// The same at a cluster node that is about to take the key over.
    pub(super) fn asking(&self) -> Option<Self> {
        let Self::One(cmd) = self else { return None };
        let mut pipeline = Pipeline::with_capacity(2);
        pipeline.add_command(redis::cmd("ASKING"));
        pipeline.add_command(cmd.clone());
        Some(Self::Two(pipeline))
    }

    fn command(name: &str, arg: &str) -> Self {
        let mut cmd = Cmd::with_capacity(2, name.len() + arg.len());
        cmd.arg(name).arg(arg);
        Self::One(cmd)
    }
}

/// How a script is named to the server.
#[derive(Clone, Copy)]
pub(super) enum Call<'a> {
    Digest(&'a Lua),
    /// Which also lets the server know it from now on.
    Text(&'a Lua),
}

impl Call<'_> {
    fn command(self, room: usize) -> Cmd {
        let mut cmd = Cmd::with_capacity(7, room + 200);
        match self {
            Self::Digest(lua) => cmd.arg("EVALSHA").arg(lua.0.get_hash()),
            Self::Text(lua) => cmd.arg("EVAL").arg(lua.1),
        };
        cmd
    }
}

fn two_keys(lua: Call<'_>, key: &str, spare: &str, expected: u64, ttl: i64) -> Cmd {
    let mut cmd = lua.command(0);
    cmd.arg(2)
        .arg(key)
        .arg(spare)
        .arg(&expected.to_be_bytes())
        .arg(ttl);
    cmd
}

fn set(key: &str, value: &Stored<'_>, ttl: i64, if_missing: bool) -> Cmd {
    let mut cmd = Cmd::with_capacity(6, value.record.len() + 8 + key.len() + 32);
    cmd.arg("SET").arg(key).arg(value).arg("PX").arg(ttl);
    if if_missing {
        cmd.arg("NX");
    }
    cmd
}

/// What the server said.
pub(super) enum Reply {
    Nil,
    Done,
    Number(i64),
    Bytes(Vec<u8>),
    List(Vec<Self>),
    Refused(Refusal),
    /// Nothing that any of these requests is answered with.
    Other,
}

/// Why the server did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It does not know the script.
    NoScript,
    /// The key holds something that is not a string.
    WrongType,
    /// The key lives at another node of the cluster.
    Moved(String),
    /// The key is on its way to another node of the cluster.
    Ask(String),
    /// The keys are on their way to another node, and some are there.
    TryAgain,
    /// There is no memory left.
    Full,
    /// This is a replica.
    ReadOnly,
    /// Whatever it is, it was not done.
    Unavailable,
    /// An error that this store does not know.
    Unknown,
}

impl Reply {
    /// Of several, the last.
    pub(super) fn last(self) -> Self {
        match self {
            Self::List(mut replies) => replies.pop().unwrap_or(Self::Other),
            reply => reply,
        }
    }

    /// Why the first of several was refused.
    pub(super) fn first_refusal(&self) -> Option<&Refusal> {
        match self {
            Self::List(replies) => replies.first()?.refusal(),
            _ => None,
        }
    }

    /// Why it was refused, or the last of several.
    pub(super) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::List(replies) => replies.last()?.refusal(),
            _ => None,
        }
    }
}

impl From<Value> for Reply {
    fn from(value: Value) -> Self {
        match value {
            Value::Nil => Self::Nil,
            Value::Okay => Self::Done,
            Value::Int(number) => Self::Number(number),
            Value::BulkString(bytes) => Self::Bytes(bytes),
            Value::SimpleString(text) => Self::Bytes(text.into_bytes()),
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

impl Refusal {
    fn from_text(code: &str, details: &str) -> Self {
        let address = || details.split(' ').nth(1).unwrap_or_default().to_owned();
        match code {
            "NOSCRIPT" => Self::NoScript,
            "WRONGTYPE" => Self::WrongType,
            "MOVED" => Self::Moved(address()),
            "ASK" => Self::Ask(address()),
            "TRYAGAIN" => Self::TryAgain,
            "OOM" => Self::Full,
            "READONLY" => Self::ReadOnly,
            "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "CROSSSLOT" | "NOAUTH" | "WRONGPASS"
            | "NOPERM" | "NOREPLICAS" | "MISCONF" | "BUSY" => Self::Unavailable,
            // Redis 6.2 puts what went wrong in a script behind a text of its own.
            "ERR" if details.contains("-OOM ") => Self::Full,
            "ERR" if details.contains("-READONLY ") => Self::ReadOnly,
            "ERR" if details.contains("WRONGTYPE ") => Self::WrongType,
            "ERR" if details.contains("max number of clients") => Self::Unavailable,
            _ => Self::Unknown,
        }
    }
}

/// The answer did not come, and nobody knows what became of the request.
#[derive(Debug)]
pub(super) struct Lost;

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
    ) -> Result<(Self, Work), Lost>
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
        let (inner, driver) = opened.map_err(|_| Lost)?;
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

fn one(result: Result<Value, RedisError>) -> Result<Reply, Lost> {
    result.map(Reply::from).or_else(refusal)
}

fn two(result: Result<Vec<Value>, RedisError>) -> Result<Reply, Lost> {
    result
        .map(|values| Reply::from(Value::Array(values)))
        .or_else(refusal)
}

/// Some connections hand on the server's refusals as errors.
fn refusal(error: RedisError) -> Result<Reply, Lost> {
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => {
            let code = error.code().unwrap_or_default();
            let refusal = Refusal::from_text(code, error.detail().unwrap_or_default());
            Ok(Reply::Refused(refusal))
        }
        _ => Err(Lost),
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

#[cfg(test)]
mod tests {
    use super::{Refusal, Reply};
    use redis::parse_redis_value;

    fn refusal(line: &str) -> Refusal {
        let value = parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        match Reply::from(value) {
            Reply::Refused(refusal) => refusal,
            _ => panic!("not refused"),
        }
    }

    #[test]
    fn errors_of_the_server_are_told_apart() {
        let moved = Refusal::Moved("127.0.0.1:7001".to_owned());
        assert_eq!(refusal("MOVED 3999 127.0.0.1:7001"), moved);
        let ask = Refusal::Ask("[::1]:7001".to_owned());
        assert_eq!(refusal("ASK 3999 [::1]:7001"), ask);
        assert_eq!(refusal("OOM command not allowed"), Refusal::Full);
        assert_eq!(refusal("NOSCRIPT No matching script."), Refusal::NoScript);
        assert_eq!(refusal("LOADING Redis is loading"), Refusal::Unavailable);
        assert_eq!(refusal("READONLY You can't write"), Refusal::ReadOnly);
        assert_eq!(refusal("WRONGTYPE Operation against"), Refusal::WrongType);
        // As Redis 6.2 reports the same from within a script.
        let script = "ERR Error running script (call to f_1): @user_script:3: @user_script: 3: ";
        assert_eq!(refusal(&format!("{script}-OOM command not")), Refusal::Full);
        assert_eq!(
            refusal(&format!("{script}-READONLY You")),
            Refusal::ReadOnly
        );
        // Nobody knows what this did.
        assert_eq!(refusal("ERR something else"), Refusal::Unknown);
        assert_eq!(refusal("NEWCODE something else"), Refusal::Unknown);
    }
}
