//! One connection with many requests in flight: the replies come in the order of the requests.
//!
//! Whoever asks puts his request into the queue, and writes what is in the queue unless someone
//! else is writing already. One task per connection reads, and hands out the replies.
//!
//! A request that nobody waits for any more keeps its place until its reply has come, and that reply is
//! thrown away.

use super::super::{StoreError, StoreKey};
use super::protocol::{BadReply, Command, Reply, Verb, parse};
use super::wire::{Reader, Writer, Written};
use bytes::BytesMut;
use std::collections::VecDeque;
use std::mem;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use tokio::io::AsyncReadExt as _;
use tokio::sync::oneshot;

/// The bounds of what waits for a server that does not answer.
const MAX_WAITING: usize = 16 << 10;
const MAX_UNSENT: usize = 16 << 20;
/// A buffer that grew beyond this is not kept.
const KEPT: usize = 256 << 10;
/// How much is read at once, and when there is too little room left for it.
const READ: usize = 32 << 10;
const LOW: usize = 4 << 10;

type Answer = Result<Reply, StoreError>;

pub(super) struct Connection {
    writer: Writer,
    /// The server's bound on an item.
    max_item: usize,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    /// Who waits for a reply, in the order of the requests.
    waiting: VecDeque<Waiting>,
    /// The tag of the next request.
    next: u64,
    /// What nobody has begun to write.
    unsent: Vec<u8>,
    /// An empty buffer, to be used again.
    spare: Vec<u8>,
    /// How many bytes there were so far in all, and how many of them may have reached the server.
    all: u64,
    sent: u64,
    /// Someone is writing, and will write all that is unsent.
    is_writing: bool,
    /// The socket takes no more: the reading task will write, as soon as it does.
    is_blocked: bool,
    is_closed: bool,
    /// Wakes the reading task.
    reader: Option<Waker>,
}

struct Waiting {
    verb: Verb,
    tag: u64,
    /// The number of its first byte.
    start: u64,
    answer: oneshot::Sender<Answer>,
}

