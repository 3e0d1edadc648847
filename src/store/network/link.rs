//! The way to one server: a task for each runtime that keeps one connection up.
//!
//! While it is up, requests share it. When it is lost, one attempt is made at once, and requests wait
//! for that; while the server stays away, they fail without waiting, and the task tries again at
//! intervals, however many requests there are.

use super::connection::{Connection, Driver};
use super::protocol::Protocol;
use super::stream::{Reader, Refused, Stream};
use crate::log;
use crate::store::StoreError;
use std::fmt;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::{self, Handle};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

/// The time between two attempts to connect: from this one on twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_millis(500);
/// A connection that lived so long was a good one: the next is tried at once.
const SETTLED: Duration = Duration::from_secs(1);
/// The longest limit on time: what is more is as good as none.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How often it is looked whether a server that is asked something is silent.
const LOOKS: u32 = 4;

/// How a server is reached.
pub(in crate::store) trait Dial: Send + Sync + 'static {
    type Protocol: Protocol;

    /// Connects, says who we are, and makes sure that sessions can be kept there. In time: see [`limited`].
    fn connect(&self) -> impl Future<Output = Result<(Stream, Self::Protocol), Refused>> + Send;

    /// How long the server may leave all that it was asked unanswered, until it is taken for gone.
    fn answer_timeout(&self) -> Duration;

    /// What it is called in the log.
    fn name(&self) -> String;
}

/// Makes an attempt, which may take so long.
pub(in crate::store) async fn limited<T>(
    limit: Duration,
    attempt: impl Future<Output = Result<T, Refused>>,
) -> Result<T, Refused> {
    let attempt = timeout(limit.min(DAY), attempt).await;
    attempt.unwrap_or(Err(Refused::UNREACHABLE))
}

pub(in crate::store) struct Link<D: Dial> {
    dial: Arc<D>,
    /// One for each runtime, since a connection can be used only while its runtime is running.
    ways: Mutex<Vec<Way<D::Protocol>>>,
}

struct Way<P: Protocol> {
    runtime: runtime::Id,
    state: watch::Receiver<State<P>>,
    task: AbortHandle,
}

impl<P: Protocol> Drop for Way<P> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

enum State<P: Protocol> {
    /// It is worth waiting for.
    Connecting,
    Up(Arc<Connection<P>>),
    /// Known to be down.
    Down,
}

type Known<P> = Result<Arc<Connection<P>>, StoreError>;

impl<P: Protocol> State<P> {
    /// `None` if it has to be waited for.
    fn known(&self) -> Option<Known<P>> {
        match self {
            Self::Up(connection) if connection.is_open() => Some(Ok(Arc::clone(connection))),
            Self::Down => Some(Err(StoreError::unavailable())),
            // A connection that was lost is about to be noticed.
            Self::Up(_) | Self::Connecting => None,
        }
    }
}

enum Look<P: Protocol> {
    Known(Known<P>),
    Wait(watch::Receiver<State<P>>),
}

impl<D: Dial> Link<D> {
    pub(in crate::store) fn new(dial: D) -> Self {
        Self {
            dial: Arc::new(dial),
            ways: Mutex::default(),
        }
    }

    /// The connection to use. Waits only for an attempt that is worth it.
    pub(in crate::store) async fn connection(&self) -> Known<D::Protocol> {
        let mut state = match self.look()? {
            Look::Known(connection) => return connection,
            Look::Wait(state) => state,
        };
        loop {
            // The task ends with the runtime.
            let changed = state.changed().await;
            changed.map_err(|_| StoreError::unavailable())?;
            if let Some(connection) = state.borrow_and_update().known() {
                return connection;
            }
        }
    }

    /// Looks at the way from this runtime, which begins with its first use.
    fn look(&self) -> Result<Look<D::Protocol>, StoreError> {
        let runtime = Handle::try_current().map_err(|_| StoreError::unavailable())?;
        let id = runtime.id();
        let mut ways = self.ways();
        if let Some(way) = ways.iter_mut().find(|way| way.runtime == id) {
            // Marked as seen, so that what is waited for is what comes after it.
            let known = way.state.borrow_and_update().known();
            return Ok(known.map_or_else(|| Look::Wait(way.state.clone()), Look::Known));
        }
        // Those whose runtime has ended.
        ways.retain(|way| way.state.has_changed().is_ok());
        let (sender, state) = watch::channel(State::Connecting);
        let task = runtime.spawn(keep_up(Arc::clone(&self.dial), sender));
        ways.push(Way {
            runtime: id,
            state: state.clone(),
            task: task.abort_handle(),
        });
        Ok(Look::Wait(state))
    }

    fn ways(&self) -> MutexGuard<'_, Vec<Way<D::Protocol>>> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_up(&self) -> bool {
        let is_up = |way: &Way<_>| matches!(way.state.borrow().known(), Some(Ok(_)));
        self.ways().iter().any(is_up)
    }
}

impl<D: Dial> fmt::Debug for Link<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_up() { "up" } else { "not connected" };
        write!(f, "{} ({state})", self.dial.name())
    }
}

/// Connects again and again, until the task is aborted. Nobody else makes connections, so there is never
/// more than one attempt at a time.
async fn keep_up<D: Dial>(dial: Arc<D>, state: watch::Sender<State<D::Protocol>>) {
    let mut pause = FIRST_PAUSE;
    let mut trouble = None;
    loop {
        match dial.connect().await {
            Ok((stream, protocol)) => {
                if trouble.take().is_some() {
                    log::warn!("{} can be used again", dial.name());
                }
                let (reader, writer) = stream.split();
                let connection = Arc::new(Connection::new(writer, protocol));
                let start = Instant::now();
                state.send_replace(State::Up(Arc::clone(&connection)));
                let was_silent = serve(&connection, reader, dial.answer_timeout()).await;
                let was_good = start.elapsed() >= SETTLED;
                if was_good {
                    pause = FIRST_PAUSE;
                }
                // The next is worth waiting for, unless this happens again and again.
                let is_hopeful = pause == FIRST_PAUSE && !was_silent;
                state.send_replace(if is_hopeful {
                    State::Connecting
                } else {
                    State::Down
                });
                if was_good {
                    continue;
                }
            }
            Err(why) => {
                if trouble.replace(why) != Some(why) {
                    log::warn!("{} cannot be used: {}", dial.name(), why.0);
                }
                state.send_replace(State::Down);
            }
        }
        // The clients of a server that was restarted should not all come at once.
        sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// Uses a connection until it is over, and says whether it fell silent.
///
/// It counts looks and not the time, so that a process that was stopped for a while does not take
/// that for the server's silence.
async fn serve<P: Protocol>(connection: &Connection<P>, reader: Reader, limit: Duration) -> bool {
    let mut driver = Driver::new(connection, reader);
    // A timer knows nothing shorter.
    let mut looks = interval((limit.min(DAY) / LOOKS).max(Duration::from_millis(1)));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last, mut silent) = ((0, false), 0);
    let ended = poll_fn(|cx| {
        while looks.poll_tick(cx).is_ready() {
            let now = driver.progress();
            silent = if now == last && now.1 { silent + 1 } else { 0 };
            last = now;
            if silent == LOOKS {
                return Poll::Ready(ControlFlow::Break(()));
            }
        }
        driver.poll(cx).map(ControlFlow::Continue)
    });
    ended.await.is_break()
}
