//! How a connection is made: TCP or a Unix socket, TLS or not, to a server that is named or to the one
//! that a Sentinel names.

use super::client::{Connection, Login, Lost, Reply, Request, Why};
use super::link::first_of;
use super::stream::Activity;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Address {
    /// Reads `host:port`, where an IPv6 address may be in brackets.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        Some(Self {
            host: bare.unwrap_or(host).to_owned(),
            port: port.parse().ok()?,
        })
    }
}

#[derive(Clone)]
pub(super) enum Target {
    Server(Address),
    Unix(PathBuf),
    Sentinel(Arc<Sentinels>),
}

pub(super) struct Sentinels {
    pub(super) master: String,
    pub(super) addresses: Vec<Address>,
    pub(super) login: Login,
    /// The one that answered last.
    pub(super) good: AtomicUsize,
}

#[derive(Clone)]
pub(super) struct Dial {
    pub(super) target: Target,
    pub(super) tls: Option<TlsConnector>,
    pub(super) login: Login,
    pub(super) connect_timeout: Duration,
    pub(super) silence: Duration,
    /// Whether a replica is refused: it would serve what may be old. In a cluster it points to its master.
    pub(super) master_only: bool,
}

/// The task that works for a connection, which ends with it.
pub(super) struct Driver(JoinHandle<()>);

impl Driver {
    /// Waits until the server is gone, or has been silent for too long.
    pub(super) async fn ended(mut self) {
        // However it ended.
        let _ = (&mut self.0).await;
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Dial {
    /// Opens a connection to the server that is meant, and makes sure that it answers.
    pub(super) async fn open(&self) -> Result<(Connection, Driver), Why> {
        let (connection, driver) = match &self.target {
            Target::Server(address) => self.connect(address, &self.login).await?,
            Target::Unix(path) => self.limited(self.unix(path)).await?,
            Target::Sentinel(sentinels) => {
                let address = self.ask(sentinels).await?;
                self.connect(&address, &self.login).await?
            }
        };
        let hello = Request::hello();
        let hello = self.limited(connection.clone().send(&hello)).await?;
        if hello.refusal().is_some() {
            return Err(Why::Hello);
        }
        if self.master_only && !is_master(&hello) {
            return Err(Why::Replica);
        }
        Ok((connection, driver))
    }

    /// Asks one Sentinel after the other who the master is.
    async fn ask(&self, sentinels: &Sentinels) -> Result<Address, Why> {
        let count = sentinels.addresses.len();
        let good = sentinels.good.load(Relaxed);
        for index in (0..count).map(|next| (good + next) % count) {
            let asked = async {
                let address = &sentinels.addresses[index];
                let (sentinel, _driver) = self.connect(address, &sentinels.login).await?;
                let question = Request::master_of(&sentinels.master);
                Ok(address_of(self.limited(sentinel.send(&question)).await?)?)
            };
            let asked: Result<_, Why> = asked.await;
            if let Ok(address) = asked {
                sentinels.good.store(index, Relaxed);
                return Ok(address);
            }
        }
        Err(Why::Unreachable)
    }

    async fn connect(&self, address: &Address, login: &Login) -> Result<(Connection, Driver), Why> {
        self.limited::<_, Why>(async {
            let tcp = TcpStream::connect((&*address.host, address.port));
            let tcp = tcp.await.map_err(|_| Lost)?;
            tcp.set_nodelay(true).map_err(|_| Lost)?;
            match &self.tls {
                None => self.introduce(tcp, login).await,
                Some(tls) => {
                    let name = ServerName::try_from(address.host.clone()).map_err(|_| Lost)?;
                    let stream = tls.connect(name, tcp).await.map_err(|_| Lost)?;
                    self.introduce(stream, login).await
                }
            }
        })
        .await
    }

    #[cfg(unix)]
    async fn unix(&self, path: &Path) -> Result<(Connection, Driver), Why> {
        let stream = UnixStream::connect(path).await.map_err(|_| Lost)?;
        self.introduce(stream, &self.login).await
    }

    #[cfg(not(unix))]
    async fn unix(&self, _: &Path) -> Result<(Connection, Driver), Why> {
        Err(Why::Unreachable)
    }

    async fn introduce<S>(&self, stream: S, login: &Login) -> Result<(Connection, Driver), Why>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let activity = Arc::new(Activity::default());
        let (connection, work) = Connection::open(stream, login, &activity).await?;
        let silence = self.silence;
        let work = async move { first_of(work, activity.silent(silence)).await };
        Ok((connection, Driver(tokio::spawn(work))))
    }

    async fn limited<T, E>(&self, step: impl Future<Output = Result<T, E>>) -> Result<T, Why>
    where
        Why: From<E>,
    {
        match timeout(self.connect_timeout, step).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(Why::Unreachable),
        }
    }
}

/// What HELLO is answered with: names, each followed by its value.
fn is_master(hello: &Reply) -> bool {
    let Reply::List(fields) = hello else {
        return false;
    };
    fields.chunks(2).any(|field| match field {
        [Reply::Bytes(name), Reply::Bytes(value)] => name == b"role" && value == b"master",
        _ => false,
    })
}

fn address_of(reply: Reply) -> Result<Address, Lost> {
    let Reply::List(parts) = reply else {
        return Err(Lost);
    };
    let [Reply::Bytes(host), Reply::Bytes(port)] = &parts[..] else {
        return Err(Lost);
    };
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| Lost);
    Ok(Address {
        host: text(host)?.to_owned(),
        port: text(port)?.parse().map_err(|_| Lost)?,
    })
}
