//! How a connection begins: who we are, and whether the server is one that sessions can be kept in.

use super::address::{Credentials, Target};
use super::protocol::{Meta, first_line, read_number};
use crate::store::network::{BadReply, Dial, Refused, Stream, limited};
use bytes::{Buf as _, BytesMut};
use std::time::Duration;

/// More than a server has settings.
const MAX_SETTINGS: usize = 64 << 10;

const STRANGER: Refused = Refused("what answers is no memcached of version 1.6");
const CREDENTIALS: Refused =
    Refused("it does not take the user and the password, or asks for some");
const NO_VERSIONS: Refused = Refused("it runs without compare-and-set (-C)");

impl Dial for Target {
    type Protocol = Meta;

    async fn connect(&self) -> Result<(Stream, Meta), Refused> {
        let attempt = async {
            let (host, port) = (self.address.host(), self.address.port);
            let mut stream = Stream::connect(host, port, self.tls.as_ref()).await?;
            if let Some(credentials) = &self.credentials {
                authenticate(&mut stream, credentials).await?;
            }
            let max_item = settings(&mut stream).await?;
            Ok((stream, Meta { max_item }))
        };
        limited(self.connect_timeout, attempt).await
    }

    fn answer_timeout(&self) -> Duration {
        self.answer_timeout
    }

    fn name(&self) -> String {
        format!("memcached at {:?}", self.address)
    }
}

/// Memcached takes them as the value of a `set` of any key. The lifetime that is over already is for a server
/// that asks nobody who he is: it must not keep the password as an entry.
async fn authenticate(stream: &mut Stream, credentials: &Credentials) -> Result<(), Refused> {
    let text = credentials.text();
    let command = format!("set auth 0 -1 {}\r\n{text}\r\n", text.len());
    stream.say(command.as_bytes()).await?;
    let mut input = BytesMut::new();
    match next_line(stream, &mut input).await? {
        line if line == "STORED" => Ok(()),
        line if line.starts_with(b"CLIENT_ERROR ") => Err(CREDENTIALS),
        _ => Err(STRANGER),
    }
}

/// Asks for the settings, and returns how large an item may be. And tries whether an answer repeats a
/// tag also where there is no entry, which versions before 1.6 do not.
async fn settings(stream: &mut Stream) -> Result<usize, Refused> {
    stream
        .say(b"stats settings\r\nmg check c Ocheck\r\n")
        .await?;
    let (mut input, mut read) = (BytesMut::new(), 0);
    let (mut versions, mut max_item) = (false, None);
    loop {
        let line = next_line(stream, &mut input).await?;
        read += line.len();
        if line == "END" {
            break;
        }
        if line.starts_with(b"CLIENT_ERROR unauth") {
            return Err(CREDENTIALS);
        }
        let setting = line.strip_prefix(b"STAT ").ok_or(STRANGER)?;
        if read > MAX_SETTINGS {
            return Err(STRANGER);
        }
        if let Some(size) = setting.strip_prefix(b"item_size_max ") {
            let size = read_number(size).and_then(|size| usize::try_from(size).ok());
            max_item = Some(size.ok_or(STRANGER)?);
        }
        versions |= setting == b"cas_enabled yes";
    }
    if !versions {
        return Err(NO_VERSIONS);
    }
    let tried = next_line(stream, &mut input).await?;
    // Nobody asked for more.
    if !tried.ends_with(b" Ocheck") || !input.is_empty() {
        return Err(STRANGER);
    }
    max_item.ok_or(STRANGER)
}

async fn next_line(stream: &mut Stream, input: &mut BytesMut) -> Result<BytesMut, Refused> {
    loop {
        let line = first_line(input).map_err(|BadReply| STRANGER)?;
        if let Some(length) = line.map(<[u8]>::len) {
            let line = input.split_to(length);
            input.advance(2);
            return Ok(line);
        }
        stream.hear(input).await?;
    }
}
