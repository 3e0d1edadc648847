//! What the handles of one session share: the state, and the load that fills it.

use crate::cookie::{self, Carried};
use crate::error::Error;
use crate::load::Load;
use crate::log;
use crate::observe::{Event, Notes};
use crate::operations::Update;
use crate::session::Session;
use crate::session::waiting::Waiting;
use crate::settings::{self, Conflict, Settings};
use crate::state::State;
use http::HeaderMap;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Wake as _, Waker};
use std::thread;
use triomphe::UniqueArc;

/// A handle on a session. None is weak, so that the counter of the standard library for those is not needed.
#[derive(Clone)]
pub(crate) struct Shared(triomphe::Arc<Inner>);

pub(crate) struct Inner {
    pub(super) settings: Arc<Settings>,
    cell: Mutex<Cell>,
    /// The load was done while nobody else had the session, and went well.
    loaded_early: bool,
    /// Somebody waited for the load, and it went well, which stays so: whoever asks for that alone needs no lock.
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
    /// A commit has its turn.
    pub(super) committing: bool,
}

/// The cell, while nobody else has it. Closures that have had their commit are dropped after the lock, since
/// what an application let them capture may use the session.
pub(crate) struct Locked<'a> {
    // Fields are dropped in this order.
    cell: MutexGuard<'a, Cell>,
    spent: Option<Vec<Update>>,
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
        self.spent = self.cell.state.closures.take_spent();
    }
}

impl Shared {
    pub(super) fn of_request(
        settings: Arc<Settings>,
        headers: &HeaderMap,
        outer: Option<Session>,
    ) -> Self {
        let mut inner = UniqueArc::new(Inner::new(settings, Carried::NONE, outer));
        inner.arrive(headers);
        Self(inner.shareable())
    }

    pub(super) fn new(settings: Arc<Settings>, carried: Carried) -> Self {
        Self(triomphe::Arc::new(Inner::new(settings, carried, None)))
    }

    /// Works on the cell. Where this handle is the last one there is nobody to lock out.
    pub(super) fn work<T>(&mut self, work: impl FnOnce(&Settings, &mut Cell) -> T) -> T {
        match triomphe::Arc::get_mut(&mut self.0) {
            Some(inner) => {
                let cell = inner.cell.get_mut().unwrap_or_else(PoisonError::into_inner);
                if *inner.is_loaded.get_mut() {
                    cell.state.show();
                }
                work(&inner.settings, cell)
            }
            None => work(&self.settings, &mut self.cell()),
        }
    }
}

impl Deref for Shared {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    fn new(settings: Arc<Settings>, carried: Carried, outer: Option<Session>) -> Self {
        let cell = Cell {
            state: State::new(carried, settings.conflict == Conflict::Refuse),
            load: None,
            committing: false,
        };
        Self {
            settings,
            cell: Mutex::new(cell),
            loaded_early: false,
            is_loaded: AtomicBool::new(false),
            waiting: OnceLock::new(),
            outer,
        }
    }

    /// Takes in what the request carried. Its eager load is done at once where it takes no wait, since there is
    /// nobody to lock out yet. What it finds is not seen before it is polled for.
    fn arrive(&mut self, headers: &HeaderMap) {
        let cell = self.cell.get_mut().unwrap_or_else(PoisonError::into_inner);
        let (settings, state) = (&self.settings, &mut cell.state);
        cookie::read(headers, settings, state.carried_mut());
        if settings.load == settings::Load::Eager && Load::takes_no_wait(settings, state.carried())
        {
            let mut notes = Notes::default();
            cell.load = Load::begin(settings, state, &mut notes);
            self.loaded_early = state.is_loaded();
            state.hide();
            settings.watch.tell_all(notes);
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
        let mut cell = self.cell.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_loaded.load(Relaxed) {
            cell.state.show();
        }
        Locked { cell, spent: None }
    }

    // The load: whoever polls drives it, and all who wait are told when it goes on.

    #[inline]
    pub(crate) fn poll_load(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.is_loaded.load(Relaxed) {
            return Poll::Ready(Ok(()));
        }
        if self.loaded_early {
            self.is_loaded.store(true, Relaxed);
            return Poll::Ready(Ok(()));
        }
        let _panic = WakesOnPanic(self);
        let mut cell = self.cell();
        cell.state.show();
        if !cell.state.is_not_loaded() {
            return Poll::Ready(cell.state.load_result());
        }
        let mut notes = Notes::default();
        let mut load = self.drive(&mut cell, &mut notes, cx);
        if load.is_pending() {
            // Polled once more under a waker of us all, since this caller may go away.
            let shared = Waker::from(Arc::clone(self.wait(cx)));
            load = self.drive(&mut cell, &mut notes, &mut Context::from_waker(&shared));
        }
        let result = load.map(|()| cell.state.load_result());
        self.is_loaded.store(cell.state.is_loaded(), Relaxed);
        drop(cell);
        if result.is_ready() {
            self.wake_waiting();
        }
        self.settings.watch.tell_all(notes);
        result
    }

    fn drive(&self, cell: &mut Cell, notes: &mut Notes, cx: &mut Context<'_>) -> Poll<()> {
        let Cell { state, load, .. } = cell;
        // Taken while it is polled: one whose store panics is never polled again.
        let waiting = load.take();
        let waiting = waiting.or_else(|| Load::begin(&self.settings, state, notes));
        let Some(mut waiting) = waiting else {
            return Poll::Ready(());
        };
        let poll = waiting.poll(&self.settings, state, notes, cx);
        if poll.is_pending() {
            *load = Some(waiting);
        }
        poll
    }

    pub(super) fn wait(&self, cx: &Context<'_>) -> &Arc<Waiting> {
        let waiting = self.waiting.get_or_init(Arc::default);
        waiting.push(cx.waker());
        waiting
    }

    pub(super) fn wake_waiting(&self) {
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
