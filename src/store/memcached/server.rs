//! One server, and the way to it: a task for each runtime that keeps one connection up.

use super::super::{StoreError, StoreKey};
use super::address::Target;
use super::connect::{Refused, connect};
use super::connection::{Connection, Reading};
use super::protocol::{Command, Reply};
use super::wire::Reader;
use crate::log;
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
/// How often it is looked whether a server that is asked something is silent.
const LOOKS: u32 = 4;

pub(super) struct Server {
    target: Arc<Target>,
    /// One for each runtime, since a connection can be used only while its runtime is running.
    links: Mutex<Vec<Link>>,
}

struct Link {
    runtime: runtime::Id,
    state: watch::Receiver<State>,
    task: AbortHandle,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

enum State {
    /// It is worth waiting for.
    Connecting,
    Up(Arc<Connection>),
    /// Known to be down.
    Down,
}

impl State {
    /// `None` if it has to be waited for.
    fn known(&self) -> Option<Result<Arc<Connection>, StoreError>> {
        match self {
            Self::Up(connection) if connection.is_open() => Some(Ok(Arc::clone(connection))),
            Self::Down => Some(Err(StoreError::unavailable())),
            // A connection that was lost is about to be noticed.
            Self::Up(_) | Self::Connecting => None,
        }
    }
}

enum Look {
    Known(Result<Arc<Connection>, StoreError>),
    Wait(watch::Receiver<State>),
}

impl Server {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target: Arc::new(target),
            links: Mutex::default(),
        }
    }

    /// Has the server do something, and waits for its answer.
    pub(super) async fn ask(
        &self,
        command: Command<'_>,
        prefix: &str,
        key: &StoreKey,
    ) -> Result<Reply, StoreError> {
        self.connection().await?.ask(command, prefix, key).await
    }

    async fn connection(&self) -> Result<Arc<Connection>, StoreError> {
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
    fn look(&self) -> Result<Look, StoreError> {
        let runtime = Handle::try_current().map_err(|_| StoreError::unavailable())?;
        let id = runtime.id();
        let mut links = self.links();
        if let Some(link) = links.iter_mut().find(|link| link.runtime == id) {
            // Marked as seen, so that what is waited for is what comes after it.
            let known = link.state.borrow_and_update().known();
            return Ok(known.map_or_else(|| Look::Wait(link.state.clone()), Look::Known));
        }
        // Those whose runtime has ended.
        links.retain(|link| link.state.has_changed().is_ok());
        let (sender, state) = watch::channel(State::Connecting);
        let task = runtime.spawn(keep_up(Arc::clone(&self.target), sender));
        links.push(Link {
            runtime: id,
            state: state.clone(),
            task: task.abort_handle(),
        });
        Ok(Look::Wait(state))
    }

    fn links(&self) -> MutexGuard<'_, Vec<Link>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_up(&self) -> bool {
        let is_up = |link: &Link| matches!(link.state.borrow().known(), Some(Ok(_)));
        self.links().iter().any(is_up)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_up() { "up" } else { "not connected" };
        write!(f, "{:?} ({state})", self.target.address)
    }
}

/// Connects again and again, until the task is aborted. Nobody else makes connections, so there is never
/// more than one attempt at a time.
async fn keep_up(target: Arc<Target>, state: watch::Sender<State>) {
    let mut pause = FIRST_PAUSE;
    let mut known = None;
    loop {
        let attempt = timeout(target.connect_timeout, connect(&target)).await;
        match attempt.unwrap_or(Err(Refused::Unreachable)) {
            Ok((connection, reader)) => {
                known = None;
                let (connection, start) = (Arc::new(connection), Instant::now());
                state.send_replace(State::Up(Arc::clone(&connection)));
                let was_silent = serve(&connection, reader, target.answer_timeout).await;
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
                if known.replace(why) != Some(why) {
                    log::warn!(
                        "memcached at {:?} cannot be used: {}",
                        target.address,
                        why.text()
                    );
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
async fn serve(connection: &Connection, reader: Reader, limit: Duration) -> bool {
    let mut reading = Reading::new(connection, reader);
    let mut looks = interval(limit / LOOKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut last, mut silent) = ((0, false), 0);
    let ended = poll_fn(|cx| {
        while looks.poll_tick(cx).is_ready() {
            let now = reading.progress();
            silent = if now == last && now.1 { silent + 1 } else { 0 };
            last = now;
            if silent == LOOKS {
                return Poll::Ready(ControlFlow::Break(()));
            }
        }
        reading.poll(cx).map(ControlFlow::Continue)
    });
    ended.await.is_break()
}
