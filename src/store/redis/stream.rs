//! Notices when a server says nothing any more that is an answer.

use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep;

/// What has happened on a connection.
#[derive(Debug, Default)]
pub(super) struct Activity {
    reads: AtomicU32,
    /// Something was written since the last read.
    unanswered: AtomicBool,
    /// How many requests wait, and how many have been answered.
    waiting: AtomicU32,
    answers: AtomicU32,
}

impl Activity {
    /// Ends when nothing that was sent has been answered for so long: no byte came, or no answer to
    /// any of the requests that wait.
    ///
    /// It counts looks and not the time, so that a process that was stopped for a while does not take
    /// that for the server's silence.
    pub(super) async fn silent(&self, limit: Duration) {
        const LOOKS: u32 = 4;
        let mut looks = 0;
        let (mut reads, mut answers) = (0, 0);
        while looks < LOOKS {
            sleep(limit / LOOKS).await;
            let reads_before = mem::replace(&mut reads, self.reads.load(Relaxed));
            let answers_before = mem::replace(&mut answers, self.answers.load(Relaxed));
            let no_byte = self.unanswered.load(Relaxed) && reads == reads_before;
            let no_answer = self.waiting.load(Relaxed) > 0 && answers == answers_before;
            looks = if no_byte || no_answer { looks + 1 } else { 0 };
        }
    }

    /// A request waits until this is dropped.
    pub(super) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Relaxed);
        Waiting(self)
    }
}

pub(super) struct Waiting<'a>(&'a Activity);

impl Waiting<'_> {
    pub(super) fn answered(&self) {
        self.0.answers.fetch_add(1, Relaxed);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Relaxed);
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
