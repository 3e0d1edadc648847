//! Notices when a server that has been written to says nothing any more.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep;

/// What has happened on a stream.
#[derive(Debug, Default)]
pub(super) struct Activity {
    reads: AtomicU32,
    /// Something was written since the last read.
    unanswered: AtomicBool,
}

impl Activity {
    /// Ends when the other side has left everything unanswered for so long.
    ///
    /// It counts looks and not the time, so that a process that was stopped for a while does not take
    /// that for the server's silence.
    pub(super) async fn silent(&self, limit: Duration) {
        const LOOKS: u32 = 4;
        let (mut reads, mut looks) = (0, 0);
        while looks < LOOKS {
            sleep(limit / LOOKS).await;
            let now = self.reads.load(Relaxed);
            if self.unanswered.load(Relaxed) && now == reads {
                looks += 1;
            } else {
                (reads, looks) = (now, 0);
            }
        }
    }
}

/// A stream that tells of its activity.
pub(super) struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S> Watched<S> {
    pub(super) const fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.activity.reads.fetch_add(1, Relaxed);
            self.activity.unanswered.store(false, Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.activity.unanswered.store(true, Relaxed);
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
