//! One connection with many requests in flight: the replies come in the order of the requests.
//!
//! Whoever asks puts his request into the queue. If nothing else is in flight he writes it himself. If
//! something is, the task of the connection writes it, together with what others ask meanwhile. That
//! task also reads, and hands out the replies.
//!
//! A request that nobody waits for any more keeps its place until its reply has come, and that reply is
//! thrown away.

use super::input::Input;
use super::protocol::{BadReply, Protocol};
use super::stream::{Reader, Writer, Written};
use crate::store::StoreError;
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
/// When so much was read, others have their turn.
const TURN: usize = 32 << 10;

pub(in crate::store) struct Connection<P: Protocol> {
    writer: Writer,
    protocol: P,
    queue: Mutex<Queue<P>>,
}

struct Queue<P: Protocol> {
    /// Who waits for a reply, in the order of the requests.
    waiting: VecDeque<Waiting<P>>,
    /// The number of the next request.
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
    /// The task will write, when others have had their turn.
    is_due: bool,
    /// The socket takes no more: the task will write, as soon as it does.
    is_blocked: bool,
    is_closed: bool,
    /// Wakes the task.
    task: Option<Waker>,
}

type Answer<P> = Result<<P as Protocol>::Reply, StoreError>;

struct Waiting<P: Protocol> {
    expected: P::Expected,
    /// The number of its first byte.
    start: u64,
    answer: oneshot::Sender<Answer<P>>,
}

impl<P: Protocol> Connection<P> {
    pub(super) fn new(writer: Writer, protocol: P) -> Self {
        let queue = Queue {
            waiting: VecDeque::new(),
            next: 0,
            unsent: Vec::new(),
            spare: Vec::new(),
            all: 0,
            sent: 0,
            is_writing: false,
            is_due: false,
            is_blocked: false,
            is_closed: false,
            task: None,
        };
        Self {
            writer,
            protocol,
            queue: Mutex::new(queue),
        }
    }

    pub(in crate::store) const fn protocol(&self) -> &P {
        &self.protocol
    }

    pub(super) fn is_open(&self) -> bool {
        !self.lock().is_closed
    }

    /// Ends it, for all that use it.
    pub(in crate::store) fn close(&self) {
        self.lock().close();
    }

    /// Sends a request, and waits for its reply. The request is written to the end of what is there, and
    /// gets its number.
    pub(in crate::store) async fn ask(
        &self,
        write: impl FnOnce(&mut Vec<u8>, u64) -> P::Expected,
    ) -> Answer<P> {
        let (answer, alone) = self.enqueue(write)?;
        if alone {
            self.flush();
        }
        // It is never dropped unsent.
        answer.await.unwrap_or(Err(StoreError::in_doubt()))
    }

    fn enqueue(
        &self,
        write: impl FnOnce(&mut Vec<u8>, u64) -> P::Expected,
    ) -> Result<(oneshot::Receiver<Answer<P>>, bool), StoreError> {
        let (sender, receiver) = oneshot::channel();
        let mut queue = self.lock();
        let is_full = queue.waiting.len() >= MAX_WAITING || queue.unsent.len() >= MAX_UNSENT;
        if queue.is_closed || is_full {
            return Err(StoreError::unavailable());
        }
        let alone = queue.waiting.is_empty();
        let (number, start, before) = (queue.next, queue.all, queue.unsent.len());
        let expected = write(&mut queue.unsent, number);
        queue.all += (queue.unsent.len() - before) as u64;
        queue.next += 1;
        queue.waiting.push_back(Waiting {
            expected,
            start,
            answer: sender,
        });
        if !alone && !mem::replace(&mut queue.is_due, true) {
            queue.wake_task();
        }
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
                    queue.wake_task();
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
            match self.protocol.parse(input, &first.expected) {
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

    fn lock(&self) -> MutexGuard<'_, Queue<P>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P: Protocol> Queue<P> {
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
        self.wake_task();
    }

    fn wake_task(&mut self) {
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }
}

/// What the task of a connection does. When it is dropped the connection is over, also when that is
/// because the runtime has ended.
pub(super) struct Driver<'a, P: Protocol> {
    connection: &'a Connection<P>,
    reader: Reader,
    input: Input,
    /// Others have had their turn since the last one.
    has_yielded: bool,
}

impl<'a, P: Protocol> Driver<'a, P> {
    pub(super) fn new(connection: &'a Connection<P>, reader: Reader) -> Self {
        Self {
            connection,
            reader,
            input: Input::new(),
            has_yielded: false,
        }
    }

    /// How many requests have been answered so far, and whether one waits.
    pub(super) fn progress(&self) -> (u64, bool) {
        let queue = self.connection.lock();
        let waiting = queue.waiting.len() as u64;
        (queue.next - waiting, waiting > 0)
    }

    /// Writes and reads in turns, until the connection is over. In between others have their turn:
    /// whoever got a reply may ask something else, and all of that goes out in one write.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Before the rest, so that nothing happens unnoticed after it.
        self.connection.lock().task = Some(cx.waker().clone());
        let Some(again) = self.turn(cx) else {
            return Poll::Ready(());
        };
        self.has_yielded = again;
        if again {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Whether there is to be another turn at once. `None` when the connection is over.
    fn turn(&mut self, cx: &mut Context<'_>) -> Option<bool> {
        let is_due = self.write(cx)?;
        let mut count = 0;
        while count < TURN {
            self.input.reserve();
            let read = pin!(self.reader.read_buf(&mut self.input.bytes));
            match read.poll(cx) {
                Poll::Ready(Ok(read @ 1..)) => count += read,
                Poll::Ready(_) => return None,
                Poll::Pending => return Some(is_due),
            }
            self.connection.hand_out(&mut self.input.bytes).ok()?;
        }
        Some(true)
    }

    /// Writes what is due, if others have had their turn. Whether they are to have it before.
    fn write(&self, cx: &mut Context<'_>) -> Option<bool> {
        loop {
            let mut queue = self.connection.lock();
            if queue.is_closed {
                return None;
            }
            if queue.is_blocked {
                match self.connection.writer.poll_ready(cx) {
                    Poll::Ready(ready) => ready.ok()?,
                    Poll::Pending => return Some(false),
                }
                queue.is_blocked = false;
            } else if !queue.is_due || !self.has_yielded {
                return Some(queue.is_due);
            }
            queue.is_due = false;
            drop(queue);
            self.connection.flush();
        }
    }
}

impl<P: Protocol> Drop for Driver<'_, P> {
    fn drop(&mut self) {
        self.connection.lock().close();
    }
}
