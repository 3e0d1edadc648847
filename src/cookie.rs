//! The session's cookie: found in a request byte by byte, written to a response.

use crate::expiry::Timestamp;
use crate::id::SessionId;
use crate::settings::Settings;
use ::cookie::Cookie;
use http::{HeaderMap, HeaderValue, header};
use memchr::memchr;
use std::time::Duration;

/// The session cookies that a request carried.
pub(crate) struct Carried {
    /// The first id, and as a rule the only one. Those of the present name come first.
    first: Option<SessionId>,
    /// In a box, since few requests carry more.
    others: Option<Box<[Option<SessionId>; Self::MAX - 1]>>,
    /// How many are of the present name.
    present: usize,
    /// Whether there was a cookie of the name at all, be it malformed.
    pub(crate) any: bool,
    /// Whether one of them was malformed.
    pub(crate) malformed: bool,
    /// Whether there was one of a former name.
    pub(crate) former: bool,
}

impl Carried {
    pub(crate) const NONE: Self = Self {
        first: None,
        others: None,
        present: 0,
        any: false,
        malformed: false,
        former: false,
    };

    /// How many ids of one request count.
    pub(crate) const MAX: usize = 3;

    /// The well-formed ids, in the order sent.
    pub(crate) fn ids(&self) -> impl Iterator<Item = SessionId> + use<'_> {
        self.first
            .iter()
            .chain(self.others.iter().flat_map(|it| it.iter().flatten()))
            .copied()
    }

    /// The id to look up at this turn. One of a former name is only looked up if there is no cookie of
    /// the present one.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&SessionId> {
        let counts = !self.any || index < self.present;
        let id = match index.checked_sub(1) {
            None => &self.first,
            Some(index) => self.others.as_ref()?.get(index)?,
        };
        id.as_ref().filter(|_| counts)
    }

    /// Whether the ids that are looked up are of a former name.
    pub(crate) const fn by_former_name(&self) -> bool {
        self.former && !self.any
    }

    /// As if a request had carried this id alone.
    pub(crate) const fn of(id: SessionId) -> Self {
        Self {
            first: Some(id),
            ..Self::NONE
        }
    }

    /// Takes in the value of a cookie.
    fn push(&mut self, value: &[u8]) {
        let is_id = match self.free() {
            Some(place) => {
                SessionId::parse_into(place, value);
                place.is_some()
            }
            None => SessionId::parse(value).is_some(),
        };
        self.malformed |= !is_id;
    }

    /// The place of the next id, if it counts.
    fn free(&mut self) -> Option<&mut Option<SessionId>> {
        if self.first.is_none() {
            return Some(&mut self.first);
        }
        let mut others = self.others.get_or_insert_default().iter_mut();
        others.find(|it| it.is_none())
    }
}

/// Finds the cookies of the layer, and those of its former names.
#[inline]
pub(crate) fn read(headers: &HeaderMap, settings: &Settings, carried: &mut Carried) {
    carried.any = find(headers, settings.cookie.name(), carried);
    carried.present = carried.ids().count();
    if !settings.former_names.is_empty() {
        let now = settings.now();
        for former in settings.former_names.iter().filter(|it| it.counts(now)) {
            carried.former |= find(headers, former.cookie.name(), carried);
        }
    }
}

/// Whether there is a cookie with this name. Its id is pushed to the others.
///
/// Only the bytes count (RFC 6265bis, 5.8): pairs end at `;`, spaces and tabs around them go, and the
/// name has to be the same to the byte. Unquoting, decoding or trimming anything else would let
/// a sister domain forge a cookie with a `__Host-` prefix.
fn find(headers: &HeaderMap, name: &str, carried: &mut Carried) -> bool {
    let mut any = false;
    for line in headers.get_all(header::COOKIE) {
        let mut rest = Some(line.as_bytes());
        while let Some(line) = rest {
            let (pair, after) = match memchr(b';', line) {
                Some(end) => (&line[..end], Some(&line[end + 1..])),
                None => (line, None),
            };
            rest = after;
            if let Some(value) = value(pair, name) {
                any = true;
                carried.push(value);
            }
        }
    }
    any
}

