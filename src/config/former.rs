//! Names that the cookie had before.

use super::{ConfigError, Prefix, SessionLayerBuilder, is_token};
use crate::cookie::{CookieTemplate, FormerName};
use std::time::SystemTime;

/// # A new name for the cookie
impl SessionLayerBuilder {
    /// A name that the cookie had before, so that a new one logs nobody out. Several can be given.
    ///
    /// A cookie of that name is read until this date, and only by requests that carry none of the present
    /// name. The session that it finds gets another id at once: the answer sets the present cookie and removes
    /// the former one. Only a 5xx leaves both as they were. A logout ends what either cookie names.
    ///
    /// The sessions stay under the keys that they have, so [`keyspace`](Self::keyspace) has to say which those
    /// are. That line stays when this one goes:
    ///
    /// ```
    /// # use sessile::{SessionLayer, store::MemoryStore};
    /// # use std::time::{Duration, SystemTime};
    /// # let end_of_the_year = SystemTime::now() + Duration::from_secs(30 * 24 * 60 * 60);
    /// let layer = SessionLayer::builder(MemoryStore::new())
    ///     .cookie_name("__Host-shop")
    ///     .keyspace("shop_session")
    ///     .former_cookie_name("shop_session", end_of_the_year)
    ///     .build()?;
    /// # Ok::<(), sessile::ConfigError>(())
    /// ```
    ///
    /// Where a browser sends several requests at once with the former cookie, the first to be ready gives the
    /// session its new id. What it means for the others is what each new id means for
    /// requests that overlap with it: one that only reads, and has begun, is answered as ever; one that
    /// changes the session is answered with 400; one that comes in after that with the former cookie finds an
    /// empty session, this once.
    ///
    /// The removal has the path and the domain of the present cookie. A former one that was set with others
    /// stays in the browser until it expires, and is worth nothing.
    ///
    /// The present name is no former one: it is ignored here.
    pub fn former_cookie_name(mut self, name: impl Into<String>, until: SystemTime) -> Self {
        self.former_names.push((name.into(), until));
        self
    }

    /// The name that the keys of the store's entries are derived from. By default that of the cookie. Whoever
    /// renames the cookie and keeps its sessions puts the first name here, for good: another keyspace is
    /// another set of sessions, and of [lists of users' sessions](crate::sessions).
    pub fn keyspace(mut self, name: impl Into<String>) -> Self {
        self.keyspace = Some(name.into());
        self
    }

    /// Takes the prefixes away that plain http does not allow.
    pub(super) fn strip_prefixes(&mut self) {
        let former = self.former_names.iter_mut().map(|(name, _)| name);
        let names = former.chain(&mut self.keyspace);
        for name in names.chain([&mut self.cookie_name]) {
            let (_, prefix) = Prefix::of(name);
            name.drain(..prefix);
        }
    }

    pub(super) fn former_names(&self) -> Result<Box<[FormerName]>, ConfigError> {
        if self.keyspace.is_none() && !self.former_names.is_empty() {
            return Err(ConfigError::FormerNameNeedsKeyspace);
        }
        // Without its prefix, over plain http, a former name may be the present one.
        let names = self.former_names.iter();
        names
            .filter(|(name, _)| *name != self.cookie_name)
            .map(|(name, until)| {
                let cookie = self.former_cookie(name);
                Ok(FormerName {
                    cookie: cookie
                        .ok_or_else(|| ConfigError::FormerCookieName { name: name.clone() })?,
                    until: (*until).into(),
                })
            })
            .collect()
    }

    /// A cookie of this name, with what browsers ask of its prefix.
    fn former_cookie(&self, name: &str) -> Option<CookieTemplate> {
        if name.is_empty() || !name.bytes().all(is_token) {
            return None;
        }
        let (prefix, _) = Prefix::of(name);
        let mut attributes = self.attributes.clone();
        attributes.secure |= prefix.secure;
        if prefix.host {
            (attributes.path, attributes.domain) = ("/".to_owned(), None);
        }
        CookieTemplate::new(name, &attributes)
    }
}
