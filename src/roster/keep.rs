//! What is done to a roster, and to the sessions in it.

use super::{Entry, MOST, Roster, Unreadable};
use crate::error::{Error, ErrorKind};
use crate::expiry::Timestamp;
use crate::observe::Event;
use crate::record::{Header, Record};
use crate::settings::{Unreadable as OnUnreadable, WhenMany};
use crate::store::{Added, Replaced, StoreKey, Version};
use crate::verbs::Verbs;
use std::mem;
use std::time::Duration;

/// How long a session may be in the roster before it is written.
const IN_FLIGHT: Duration = Duration::from_secs(60);

/// How many entries more than it has to a login strikes off a full roster, so that the next ones need not look.
const SPARE: usize = 16;

/// Enters a session that is about to be the user's, and makes room for it: what is ended by that is
/// gone when this returns. The session `instead_of` was never made.
///
/// # Errors
///
/// `TooManySessions` if there is no room. `Interrupted` if the session was ended meanwhile.
pub(crate) async fn enroll(
    verbs: &mut Verbs<'_>,
    roster: StoreKey,
    key: StoreKey,
    instead_of: Option<StoreKey>,
) -> Result<(), Error> {
    let in_doubt = mem::take(&mut verbs.in_doubt);
    let result = enter(verbs, roster, key, instead_of).await;
    aside(verbs, in_doubt, result)
}

async fn enter(
    verbs: &mut Verbs<'_>,
    roster: StoreKey,
    key: StoreKey,
    instead_of: Option<StoreKey>,
) -> Result<(), Error> {
    let mut conflicts = 0;
    loop {
        verbs.wait(conflicts).await?;
        let now = verbs.settings.now();
        let (mut sessions, version) = read(verbs, roster).await?;
        let ended: Vec<_> = sessions.ended().collect();
        for &key in &ended {
            end(verbs, roster, key).await?;
        }
        match sessions.find(key) {
            Some(entry) if entry.ended => return Err(ErrorKind::Interrupted.into()),
            Some(_) => return Ok(()),
            None => {}
        }
        sessions.strike(&ended);
        sessions.strike(instead_of.as_slice());
        make_room(verbs, roster, &mut sessions, now).await?;
        sessions.0.push(Entry {
            key,
            entered: now,
            ended: false,
        });
        if write(verbs, roster, &sessions, version, now).await? {
            for key in sessions.ended() {
                end(verbs, roster, key).await?;
            }
            return Ok(());
        }
        conflicts += 1;
    }
}

/// Makes room for one more session, by marking others where the limit says so.
async fn make_room(
    verbs: &mut Verbs<'_>,
    roster: StoreKey,
    sessions: &mut Roster,
    now: Timestamp,
) -> Result<(), Error> {
    let limit = verbs.settings.session_limit;
    let most = limit.map_or(MOST, |limit| limit.most);
    if sessions.0.len() < most {
        return Ok(());
    }
    let mut gone = Vec::new();
    let enough = sessions.0.len() + 1 - most + SPARE;
    for entry in &sessions.0 {
        // Those that are not looked at count: the login has to end in time.
        if gone.len() == enough || verbs.is_half_over() {
            break;
        }
        // Its login may be under way, but no longer than a commit takes.
        let in_flight = now.since(entry.entered) < IN_FLIGHT + verbs.settings.time_limit;
        if !in_flight && !is_living(verbs, roster, entry.key).await? {
            gone.push(entry.key);
        }
    }
    sessions.strike(&gone);
    let over = (sessions.0.len() + 1).saturating_sub(most);
    match limit.map(|limit| limit.when_many) {
        _ if over == 0 => {}
        Some(WhenMany::EndOldest) => {
            let oldest = sessions.0.iter_mut().take(over);
            oldest.for_each(|entry| entry.ended = true);
        }
        Some(WhenMany::Refuse) | None => return Err(ErrorKind::TooManySessions.into()),
    }
    Ok(())
}

/// Whether a session counts. One that has expired is ended, so that no late write moves its deadline when
/// it is no longer in the roster.
async fn is_living(verbs: &mut Verbs<'_>, roster: StoreKey, key: StoreKey) -> Result<bool, Error> {
    match standing(verbs, roster, key).await? {
        // Of a newer version perhaps, which can read it.
        Standing::Theirs(_) | Standing::Unreadable => Ok(true),
        Standing::Nobodys(..) | Standing::Gone => Ok(false),
        Standing::Expired => {
            verbs.delete(key).await?;
            verbs.settings.watch.tell(Event::Expired, Some(key));
            Ok(false)
        }
    }
}

