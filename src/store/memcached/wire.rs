//! The two ends of a connection, over TCP or over TLS.

use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite as _, ReadBuf, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_rustls::client::TlsStream;

pub(super) enum Reader {
    Plain(OwnedReadHalf),
    Tls(ReadHalf<TlsStream<TcpStream>>),
}

/// Whoever has something to say writes it himself, and does not wait.
pub(super) enum Writer {
    Plain(OwnedWriteHalf),
    Tls(Mutex<WriteHalf<TlsStream<TcpStream>>>),
}

/// What became of bytes that were to be written.
pub(super) struct Written {
    /// So many of them were taken.
    pub(super) count: usize,
    /// The socket takes no more, and what is left over waits until it does.
    pub(super) is_blocked: bool,
}

pub(super) fn plain(stream: TcpStream) -> (Reader, Writer) {
    let (reader, writer) = stream.into_split();
    (Reader::Plain(reader), Writer::Plain(writer))
}

pub(super) fn tls(stream: TlsStream<TcpStream>) -> (Reader, Writer) {
    let (reader, writer) = tokio::io::split(stream);
    (Reader::Tls(reader), Writer::Tls(Mutex::new(writer)))
}

impl AsyncRead for Reader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(reader) => Pin::new(reader).poll_read(cx, buf),
            Self::Tls(reader) => Pin::new(reader).poll_read(cx, buf),
        }
    }
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
            Self::Plain(writer) => writer.try_write(bytes),
            Self::Tls(writer) => {
                return now(|cx| Pin::new(&mut *lock(writer)).poll_write(cx, bytes));
            }
        };
        match written {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            written => written.map(Some),
        }
    }

    /// Whether nothing waits in between: TLS takes bytes before the socket does.
    fn is_out(&self) -> io::Result<bool> {
        match self {
            Self::Plain(_) => Ok(true),
            Self::Tls(writer) => {
                let flushed = now(|cx| Pin::new(&mut *lock(writer)).poll_flush(cx))?;
                Ok(flushed.is_some())
            }
        }
    }

    /// Waits until it takes more.
    pub(super) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(writer) => writer.as_ref().poll_write_ready(cx),
            Self::Tls(writer) => Pin::new(&mut *lock(writer)).poll_flush(cx),
        }
    }
}

type TlsWriter = WriteHalf<TlsStream<TcpStream>>;

fn lock(writer: &Mutex<TlsWriter>) -> MutexGuard<'_, TlsWriter> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `None` if it would have to be waited for. Nobody does here: the reading task waits in
/// [`Writer::poll_ready`].
fn now<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<T>>) -> io::Result<Option<T>> {
    match poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.map(Some),
        Poll::Pending => Ok(None),
    }
}
