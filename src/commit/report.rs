//! What a commit has to tell whoever watches.

use super::plan::Plan;
use super::run::{Job, Outcome};
use crate::error::Error;
use crate::observe::Event;
use crate::settings::Settings;
use crate::state::Found;

/// Tells what was done, but for what the store was asked and what was ended: those are told as they
/// happen. Foreign code, so not under the lock of the session.
#[inline]
pub(crate) fn report(
    settings: &Settings,
    job: &Job,
    result: &Result<(), Error>,
    outcome: &Outcome,
) {
    let stored = match &outcome.found {
        Some(Found::Loaded(base)) => Some(base),
        _ => None,
    };
    let key = stored.or(job.base.as_ref()).map(|base| base.key);
    // What was merged and then not stored is not worth a word.
    if outcome.merged && stored.is_some() {
        settings.watch.tell(Event::Merged, key);
    }
    let event = match (result, job.plan, stored) {
        (Err(error), ..) => Event::of(error),
        (Ok(()), Plan::Create | Plan::Flush { .. }, Some(base)) => Event::Created {
            size: base.record.bytes().len(),
        },
        (Ok(()), Plan::Write | Plan::Rename, _) if job.rotates && outcome.found.is_some() => {
            Event::Rotated
        }
        (Ok(()), ..) if outcome.renewed => Event::Renewed,
        _ => return,
    };
    settings.watch.tell(event, key);
}
