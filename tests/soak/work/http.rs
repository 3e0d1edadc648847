//! A connection of the plainest kind.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longer than any answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection that is kept, and made again when it is gone.
pub struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub cookies: Vec<Cookie>,
    pub body: String,
}

/// A Set-Cookie of the session's cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cookie {
    Id(String),
    Removal,
}

impl Connection {
    pub const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            buffer: Vec::new(),
        }
    }

    async fn write(&mut self, path: &str, cookie: &str) -> Result<&mut TcpStream, Error> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        let stream = self.stream.as_mut().unwrap();
        let mut request = format!("POST {path} HTTP/1.1\r\nhost: soak\r\ncontent-length: 0\r\n");
        if !cookie.is_empty() {
            request += &format!("cookie: {cookie}\r\n");
        }
        request += "\r\n";
        stream.write_all(request.as_bytes()).await?;
        Ok(stream)
    }

    /// Posts and waits for the answer.
    pub async fn post(&mut self, path: &str, cookie: &str) -> Result<Answer, Error> {
        let answer = tokio::time::timeout(PATIENCE, self.exchange(path, cookie)).await;
        let answer = answer.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()));
        if answer.is_err() {
            self.stream = None;
        }
        answer
    }

    /// Posts, and hangs up after this time without having read anything.
    pub async fn post_and_hang_up(&mut self, path: &str, cookie: &str, after: Duration) {
        // An error only means that it hung up even earlier.
        if self.write(path, cookie).await.is_ok() && !after.is_zero() {
            tokio::time::sleep(after).await;
        }
        self.stream = None;
    }

    async fn exchange(&mut self, path: &str, cookie: &str) -> Result<Answer, Error> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let stream = self.write(path, cookie).await?;
        let head = loop {
            if let Some(end) = buffer.windows(4).position(|it| it == b"\r\n\r\n") {
                break end;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(Error::other);
        let (mut answer, length) = parse(&text(&buffer[..head])?).ok_or(ErrorKind::InvalidData)?;
        let body = head + 4;
        while buffer.len() < body + length {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        if buffer.len() > body + length {
            return Err(ErrorKind::InvalidData.into());
        }
        answer.body = text(&buffer[body..])?;
        self.buffer = buffer;
        Ok(answer)
    }
}

/// The head of an answer, and the length of its body.
fn parse(head: &str) -> Option<(Answer, usize)> {
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    let mut answer = Answer {
        status: status.parse().ok()?,
        cookies: Vec::new(),
        body: String::new(),
    };
    let mut length = 0;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        match name {
            "content-length" => length = value.trim().parse().ok()?,
            "set-cookie" => {
                let value = value.trim().strip_prefix("id=")?;
                let (id, attributes) = value.split_once(';')?;
                answer.cookies.push(if attributes.contains("Max-Age=0") {
                    Cookie::Removal
                } else {
                    Cookie::Id(id.to_owned())
                });
            }
            _ => {}
        }
    }
    Some((answer, length))
}
