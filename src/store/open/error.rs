//! Why a URL leads to no store.

use std::fmt;

/// A URL from which no store can be made. It says what to write, and quotes nothing of the URL but what
/// is known by name, since a password may stand anywhere in it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// It begins with no scheme of a store.
    UnknownScheme,
    /// It is of a store that this build of the crate does not have.
    MissingFeature {
        /// What to switch on in `Cargo.toml`.
        feature: &'static str,
    },
    /// It is no URL: a character that must be written as `%` and two digits, or an option without a value.
    Malformed,
    /// It has too much or too little between the scheme and the options.
    Form {
        /// How URLs of this scheme are written.
        form: &'static str,
    },
    /// It has an option that its scheme does not know, or one twice.
    UnknownOption {
        /// Those that it knows.
        known: Vec<&'static str>,
    },
    /// The value of an option cannot be read.
    OptionValue {
        /// Which option.
        name: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// The file that an option names cannot be read.
    File {
        /// Which option.
        name: &'static str,
        /// Why not.
        kind: std::io::ErrorKind,
    },
    /// The settings do not fit together.
    #[cfg(feature = "redis")]
    Redis(crate::store::redis::RedisConfigError),
    /// The settings do not fit together.
    #[cfg(feature = "memcached")]
    Memcached(crate::store::memcached::MemcachedConfigError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownScheme => f.write_str(
                "a store's URL must begin with `memory:`, `redis://`, `rediss://`, \
                 `redis+unix://`, `redis+cluster://`, `redis+sentinel://` or `memcached://`",
            ),
            Self::MissingFeature { feature } => write!(
                f,
                "this store needs sessile's feature `{feature}`: cargo add sessile --features {feature}"
            ),
            Self::Malformed => f.write_str(
                "a store's URL must be `scheme://user:password@hosts/path?name=value&name=value`, and \
                 a `#`, `%`, `&`, `/`, `?`, `@` or space within one of these be written as `%` and two digits",
            ),
            Self::Form { form } => write!(f, "the URL of this store must be written as `{form}`"),
            Self::UnknownOption { known } => {
                f.write_str("the store's URL has an option that is unknown or there twice; known are ")?;
                for (index, name) in known.iter().enumerate() {
                    write!(f, "{}`{name}`", if index == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::OptionValue { name, expected } => {
                write!(f, "the option `{name}` of the store's URL must be {expected}")
            }
            Self::File { name, kind } => write!(
                f,
                "the file that the option `{name}` of the store's URL names cannot be read: {kind}"
            ),
            #[cfg(feature = "redis")]
            Self::Redis(error) => error.fmt(f),
            #[cfg(feature = "memcached")]
            Self::Memcached(error) => error.fmt(f),
        }
    }
}

/// The same text: it is what a `main` that returns the error shows.
impl fmt::Debug for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for OpenError {}
