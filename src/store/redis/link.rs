//! One connection that is kept up by a task of its own.
//!
//! While it is up, requests share it. When it is lost, one attempt is made at once, and requests wait
//! for that; while the server stays away, they fail without waiting, and the task tries again at
//! intervals, however many requests there are.

use super::client::{Connection, Refusal, Reply, Request, Why};
use super::dial::Dial;
use crate::log;
use crate::store::StoreError;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Link {
    dial: Arc<Dial>,
    /// What the task says, if there is one.
    state: Mutex<Option<watch::Receiver<State>>>,
    /// Tells the task that this is not the server it should be.
    wrong: Arc<Notify>,
}

#[derive(Clone)]
enum State {
    /// The first attempt is under way.
    Connecting,
    Up(Connection),
    Down,
}

impl Link {
    pub(super) fn new(dial: Dial) -> Self {
        Self {
            dial: Arc::new(dial),
            state: Mutex::new(None),
            wrong: Arc::new(Notify::new()),
        }
    }

    pub(super) async fn send(&self, request: &Request) -> Result<Reply, StoreError> {
        let connection = self.connection().await.ok_or(StoreError::unavailable())?;
        let Ok(reply) = connection.clone().send(request).await else {
            self.replaced(&connection).await;
            return Err(StoreError::in_doubt());
        };
        if matches!(reply, Reply::Refused(Refusal::ReadOnly)) {
            self.wrong.notify_waiters();
        }
        Ok(reply)
    }

    /// Waits only for a first attempt.
    async fn connection(&self) -> Option<Connection> {
        let mut state = {
            let mut kept = self.kept();
            let state = match &*kept {
                // Without its sender it belongs to a runtime that has gone.
                Some(state) if state.has_changed().is_ok() => state,
                _ => kept.insert(self.keep()?),
            };
            match &*state.borrow() {
                State::Up(connection) => return Some(connection.clone()),
                State::Down => return None,
                State::Connecting => {}
            }
            state.clone()
        };
        let settled = |state: &State| !matches!(state, State::Connecting);
        match &*state.wait_for(settled).await.ok()? {
            State::Up(connection) => Some(connection.clone()),
            _ => None,
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<watch::Receiver<State>>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the task has noticed that this connection is lost, so that who tries again does not
    /// get the same one.
    async fn replaced(&self, lost: &Connection) {
        let state = self.kept().clone();
        let is_other = |state: &State| !matches!(state, State::Up(it) if it.is(lost));
        if let Some(mut state) = state {
            // An error is that of a task that has gone.
            let _ = state.wait_for(is_other).await;
        }
    }

    /// Starts the task, which ends with this link.
    fn keep(&self) -> Option<watch::Receiver<State>> {
        let runtime = Handle::try_current().ok()?;
        let (sender, receiver) = watch::channel(State::Connecting);
        let (dial, wrong) = (Arc::clone(&self.dial), Arc::clone(&self.wrong));
        runtime.spawn(async move {
            let kept = keep(&dial, &wrong, &sender);
            first_of(kept, sender.closed()).await;
        });
        Some(receiver)
    }
}

async fn keep(dial: &Dial, wrong: &Notify, state: &watch::Sender<State>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let why = match dial.open().await {
            Ok((connection, driver)) => {
                let since = Instant::now();
                if state.send_replace(State::Up(connection)).is_down() {
                    log::warn!("the connection to Redis is up again");
                }
                first_of(driver.ended(), wrong.notified()).await;
                if since.elapsed() > LONGEST_PAUSE {
                    pause = FIRST_PAUSE;
                    state.send_replace(State::Connecting);
                    continue;
                }
                Why::Unreachable
            }
            Err(why) => why,
        };
        if !state.send_replace(State::Down).is_down() {
            log::warn!("there is no connection to Redis: {why}");
        }
        // So that many processes do not come at once.
        sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

impl State {
    const fn is_down(&self) -> bool {
        matches!(self, Self::Down)
    }
}

/// Runs two futures until one of them ends.
pub(super) async fn first_of(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => other.as_mut().poll(cx),
    })
    .await;
}