/// Makes sure that a session which was just created may live, since only now can others see and end
/// it. If it may not, it is taken back: nobody knows its id yet.
///
/// # Errors
///
/// `Interrupted` if it was ended meanwhile.
pub(crate) async fn confirm(
    verbs: &mut Verbs<'_>,
    roster: StoreKey,
    key: StoreKey,
) -> Result<(), Error> {
    let in_doubt = mem::take(&mut verbs.in_doubt);
    let result = match read(verbs, roster).await {
        Ok((sessions, _)) if sessions.find(key).is_some_and(|entry| !entry.ended) => Ok(()),
        Ok(_) => Err(ErrorKind::Interrupted.into()),
        Err(error) => Err(error),
    };
    if result.is_err() {
        let _ = verbs.delete(key).await;
    }
    aside(verbs, in_doubt, result)
}

/// Strikes off a session that is gone.
pub(crate) async fn leave(
    verbs: &mut Verbs<'_>,
    roster: StoreKey,
    key: StoreKey,
) -> Result<(), Error> {
    strike(verbs, roster, &[key]).await
}

/// Marks these sessions as ended, and then ends them, with those that others have marked. Yields how many of
/// these lived.
pub(crate) async fn mark(
    verbs: &mut Verbs<'_>,
    roster: StoreKey,
    which: impl Fn(StoreKey) -> bool,
) -> Result<usize, Error> {
    let sessions = change(verbs, roster, |sessions| {
        let mut changed = false;
        for entry in sessions.0.iter_mut().filter(|entry| which(entry.key)) {
            changed |= !entry.ended;
            entry.ended = true;
        }
        changed
    })
    .await?;
    let marked: Vec<_> = sessions.ended().collect();
    let mut lived = 0;
    for &key in &marked {
        // Each has the whole time limit.
        let verbs = &mut Verbs::new(verbs.settings);
        lived += usize::from(end(verbs, roster, key).await? && which(key));
    }
    // Only tidies up: whoever changes the roster next ends them once more.
    let _ = strike(verbs, roster, &marked).await;
    Ok(lived)
}

/// The sessions in the roster, also those that are marked as ended.
pub(crate) async fn entries(
    verbs: &mut Verbs<'_>,
    roster: StoreKey,
) -> Result<impl Iterator<Item = StoreKey>, Error> {
    let (sessions, _) = read(verbs, roster).await?;
    Ok(sessions.0.into_iter().map(|entry| entry.key))
}

/// Ends a session if it is this user's, or nobody's yet. Yields whether it lived.
pub(crate) async fn end(
    verbs: &mut Verbs<'_>,
    roster: StoreKey,
    key: StoreKey,
) -> Result<bool, Error> {
    let mut conflicts = 0;
    let lived = loop {
        verbs.wait(conflicts).await?;
        match standing(verbs, roster, key).await? {
            Standing::Gone => return Ok(false),
            // A visitor may log in as somebody else this moment: so only this very version is ended.
            Standing::Nobodys(record, version) => {
                let lived = !is_over(verbs, &record);
                match put_down(verbs, key, version, &record).await? {
                    Some(Replaced::Done(_)) => break lived,
                    Some(Replaced::Missing) => return Ok(false),
                    Some(Replaced::Conflict) | None => conflicts += 1,
                }
            }
            // One that cannot be read goes too: better one session too many than one that lives on.
            standing => {
                verbs.delete(key).await?;
                break !matches!(standing, Standing::Expired);
            }
        }
    };
    if lived {
        verbs.settings.watch.tell(Event::Ended, Some(key));
    }
    Ok(lived)
}

/// Replaces a record by one that has reached its end.
async fn put_down(
    verbs: &mut Verbs<'_>,
    key: StoreKey,
    version: Version,
    record: &Record,
) -> Result<Option<Replaced>, Error> {
    let dead = record.with_header(
        Header {
            deadline: Timestamp::from_millis(0),
            ..record.header()
        },
        Timestamp::from_millis(0),
    );
    verbs
        .replace(key, version, dead.bytes().clone(), IN_FLIGHT)
        .await
}

/// The record of a session if that lives and is this user's.
pub(crate) async fn look(
    verbs: &mut Verbs<'_>,
    roster: StoreKey,
    key: StoreKey,
) -> Result<Option<Record>, Error> {
    Ok(match standing(verbs, roster, key).await? {
        Standing::Theirs(record) => Some(record),
        _ => None,
    })
}

