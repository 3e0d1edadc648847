//! What the server answers.

use bytes::Bytes;

// Not printed but in tests: it holds session data.
/// What the server said.
#[cfg_attr(test, derive(Debug, Clone, PartialEq, Eq))]
pub(super) enum Reply {
    Nil,
    Done,
    Number(i64),
    Bytes(Bytes),
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

impl Refusal {
    pub(super) fn from_text(code: &str, details: &str) -> Self {
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
