//! What a record becomes: the newest version, with the operations of this request.

use crate::error::Error;
use crate::expiry::{Timestamp, time_to_live};
use crate::id::{Secret, SessionId};
use crate::operations::Operations;
use crate::record::{Header, Record, Tokens};
use crate::settings::Settings;
use crate::state::Base;
use std::time::Duration;

/// A record to be written, with the cookie that goes with it.
pub(super) struct Draft {
    pub(super) record: Record,
    pub(super) time_to_live: Duration,
    /// Whether the deadline was moved.
    pub(super) renews: bool,
    /// Whether the cookie says something new.
    pub(super) send_cookie: bool,
    /// When it was made.
    pub(super) now: Timestamp,
}

/// A record that nobody has seen yet.
#[inline]
pub(super) fn create(
    settings: &Settings,
    id: SessionId,
    operations: &Operations,
    token: u64,
) -> Result<Draft, Error> {
    let now = settings.now();
    let expiry = operations.expiry().unwrap_or_default();
    let mut tokens = Tokens::NONE;
    tokens.push(token);
    let header = Header {
        created: now,
        deadline: settings.lifetimes.deadline(expiry, now, now),
        expiry,
        secret: id.secret(),
        rotated_at: None,
        tokens,
    };
    Ok(Draft {
        record: operations.write(header, None, now, settings.max_size)?,
        time_to_live: time_to_live(header.deadline, now),
        renews: false,
        send_cookie: true,
        now,
    })
}

/// `write(base)` of the protocol: operations on this version, under its own expiry policy.
#[inline]
pub(super) fn write(
    settings: &Settings,
    base: &Base,
    operations: &Operations,
    token: u64,
    rotation: Option<Secret>,
    now: Timestamp,
) -> Result<Draft, Error> {
    let old = base.record.header();
    let expiry = operations.expiry().unwrap_or(old.expiry);
    let moved = old.next_deadline(&settings.lifetimes, expiry, rotation.is_some(), now);
    let deadline = moved.unwrap_or(old.deadline);
    let mut header = Header {
        created: old.created.min(now),
        deadline,
        expiry,
        ..old
    };
    header.tokens.push(token);
    if let Some(secret) = rotation {
        header.secret = secret;
        header.rotated_at = Some(now);
    }
    // A session that is over a limit which was lowered since may shrink, or change its id.
    let limit = settings.max_size.max(base.record.bytes().len());
    Ok(Draft {
        record: operations.write(header, Some(&base.record), now, limit)?,
        time_to_live: time_to_live(deadline, now),
        renews: moved.is_some(),
        send_cookie: if settings.lifetimes.ends_with_browser(expiry) {
            rotation.is_some() || expiry != old.expiry
        } else {
            moved.is_some()
        },
        now,
    })
}

/// The same data, used now, and under the same tokens: a renewal is no commit that
/// anyone would have to recognise.
pub(super) fn renew(settings: &Settings, base: &Base) -> Draft {
    let now = settings.now();
    let old = base.record.header();
    let moved = old.next_deadline(&settings.lifetimes, old.expiry, false, now);
    let deadline = moved.unwrap_or(old.deadline);
    let header = Header {
        created: old.created.min(now),
        deadline,
        ..old
    };
    Draft {
        record: base.record.with_header(header, now),
        time_to_live: time_to_live(deadline, now),
        renews: true,
        send_cookie: moved.is_some() && !settings.lifetimes.ends_with_browser(old.expiry),
        now,
    }
}
