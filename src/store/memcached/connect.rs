//! How a connection begins: who we are, and whether the server is one that sessions can be kept in.

use super::address::{Credentials, Target};
use super::connection::Connection;
use super::protocol::{BadReply, first_line, read_number};
use bytes::{Buf as _, BytesMut};
use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

/// More than a server has settings.
const MAX_SETTINGS: usize = 64 << 10;

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Nobody listens, or nobody answers.
    Unreachable,
    /// What answers is no memcached.
    Stranger,
    /// It asks for a user and a password, and not for these.
    Credentials,
    /// It runs with `-C`, and so has no versions.
    NoVersions,
}

impl From<io::Error> for Refused {
    fn from(_: io::Error) -> Self {
        Self::Unreachable
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
            Self::Stranger => "what answers is no memcached of version 1.6",
            Self::Credentials => "it does not take the user and the password, or asks for some",
            Self::NoVersions => "it runs without compare-and-set (-C)",
        }
    }
}

pub(super) async fn connect(target: &Target) -> Result<(Connection, OwnedReadHalf), Refused> {
    let mut stream = TcpStream::connect((target.address.host(), target.address.port)).await?;
    stream.set_nodelay(true)?;
    if let Some(credentials) = &target.credentials {
        authenticate(&mut stream, credentials).await?;
    }
    let max_item = settings(&mut stream).await?;
    let (reader, writer) = stream.into_split();
    Ok((Connection::new(writer, max_item), reader))
}

/// Memcached takes them as the value of a `set` of any key. The lifetime that is over already is for a server
/// that asks nobody who he is: it must not keep the password as an entry.
async fn authenticate(stream: &mut TcpStream, credentials: &Credentials) -> Result<(), Refused> {
    let text = credentials.text();
    let command = format!("set auth 0 -1 {}\r\n{text}\r\n", text.len());
    stream.write_all(command.as_bytes()).await?;
    let mut input = BytesMut::new();
    match next_line(stream, &mut input).await? {
        line if line == "STORED" => Ok(()),
        line if line.starts_with(b"CLIENT_ERROR ") => Err(Refused::Credentials),
        _ => Err(Refused::Stranger),
    }
}

/// Asks for the settings, and returns how large an item may be. And tries whether an answer repeats a
/// tag also where there is no entry, which versions before 1.6 do not.
async fn settings(stream: &mut TcpStream) -> Result<usize, Refused> {
    let command = b"stats settings\r\nmg check c Ocheck\r\n";
    stream.write_all(command).await?;
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

async fn next_line(stream: &mut TcpStream, input: &mut BytesMut) -> Result<BytesMut, Refused> {
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
