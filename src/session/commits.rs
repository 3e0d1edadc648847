//! The commits of a session, which take turns.

use crate::commit::{Job, Moment, Outcome, Task, begin, finish, report, run};
use crate::error::{Error, ErrorKind};
use crate::session::inner::{Cell, Shared};
use crate::session::running::Begun;
use crate::settings::Settings;
use crate::state::{Losses, Parting};
use crate::time_limit::{Stop, TimeLimit};
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

/// What is to be done for a commit.
enum Next {
    Done(Result<(), Error>),
    Run(Job),
    /// It has to wait for its turn, or for the load.
    Wait(Losses),
}

impl Next {
    fn of(settings: &Settings, cell: &mut Cell, moment: Moment) -> Self {
        let losses = cell.state.losses();
        if cell.committing {
            return Self::Wait(losses);
        }
        match begin(&mut cell.state, settings, moment) {
            Task::Nothing => Self::Done(Ok(())),
            Task::Refuse(error) => Self::Done(Err(error)),
            Task::Load => Self::Wait(losses),
            Task::Run(job) => {
                cell.committing = true;
                Self::Run(job)
            }
        }
    }
}

impl Shared {
    /// The application asks for a commit.
    pub(crate) fn save(&self) -> Begun {
        let next = Next::of(&self.settings, &mut self.cell(), Moment::Save);
        self.go_on(next, Moment::Save)
    }

    /// The answer is ready.
    pub(crate) fn respond(&mut self, failed: bool) -> Begun {
        let moment = Moment::Response { failed };
        let next = self.work(|settings, cell| {
            if !cell.committing && cell.state.is_settled(&settings.lifetimes) {
                cell.state.close();
                return Next::Done(Ok(()));
            }
            Next::of(settings, cell, moment)
        });
        self.go_on(next, moment)
    }

    /// What the session has for the response, now that nothing is left to be done.
    pub(crate) fn leave(&mut self) -> Parting {
        self.work(|_, cell| cell.state.leave())
    }

    fn go_on(&self, next: Next, moment: Moment) -> Begun {
        match next {
            Next::Done(result) => {
                if let Err(error) = &result {
                    self.tell(error);
                }
                Begun::Done(result)
            }
            Next::Run(job) => Begun::running(|| Turn::new(self).perform(job, moment)),
            Next::Wait(losses) => Begun::running(|| self.clone().commit_in_turn(moment, losses)),
        }
    }

    /// A commit that has to wait. `losses` are those from before: what it is asked to store may be given up
    /// meanwhile.
    async fn commit_in_turn(self, moment: Moment, losses: Losses) -> Result<(), Error> {
        let turn = match self.turn().await {
            Ok(turn) => turn,
            Err(error) => {
                self.tell(&error);
                if moment != Moment::Save {
                    let state = &mut self.cell().state;
                    state.forget();
                    state.close();
                }
                return Err(error);
            }
        };
        loop {
            let task = {
                let state = &mut self.cell().state;
                match state.losses().since(losses) {
                    // What is still there waits for the next.
                    Some(why) if moment == Moment::Save => Task::Refuse(why.into()),
                    _ => begin(state, &self.settings, moment),
                }
            };
            match task {
                Task::Nothing => return Ok(()),
                Task::Refuse(error) => {
                    self.tell(&error);
                    return Err(error);
                }
                // Its error is for those who need what it did not find.
                Task::Load => drop(poll_fn(|cx| self.poll_load(cx)).await),
                Task::Run(job) => return turn.perform(job, moment).await,
            }
        }
    }

    /// Waits until no other commit is under way.
    pub(crate) async fn turn(&self) -> Result<Turn, Error> {
        let mut turn = pin!(poll_fn(|cx| self.poll_turn(cx)));
        match TimeLimit::new(self.settings.time_limit)
            .run(turn.as_mut())
            .await
        {
            Ok(turn) => Ok(turn),
            Err(Stop::Elapsed) => Err(ErrorKind::TimedOut.into()),
            Err(Stop::NoRuntime) => Ok(turn.await),
        }
    }

    fn poll_turn(&self, cx: &Context<'_>) -> Poll<Turn> {
        let mut cell = self.cell();
        if cell.committing {
            self.wait(cx);
            return Poll::Pending;
        }
        cell.committing = true;
        drop(cell);
        Poll::Ready(Turn::new(self))
    }
}

/// The right to commit, for as long as it is held.
pub(crate) struct Turn {
    shared: Shared,
    stage: Stage,
}

enum Stage {
    Idle,
    /// Operations are handed out.
    Performing(Moment),
    /// The right was given back.
    Over,
}

impl Turn {
    fn new(shared: &Shared) -> Self {
        Self {
            shared: shared.clone(),
            stage: Stage::Idle,
        }
    }

    /// Not an `async fn`, since its future would hold the job twice.
    fn perform(
        mut self,
        job: Job,
        moment: Moment,
    ) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        self.stage = Stage::Performing(moment);
        async move {
            // Named first, so that it goes first where all this is cut off: then nothing but the state holds
            // the operations.
            let _: &Job = &job;
            let settings = &self.shared.settings;
            let mut outcome = Outcome::default();
            let result = run(settings, &job, &mut outcome).await;
            report(settings, &job, &result, &outcome);
            drop(job.operations);
            let mut cell = self.shared.cell();
            finish(&mut cell.state, settings, moment, &result, &mut outcome);
            // Under the same lock.
            cell.committing = false;
            self.stage = Stage::Over;
            drop(cell);
            self.shared.wake_waiting();
            result
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Stage::Over = self.stage {
            return;
        }
        let mut cell = self.shared.cell();
        cell.committing = false;
        // Cut off, because its runtime is gone, or the store panicked.
        let cut_off = cell.state.is_in_flight();
        if cut_off {
            match self.stage {
                Stage::Performing(Moment::Response { .. }) => {
                    cell.state.give_up_commit(ErrorKind::Unknown);
                }
                _ => cell.state.undo_commit(),
            }
        }
        drop(cell);
        self.shared.wake_waiting();
        if cut_off {
            self.shared.tell(&ErrorKind::Unknown.into());
        }
    }
}