/// The value of this pair, if it has this name.
fn value<'a>(mut pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    while let [b' ' | b'\t', rest @ ..] = pair {
        pair = rest;
    }
    let (this, rest) = pair.split_at_checked(name.len())?;
    let mut value = match rest {
        [b'=', value @ ..] if this == name.as_bytes() => value,
        _ => return None,
    };
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    Some(value)
}

/// Where browsers send a cookie along with a request that another site caused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SameSite {
    /// Only within the site.
    Strict,
    /// Also where a link leads to the site.
    #[default]
    Lax,
    /// Everywhere, which takes Secure.
    None,
}

/// The attributes of a cookie, checked by whoever hands them over.
#[derive(Debug, Clone)]
pub(crate) struct Attributes {
    pub(crate) path: String,
    pub(crate) domain: Option<String>,
    pub(crate) secure: bool,
    pub(crate) http_only: bool,
    pub(crate) same_site: SameSite,
    pub(crate) partitioned: bool,
}

/// The cookie of a layer, with its constant part built once.
#[derive(Debug)]
pub(crate) struct CookieTemplate {
    name: String,
    attributes: String,
    removal: HeaderValue,
}

impl CookieTemplate {
    /// `None` if name and attributes make no header value.
    pub(crate) fn new(name: &str, attributes: &Attributes) -> Option<Self> {
        let mut cookie = Cookie::build((name, ""))
            .path(attributes.path.as_str())
            .secure(attributes.secure)
            .http_only(attributes.http_only)
            .same_site(match attributes.same_site {
                SameSite::Strict => ::cookie::SameSite::Strict,
                SameSite::Lax => ::cookie::SameSite::Lax,
                SameSite::None => ::cookie::SameSite::None,
            })
            .partitioned(attributes.partitioned);
        if let Some(domain) = &attributes.domain {
            cookie = cookie.domain(domain.as_str());
        }
        let constant = cookie.to_string();
        let attributes = constant.strip_prefix(name)?.strip_prefix('=')?;
        // Both, since some clients know only the older one.
        let removal = format!("{constant}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        Some(Self {
            name: name.to_owned(),
            attributes: attributes.to_owned(),
            removal: HeaderValue::try_from(removal).ok()?,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The header that takes the cookie out of the browser.
    pub(crate) fn removal(&self) -> HeaderValue {
        self.removal.clone()
    }

    /// The header that puts the cookie into the browser; without an age, until it is closed.
    #[inline]
    pub(crate) fn set(&self, id: SessionId, max_age: Option<Duration>) -> Option<HeaderValue> {
        const MAX_AGE: &[u8] = b"; Max-Age=";
        let age = max_age.map(max_age_seconds);
        let digits = |age: u64| age.ilog10() as usize + 1;
        let age_size = age.map_or(0, |age| MAX_AGE.len() + digits(age));
        // To the byte, so that the buffer need not move.
        let size = self.name.len() + 1 + SessionId::TEXT + self.attributes.len() + age_size;
        let mut text = Vec::with_capacity(size);
        text.extend_from_slice(self.name.as_bytes());
        text.push(b'=');
        id.write_to(&mut text);
        text.extend_from_slice(self.attributes.as_bytes());
        if let Some(age) = age {
            text.extend_from_slice(MAX_AGE);
            text.extend_from_slice(itoa::Buffer::new().format(age).as_bytes());
        }
        let mut header = HeaderValue::try_from(text).ok()?;
        header.set_sensitive(true);
        Some(header)
    }
}

/// A name that the cookie had before.
#[derive(Debug)]
pub(crate) struct FormerName {
    pub(crate) cookie: CookieTemplate,
    pub(crate) until: Timestamp,
}

impl FormerName {
    /// Whether cookies of this name are still read.
    pub(crate) fn counts(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

/// Whole seconds, rounded up, from one second to 400 days (the limit of RFC 6265bis, 5.5).
fn max_age_seconds(age: Duration) -> u64 {
    const LIMIT: u64 = 400 * 24 * 60 * 60;
    let seconds = age
        .as_secs()
        .saturating_add(u64::from(age.subsec_nanos() > 0));
    seconds.clamp(1, LIMIT)
}
