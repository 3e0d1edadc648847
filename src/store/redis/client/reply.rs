//! What those commands are answered with.

use redis::{ErrorKind, RedisError, ServerError, Value};

/// What the server said.
pub(in crate::store::redis) enum Reply {
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
pub(in crate::store::redis) enum Refusal {
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
    pub(in crate::store::redis) fn last(self) -> Self {
        match self {
            Self::List(mut replies) => replies.pop().unwrap_or(Self::Other),
            reply => reply,
        }
    }

    /// Why the first of several was refused.
    pub(in crate::store::redis) fn first_refusal(&self) -> Option<&Refusal> {
        match self {
            Self::List(replies) => replies.first()?.refusal(),
            _ => None,
        }
    }

    /// Why it was refused, or the last of several.
    pub(in crate::store::redis) fn refusal(&self) -> Option<&Refusal> {
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
pub(in crate::store::redis) struct Lost;

pub(super) fn one(result: Result<Value, RedisError>) -> Result<Reply, Lost> {
    result.map(Reply::from).or_else(refusal)
}

pub(super) fn two(result: Result<Vec<Value>, RedisError>) -> Result<Reply, Lost> {
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

#[cfg(test)]
mod tests {
    use super::Refusal;

    fn refusal(line: &str) -> Refusal {
        let (code, details) = line.split_once(' ').unwrap_or((line, ""));
        Refusal::from_text(code, details)
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
