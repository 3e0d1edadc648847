//! What the handles of one session share: the state, the load that fills it, and the commits that
//! take turns on it.

use crate::commit::{Job, Moment, Task, begin, finish, report, run};
use crate::cookie::Carried;
use crate::error::{Error, ErrorKind};
use crate::load::Load;
use crate::log;
use crate::observe::{Event, Notes};
use crate::operations::Update;
use crate::session::Session;
use crate::session::running::Begun;
use crate::session::waiting::Waiting;
use crate::settings::{Conflict, Settings};
use crate::state::{Losses, Parting, State};
use crate::time_limit::{Stop, TimeLimit};
use std::future::poll_fn;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake as _, Waker, ready};
use std::thread;

pub(crate) struct Inner {
    settings: Arc<Settings>,
    cell: Mutex<Cell>,
    /// Who waits for the load or for a turn. There where someone does.
    waiting: OnceLock<Arc<Waiting>>,
    /// The session of another layer around this one.
    outer: Option<Session>,
}

pub(crate) struct Cell {
    pub(crate) state: State,
    /// A load that waits for the store.
    load: Option<Box<Load>>,
    /// What is to be told of it.
    notes: Notes,
    /// A commit has its turn.
    committing: bool,
}

/// The cell, while nobody else has it. Closures that have had their commit are dropped after the lock, since
/// what an application let them capture may use the session.
pub(crate) struct Locked<'a> {
    // Fields are dropped in this order.
    cell: MutexGuard<'a, Cell>,
    spent: Vec<Update>,
}

impl Deref for Locked<'_> {
    type Target = Cell;

    fn deref(&self) -> &Cell {
        &self.cell
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Cell {
        &mut self.cell
    }
}

impl Drop for Locked<'_> {
    #[inline]
    fn drop(&mut self) {
        let closures = &mut self.cell.state.closures;
        if closures.are_spent() {
            self.spent = closures.take_spent();
        }
    }
}

impl Inner {
    pub(crate) fn new(settings: Arc<Settings>, carried: Carried, outer: Option<Session>) -> Self {
        let cell = Cell {
            state: State::new(carried, settings.conflict == Conflict::Refuse),
            load: None,
            notes: Notes::default(),
            committing: false,
        };
        Self {
            settings,
            cell: Mutex::new(cell),
            waiting: OnceLock::new(),
            outer,
        }
    }

    pub(crate) const fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    pub(crate) const fn outer(&self) -> Option<&Session> {
        self.outer.as_ref()
    }