/// What a session in the roster turns out to be.
enum Standing {
    /// One that lives.
    Theirs(Record),
    /// One whose end has passed.
    Expired,
    /// That of a login which is under way, or which failed and left a visitor.
    Nobodys(Record, Version),
    Unreadable,
    /// There is none, or it is somebody else's.
    Gone,
}

async fn standing(
    verbs: &mut Verbs<'_>,
    roster: StoreKey,
    key: StoreKey,
) -> Result<Standing, Error> {
    let Some(entry) = verbs.get(key).await? else {
        return Ok(Standing::Gone);
    };
    let Ok(record) = Record::decode(entry.value) else {
        return Ok(Standing::Unreadable);
    };
    Ok(match record.owner() {
        None => Standing::Nobodys(record, entry.version),
        Some(owner) if owner.roster != roster => Standing::Gone,
        Some(_) if is_over(verbs, &record) => Standing::Expired,
        Some(_) => Standing::Theirs(record),
    })
}

fn is_over(verbs: &Verbs<'_>, record: &Record) -> bool {
    let settings = verbs.settings;
    record.header().is_over(&settings.lifetimes, settings.now())
}

/// Replaces a roster that cannot be read by an empty one. Yields whether it was one.
pub(crate) async fn reset(verbs: &mut Verbs<'_>, roster: StoreKey) -> Result<bool, Error> {
    let mut conflicts = 0;
    loop {
        verbs.wait(conflicts).await?;
        let Some(entry) = verbs.get(roster).await? else {
            return Ok(false);
        };
        if Roster::decode(&entry.value).is_ok() {
            return Ok(false);
        }
        let (empty, now) = (Roster::default(), verbs.settings.now());
        if write(verbs, roster, &empty, Some(entry.version), now).await? {
            return Ok(true);
        }
        conflicts += 1;
    }
}

async fn strike(verbs: &mut Verbs<'_>, roster: StoreKey, keys: &[StoreKey]) -> Result<(), Error> {
    let strike = |sessions: &mut Roster| {
        let before = sessions.0.len();
        sessions.strike(keys);
        sessions.0.len() != before
    };
    change(verbs, roster, strike).await.map(drop)
}

/// Changes the roster by a closure that says whether it did, again on each version that comes between.
/// Yields what it is now.
async fn change(
    verbs: &mut Verbs<'_>,
    roster: StoreKey,
    change: impl Fn(&mut Roster) -> bool,
) -> Result<Roster, Error> {
    let mut conflicts = 0;
    loop {
        verbs.wait(conflicts).await?;
        let now = verbs.settings.now();
        let (mut sessions, version) = read(verbs, roster).await?;
        if !change(&mut sessions) || write(verbs, roster, &sessions, version, now).await? {
            return Ok(sessions);
        }
        conflicts += 1;
    }
}

/// The roster, with its version if it is stored.
async fn read(verbs: &mut Verbs<'_>, roster: StoreKey) -> Result<(Roster, Option<Version>), Error> {
    let Some(entry) = verbs.get(roster).await? else {
        return Ok((Roster::default(), None));
    };
    let sessions = Roster::decode(&entry.value).or_else(|Unreadable| {
        verbs.settings.watch.tell(Event::Unreadable, None);
        match verbs.settings.unreadable {
            OnUnreadable::Empty => Ok(Roster::default()),
            OnUnreadable::Fail => Err(ErrorKind::Undecodable),
        }
    })?;
    Ok((sessions, Some(entry.version)))
}

/// Writes the roster if it has not changed since. Otherwise, and in doubt, it is to be read again: what
/// is done to a roster can be done twice.
async fn write(
    verbs: &mut Verbs<'_>,
    roster: StoreKey,
    sessions: &Roster,
    version: Option<Version>,
    now: Timestamp,
) -> Result<bool, Error> {
    let value = sessions.encode();
    let time_to_live = sessions.time_to_live(&verbs.settings.lifetimes, now);
    Ok(match version {
        Some(version) => matches!(
            verbs.replace(roster, version, value, time_to_live).await?,
            Some(Replaced::Done(_))
        ),
        None => matches!(
            verbs.add(roster, value, time_to_live).await?,
            Some(Added::Done(_))
        ),
    })
}

/// Ends what a commit does beside its own write, whose doubts stay as they were. Nothing of the session
/// depends on whether this took effect.
fn aside<T>(verbs: &mut Verbs<'_>, in_doubt: bool, result: Result<T, Error>) -> Result<T, Error> {
    verbs.in_doubt = in_doubt;
    result.map_err(|error| match error.kind() {
        ErrorKind::Unknown => verbs.give_up(ErrorKind::Unavailable),
        kind => verbs.give_up(kind),
    })
}
