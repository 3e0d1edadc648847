//! What can go wrong with a session.

use crate::random::RandomError;
use std::fmt;
use std::sync::Arc;

/// How deep a value may nest. Half of what `serde_json` reads.
pub(crate) const MAX_DEPTH: usize = 64;

/// Why something could not be done with a session.
///
/// One type for the whole crate, small and cheap to clone; [`kind`](Self::kind) tells the cases
/// apart. Its texts name keys and types of the application, never a value, an id, or what a
/// client library said. It has no [`source`](std::error::Error::source), for the same reason.
///
/// With the feature `axum` it is a response as well, so handlers can use `?`.
#[derive(Debug, Clone)]
pub struct Error {
    kind: ErrorKind,
    /// The key and the Rust type that the error is about.
    value: Option<Arc<(Box<str>, &'static str)>>,
}

/// What kind of [`Error`] it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The session was asked for data before it was loaded.
    NotLoaded,
    /// The store could not be reached. Nothing was changed.
    Unavailable,
    /// The store did not answer within the time limit. Nothing was changed.
    TimedOut,
    /// A change was sent to the store, and whether it took effect is not known.
    Unknown,
    /// The session was ended or its id was rotated while the request ran. None of its changes is stored.
    Interrupted,
    /// The session reached its end while the request ran. Nothing was changed.
    Expired,
    /// A recorded update could not be applied to what another request stored meanwhile: the
    /// closure panicked, or the key has another type now. Or an update changes what it is given,
    /// each time that it runs. Nothing was changed.
    Conflict,
    /// Another request changed what this one had read, under
    /// [`Conflict::Refuse`](crate::Conflict::Refuse). Nothing was changed.
    Stale,
    /// The session would be larger than the limit. Nothing was changed.
    TooLarge,
    /// The stored record cannot be read. It was left as it is.
    Undecodable,
    /// The value of one key cannot be read as the type that was asked for.
    Decode,
    /// The value cannot be stored, or could not be read back.
    Encode,
    /// A new session could not be created, most likely because the cache stores nothing.
    CreationFailed,
    /// The store is full and refuses new sessions.
    StoreFull,
    /// The user has as many sessions as there may be. Nothing was changed.
    TooManySessions,
    /// The response has gone, and the change needs its cookie; or it was given up with the response, while a
    /// [`save`](crate::Session::save) of it waited.
    ResponseSent,
    /// The store needs a Tokio runtime with time enabled, and there is none.
    NoRuntime,
}

impl Error {
    /// The kind of this error.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The key that the error is about, if it is about one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.value.as_ref().map(|value| &*value.0)
    }

    /// The status that suits the error in an answer: 400, 403, 409, 500 or 503.
    ///
    /// ```
    /// # use sessile::{Error, ErrorKind};
    /// # fn show(error: &Error) {
    /// if error.kind() == ErrorKind::Interrupted {
    ///     assert_eq!(error.status(), 400);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub const fn status(&self) -> http::StatusCode {
        match self.kind {
            ErrorKind::Interrupted | ErrorKind::Expired => http::StatusCode::BAD_REQUEST,
            ErrorKind::TooManySessions => http::StatusCode::FORBIDDEN,
            ErrorKind::Stale => http::StatusCode::CONFLICT,
            ErrorKind::Unavailable
            | ErrorKind::TimedOut
            | ErrorKind::Unknown
            | ErrorKind::CreationFailed
            | ErrorKind::StoreFull => http::StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::NotLoaded
            | ErrorKind::Conflict
            | ErrorKind::TooLarge
            | ErrorKind::Undecodable
            | ErrorKind::Decode
            | ErrorKind::Encode
            | ErrorKind::ResponseSent
            | ErrorKind::NoRuntime => http::StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub(crate) fn decode<T: ?Sized>(key: &str) -> Self {
        Self::of_value::<T>(ErrorKind::Decode, key)
    }

    pub(crate) fn encode<T: ?Sized>(key: &str) -> Self {
        Self::of_value::<T>(ErrorKind::Encode, key)
    }

    fn of_value<T: ?Sized>(kind: ErrorKind, key: &str) -> Self {
        Self {
            kind,
            value: Some(Arc::new((key.into(), std::any::type_name::<T>()))),
        }
    }

    /// Whether the store did not answer, or not that it did what it was told.
    pub(crate) const fn is_of_store(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Unavailable | ErrorKind::TimedOut | ErrorKind::Unknown
        )
    }

    /// Whether the session itself is over.
    pub(crate) const fn is_interrupted(&self) -> bool {
        matches!(self.kind, ErrorKind::Interrupted | ErrorKind::Expired)
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, value: None }
    }
}

/// Without randomness there are no ids.
impl From<RandomError> for Error {
    fn from(_: RandomError) -> Self {
        ErrorKind::CreationFailed.into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.value.as_deref(), self.kind) {
            (Some((key, ty)), ErrorKind::Decode) => {
                write!(
                    f,
                    "the session's value of the key {key:?} cannot be read as `{ty}`"
                )
            }
            (Some((key, ty)), _) => write!(
                f,
                "the `{ty}` for the session's key {key:?} cannot be stored: it must serialize to \
                 JSON, with texts as map keys and at most {} levels deep",
                MAX_DEPTH,
            ),
            (None, kind) => f.write_str(kind.text()),
        }
    }
}

impl std::error::Error for Error {}

impl ErrorKind {
    const fn text(self) -> &'static str {
        match self {
            Self::NotLoaded => {
                "the session is not loaded: take it as an extractor, or call `load().await` first"
            }
            Self::Unavailable => "the session store is unavailable",
            Self::TimedOut => "the session store did not answer in time",
            Self::Unknown => "it is not known whether the session was stored",
            Self::Interrupted => "the session was ended or rotated by another request",
            Self::Expired => "the session expired while the request ran",
            Self::Conflict => {
                "an update of the session does not fit what another request stored meanwhile"
            }
            Self::Stale => "another request changed what this one had read of the session",
            Self::TooLarge => "the session is larger than the limit",
            Self::Undecodable => "the stored session cannot be read",
            Self::Decode => "a value of the session cannot be read as the type asked for",
            Self::Encode => "a value cannot be stored in the session",
            Self::CreationFailed => {
                "no session could be created: the cache, or the source of randomness, is likely \
                 unavailable"
            }
            Self::StoreFull => "the session store is full",
            Self::TooManySessions => "the user has as many sessions as there may be",
            Self::ResponseSent => {
                "the response has gone: the change needs its cookie, or was given up with it"
            }
            Self::NoRuntime => {
                "the session store needs a Tokio runtime with time enabled, and there is none"
            }
        }
    }
}