    /// A panic elsewhere leaves the state whole: nothing foreign runs under this lock but the store's
    /// `get`.
    pub(crate) fn cell(&self) -> Locked<'_> {
        Locked {
            cell: self.cell.lock().unwrap_or_else(PoisonError::into_inner),
            spent: Vec::new(),
        }
    }

    // The load: whoever polls drives it, and all who wait are told when it goes on.

    pub(crate) fn poll_load(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let _panic = WakesOnPanic(self);
        let mut cell = self.cell();
        if !cell.state.is_not_loaded() {
            return Poll::Ready(cell.state.load_result());
        }
        if self.drive(&mut cell, cx).is_pending() {
            // Polled once more under a waker of us all, since this caller may go away.
            let shared = Waker::from(Arc::clone(self.wait(cx)));
            ready!(self.drive(&mut cell, &mut Context::from_waker(&shared)));
        }
        let result = cell.state.load_result();
        let notes = mem::take(&mut cell.notes);
        drop(cell);
        self.wake_waiting();
        self.settings.watch.tell_all(notes);
        Poll::Ready(result)
    }

    fn drive(&self, cell: &mut Cell, cx: &mut Context<'_>) -> Poll<()> {
        let Cell {
            state, load, notes, ..
        } = cell;
        if load.is_none() {
            *load = Load::begin(&self.settings, state, notes);
        }
        // Taken while it is polled: one whose store panics is never polled again.
        if let Some(mut waiting) = load.take()
            && waiting.poll(&self.settings, state, notes, cx).is_pending()
        {
            *load = Some(waiting);
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    fn wait(&self, cx: &Context<'_>) -> &Arc<Waiting> {
        let waiting = self.waiting.get_or_init(Arc::default);
        waiting.push(cx.waker());
        waiting
    }

    fn wake_waiting(&self) {
        if let Some(waiting) = self.waiting.get() {
            waiting.wake_by_ref();
        }
    }

    // The commit: one at a time.

    /// The application asks for a commit.
    pub(crate) fn save(self: &Arc<Self>) -> Begun<()> {
        self.commit(self.cell(), Moment::Save, |_| ())
    }

    /// The answer is ready, and leaves with what the session has for it.
    pub(crate) fn respond(self: &Arc<Self>, failed: bool) -> Begun<Parting> {
        let mut cell = self.cell();
        if !cell.committing && cell.state.is_settled(&self.settings.lifetimes) {
            return Begun::Done(Ok(()), cell.state.respond());
        }
        self.commit(cell, Moment::Response { failed }, State::respond)
    }

    /// What the session has for the response, now that nothing is left to be done.
    pub(crate) fn leave(&self) -> Parting {
        self.cell().state.respond()
    }

    /// What is left to do where there is nothing to wait for is done under the same lock.
    fn commit<T>(
        self: &Arc<Self>,
        mut cell: Locked<'_>,
        moment: Moment,
        leave: impl FnOnce(&mut State) -> T,
    ) -> Begun<T> {
        let losses = cell.state.losses();
        if cell.committing {
            return Begun::running(Arc::clone(self).commit_in_turn(moment, losses));
        }
        let result = match begin(&mut cell.state, &self.settings, moment) {
            Task::Nothing => Ok(()),
            Task::Refuse(error) => Err(error),
            Task::Load => {
                return Begun::running(Arc::clone(self).commit_in_turn(moment, losses));
            }
            Task::Run(job) => {
                cell.committing = true;
                return Begun::running(Turn::new(self).perform(job, moment));
            }
        };
        let left = leave(&mut cell.state);
        drop(cell);
        if let Err(error) = &result {
            self.tell(error);
        }
        Begun::Done(result, left)
    }

    /// A commit that has to wait. `losses` are those from before: what it is asked to store may be given up
    /// meanwhile.
    async fn commit_in_turn(self: Arc<Self>, moment: Moment, losses: Losses) -> Result<(), Error> {
        let turn = match self.turn().await {
            Ok(turn) => turn,
            Err(error) => {
                self.tell(&error);
                if moment != Moment::Save {
                    self.cell().state.forget();
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

    /// Tells of changes that were not stored, and why.
    pub(crate) fn tell(&self, error: &Error) {
        let (watch, event) = (&self.settings.watch, Event::of(error));
        if watch.hears(event) {
            let handles = self.cell().state.handles();
            let key = handles.first().map(|it| self.settings.keyspace.key(it));
            watch.tell(event, key);
        }
    }

    /// Waits until no other commit is under way.
    pub(crate) async fn turn(self: &Arc<Self>) -> Result<Turn, Error> {
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

    fn poll_turn(self: &Arc<Self>, cx: &Context<'_>) -> Poll<Turn> {
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

/// A store's `get` that panics leaves those who wait for the same load to begin another.
struct WakesOnPanic<'a>(&'a Inner);

impl Drop for WakesOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.wake_waiting();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let cell = self.cell.get_mut().unwrap_or_else(PoisonError::into_inner);
        if cell.state.is_forsaken() {
            log::warn!("a session was changed after its response, and never saved");
        }
    }
}

/// The right to commit, for as long as it is held.
pub(crate) struct Turn {
    inner: Arc<Inner>,
    /// What commits, once operations are handed out.
    moment: Option<Moment>,
}

impl Turn {
    fn new(inner: &Arc<Inner>) -> Self {
        Self {
            inner: Arc::clone(inner),
            moment: None,
        }
    }

    /// Not an `async fn`, since its future would hold the job twice.
    fn perform(
        mut self,
        job: Job,
        moment: Moment,
    ) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        self.moment = Some(moment);
        async move {
            // Named first, so that it goes first where all this is cut off: then nothing but the state holds
            // the operations.
            let _: &Job = &job;
            let settings = &self.inner.settings;
            let outcome = run(settings, &job).await;
            report(settings, &job, &outcome);
            drop(job);
            finish(&mut self.inner.cell().state, settings, moment, outcome)
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut cell = self.inner.cell();
        cell.committing = false;
        // Cut off, because its runtime is gone, or the store panicked.
        let cut_off = cell.state.is_in_flight();
        if cut_off {
            match self.moment {
                Some(Moment::Response { .. }) => cell.state.give_up_commit(ErrorKind::Unknown),
                _ => cell.state.undo_commit(),
            }
        }
        drop(cell);
        self.inner.wake_waiting();
        if cut_off {
            self.inner.tell(&ErrorKind::Unknown.into());
        }
    }
}
