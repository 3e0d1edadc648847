//! The settings of a Redis store.

use super::super::network::{IDENTITY_TEXT, ROOTS_TEXT, Tls, TlsError};
use super::cluster::Cluster;
use super::dial::{Address, Dial, Login, Sentinels, Target};
use super::given::{ConnectionLike, Given};
use super::node::Node;
use super::{RedisStore, Server};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Sets up a [`RedisStore`]. From [`RedisStore::builder`].
///
/// One of [`server`](Self::server), [`unix_socket`](Self::unix_socket), [`sentinel`](Self::sentinel),
/// [`cluster`](Self::cluster) and [`connection`](Self::connection) says where the server is, the last that was
/// called; by default it is `127.0.0.1:6379`.
///
/// ```
/// use sessile::store::RedisStore;
///
/// let store = RedisStore::builder()
///     .sentinel("sessions", ["10.0.0.1:26379", "10.0.0.2:26379", "10.0.0.3:26379"])
///     .password("a long one")
///     .build()?;
/// # Ok::<(), sessile::store::redis::RedisConfigError>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct RedisStoreBuilder {
    place: Place,
    login: Login,
    sentinel_login: Login,
    tls: Tls,
    prefix: String,
    connect_timeout: Duration,
    answer_timeout: Duration,
}

enum Place {
    Server(String),
    Unix(PathBuf),
    Sentinel(String, Vec<String>),
    Cluster(Vec<String>),
    Given(Box<dyn Given>),
}

impl RedisStoreBuilder {
    pub(super) fn new() -> Self {
        Self {
            place: Place::Server("127.0.0.1:6379".to_owned()),
            login: Login::default(),
            sentinel_login: Login::default(),
            tls: Tls::default(),
            prefix: "sessile:".to_owned(),
            connect_timeout: Duration::from_secs(1),
            answer_timeout: Duration::from_secs(1),
        }
    }

    /// A single server, as `host:port`. An IPv6 address is in brackets.
    pub fn server(mut self, address: impl Into<String>) -> Self {
        self.place = Place::Server(address.into());
        self
    }

    /// A server on this machine, by the path of its Unix socket.
    pub fn unix_socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Place::Unix(path.into());
        self
    }

    /// The master of this name, which these Sentinels know, each as `host:port`.
    pub fn sentinel<A: Into<String>>(
        mut self,
        master: impl Into<String>,
        sentinels: impl IntoIterator<Item = A>,
    ) -> Self {
        let sentinels = sentinels.into_iter().map(Into::into).collect();
        self.place = Place::Sentinel(master.into(), sentinels);
        self
    }

    /// A Redis Cluster, by any of its nodes, each as `host:port`. The others are found through them.
    pub fn cluster<A: Into<String>>(mut self, nodes: impl IntoIterator<Item = A>) -> Self {
        self.place = Place::Cluster(nodes.into_iter().map(Into::into).collect());
        self
    }

    /// A connection that the app has already: a `MultiplexedConnection`, `ConnectionManager` or
    /// `ClusterConnection` of the crate `redis`, version 1.
    ///
    /// How it logs in, how it connects again, how long it waits and that it leads to a master is up to
    /// whoever made it; of the other settings only [`key_prefix`](Self::key_prefix) counts. **It must not
    /// repeat commands by itself**, as a `ClusterConnection` does unless it is built with `retries(0)`:
    /// a write whose answer got lost could be applied twice.
    ///
    /// ```
    /// use sessile::store::RedisStore;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = redis::Client::open("redis://127.0.0.1/")?;
    /// let connection = client.get_multiplexed_async_connection().await?;
    /// let store = RedisStore::builder().connection(connection).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connection<C>(mut self, connection: C) -> Self
    where
        C: ConnectionLike + Clone + Send + Sync + 'static,
    {
        self.place = Place::Given(Box::new(connection));
        self
    }

    /// The user to log in as, with a [`password`](Self::password). By default the server's own
    /// `default`.
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.login.username = Some(username.into());
        self
    }

    /// The password. By default there is none.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.login.password = Some(password.into());
        self
    }

    /// The user that the Sentinels know, with a [`sentinel_password`](Self::sentinel_password).
    pub fn sentinel_username(mut self, username: impl Into<String>) -> Self {
        self.sentinel_login.username = Some(username.into());
        self
    }

    /// The password of the Sentinels, which is not that of the servers. By default there is none.
    pub fn sentinel_password(mut self, password: impl Into<String>) -> Self {
        self.sentinel_login.password = Some(password.into());
        self
    }

    /// The number of the database. By default 0, which is the only one in a cluster.
    pub const fn database(mut self, number: u32) -> Self {
        self.login.database = number;
        self
    }

    /// What the names of all keys begin with. By default `sessile:`. Two apps that share a server need
    /// no prefixes for safety, since keys are hashes; a prefix serves ACLs and monitoring.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Whether to speak TLS, trusting the certificates that the system trusts. By default no.
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

    /// How long an attempt to connect may take, with everything that belongs to it. By default a second.
    pub const fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long the server may leave everything that it was sent unanswered, until the connection is
    /// given up and another is tried. By default a second.
    ///
    /// How long a request waits is limited by
    /// [`time_limit`](crate::SessionLayerBuilder::time_limit).
    pub const fn answer_timeout(mut self, limit: Duration) -> Self {
        self.answer_timeout = limit;
        self
    }

    /// The store. It connects when it is first used.
    ///
    /// # Errors
    ///
    /// [`RedisConfigError`], if the settings cannot be right: an address that is none, a certificate that
    /// cannot be read.
    pub fn build(self) -> Result<RedisStore, RedisConfigError> {
        use RedisConfigError as Error;
        if self.prefix.contains(['{', '}']) {
            return Err(Error::KeyPrefix);
        }
        if self.connect_timeout.is_zero() || self.answer_timeout.is_zero() {
            return Err(Error::Timeout);
        }
        for login in [&self.login, &self.sentinel_login] {
            if login.username.is_some() && login.password.is_none() {
                return Err(Error::UsernameWithoutPassword);
            }
        }
        let speaks_tls = self.tls.on;
        let tls = self.tls.connector()?;
        let dial = |target, master_only| Dial {
            target,
            tls,
            login: self.login.clone(),
            connect_timeout: self.connect_timeout,
            answer_timeout: self.answer_timeout,
            master_only,
        };
        let server = match self.place {
            Place::Server(address) => {
                Server::One(Node::new(dial(Target::Server(parse(&address)?), true)))
            }
            Place::Unix(_) if speaks_tls => return Err(Error::TlsOverUnixSocket),
            Place::Unix(path) => Server::One(Node::new(dial(Target::Unix(path), true))),
            Place::Sentinel(master, addresses) => {
                let sentinels = Sentinels {
                    master,
                    addresses: parse_all(&addresses)?,
                    login: self.sentinel_login,
                    good: 0.into(),
                };
                let target = Target::Sentinel(Arc::new(sentinels));
                Server::One(Node::new(dial(target, true)))
            }
            Place::Given(connection) => Server::Given(connection),
            Place::Cluster(_) if self.login.database != 0 => return Err(Error::DatabaseInCluster),
            Place::Cluster(addresses) => {
                let seeds = parse_all(&addresses)?;
                let first = Target::Server(seeds[0].clone());
                Server::Cluster(Arc::new(Cluster::new(dial(first, false), seeds)))
            }
        };
        Ok(RedisStore {
            server,
            prefix: self.prefix.into(),
        })
    }
}

impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder").finish_non_exhaustive()
    }
}

fn parse(address: &str) -> Result<Address, RedisConfigError> {
    Address::parse(address)
        .filter(|address| !address.host.is_empty())
        .ok_or(RedisConfigError::Address)
}

fn parse_all(addresses: &[String]) -> Result<Vec<Address>, RedisConfigError> {
    if addresses.is_empty() {
        return Err(RedisConfigError::Address);
    }
    addresses.iter().map(|address| parse(address)).collect()
}

/// Settings of a [`RedisStoreBuilder`] that cannot be right. It quotes none of them, since some are secret.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedisConfigError {
    /// An address is not `host:port`, or there is none.
    Address,
    /// The prefix holds a brace, which has a meaning in a cluster.
    KeyPrefix,
    /// A timeout is zero.
    Timeout,
    /// A user name needs a password.
    UsernameWithoutPassword,
    /// A cluster has no database but 0.
    DatabaseInCluster,
    /// A Unix socket does not speak TLS.
    TlsOverUnixSocket,
    /// The certificates to trust cannot be read, or there are none.
    TlsRoots,
    /// The client's certificate or its key cannot be read, or they do not belong together.
    TlsIdentity,
}

impl fmt::Display for RedisConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "an address must be `host:port`, and there must be at least one",
            Self::KeyPrefix => "`key_prefix` must hold no brace, which has a meaning in a cluster",
            Self::Timeout => "`connect_timeout` and `answer_timeout` must be longer than nothing",
            Self::UsernameWithoutPassword => "a user name needs a password",
            Self::DatabaseInCluster => "a cluster has no `database` but 0",
            Self::TlsOverUnixSocket => "a Unix socket does not speak TLS",
            Self::TlsRoots => ROOTS_TEXT,
            Self::TlsIdentity => IDENTITY_TEXT,
        })
    }
}

/// The same text: it is what a `main` that returns the error shows.
impl fmt::Debug for RedisConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for RedisConfigError {}

impl From<TlsError> for RedisConfigError {
    fn from(error: TlsError) -> Self {
        match error {
            TlsError::Roots => Self::TlsRoots,
            TlsError::Identity => Self::TlsIdentity,
        }
    }
}
