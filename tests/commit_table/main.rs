//! The commit table of the protocol, row by row: with which verbs, and with which cookie.

#[path = "../support/mod.rs"]
mod support;

mod create;
mod doubt;
mod failed;
mod flush;
mod merge;
mod owed;
mod renew;
mod superseded;
mod write;

use support::{Answer, assert_ok};

/// The answer went well, and says nothing to the browser.
#[track_caller]
fn assert_silent(answer: &Answer) {
    assert_ok(answer);
    assert_eq!(answer.set_cookies(), [""; 0]);
}

/// The commit failed in this way, and the browser keeps the cookie that it has.
#[track_caller]
fn assert_error(answer: &Answer, status: u16, kind: &str) {
    assert_eq!((answer.status.as_u16(), &*answer.body), (status, kind));
    assert_eq!(answer.set_cookies(), [""; 0]);
}

/// The one Set-Cookie header takes the cookie out of the browser.
#[track_caller]
fn assert_removed(answer: &Answer) {
    let [cookie] = answer.set_cookies()[..] else {
        panic!("{:?}", answer.set_cookies());
    };
    assert_eq!(
        cookie,
        "__Host-id=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0; \
         Expires=Thu, 01 Jan 1970 00:00:00 GMT"
    );
}

/// The one Set-Cookie header has an id.
#[track_caller]
fn id_set(answer: &Answer) -> String {
    let [cookie] = answer.set_cookies()[..] else {
        panic!("{:?}", answer.set_cookies());
    };
    let (pair, _) = cookie.split_once(';').unwrap();
    let id = pair.strip_prefix("__Host-id=").unwrap();
    assert_eq!(id.len(), 43);
    id.to_owned()
}
