//! What is wrong with a configuration, and which setting to change.

use crate::roster;
use std::fmt;

/// Settings that do not fit together. The text says which one to change.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The name of the cookie is empty, or no token.
    CookieName {
        /// The name that was set.
        name: String,
    },
    /// A former name of the cookie is empty, or no token.
    FormerCookieName {
        /// The name that was set.
        name: String,
    },
    /// The cookie has a former name, but nothing says under which keys its sessions are.
    FormerNameNeedsKeyspace,
    /// The path of the cookie does not begin with `/`, or has a character that ends it.
    CookiePath {
        /// The path that was set.
        path: String,
    },
    /// The domain of the cookie is no plain host name.
    CookieDomain {
        /// The domain that was set.
        domain: String,
    },
    /// Browsers refuse `SameSite=None` without Secure.
    SameSiteNoneNeedsSecure,
    /// Browsers refuse Partitioned without Secure.
    PartitionedNeedsSecure,
    /// Browsers refuse the `__Host-` prefix with a domain, or with a path other than `/`.
    HostPrefix,
    /// Browsers refuse a prefix without Secure.
    PrefixNeedsSecure,
    /// Browsers refuse the `__Http-` and `__Host-Http-` prefixes without HttpOnly.
    PrefixNeedsHttpOnly,
    /// The idle lifetime is shorter than a millisecond.
    IdleLifetime,
    /// The absolute lifetime is shorter than a millisecond.
    AbsoluteLifetime,
    /// The time limit is zero.
    TimeLimit,
    /// No session for a user, or more than a list of them holds.
    SessionsPerUser,
    /// The size limit leaves no room for a session, or is out of reason.
    MaxSize {
        /// The least, in bytes.
        min: usize,
        /// The most, in bytes.
        max: usize,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CookieName { name } => write!(
                f,
                "`cookie_name` is {name:?}: it takes letters, digits and any of !#$%&'*+-.^_`|~, at \
                 least one"
            ),
            Self::FormerCookieName { name } => {
                write!(f, "`former_cookie_name` is {name:?}, which no cookie can have had")
            }
            Self::FormerNameNeedsKeyspace => f.write_str(
                "`former_cookie_name` needs `keyspace`, the name that the sessions are stored under: the first \
                 that the cookie had",
            ),
            Self::CookiePath { path } => write!(
                f,
                "`cookie_path` is {path:?}: it must begin with `/`, in ASCII without `;` and control \
                 characters"
            ),
            Self::CookieDomain { domain } => write!(
                f,
                "`cookie_domain` is {domain:?}: it must be a host name, without leading dot, port or \
                 space"
            ),
            Self::SameSiteNoneNeedsSecure => f.write_str(
                "`cookie_same_site` is `None`, which browsers take only with `cookie_secure(true)`",
            ),
            Self::PartitionedNeedsSecure => f.write_str(
                "`cookie_partitioned` is on, which browsers take only with `cookie_secure(true)`",
            ),
            Self::HostPrefix => f.write_str(
                "`cookie_name` begins with `__Host-`, which browsers take only without \
                 `cookie_domain` and with `cookie_path(\"/\")`: choose a name without that prefix",
            ),
            Self::PrefixNeedsSecure => f.write_str(
                "`cookie_name` has a prefix that browsers take only with `cookie_secure(true)`; for \
                 plain http on a developer's machine there is `plain_http()`",
            ),
            Self::PrefixNeedsHttpOnly => f.write_str(
                "`cookie_name` has a prefix that browsers take only with `cookie_http_only(true)`",
            ),
            Self::IdleLifetime => {
                f.write_str("`idle_lifetime` is zero: every session would be over at once")
            }
            Self::AbsoluteLifetime => f.write_str(
                "`absolute_lifetime` is zero: every session would be over at once; for none there is \
                 `no_absolute_lifetime()`",
            ),
            Self::TimeLimit => f.write_str("`time_limit` is zero: no store could answer in time"),
            Self::SessionsPerUser => write!(
                f,
                "`sessions_per_user` must be between 1 and {}",
                roster::MOST
            ),
            Self::MaxSize { min, max } => {
                write!(f, "`max_size` must be between {min} and {max} bytes")
            }
        }
    }
}

/// The same text: it is what a `main` that returns the error shows.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}
