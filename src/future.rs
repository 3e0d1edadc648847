//! The response of a request with a session: the load, the inner service, the commit.

use crate::body::ResponseBody;
use crate::response::{decorate, error_response};
use crate::session::{Begun, Running, Session};
use crate::settings::Load;
use http::Response;
use pin_project_lite::pin_project;
use std::fmt;
use std::mem;
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
    /// The inner service's, which is ready.
    answer: Poll<Result<Response<B>, E>>,
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
        let mut answer;
        let committed = loop {
            match this.stage {
                Stage::Load => {
                    // Its error is for those who need what it did not find.
                    let _result = ready!(session.inner().poll_load(cx));
                    *this.stage = Stage::Inner;
                }
                Stage::Inner => {
                    answer = this.inner.as_mut().poll(cx);
                    let failed = match &answer {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(Ok(response)) => response.status().is_server_error(),
                        Poll::Ready(Err(_)) => true,
                    };
                    let mut commit = match session.inner_mut().respond(failed) {
                        Begun::Done(committed) => break committed,
                        Begun::Running(commit) => commit,
                    };
                    if let Poll::Ready(committed) = Pin::new(&mut commit).poll(cx) {
                        break committed;
                    }
                    *this.stage = Stage::Commit(Box::new(Committing { commit, answer }));
                    return Poll::Pending;
                }
                Stage::Commit(waiting) => {
                    let committed = ready!(Pin::new(&mut waiting.commit).poll(cx));
                    answer = mem::replace(&mut waiting.answer, Poll::Pending);
                    break committed;
                }
            }
        };
        let parting = session.inner_mut().leave();
        let settings = session.inner().settings();
        // There where it is: a response is large, and slow to move right after it was written.
        if let Poll::Ready(Ok(response)) = &mut answer {
            if let Err(error) = committed {
                let mut response = error_response(settings, &error).map(B::text);
                decorate(response.headers_mut(), settings, parting);
                *this.session = None;
                return Poll::Ready(Ok(response));
            }
            decorate(response.headers_mut(), settings, parting);
        }
        *this.session = None;
        answer.map_ok(|response| response.map(B::keep))
    }
}

impl<F, B, E> fmt::Debug for ResponseFuture<F, B, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
