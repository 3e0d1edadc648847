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
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake as _, Waker, ready};
use std::thread;

/// A handle on a session. None is weak, so that the counter of the standard library for those is not needed.
#[derive(Clone)]
pub(crate) struct Shared(triomphe::Arc<Inner>);

pub(crate) struct Inner {
    settings: Arc<Settings>,
    cell: Mutex<Cell>,
    /// The load went well, which stays so: whoever asks for that alone needs no lock.
    is_loaded: AtomicBool,
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
        if self.is_loaded.load(Relaxed) {
            return Poll::Ready(Ok(()));
        }
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
        self.is_loaded.store(cell.state.is_loaded(), Relaxed);
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
        let waiting = self.waiting.get_or_init(Default::default);
        waiting.push(cx.waker());
        waiting
    }

    fn wake_waiting(&self) {
        if let Some(waiting) = self.waiting.get() {
            waiting.wake_by_ref();
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
}

/// What is to be done for a commit.
enum Next<T> {
    Done(Result<(), Error>, T),
    Run(Job),
    /// It has to wait for its turn, or for the load.
    Wait(Losses),
}

impl Next<()> {
    /// What is left to do where there is nothing to wait for is done under the same lock.
    fn of<T>(
        settings: &Settings,
        cell: &mut Cell,
        moment: Moment,
        leave: impl FnOnce(&mut State) -> T,
    ) -> Next<T> {
        let losses = cell.state.losses();
        if cell.committing {
            return Next::Wait(losses);
        }
        let result = match begin(&mut cell.state, settings, moment) {
            Task::Nothing => Ok(()),
            Task::Refuse(error) => Err(error),
            Task::Load => return Next::Wait(losses),
            Task::Run(job) => {
                cell.committing = true;
                return Next::Run(job);
            }
        };
        Next::Done(result, leave(&mut cell.state))
    }
}

/// The commit: one at a time.
impl Shared {
    pub(super) fn new(settings: Arc<Settings>, carried: Carried, outer: Option<Session>) -> Self {
        let cell = Cell {
            state: State::new(carried, settings.conflict == Conflict::Refuse),
            load: None,
            notes: Notes::default(),
            committing: false,
        };
        Self(triomphe::Arc::new(Inner {
            settings,
            cell: Mutex::new(cell),
            is_loaded: AtomicBool::new(false),
            waiting: OnceLock::new(),
            outer,
        }))
    }

    /// The application asks for a commit.
    pub(crate) fn save(&self) -> Begun<()> {
        let next = Next::of(&self.settings, &mut self.cell(), Moment::Save, |_| ());
        self.go_on(next, Moment::Save)
    }

    /// The answer is ready, and leaves with what the session has for it.
    pub(crate) fn respond(&mut self, failed: bool) -> Begun<Parting> {
        let moment = Moment::Response { failed };
        let next = self.work(|settings, cell| {
            if !cell.committing && cell.state.is_settled(&settings.lifetimes) {
                return Next::Done(Ok(()), cell.state.respond());
            }
            Next::of(settings, cell, moment, State::respond)
        });
        self.go_on(next, moment)
    }

    /// What the session has for the response, now that nothing is left to be done.
    pub(crate) fn leave(&mut self) -> Parting {
        self.work(|_, cell| cell.state.respond())
    }

    /// Works on the cell. Where this handle is the last one there is nobody to lock out.
    fn work<T>(&mut self, work: impl FnOnce(&Settings, &mut Cell) -> T) -> T {
        match triomphe::Arc::get_mut(&mut self.0) {
            Some(Inner { settings, cell, .. }) => work(
                settings,
                cell.get_mut().unwrap_or_else(PoisonError::into_inner),
            ),
            None => work(&self.settings, &mut self.cell()),
        }
    }

    fn go_on<T>(&self, next: Next<T>, moment: Moment) -> Begun<T> {
        match next {
            Next::Done(result, left) => {
                if let Err(error) = &result {
                    self.tell(error);
                }
                Begun::Done(result, left)
            }
            Next::Run(job) => Begun::running(Turn::new(self).perform(job, moment)),
            Next::Wait(losses) => Begun::running(self.clone().commit_in_turn(moment, losses)),
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

impl Deref for Shared {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
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
            let outcome = run(settings, &job).await;
            report(settings, &job, &outcome);
            drop(job);
            let mut cell = self.shared.cell();
            let result = finish(&mut cell.state, settings, moment, outcome);
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
