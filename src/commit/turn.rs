//! A commit's way into and out of the state of the session.

use super::plan::{Facts, Plan, Presence, plan};
use super::run::{CookieChange, Job, Outcome};
use crate::error::{Error, ErrorKind};
use crate::settings::{OnStoreError, Settings};
use crate::state::{Found, State};
use std::mem;

/// When a commit happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The application asks for it.
    Save,
    /// The answer is ready. It failed if it is a 5xx, or if the inner service returned an error.
    Response { failed: bool },
}

/// What there is to do.
pub(crate) enum Task {
    Nothing,
    /// Load first, then ask again.
    Load,
    Refuse(Error),
    Run(Job),
}

/// Decides what a commit has to do now, and takes over the pending operations if it is to write.
/// A response takes them all: none is left for whoever still holds the session.
pub(crate) fn begin(state: &mut State, settings: &Settings, moment: Moment) -> Task {
    let facts = facts(state, settings, moment);
    // The commit of the response itself is never late, also where its client has gone.
    let late = state.is_closed() && moment == Moment::Save;
    let refused = match plan(facts) {
        plan if is_nothing(plan, late) => {
            if facts.presence == Presence::Loaded && !facts.failed {
                state.done_unchanged();
            }
            None
        }
        Plan::Load => return Task::Load,
        Plan::Refuse => Some(match state.found() {
            Found::Failed(error) | Found::Anonymous(error) => error.clone(),
            _ => ErrorKind::NotLoaded.into(),
        }),
        Plan::Interrupt => {
            state.owe(None);
            Some(ErrorKind::Interrupted.into())
        }
        Plan::Write if state.is_outdated() => Some(ErrorKind::Stale.into()),
        plan if late && needs_cookie(plan, facts) => Some(ErrorKind::ResponseSent.into()),
        plan => {
            let base = state.base().cloned();
            let flushes = matches!(plan, Plan::Flush { .. });
            let handles = if flushes { state.handles() } else { Vec::new() };
            let (operations, stale) = state.begin_commit();
            if matches!(plan, Plan::Rename | Plan::Renew) && moment == Moment::Save {
                // Nothing changes that could rest on them.
                state.keep_reads(&operations);
            }
            let anonymous = settings.on_store_error == OnStoreError::Anonymous;
            // A user would take a login for done.
            let logs_in = facts.cycled || operations.claims().roster.is_some();
            return Task::Run(Job {
                plan,
                may_fail: anonymous && plan == Plan::Create && !logs_in && !facts.saved,
                base,
                operations,
                // After the response there is no cookie to tell of it.
                rotates: facts.cycled || facts.renamed && !late,
                stale,
                handles,
            });
        }
    };
    if moment != Moment::Save {
        state.forget();
        state.close();
    }
    refused.map_or(Task::Nothing, Task::Refuse)
}

/// Whether nothing is to be done. What only the cookie could tell of is not for after the response.
const fn is_nothing(plan: Plan, late: bool) -> bool {
    match plan {
        Plan::Nothing => true,
        Plan::Rename | Plan::Renew => late,
        _ => false,
    }
}

const fn needs_cookie(plan: Plan, facts: Facts) -> bool {
    match plan {
        Plan::Create | Plan::Flush { create: true } => true,
        _ => facts.cycled,
    }
}

fn facts(state: &State, settings: &Settings, moment: Moment) -> Facts {
    let pending = state.pending();
    let (flushed, cycled) = (pending.is_flush(), pending.is_cycle());
    // No more is asked than the answer depends on.
    let loaded = state.base().is_some() && !flushed;
    let changed = loaded && state.is_changed();
    Facts {
        presence: match state.found() {
            Found::NotLoaded => Presence::NotLoaded,
            Found::Failed(_) => Presence::Failed,
            Found::Anonymous(_) => Presence::Anonymous,
            Found::Empty => Presence::Empty,
            Found::Superseded => Presence::Superseded,
            Found::Loaded(_) => Presence::Loaded,
        },
        flushed,
        cycled,
        recorded: pending.is_recorded(),
        changed,
        renamed: state.is_by_former_name(),
        data: !loaded && state.has_data(),
        // A write moves the deadline too, so there is no need to ask.
        renewal: !cycled && !changed && state.is_renewal_due(&settings.lifetimes),
        failed: moment == Moment::Response { failed: true },
        saved: moment == Moment::Save,
    }
}

/// Takes in what came of a commit. Operations that were not done wait for the next one, unless this
/// was the last, or they may be done: nothing is applied twice.
#[inline]
pub(crate) fn finish(
    state: &mut State,
    settings: &Settings,
    moment: Moment,
    result: &Result<(), Error>,
    outcome: &mut Outcome,
) {
    let interrupted = result.as_ref().is_err_and(Error::is_interrupted);
    if interrupted || matches!(outcome.found, Some(Found::Superseded)) {
        // Another request ended or rotated the session: that one's cookie must stay.
        state.owe(None);
    }
    match (result, moment) {
        (Err(error), Moment::Save) if error.kind() != ErrorKind::Unknown || !outcome.was_write => {
            state.undo_commit();
        }
        (Err(error), _) => state.give_up_commit(error.kind()),
        (Ok(()), _) => state.end_commit(outcome.found.take()),
    }
    if let Err(error) = result {
        state.told(error);
    }
    if moment != Moment::Save {
        state.close();
    }
    match mem::take(&mut outcome.cookie) {
        CookieChange::Untouched => {}
        CookieChange::Set(header) => state.owe(Some(header)),
        CookieChange::Remove => {
            state.flushed();
            let carried = state.carried().any || state.carried().former;
            state.owe(carried.then(|| settings.cookie.removal()));
        }
    }
}