impl Connection {
    pub(super) fn new(writer: Writer, max_item: usize) -> Self {
        Self {
            writer,
            max_item,
            queue: Mutex::default(),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        !self.lock().is_closed
    }

    /// Sends a command, and waits for its answer.
    pub(super) async fn ask(&self, command: Command<'_>, prefix: &str, key: &StoreKey) -> Answer {
        if !command.fits(self.max_item) {
            return Err(StoreError::too_large());
        }
        let (answer, alone) = self.enqueue(command, prefix, key)?;
        {
            // Also if this future is dropped here.
            let _flush = Flush(self);
            if !alone {
                // So that what others are about to ask goes out with it, in one write.
                tokio::task::yield_now().await;
            }
        }
        // It is never dropped unsent.
        answer.await.unwrap_or(Err(StoreError::in_doubt()))
    }

    fn enqueue(
        &self,
        command: Command<'_>,
        prefix: &str,
        key: &StoreKey,
    ) -> Result<(oneshot::Receiver<Answer>, bool), StoreError> {
        let (sender, receiver) = oneshot::channel();
        let mut queue = self.lock();
        let is_full = queue.waiting.len() >= MAX_WAITING || queue.unsent.len() >= MAX_UNSENT;
        if queue.is_closed || is_full {
            return Err(StoreError::unavailable());
        }
        let alone = queue.waiting.is_empty();
        let (tag, start, before) = (queue.next, queue.all, queue.unsent.len());
        command.write(&mut queue.unsent, prefix, key, tag);
        queue.all += (queue.unsent.len() - before) as u64;
        queue.next = tag.wrapping_add(1);
        queue.waiting.push_back(Waiting {
            verb: command.verb(),
            tag,
            start,
            answer: sender,
        });
        Ok((receiver, alone))
    }

    /// Writes what is unsent, or leaves it to whoever is writing.
    fn flush(&self) {
        let mut queue = self.lock();
        if queue.is_writing || queue.is_blocked {
            return;
        }
        while !queue.unsent.is_empty() {
            let spare = mem::take(&mut queue.spare);
            let mut batch = mem::replace(&mut queue.unsent, spare);
            (queue.is_writing, queue.sent) = (true, queue.all);
            drop(queue);
            let written = self.writer.write(&batch);
            queue = self.lock();
            queue.is_writing = false;
            match written {
                Ok(Written {
                    is_blocked: false, ..
                }) => {
                    batch.clear();
                    if batch.capacity() <= KEPT {
                        queue.spare = batch;
                    }
                }
                Ok(Written { count, .. }) => {
                    batch.drain(..count);
                    queue.sent -= batch.len() as u64;
                    batch.append(&mut queue.unsent);
                    queue.unsent = batch;
                    queue.is_blocked = true;
                    queue.wake_reader();
                    return;
                }
                Err(_) => {
                    queue.close();
                    return;
                }
            }
        }
    }

    /// Hands out the replies that are there.
    fn hand_out(&self, input: &mut BytesMut) -> Result<(), BadReply> {
        let mut answers = Vec::new();
        let mut queue = self.lock();
        let result = loop {
            if input.is_empty() {
                break Ok(());
            }
            let Some(first) = queue.waiting.front() else {
                // Nobody asked for it.
                break Err(BadReply);
            };
            match parse(input, first.verb, first.tag, self.max_item) {
                Ok(Some(reply)) => answers.extend(queue.waiting.pop_front().zip(Some(reply))),
                Ok(None) => break Ok(()),
                Err(bad) => break Err(bad),
            }
        };
        drop(queue);
        for (waiting, reply) in answers {
            // Whoever does not listen any more needs no answer.
            drop(waiting.answer.send(Ok(reply)));
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Ends it. What may have reached the server is in doubt.
    fn close(&mut self) {
        self.is_closed = true;
        self.unsent = Vec::new();
        for waiting in mem::take(&mut self.waiting) {
            let error = if waiting.start < self.sent {
                StoreError::in_doubt()
            } else {
                StoreError::unavailable()
            };
            drop(waiting.answer.send(Err(error)));
        }
        self.wake_reader();
    }

    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

struct Flush<'a>(&'a Connection);

impl Drop for Flush<'_> {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// What the task of a connection does. When it is dropped the connection is over, also when that is
/// because the runtime has ended.
pub(super) struct Reading<'a> {
    connection: &'a Connection,
    reader: Reader,
    input: BytesMut,
    /// How often something was read.
    reads: u64,
}

impl<'a> Reading<'a> {
    pub(super) fn new(connection: &'a Connection, reader: Reader) -> Self {
        Self {
            connection,
            reader,
            input: BytesMut::new(),
            reads: 0,
        }
    }

    /// How often something was read so far, and whether someone waits for more.
    pub(super) fn progress(&self) -> (u64, bool) {
        (self.reads, !self.connection.lock().waiting.is_empty())
    }

    /// Reads, and writes what the socket did not take, until the connection is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Before the rest, so that nothing happens unnoticed after it.
        self.connection.lock().reader = Some(cx.waker().clone());
        loop {
            if self.input.capacity() - self.input.len() < LOW {
                self.input.reserve(READ.max(self.input.len()));
            }
            let read = pin!(self.reader.read_buf(&mut self.input));
            match read.poll(cx) {
                Poll::Ready(Ok(1..)) => self.reads += 1,
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => break,
            }
            if self.connection.hand_out(&mut self.input).is_err() {
                return Poll::Ready(());
            }
        }
        loop {
            let mut queue = self.connection.lock();
            if queue.is_closed {
                return Poll::Ready(());
            }
            if !queue.is_blocked {
                return Poll::Pending;
            }
            match self.connection.writer.poll_ready(cx) {
                Poll::Ready(Ok(())) => queue.is_blocked = false,
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
            drop(queue);
            self.connection.flush();
        }
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.connection.lock().close();
    }
}
