//! The settings of a memcached store.

use super::super::network::{IDENTITY_TEXT, ROOTS_TEXT, Tls, TlsError};
use super::MemcachedStore;
use super::address::{Address, Credentials, Target};
use super::protocol::MAX_PREFIX;
use std::fmt;
use std::time::Duration;

/// Sets up a [`MemcachedStore`]. From [`MemcachedStore::builder`].
///
/// ```
/// use sessile::store::MemcachedStore;
/// use std::time::Duration;
///
/// let store = MemcachedStore::builder()
///     .server("cache-1.internal:11211")
///     .server("cache-2.internal:11211")
///     .key_prefix("shop:")
///     .connect_timeout(Duration::from_millis(500))
///     .build()?;
/// # Ok::<(), sessile::store::memcached::MemcachedConfigError>(())
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct MemcachedStoreBuilder {
    servers: Vec<String>,
    prefix: String,
    credentials: Option<(String, String)>,
    tls: Tls,
    connect_timeout: Duration,
    answer_timeout: Duration,
}

impl MemcachedStoreBuilder {
    pub(super) fn new() -> Self {
        Self {
            servers: Vec::new(),
            prefix: "sessile:".to_owned(),
            credentials: None,
            tls: Tls::default(),
            connect_timeout: Duration::from_secs(1),
            answer_timeout: Duration::from_secs(2),
        }
    }

    /// One more server: `host`, `host:port`, or an IPv6 address in brackets. The port is 11211 if it
    /// is not said.
    ///
    /// The text also decides which sessions the server keeps. So all instances of an app have to name the servers
    /// alike, in any order, and a server that gets another name or port loses its sessions.
    pub fn server(mut self, address: impl Into<String>) -> Self {
        self.servers.push(address.into());
        self
    }

    /// What the keys begin with, for a server that others use too. The default is `sessile:`.
    ///
    /// Up to 207 visible ASCII characters, or none.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The user and the password for servers that run with an authentication file (`-Y`).
    ///
    /// Without [`tls`](Self::tls) they are sent as they are. (Its SASL is not supported.)
    pub fn credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.credentials = Some((user.into(), password.into()));
        self
    }

    /// Whether to speak TLS to all servers (which run with `-Z`), trusting the certificates that the system
    /// trusts. By default no.
    pub const fn tls(mut self, tls: bool) -> Self {
        self.tls.on = tls;
        self
    }

    /// Speaks TLS, and trusts these certificates and no others. In PEM, any number of them.
    pub fn tls_roots(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.trust(pem.into());
        self
    }

    /// Speaks TLS, and shows this certificate (with its chain) and proves it with this key. Both in
    /// PEM.
    pub fn tls_identity(
        mut self,
        certificates_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Self {
        self.tls.identify(certificates_pem.into(), key_pem.into());
        self
    }

    pub(in crate::store) fn with_tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// How long it may take to connect to a server, with everything that belongs to it. The default is a second.
    ///
    /// Only the requests that come first wait for it: while a server is known to be down, they fail
    /// at once.
    pub const fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long a server may leave everything that it was asked unanswered, before the connection is given
    /// up and the server taken for down. The default is two seconds, and the most is a day.
    pub const fn answer_timeout(mut self, limit: Duration) -> Self {
        self.answer_timeout = limit;
        self
    }

    /// The store. It connects when it is first used, and needs no runtime before.
    ///
    /// # Errors
    ///
    /// A [`MemcachedConfigError`] that names the setting to change.
    pub fn build(self) -> Result<MemcachedStore, MemcachedConfigError> {
        let credentials = self.credentials.map(|(user, password)| {
            Credentials::new(&user, &password).ok_or(MemcachedConfigError::Credentials)
        });
        let credentials = credentials.transpose()?;
        if self.prefix.len() > MAX_PREFIX || !self.prefix.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(MemcachedConfigError::Prefix);
        }
        if self.connect_timeout.is_zero() || self.answer_timeout < Duration::from_millis(1) {
            return Err(MemcachedConfigError::Limit);
        }
        let tls = self.tls.connector()?;
        let mut addresses = Vec::new();
        for (index, text) in self.servers.iter().enumerate() {
            let address =
                Address::parse(text).ok_or(MemcachedConfigError::Server { number: index + 1 })?;
            if addresses.contains(&address) {
                return Err(MemcachedConfigError::SameServer { number: index + 1 });
            }
            addresses.push(address);
        }
        if addresses.is_empty() {
            return Err(MemcachedConfigError::NoServer);
        }
        let targets = addresses.into_iter().map(|address| Target {
            address,
            credentials: credentials.clone(),
            tls: tls.clone(),
            connect_timeout: self.connect_timeout,
            answer_timeout: self.answer_timeout,
        });
        Ok(MemcachedStore::with(targets.collect(), self.prefix))
    }
}

impl fmt::Debug for MemcachedStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A server's text may be a URL with a password.
        f.debug_struct("MemcachedStoreBuilder")
            .field("servers", &self.servers.len())
            .field("prefix", &self.prefix)
            .field("connect_timeout", &self.connect_timeout)
            .field("answer_timeout", &self.answer_timeout)
            .finish_non_exhaustive()
    }
}

/// A memcached store that there cannot be: which setting to change.
///
/// It repeats nothing of the settings, since a server's text may hold a password by mistake.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemcachedConfigError {
    /// No server was named.
    NoServer,
    /// The text is no `host` or `host:port`.
    Server {
        /// Which of the servers, counted from 1.
        number: usize,
    },
    /// The server was named before.
    SameServer {
        /// Which of the servers, counted from 1.
        number: usize,
    },
    /// The prefix is too long, or has a character that a key must not have.
    Prefix,
    /// The user or the password cannot be sent to memcached.
    Credentials,
    /// A limit is zero.
    Limit,
    /// The certificates to trust cannot be read, or there are none.
    TlsRoots,
    /// The client's certificate or its key cannot be read, or they do not belong together.
    TlsIdentity,
}

impl fmt::Display for MemcachedConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoServer => f.write_str("a memcached store needs at least one server"),
            Self::Server { number } => write!(
                f,
                "memcached server number {number} must be written as `host` or `host:port`"
            ),
            Self::SameServer { number } => {
                write!(f, "memcached server number {number} was named before")
            }
            Self::Prefix => write!(
                f,
                "the prefix of memcached keys must be at most {MAX_PREFIX} visible ASCII characters"
            ),
            Self::Credentials => f.write_str(
                "memcached's user and password must not be empty or hold spaces or control \
                 characters, nor the user a colon",
            ),
            Self::Limit => {
                f.write_str("the limits of a memcached store must be a millisecond or more")
            }
            Self::TlsRoots => f.write_str(ROOTS_TEXT),
            Self::TlsIdentity => f.write_str(IDENTITY_TEXT),
        }
    }
}

/// The same text: it is what a `main` that returns the error shows.
impl fmt::Debug for MemcachedConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for MemcachedConfigError {}

impl From<TlsError> for MemcachedConfigError {
    fn from(error: TlsError) -> Self {
        match error {
            TlsError::Roots => Self::TlsRoots,
            TlsError::Identity => Self::TlsIdentity,
        }
    }
}
