//! The response of a request with a session: the load, the inner service, the commit.

use crate::body::ResponseBody;
use crate::error::Error;
use crate::response::{decorate, error_response};
use crate::session::{Begun, Running, Session};
use crate::settings::Load;
use http::Response;
use pin_project_lite::pin_project;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// The response of a [`SessionService`](crate::SessionService).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, B, E> {
        #[pin]
        inner: F,
        // None where a layer further out has the session, and after the answer.
        session: Option<Session>,
        stage: Stage<B, E>,
    }

    impl<F, B, E> PinnedDrop for ResponseFuture<F, B, E> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let Some(session) = this.session else { return };
            let mut cell = session.inner().cell();
            // Before the commit, all is forgotten. One that has begun goes on by itself.
            if let Stage::Load | Stage::Inner = this.stage {
                cell.state.forget();
            }
            cell.state.close();
        }
    }
}

enum Stage<B, E> {
    /// The session is loaded, and the inner service waits.
    Load,
    /// The inner service works.
    Inner,
    /// The commit waits for the store, and the response for the commit.
    Commit(Box<Committing<B, E>>),
}

struct Committing<B, E> {
    commit: Running,
    result: Option<Result<Response<B>, E>>,
}

impl<F, B, E> ResponseFuture<F, B, E> {
    pub(crate) fn new(inner: F, session: Option<Session>) -> Self {
        let eager = session
            .as_ref()
            .is_some_and(|it| it.inner().settings().load == Load::Eager);
        Self {
            inner,
            session,
            stage: if eager { Stage::Load } else { Stage::Inner },
        }
    }
}

#[expect(
    clippy::expect_used,
    reason = "the result waits with the commit, and leaves with the session"
)]
impl<F, B, E> Future for ResponseFuture<F, B, E>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: ResponseBody,
{
    type Output = Result<Response<B::Output>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(session) = &mut *this.session else {
            return this.inner.poll(cx).map_ok(|response| response.map(B::keep));
        };
        let (committed, result) = loop {
            match this.stage {
                Stage::Load => {
                    // Its error is for those who need what it did not find.
                    let _result = ready!(session.inner().poll_load(cx));
                    *this.stage = Stage::Inner;
                }
                Stage::Inner => {
                    let result = ready!(this.inner.as_mut().poll(cx));
                    let failed = match &result {
                        Ok(response) => response.status().is_server_error(),
                        Err(_) => true,
                    };
                    let mut commit = match session.inner_mut().respond(failed) {
                        Begun::Done(committed) => break (committed, result),
                        Begun::Running(commit) => commit,
                    };
                    if let Poll::Ready(committed) = Pin::new(&mut commit).poll(cx) {
                        break (committed, result);
                    }
                    let result = Some(result);
                    *this.stage = Stage::Commit(Box::new(Committing { commit, result }));
                    return Poll::Pending;
                }
                Stage::Commit(waiting) => {
                    let committed = ready!(Pin::new(&mut waiting.commit).poll(cx));
                    let result = waiting.result.take().expect("nobody else takes it");
                    break (committed, result);
                }
            }
        };
        let answer = answer(session, committed, result);
        *this.session = None;
        Poll::Ready(answer)
    }
}

/// The response as it leaves the layer, or the inner service's error, after which there is none.
fn answer<B: ResponseBody, E>(
    session: &mut Session,
    committed: Result<(), Error>,
    result: Result<Response<B>, E>,
) -> Result<Response<B::Output>, E> {
    let parting = session.inner_mut().leave();
    let settings = session.inner().settings();
    let mut answer = match (result, committed) {
        (Ok(response), Ok(())) => Ok(response.map(B::keep)),
        (Ok(_), Err(error)) => Ok(error_response(settings, &error).map(B::text)),
        (Err(error), _) => Err(error),
    };
    if let Ok(response) = &mut answer
        && parting.is_told()
    {
        decorate(response.headers_mut(), settings, parting);
    }
    answer
}

impl<F, B, E> fmt::Debug for ResponseFuture<F, B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
