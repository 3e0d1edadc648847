//! What a response says besides the handler's: the cookie, the caches, the errors.

use crate::error::Error;
use crate::settings::Settings;
use crate::state::Parting;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, VARY,
};
use http::response::Response;

const COOKIE: &str = "cookie";
const BY_COOKIE: HeaderValue = HeaderValue::from_static(COOKIE);
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const PRIVATE: HeaderValue = HeaderValue::from_static("private");

/// Says what is to be told of the session: to the browser its cookie, which takes the place of those of former
/// names, and to caches that they must not share the response.
#[inline]
pub(crate) fn decorate(headers: &mut HeaderMap, settings: &Settings, parting: Parting) {
    if !parting.is_told() {
        return;
    }
    let sets_cookie = parting.cookie.is_some();
    if let Some(cookie) = parting.cookie {
        set_cookie(headers, settings.cookie.name(), cookie);
        if parting.former {
            remove_former(headers, settings);
        }
    }
    vary_by_cookie(headers);
    if settings.cache_control {
        keep_private(headers, sets_cookie);
        if sets_cookie {
            remove_targeted(headers);
        }
    }
}

/// The answer for a commit that failed.
pub(crate) fn error_response(settings: &Settings, error: &Error) -> Response<Bytes> {
    let mut response = (settings.error_response)(error);
    vary_by_cookie(response.headers_mut());
    response
        .headers_mut()
        .entry(CACHE_CONTROL)
        .or_insert(NO_STORE);
    response
}

/// A short text that gives nothing away.
pub(crate) fn default_error_response(error: &Error) -> Response<Bytes> {
    let text = match error.status().as_u16() {
        400 => "The session has ended. Please try again.",
        403 => "You are logged in in too many places. Please log out in one of them first.",
        409 => "This has changed meanwhile. Please have another look and try again.",
        503 => "Sessions are not available right now. Please try again later.",
        _ => "The session could not be processed.",
    };
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = error.status();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response.headers_mut().insert(VARY, BY_COOKIE);
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

/// Takes the cookies of former names out of the browser. After their date, somebody else may have them.
fn remove_former(headers: &mut HeaderMap, settings: &Settings) {
    let now = settings.now();
    for former in settings.former_names.iter().filter(|it| it.counts(now)) {
        set_cookie(headers, former.cookie.name(), former.cookie.removal());
    }
}

/// Adds the cookie. One that the handler set under the same name gives way to it.
fn set_cookie(headers: &mut HeaderMap, name: &str, cookie: HeaderValue) {
    let ours = |other: &HeaderValue| {
        let pair = other
            .as_bytes()
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or_default();
        let other = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
        other.trim_ascii() == name.as_bytes()
    };
    if has(headers, &SET_COOKIE) && headers.get_all(SET_COOKIE).iter().any(ours) {
        let others: Vec<_> = headers
            .get_all(SET_COOKIE)
            .iter()
            .filter(|other| !ours(other))
            .cloned()
            .collect();
        headers.remove(SET_COOKIE);
        for other in others {
            headers.append(SET_COOKIE, other);
        }
    }
    headers.append(SET_COOKIE, cookie);
}

/// Whether there is such a header. The names of a response are few, so to look through them is quicker
/// than to hash this one.
fn has(headers: &HeaderMap, name: &HeaderName) -> bool {
    headers.keys().any(|other| other == name)
}

/// What the lines of a header list, with commas between.
fn listed<'a>(lines: impl Iterator<Item = &'a HeaderValue>) -> impl Iterator<Item = &'a [u8]> {
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
}

/// Names the cookie, in one line with all others: nginx before 1.23 heeds the last line alone, and
/// `*` only where it stands by itself.
#[inline]
fn vary_by_cookie(headers: &mut HeaderMap) {
    if has(headers, &VARY) {
        add_to_vary(headers);
    } else {
        headers.insert(VARY, BY_COOKIE);
    }
}

/// What is there already stays, in one line with it.
#[cold]
fn add_to_vary(headers: &mut HeaderMap) {
    let any = HeaderValue::from_static("*");
    let mut names: Vec<_> = listed(headers.get_all(VARY).iter())
        .filter(|name| !name.is_empty())
        .collect();
    let value = if names.contains(&any.as_bytes()) {
        any
    } else {
        if !names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(COOKIE.as_bytes()))
        {
            names.push(COOKIE.as_bytes());
        }
        HeaderValue::from_bytes(&names.join(&b", "[..])).unwrap_or(any)
    };
    headers.insert(VARY, value);
}

/// Keeps the response out of shared caches: one with our cookie always, another unless the handler
/// spoke to them.
#[inline]
fn keep_private(headers: &mut HeaderMap, sets_cookie: bool) {
    if has(headers, &CACHE_CONTROL) {
        restrict(headers, sets_cookie);
    } else {
        headers.insert(CACHE_CONTROL, if sets_cookie { NO_STORE } else { PRIVATE });
    }
}

/// What the handler said stays, but for what lets shared caches have it.
#[cold]
fn restrict(headers: &mut HeaderMap, sets_cookie: bool) {
    let mut kept = Vec::new();
    let (mut private, mut shared) = (false, false);
    for directive in listed(headers.get_all(CACHE_CONTROL).iter()) {
        let name = directive
            .split(|byte| *byte == b'=')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        if name.eq_ignore_ascii_case(b"public") || name.eq_ignore_ascii_case(b"s-maxage") {
            shared = true;
            continue;
        }
        private |= directive.eq_ignore_ascii_case(b"private")
            || directive.eq_ignore_ascii_case(b"no-store");
        if !directive.is_empty() {
            kept.push(directive);
        }
    }
    if !sets_cookie && (private || shared) {
        return;
    }
    if !private {
        kept.push(b"private");
    }
    let value = HeaderValue::from_bytes(&kept.join(&b", "[..])).unwrap_or(NO_STORE);
    headers.insert(CACHE_CONTROL, value);
}

/// Takes out what the handler said to particular shared caches, where it would count more than
/// Cache-Control. The suffix is that of RFC 9213, 2.3. The others are older: of several surrogates,
/// of Akamai and of nginx.
fn remove_targeted(headers: &mut HeaderMap) {
    let targeted = |name: &&HeaderName| {
        let name = name.as_str();
        name.ends_with("-cache-control")
            || matches!(
                name,
                "surrogate-control" | "edge-control" | "x-accel-expires"
            )
    };
    while let Some(name) = headers.keys().find(targeted).cloned() {
        headers.remove(name);
    }
}
