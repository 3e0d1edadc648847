//! A commit, as it is handed to whoever asked for it.

use crate::error::Error;
use crate::store::BoxFuture;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

/// A commit that was asked for: what came of it, if there was nothing to wait for, or the work.
pub(crate) enum Begun {
    Done(Result<(), Error>),
    Running(Running),
}

impl Begun {
    /// The work is made right where it is to stay: it is large, and all of it would be moved, though little of it
    /// is in use at first.
    #[inline]
    pub(super) fn running<F>(work: impl FnOnce() -> F) -> Self
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let place = Box::new_uninit();
        let run = Box::into_pin(Box::write(place, work()));
        Self::Running(Running { run, runtime: None })
    }
}

/// A commit that is under way. Once it had to wait it runs to its end: dropped, it is handed to
/// the runtime.
pub(crate) struct Running {
    run: BoxFuture<Result<(), Error>>,
    runtime: Option<Handle>,
}

impl Future for Running {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Without it there is nothing to hand over: neither if this is the end, nor if a store panics.
        let runtime = self.runtime.take();
        let result = self.run.as_mut().poll(cx);
        if result.is_pending() {
            self.runtime = runtime.or_else(|| Handle::try_current().ok());
        }
        result
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = &self.runtime {
            let ended: BoxFuture<_> = Box::pin(async { Ok(()) });
            runtime.spawn(mem::replace(&mut self.run, ended));
        }
    }
}
