//! How a connection begins: who we are, and whether the server is one that sessions can be kept in.

use super::address::{Credentials, Target};
use super::connection::Connection;
use super::protocol::{BadReply, first_line, read_number};
use super::wire::{self, Reader};
use bytes::{Buf as _, BytesMut};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::rustls::pki_types::ServerName;

/// More than a server has settings.
const MAX_SETTINGS: usize = 64 << 10;

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Nobody listens, or nobody answers.
    Unreachable,
    /// One of the two does not trust the other, or does not speak TLS.
    Tls,
    /// What answers is no memcached.
    Stranger,
    /// It asks for a user and a password, and not for these.
    Credentials,
    /// It runs with `-C`, and so has no versions.
    NoVersions,
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // A certificate of ours is refused only after the handshake.
            io::ErrorKind::InvalidData => Self::Tls,
            _ => Self::Unreachable,
        }
    }
}

impl From<BadReply> for Refused {
    fn from(_: BadReply) -> Self {
        Self::Stranger
    }
}

impl Refused {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Unreachable => "it does not answer",
            Self::Tls => "its certificate is not trusted, or ours is not, or it does not speak TLS",
            Self::Stranger => "what answers is no memcached of version 1.6",
            Self::Credentials => "it does not take the user and the password, or asks for some",
            Self::NoVersions => "it runs without compare-and-set (-C)",
        }
    }
}

pub(super) async fn connect(target: &Target) -> Result<(Connection, Reader), Refused> {
    let host = target.address.host();
    let mut stream = TcpStream::connect((host, target.address.port)).await?;
    stream.set_nodelay(true)?;
    let (max_item, (reader, writer)) = match &target.tls {
        None => (introduce(&mut stream, target).await?, wire::plain(stream)),
        Some(tls) => {
            let name = ServerName::try_from(host.to_owned()).map_err(|_| Refused::Tls)?;
            let stream = tls.connect(name, stream).await;
            let mut stream = stream.map_err(|_| Refused::Tls)?;
            (introduce(&mut stream, target).await?, wire::tls(stream))
        }
    };
    Ok((Connection::new(writer, max_item), reader))
}

/// Says who we are, and asks what there is to know. Returns how large an item may be.
async fn introduce<S>(stream: &mut S, target: &Target) -> Result<usize, Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if let Some(credentials) = &target.credentials {
        authenticate(stream, credentials).await?;
    }
    settings(stream).await
}

/// Memcached takes them as the value of a `set` of any key. The lifetime that is over already is for a server
/// that asks nobody who he is: it must not keep the password as an entry.
async fn authenticate<S>(stream: &mut S, credentials: &Credentials) -> Result<(), Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let text = credentials.text();
    let command = format!("set auth 0 -1 {}\r\n{text}\r\n", text.len());
    stream.write_all(command.as_bytes()).await?;
    stream.flush().await?;
    let mut input = BytesMut::new();
    match next_line(stream, &mut input).await? {
        line if line == "STORED" => Ok(()),
        line if line.starts_with(b"CLIENT_ERROR ") => Err(Refused::Credentials),
        _ => Err(Refused::Stranger),
    }
}

/// Asks for the settings, and returns how large an item may be. And tries whether an answer repeats a
/// tag also where there is no entry, which versions before 1.6 do not.
async fn settings<S>(stream: &mut S) -> Result<usize, Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let command = b"stats settings\r\nmg check c Ocheck\r\n";
    stream.write_all(command).await?;
    stream.flush().await?;
    let (mut input, mut read) = (BytesMut::new(), 0);
    let (mut versions, mut max_item) = (false, None);
    loop {
        let line = next_line(stream, &mut input).await?;
        read += line.len();
        if line == "END" {
            break;
        }
        if line.starts_with(b"CLIENT_ERROR unauth") {
            return Err(Refused::Credentials);
        }
        let setting = line.strip_prefix(b"STAT ").ok_or(BadReply)?;
        if read > MAX_SETTINGS {
            return Err(Refused::Stranger);
        }
        if let Some(size) = setting.strip_prefix(b"item_size_max ") {
            let size = read_number(size).and_then(|size| usize::try_from(size).ok());
            max_item = Some(size.ok_or(BadReply)?);
        }
        versions |= setting == b"cas_enabled yes";
    }
    if !versions {
        return Err(Refused::NoVersions);
    }
    let tried = next_line(stream, &mut input).await?;
    // Nobody asked for more.
    if !tried.ends_with(b" Ocheck") || !input.is_empty() {
        return Err(Refused::Stranger);
    }
    max_item.ok_or(Refused::Stranger)
}

async fn next_line<S>(stream: &mut S, input: &mut BytesMut) -> Result<BytesMut, Refused>
where
    S: AsyncRead + Unpin,
{
    loop {
        if let Some(length) = first_line(input)?.map(<[u8]>::len) {
            let line = input.split_to(length);
            input.advance(2);
            return Ok(line);
        }
        if stream.read_buf(input).await? == 0 {
            return Err(Refused::Unreachable);
        }
    }
}
