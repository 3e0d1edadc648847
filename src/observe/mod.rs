#![doc = include_str!("../../docs/monitoring.md")]

mod trace;
mod watch;

pub(crate) use watch::{Call, Notes, Watch};

use crate::error::{Error, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

/// Is told what happens, for figures. See the [module](self) for the events.
///
/// ```
/// use sessile::observe::{Event, Observer};
/// use sessile::{SessionLayer, store::MemoryStore};
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
///
/// #[derive(Default)]
/// struct Logouts(AtomicU64);
///
/// impl Observer for Logouts {
///     fn event(&self, event: &Event) {
///         if let Event::Ended = event {
///             self.0.fetch_add(1, Relaxed);
///         }
///     }
/// }
///
/// let logouts = Arc::new(Logouts::default());
/// let layer = SessionLayer::builder(MemoryStore::new()).observer(Arc::clone(&logouts)).build()?;
/// # Ok::<(), sessile::ConfigError>(())
/// ```
///
/// Each method does nothing unless it is implemented, and later versions may have more of them.
///
/// They are called in the middle of requests, by many threads at once: count, and return. One that waits
/// holds up the request, and whatever else its thread has to do. One that panics is not told this event,
/// and the session goes on as if nothing had happened; the panic's own message is all there is to see.
pub trait Observer: Send + Sync + 'static {
    /// Something happened to a session, or to the store.
    fn event(&self, event: &Event) {
        let _ = event;
    }

    /// A verb of the store has ended, or was given up at the time limit. It took so long, the wait for
    /// the network included; whether it went well, the events say. One whose request went away meanwhile
    /// is not told.
    fn store_call(&self, verb: Verb, time: Duration) {
        let _ = (verb, time);
    }
}

/// So that an app can keep a hand on its figures.
#[deny(clippy::missing_trait_methods)]
impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn event(&self, event: &Event) {
        O::event(self, event);
    }

    fn store_call(&self, verb: Verb, time: Duration) {
        O::store_call(self, verb, time);
    }
}

/// What happened. The [module](self) says when each is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// A session was stored for the first time.
    #[non_exhaustive]
    Created {
        /// The size of its record, in bytes.
        size: usize,
    },
    /// A request found its session.
    #[non_exhaustive]
    Loaded {
        /// The size of its record, in bytes.
        size: usize,
    },
    /// A request came with an id that no session has.
    UnknownId,
    /// A request came with a cookie that holds no id.
    MalformedCookie,
    /// The deadline of a session was moved, or its last use noted.
    Renewed,
    /// A session got another id.
    Rotated,
    /// A session was ended.
    Ended,
    /// A session was found to have reached its end.
    Expired,
    /// A request wanted to change a session that was ended or rotated meanwhile.
    Interrupted,
    /// A request's changes were merged with those of another.
    Merged,
    /// A stored record could not be read.
    Unreadable,
    /// A request's changes were not stored, for another reason.
    #[non_exhaustive]
    Refused {
        /// The reason.
        error: ErrorKind,
    },
    /// A verb of the store failed.
    #[non_exhaustive]
    StoreError {
        /// Which one.
        verb: Verb,
        /// `Unavailable`, `TimedOut`, `NoRuntime`, or `Unknown` if it may have had its effect.
        error: ErrorKind,
    },
    /// Half of the time limit had passed before the store answered.
    #[non_exhaustive]
    SlowStore {
        /// What it was to do.
        verb: Verb,
    },
}

impl Event {
    /// All names that there are, in the order of the table.
    pub const NAMES: &[&str] = &[
        "created",
        "loaded",
        "unknown_id",
        "malformed_cookie",
        "renewed",
        "rotated",
        "ended",
        "expired",
        "interrupted",
        "merged",
        "unreadable",
        "refused",
        "store_error",
        "slow_store",
    ];

    /// The name of this event. It stays as it is.
    ///
    /// ```
    /// # use sessile::observe::Event;
    /// assert_eq!(Event::UnknownId.name(), "unknown_id");
    /// ```
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Created { .. } => "created",
            Self::Loaded { .. } => "loaded",
            Self::UnknownId => "unknown_id",
            Self::MalformedCookie => "malformed_cookie",
            Self::Renewed => "renewed",
            Self::Rotated => "rotated",
            Self::Ended => "ended",
            Self::Expired => "expired",
            Self::Interrupted => "interrupted",
            Self::Merged => "merged",
            Self::Unreadable => "unreadable",
            Self::Refused { .. } => "refused",
            Self::StoreError { .. } => "store_error",
            Self::SlowStore { .. } => "slow_store",
        }
    }

    /// What the error of a commit means.
    pub(crate) const fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Interrupted => Self::Interrupted,
            ErrorKind::Expired => Self::Expired,
            error => Self::Refused { error },
        }
    }
}

/// A verb of the [`Store`](crate::store::Store).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a store has these four verbs")]
pub enum Verb {
    /// Reads an entry.
    Get,
    /// Creates one.
    Add,
    /// Replaces one.
    Replace,
    /// Removes one.
    Delete,
}

impl Verb {
    /// The name of this verb, in small letters. It stays as it is.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Delete => "delete",
        }
    }
}
