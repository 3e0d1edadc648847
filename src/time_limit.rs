//! The time that a load or a commit may take.

use crate::error::{Error, ErrorKind};
use std::future::poll_fn;
use std::mem::replace;
use std::panic::catch_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until};

/// Why a future was not waited for any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The time is over.
    Elapsed,
    /// There is nothing to measure it with.
    NoRuntime,
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Elapsed => ErrorKind::TimedOut,
            Stop::NoRuntime => ErrorKind::NoRuntime,
        }
        .into()
    }
}

/// One budget of time, for everything that is run within it. It begins when something has to
/// wait: a store that answers at once needs no timer and no runtime.
pub(crate) struct TimeLimit {
    limit: Duration,
    until: Option<Instant>,
    /// Rings when half of the time is over, and at the end.
    timer: Option<Pin<Box<Sleep>>>,
    half_over: bool,
    half_told: bool,
}

impl TimeLimit {
    pub(crate) const fn new(limit: Duration) -> Self {
        Self {
            limit,
            until: None,
            timer: None,
            half_over: false,
            half_told: false,
        }
    }

    /// Runs a future until it is done or the time is over.
    pub(crate) async fn run<T>(
        &mut self,
        mut future: Pin<&mut (dyn Future<Output = T> + Send)>,
    ) -> Result<T, Stop> {
        poll_fn(|cx| self.poll(future.as_mut(), cx)).await
    }

    pub(crate) fn poll<T>(
        &mut self,
        future: Pin<&mut (dyn Future<Output = T> + Send)>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<T, Stop>> {
        if let Poll::Ready(output) = future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        let (half, until) = (self.half(), self.until());
        let timer = match &mut self.timer {
            Some(timer) => timer,
            None => match timer(half) {
                Some(timer) => self.timer.insert(Box::pin(timer)),
                None => return Poll::Ready(Err(Stop::NoRuntime)),
            },
        };
        if !self.half_over {
            ready!(timer.as_mut().poll(cx));
            self.half_over = true;
            timer.as_mut().reset(until);
        }
        timer.as_mut().poll(cx).map(|()| Err(Stop::Elapsed))
    }

    /// Whether half of the time was over before what had to be waited for was there. Says so once.
    pub(crate) const fn turned_slow(&mut self) -> bool {
        self.half_over && !replace(&mut self.half_told, self.half_over)
    }

    /// Whether the time is over, for a loop that may never have to wait.
    pub(crate) fn is_over(&mut self) -> bool {
        self.until() <= Instant::now()
    }

    /// Whether half of it is.
    pub(crate) fn is_half_over(&mut self) -> bool {
        self.half() <= Instant::now()
    }

    fn half(&mut self) -> Instant {
        let until = self.until();
        until.checked_sub(self.limit / 2).unwrap_or(until)
    }

    fn until(&mut self) -> Instant {
        *self.until.get_or_insert_with(|| {
            let now = Instant::now();
            now.checked_add(self.limit).unwrap_or(now + FOREVER)
        })
    }
}

/// Longer than any process lives.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Waits for `time`, or just lets others run where nothing can measure it.
pub(crate) async fn pause(time: Duration) {
    match timer(Instant::now() + time) {
        Some(timer) => timer.await,
        None => tokio::task::yield_now().await,
    }
}

/// `None` without a runtime, or in one without time, which only a panic tells.
fn timer(until: Instant) -> Option<Sleep> {
    Handle::try_current().ok()?;
    catch_unwind(|| sleep_until(until)).ok()
}
