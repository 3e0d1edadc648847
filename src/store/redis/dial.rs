//! How a connection is made: TCP or a Unix socket, TLS or not, to a server that is named or to the one
//! that a Sentinel names.

use super::protocol::Resp;
use super::reply::Reply;
use super::request::Request;
use crate::store::network::{self, BadReply, Protocol as _, Refused, Stream, limited};
use bytes::BytesMut;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio_rustls::TlsConnector;

const STRANGER: Refused = Refused("what answers is no Redis");
const LOGIN: Refused = Refused("the login is refused");
const DATABASE: Refused = Refused("it has no database of this number");
const HELLO: Refused = Refused("HELLO is refused: a password is missing, or an ACL forbids it");
const REPLICA: Refused = Refused("it does not say that it is a master");
const SENTINEL: Refused =
    Refused("the Sentinel refuses to tell: a password is missing, or it is none");
const UNKNOWN: Refused = Refused("the Sentinel knows no master of this name");

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

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

/// Who the store is to the server.
#[derive(Clone, Default)]
pub(super) struct Login {
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: u32,
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
    pub(super) answer_timeout: Duration,
    /// Whether a replica is refused: it would serve what may be old. In a cluster it points to its master.
    pub(super) master_only: bool,
}

impl network::Dial for Dial {
    type Protocol = Resp;

    async fn connect(&self) -> Result<(Stream, Resp), Refused> {
        let stream = match &self.target {
            Target::Server(address) => self.master(address).await,
            Target::Unix(path) => {
                let attempt = async { self.introduce(unix(path).await?).await };
                limited(self.connect_timeout, attempt).await
            }
            Target::Sentinel(sentinels) => self.master(&self.ask(sentinels).await?).await,
        };
        Ok((stream?, Resp))
    }

    fn answer_timeout(&self) -> Duration {
        self.answer_timeout
    }

    fn name(&self) -> String {
        match &self.target {
            Target::Server(address) => format!("Redis at {address}"),
            Target::Unix(path) => format!("Redis at {}", path.display()),
            Target::Sentinel(sentinels) => format!("the Redis master {:?}", sentinels.master),
        }
    }
}

impl Dial {
    async fn master(&self, address: &Address) -> Result<Stream, Refused> {
        let attempt = async { self.introduce(self.stream(address).await?).await };
        limited(self.connect_timeout, attempt).await
    }

    /// Asks one Sentinel after the other who the master is.
    async fn ask(&self, sentinels: &Sentinels) -> Result<Address, Refused> {
        let count = sentinels.addresses.len();
        let good = sentinels.good.load(Relaxed);
        let mut why = Refused::UNREACHABLE;
        for index in (0..count).map(|next| (good + next) % count) {
            let attempt = async {
                let mut sentinel = self.stream(&sentinels.addresses[index]).await?;
                log_in(&mut sentinel, &sentinels.login).await?;
                let question = Request::master_of(&sentinels.master);
                match ask(&mut sentinel, &question).await? {
                    Reply::Refused(_) => Err(SENTINEL),
                    answer => address_of(&answer).ok_or(UNKNOWN),
                }
            };
            match limited(self.connect_timeout, attempt).await {
                Ok(address) => {
                    sentinels.good.store(index, Relaxed);
                    return Ok(address);
                }
                Err(refused) => why = refused,
            }
        }
        Err(why)
    }

    async fn stream(&self, address: &Address) -> Result<Stream, Refused> {
        Stream::connect(&address.host, address.port, self.tls.as_ref()).await
    }

    /// Says who we are, and asks whether it is the server that is meant.
    async fn introduce(&self, mut stream: Stream) -> Result<Stream, Refused> {
        log_in(&mut stream, &self.login).await?;
        let hello = ask(&mut stream, &Request::hello()).await?;
        if hello.refusal().is_some() {
            return Err(HELLO);
        }
        if self.master_only && !is_master(&hello) {
            return Err(REPLICA);
        }
        Ok(stream)
    }
}

#[cfg(unix)]
async fn unix(path: &Path) -> Result<Stream, Refused> {
    Stream::connect_unix(path).await
}

#[cfg(not(unix))]
async fn unix(_: &Path) -> Result<Stream, Refused> {
    Err(Refused::UNREACHABLE)
}

async fn log_in(stream: &mut Stream, login: &Login) -> Result<(), Refused> {
    if let Some(password) = &login.password {
        let auth = Request::auth(login.username.as_deref(), password);
        match ask(stream, &auth).await? {
            Reply::Done => {}
            _ => return Err(LOGIN),
        }
    }
    if login.database != 0 {
        match ask(stream, &Request::select(login.database)).await? {
            Reply::Done => {}
            _ => return Err(DATABASE),
        }
    }
    Ok(())
}

/// Asks one thing, before there is a connection that requests share.
async fn ask(stream: &mut Stream, request: &Request) -> Result<Reply, Refused> {
    let (mut output, mut input) = (Vec::new(), BytesMut::new());
    let count = request.write(&mut output);
    stream.say(&output).await?;
    loop {
        stream.hear(&mut input).await?;
        let reply = Resp.parse(&mut input, &count);
        if let Some(reply) = reply.map_err(|BadReply| STRANGER)? {
            // Nobody asked for more.
            return input.is_empty().then_some(reply).ok_or(STRANGER);
        }
    }
}

/// What HELLO is answered with: names, each followed by its value.
fn is_master(hello: &Reply) -> bool {
    let Reply::List(fields) = hello else {
        return false;
    };
    fields.chunks(2).any(|field| match field {
        [Reply::Bytes(name), Reply::Bytes(value)] => name == "role" && value == "master",
        _ => false,
    })
}

fn address_of(reply: &Reply) -> Option<Address> {
    let Reply::List(parts) = reply else {
        return None;
    };
    let [Reply::Bytes(host), Reply::Bytes(port)] = &parts[..] else {
        return None;
    };
    Some(Address {
        host: str::from_utf8(host).ok()?.to_owned(),
        port: str::from_utf8(port).ok()?.parse().ok()?,
    })
}
