//! Compares the answers with what the user knows.

use super::Run;
use super::http::{Answer, Cookie};
use super::tally::Tally;
use super::user::{Kind, Known, Loss, Moment, Outcome, User, handle};
use std::time::Instant;

/// What an answer says about the session whose id was sent.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// It is there, under this new id if it was rotated.
    Found(Option<String>),
    /// It is not, and there is a new session.
    Fresh(String),
    /// It is not.
    Gone,
    /// It has been logged out.
    Out,
}

/// Judges requests that were sent at the same time, with the user's cookie, and takes in what they
/// tell.
pub fn judge(user: &mut User, outcomes: &[Outcome], run: &Run, tally: &mut Tally) {
    let mut known = user.session.take();
    if let Some(known) = &mut known {
        for outcome in outcomes.iter().filter(|it| it.answer.is_none()) {
            known.may_have(outcome.kind, outcome.value);
        }
    }
    let mut seen = Vec::new();
    for outcome in outcomes {
        let Some(answer) = &outcome.answer else {
            continue;
        };
        match look(outcome.kind, answer, known.as_ref()) {
            Ok(what) => seen.push((outcome, answer, what)),
            Err(why) => {
                run.violation(format!(
                    "{why}: {}",
                    describe(user, outcomes, known.as_ref())
                ));
                // Nothing is certain any more; begin anew.
                return;
            }
        }
    }
    if let Some(mut known) = known {
        match survives(user, &mut known, &seen, outcomes, run, tally) {
            Ok(true) => user.session = Some(known),
            Ok(false) => {}
            Err(why) => {
                let story = describe(user, outcomes, Some(&known));
                return run.violation(format!("{why}: {story}"));
            }
        }
    }
    if user.session.is_none() {
        let fresh = seen.into_iter().rev().find_map(|(outcome, _, seen)| {
            let Seen::Fresh(id) = seen else { return None };
            Some(Known::fresh(id, outcome))
        });
        if fresh.is_some() {
            tally.add("sessions made");
        }
        user.session = fresh;
    }
}

/// What one answer says, or what is wrong with it.
fn look(kind: Kind, answer: &Answer, known: Option<&Known>) -> Result<Seen, String> {
    let cookie = match answer.cookies.as_slice() {
        [] => None,
        [cookie] => Some(cookie),
        _ => return Err("two cookies of one name".to_owned()),
    };
    let sent = known.map(|known| &*known.id);
    match (answer.status, kind, cookie) {
        (400, Kind::Increment | Kind::Insert | Kind::Login, None) if sent.is_some() => {
            Ok(Seen::Gone)
        }
        (400, ..) => Err("interrupted without cause, or with a cookie".to_owned()),
        (200, Kind::Logout, Some(Cookie::Removal)) if sent.is_some() => Ok(Seen::Out),
        (200, Kind::Logout, None) if sent.is_none() => Ok(Seen::Out),
        (200, Kind::Logout, _) => Err("a logout that does not take the cookie".to_owned()),
        (200, _, Some(Cookie::Removal)) => Err("a cookie taken without a logout".to_owned()),
        (200, Kind::Read, None) if answer.body == "empty" => Ok(Seen::Gone),
        (200, Kind::Login, None) => Err("a login under the old id".to_owned()),
        (200, _, None) if sent.is_some() => Ok(Seen::Found(None)),
        (200, _, None) => Err("a session without a cookie".to_owned()),
        (200, _, Some(Cookie::Id(id))) => match sent {
            Some(sent) if handle(sent) == handle(id) => match kind {
                Kind::Login if sent != id => Ok(Seen::Found(Some(id.clone()))),
                Kind::Login => Err("a login under the old id".to_owned()),
                _ if sent == id => Ok(Seen::Found(None)),
                _ => Err("another id without a login".to_owned()),
            },
            _ if kind == Kind::Read => Err("a new session by a read".to_owned()),
            _ if kind == Kind::Increment && answer.body != "1" => {
                Err("a new session with old data".to_owned())
            }
            _ => Ok(Seen::Fresh(id.clone())),
        },
        (409, ..) => Err("another user's session".to_owned()),
        (status, ..) => Err(format!("status {status}")),
    }
}

