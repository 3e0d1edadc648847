//! The bytes to a server and back: over TCP, TLS or a Unix socket.

use bytes::BytesMut;
use std::io;
#[cfg(unix)]
use std::path::Path;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _, ReadBuf, ReadHalf, WriteHalf,
};
use tokio::net::{TcpStream, tcp};
#[cfg(unix)]
use tokio::net::{UnixStream, unix};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

/// Why there is no connection, in words for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Refused(pub(in crate::store) &'static str);

impl Refused {
    pub(in crate::store) const UNREACHABLE: Self = Self("it does not answer");
    pub(in crate::store) const TLS: Self =
        Self("its certificate is not trusted, or ours is not, or it does not speak TLS");
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // A certificate of ours is refused only after the handshake.
            io::ErrorKind::InvalidData => Self::TLS,
            _ => Self::UNREACHABLE,
        }
    }
}

/// A way to a server, as long as one side speaks at a time.
pub(in crate::store) struct Stream {
    reader: Reader,
    writer: Writer,
}

pub(super) enum Reader {
    Tcp(tcp::OwnedReadHalf),
    Tls(ReadHalf<TlsStream<TcpStream>>),
    #[cfg(unix)]
    Unix(unix::OwnedReadHalf),
}

/// Whoever has something to say writes it himself, and does not wait.
pub(super) enum Writer {
    Tcp(tcp::OwnedWriteHalf),
    Tls(Mutex<TlsWriter>),
    #[cfg(unix)]
    Unix(unix::OwnedWriteHalf),
}

type TlsWriter = WriteHalf<TlsStream<TcpStream>>;

impl Stream {
    /// Connects, and makes sure over TLS who it is.
    pub(in crate::store) async fn connect(
        host: &str,
        port: u16,
        tls: Option<&TlsConnector>,
    ) -> Result<Self, Refused> {
        let tcp = TcpStream::connect((host, port)).await?;
        tcp.set_nodelay(true)?;
        let Some(tls) = tls else {
            let (reader, writer) = tcp.into_split();
            return Ok(Self {
                reader: Reader::Tcp(reader),
                writer: Writer::Tcp(writer),
            });
        };
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Refused::TLS)?;
        let stream = tls.connect(name, tcp).await.map_err(|_| Refused::TLS)?;
        let (reader, writer) = tokio::io::split(stream);
        Ok(Self {
            reader: Reader::Tls(reader),
            writer: Writer::Tls(Mutex::new(writer)),
        })
    }

    #[cfg(unix)]
    pub(in crate::store) async fn connect_unix(path: &Path) -> Result<Self, Refused> {
        let (reader, writer) = UnixStream::connect(path).await?.into_split();
        Ok(Self {
            reader: Reader::Unix(reader),
            writer: Writer::Unix(writer),
        })
    }

    /// Writes all of this.
    pub(in crate::store) async fn say(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        match &mut self.writer {
            Writer::Tcp(writer) => writer.write_all(bytes).await?,
            Writer::Tls(writer) => {
                let writer = writer.get_mut().unwrap_or_else(PoisonError::into_inner);
                writer.write_all(bytes).await?;
                writer.flush().await?;
            }
            #[cfg(unix)]
            Writer::Unix(writer) => writer.write_all(bytes).await?,
        }
        Ok(())
    }

    /// Reads what comes next, and adds it to this.
    pub(in crate::store) async fn hear(&mut self, input: &mut BytesMut) -> Result<(), Refused> {
        match self.reader.read_buf(input).await? {
            0 => Err(Refused::UNREACHABLE),
            _ => Ok(()),
        }
    }

    pub(super) fn split(self) -> (Reader, Writer) {
        (self.reader, self.writer)
    }
}

impl AsyncRead for Reader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(reader) => Pin::new(reader).poll_read(cx, buf),
            Self::Tls(reader) => Pin::new(reader).poll_read(cx, buf),
            #[cfg(unix)]
            Self::Unix(reader) => Pin::new(reader).poll_read(cx, buf),
        }
    }
}

/// What became of bytes that were to be written.
pub(super) struct Written {
    /// So many of them were taken.
    pub(super) count: usize,
    /// The socket takes no more, and what is left over waits until it does.
    pub(super) is_blocked: bool,
}

impl Writer {
    /// Writes what is taken at once.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<Written> {
        let mut count = 0;
        while count < bytes.len() {
            match self.try_write(&bytes[count..])? {
                Some(0) => return Err(io::ErrorKind::WriteZero.into()),
                Some(more) => count += more,
                None => break,
            }
        }
        let is_blocked = count < bytes.len() || !self.is_out()?;
        Ok(Written { count, is_blocked })
    }

    /// `None` if nothing is taken.
    fn try_write(&self, bytes: &[u8]) -> io::Result<Option<usize>> {
        let written = match self {
            Self::Tcp(writer) => writer.try_write(bytes),
            Self::Tls(writer) => {
                return now(|cx| Pin::new(&mut *lock(writer)).poll_write(cx, bytes));
            }
            #[cfg(unix)]
            Self::Unix(writer) => writer.try_write(bytes),
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            written => written.map(Some),
        }
    }

    /// Whether nothing waits in between: TLS takes bytes before the socket does.
    fn is_out(&self) -> io::Result<bool> {
        let Self::Tls(writer) = self else {
            return Ok(true);
        };
        let flushed = now(|cx| Pin::new(&mut *lock(writer)).poll_flush(cx))?;
        Ok(flushed.is_some())
    }

    /// Waits until it takes more.
    pub(super) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(writer) => writer.as_ref().poll_write_ready(cx),
            Self::Tls(writer) => Pin::new(&mut *lock(writer)).poll_flush(cx),
            #[cfg(unix)]
            Self::Unix(writer) => writer.as_ref().poll_write_ready(cx),
        }
    }
}

fn lock(writer: &Mutex<TlsWriter>) -> MutexGuard<'_, TlsWriter> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `None` if it would have to be waited for. Nobody does here: the task of the connection waits in
/// [`Writer::poll_ready`].
fn now<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<T>>) -> io::Result<Option<T>> {
    match poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.map(Some),
        Poll::Pending => Ok(None),
    }
}