/// Whether the session lives on.
fn survives(
    user: &mut User,
    known: &mut Known,
    seen: &[(&Outcome, &Answer, Seen)],
    outcomes: &[Outcome],
    run: &Run,
    tally: &mut Tally,
) -> Result<bool, &'static str> {
    check_data(user.name, known, seen, outcomes)?;
    let mut rotations = seen.iter().filter_map(|(_, _, seen)| match seen {
        Seen::Found(Some(id)) => Some(id),
        _ => None,
    });
    let rotated = rotations.next();
    if rotations.next().is_some() {
        return Err("two live ids");
    }
    let now = Moment {
        time: Instant::now(),
        count: run.sent(),
    };
    let out = seen.iter().any(|(_, _, seen)| *seen == Seen::Out);
    let lost = seen.iter().any(|(outcome, _, seen)| match seen {
        Seen::Gone => rotated.is_none(),
        Seen::Fresh(_) => rotated.is_none() || outcome.kind != Kind::Login,
        _ => false,
    });
    if !out && !lost {
        for (outcome, _, seen) in seen {
            if matches!(seen, Seen::Found(_)) && outcome.sent.count > known.used.count {
                known.used = outcome.sent;
            }
        }
        if let Some(id) = rotated {
            tally.add("rotations");
            user.bury(std::mem::replace(&mut known.id, id.clone()));
        }
        return Ok(true);
    }
    if out {
        tally.add("logouts");
    } else {
        tally.add(match known.loss(&run.limits, now) {
            Some(Loss::Expired) => "sessions lost: expired",
            Some(Loss::Evicted) => "sessions lost: evicted",
            Some(Loss::InDoubt) => "sessions lost: in doubt",
            None => return Err("a session lost without cause"),
        });
    }
    // It never lives again, under any id that it had.
    if let Some(id) = rotated {
        user.bury(id.clone());
    }
    user.bury(known.id.clone());
    Ok(false)
}

/// Compares the data with what was acknowledged.
fn check_data(
    name: u64,
    known: &mut Known,
    seen: &[(&Outcome, &Answer, Seen)],
    outcomes: &[Outcome],
) -> Result<(), &'static str> {
    let overlapping = |kind| outcomes.iter().filter(move |it| it.kind == kind);
    let (low, alone) = (known.low, outcomes.len() == 1);
    let most = known.high
        + seen
            .iter()
            .filter(|it| it.0.kind == Kind::Increment)
            .count() as u64;
    for (outcome, answer, seen) in seen {
        if !matches!(seen, Seen::Found(_)) {
            continue;
        }
        match outcome.kind {
            Kind::Read => {
                let mut numbers = answer
                    .body
                    .split(' ')
                    .map(|it| it.parse().unwrap_or(u64::MAX));
                let mut next = || numbers.next().unwrap_or(u64::MAX);
                let (owner, count, note) = (next(), next(), next());
                if owner != name {
                    return Err("another user's data");
                }
                if count < low {
                    return Err("a lost increment");
                }
                if count > most {
                    return Err("an increment too many");
                }
                if !known.notes.contains(&note)
                    && !overlapping(Kind::Insert).any(|it| it.value == note)
                {
                    return Err("a lost insert");
                }
                if alone {
                    known.low = count;
                }
            }
            Kind::Increment => {
                let count: u64 = answer.body.parse().unwrap_or(u64::MAX);
                if count <= low {
                    return Err("a lost increment");
                }
                if count > most {
                    return Err("an increment too many");
                }
                known.low += 1;
                known.high += 1;
            }
            Kind::Insert => {
                if alone && !known.notes_in_doubt {
                    known.notes.clear();
                }
                known.notes.push(outcome.value);
            }
            Kind::Login | Kind::Logout => {}
        }
    }
    Ok(())
}

/// Checks the answer to an id that must find nothing: one that is dead, or was never given out.
pub fn judge_void(user: &User, id: &str, kind: Kind, answer: &Answer, run: &Run) {
    let fine = match (kind, answer.status, answer.cookies.as_slice()) {
        (Kind::Read, 200, []) => answer.body == "empty",
        (Kind::Increment, 400, []) => true,
        (Kind::Increment, 200, [Cookie::Id(fresh)]) => {
            answer.body == "1" && handle(fresh) != handle(id)
        }
        _ => false,
    };
    if !fine {
        run.violation(format!(
            "a dead or forged id: {kind:?} of user {} is answered {} {:?}",
            user.name, answer.status, answer.body
        ));
    }
}

/// What happened, without ids.
fn describe(user: &User, outcomes: &[Outcome], known: Option<&Known>) -> String {
    let answers: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            let answer = outcome.answer.as_ref();
            let answer = answer.map(|it| (it.status, it.cookies.len(), &*it.body));
            (outcome.kind, outcome.value, answer)
        })
        .collect();
    let known = known.map(|it| {
        (
            it.low,
            it.high,
            &it.notes,
            it.in_doubt,
            it.used.time.elapsed(),
        )
    });
    format!("user {}, {answers:?}, knew {known:?}", user.name)
}
