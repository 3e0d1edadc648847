//! How a layer is configured, and which configurations there cannot be.

mod error;
mod former;

pub use error::ConfigError;

use crate::assurance::Assurance;
use crate::clock::{Clock, SystemClock};
use crate::cookie::{Attributes, CookieTemplate, SameSite};
use crate::error::Error;
use crate::expiry::Lifetimes;
use crate::layer::SessionLayer;
use crate::log;
use crate::observe::{Observer, Watch};
use crate::random::{Random, SystemRandom};
use crate::record;
use crate::response::default_error_response;
use crate::roster;
use crate::settings::{
    Conflict, ErrorResponse, Load, OnStoreError, SessionLimit, Settings, Unreadable, WhenMany,
};
use crate::store::{Backend, Keyspace, Store};
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

impl SessionLayer {
    /// A layer over this store, with the defaults: a `__Host-id` cookie for https, 14 days idle, 30
    /// days at most.
    ///
    /// # Panics
    ///
    /// Never: the defaults fit together.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the defaults fit together, and a test says so"
    )]
    pub fn new(store: impl Store) -> Self {
        Self::builder(store)
            .build()
            .expect("the defaults fit together")
    }

    /// All settings of a layer over this store.
    pub fn builder(store: impl Store) -> SessionLayerBuilder {
        SessionLayerBuilder::new(store)
    }
}

/// The settings of a [`SessionLayer`], all with safe defaults.
///
/// ```
/// use sessile::store::MemoryStore;
/// use sessile::{SameSite, SessionLayer};
/// use std::time::Duration;
///
/// let layer = SessionLayer::builder(MemoryStore::new())
///     .cookie_name("__Host-shop")
///     .cookie_same_site(SameSite::Strict)
///     .idle_lifetime(Duration::from_secs(30 * 60))
///     .build()?;
/// # Ok::<(), sessile::ConfigError>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct SessionLayerBuilder {
    store: Backend,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    cookie_name: String,
    former_names: Vec<(String, SystemTime)>,
    keyspace: Option<String>,
    attributes: Attributes,
    lifetimes: Lifetimes,
    load: Load,
    max_size: usize,
    time_limit: Duration,
    application: String,
    unreadable: Unreadable,
    on_store_error: OnStoreError,
    conflict: Conflict,
    session_limit: Option<SessionLimit>,
    error_response: Arc<ErrorResponse>,
    cache_control: bool,
    plain_http: bool,
    observer: Option<Arc<dyn Observer>>,
}

impl SessionLayerBuilder {
    pub(crate) fn new(store: impl Store) -> Self {
        Self {
            store: Backend::new(store),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            cookie_name: "__Host-id".to_owned(),
            former_names: Vec::new(),
            keyspace: None,
            attributes: Attributes {
                path: "/".to_owned(),
                domain: None,
                secure: true,
                http_only: true,
                same_site: SameSite::Lax,
                partitioned: false,
            },
            lifetimes: Lifetimes {
                idle: Assurance::Aal1.idle_lifetime(),
                absolute: Some(Assurance::Aal1.absolute_lifetime()),
                persistent: true,
            },
            load: Load::Eager,
            max_size: 64 * 1024,
            time_limit: Duration::from_secs(2),
            application: String::new(),
            unreadable: Unreadable::Fail,
            on_store_error: OnStoreError::Fail,
            conflict: Conflict::Merge,
            session_limit: None,
            error_response: Arc::new(default_error_response),
            cache_control: true,
            plain_http: false,
            observer: None,
        }
    }

    /// The name of the cookie. By default `__Host-id`: browsers take that prefix only from this very
    /// host and over https (RFC 6265bis, 4.1.3). Another name is another set of sessions; to keep
    /// those of a former name there is [`former_cookie_name`](Self::former_cookie_name).
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie_name = name.into();
        self
    }

    /// Under which path the browser sends the cookie. By default `/`.
    pub fn cookie_path(mut self, path: impl Into<String>) -> Self {
        self.attributes.path = path.into();
        self
    }

    /// To which domain, with all hosts below it, the browser sends the cookie. By default to
    /// this host alone. Needs a name without the `__Host-` prefix.
    pub fn cookie_domain(mut self, domain: impl Into<String>) -> Self {
        self.attributes.domain = Some(domain.into());
        self
    }

    /// Whether the browser sends the cookie over https only. By default yes; see
    /// [`plain_http`](Self::plain_http) for a developer's machine.
    pub fn cookie_secure(mut self, secure: bool) -> Self {
        self.attributes.secure = secure;
        self
    }

    /// Whether the cookie is hidden from scripts. By default yes.
    pub fn cookie_http_only(mut self, http_only: bool) -> Self {
        self.attributes.http_only = http_only;
        self
    }

    /// Where the browser sends the cookie along with requests that other sites cause. By default
    /// [`SameSite::Lax`].
    pub fn cookie_same_site(mut self, same_site: SameSite) -> Self {
        self.attributes.same_site = same_site;
        self
    }

    /// Whether the cookie of an embedded page is kept apart for each site that embeds it (CHIPS). By
    /// default no.
    pub fn cookie_partitioned(mut self, partitioned: bool) -> Self {
        self.attributes.partitioned = partitioned;
        self
    }

    /// Whether the cookie outlives the browser. By default yes. Without it the cookie is as with
    /// [`Expiry::BrowserSession`](crate::Expiry::BrowserSession), for each session that does not
    /// choose otherwise.
    pub fn cookie_persistent(mut self, persistent: bool) -> Self {
        self.lifetimes.persistent = persistent;
        self
    }

    /// Both lifetimes, as NIST SP 800-63B has them for this level. By default those of
    /// [`Assurance::Aal1`].
    ///
    /// ```
    /// # use sessile::{Assurance, SessionLayer, store::MemoryStore};
    /// let bank = SessionLayer::builder(MemoryStore::new())
    ///     .assurance(Assurance::Aal2)
    ///     .build()?;
    /// # Ok::<(), sessile::ConfigError>(())
    /// ```
    pub fn assurance(self, level: Assurance) -> Self {
        self.idle_lifetime(level.idle_lifetime())
            .absolute_lifetime(level.absolute_lifetime())
    }

    /// How long a session lives without being used. By default 14 days.
    pub fn idle_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetimes.idle = lifetime;
        self
    }

    /// How long a session lives at most, however much it is used. By default 30 days (NIST SP
    /// 800-63B, AAL1).
    pub fn absolute_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetimes.absolute = Some(lifetime);
        self
    }

    /// Lets sessions live for as long as they are used.
    pub fn no_absolute_lifetime(mut self) -> Self {
        self.lifetimes.absolute = None;
        self
    }

    /// When the session is read from the store. By default [`Load::Eager`].
    pub fn load(mut self, load: Load) -> Self {
        self.load = load;
        self
    }

    /// How large a session may be, in bytes of its whole record. By default 64 KiB.
    pub fn max_size(mut self, bytes: usize) -> Self {
        self.max_size = bytes;
        self
    }

    /// How long a load may take, and how long a commit. By default 2 s each.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// A label that keeps the sessions of applications apart that share a store and a cookie name.
    /// By default empty.
    pub fn application(mut self, label: impl Into<String>) -> Self {
        self.application = label.into();
        self
    }

    /// What becomes of a stored record that cannot be read. By default [`Unreadable::Fail`].
    pub fn unreadable(mut self, policy: Unreadable) -> Self {
        self.unreadable = policy;
        self
    }

    /// What becomes of a request while the store does not answer. By default
    /// [`OnStoreError::Fail`].
    pub fn on_store_error(mut self, policy: OnStoreError) -> Self {
        self.on_store_error = policy;
        self
    }

    /// What becomes of a request that wants to write, where another one changed what it read. By default
    /// [`Conflict::Merge`].
    pub fn conflict(mut self, policy: Conflict) -> Self {
        self.conflict = policy;
        self
    }

    /// How many sessions one user may have, and what becomes of a login when there are as many. Sessions
    /// are a user's from [`Session::bind`](crate::Session::bind) on. From 1 to 1,000; by default 1,000, and then
    /// a login is refused.
    pub fn sessions_per_user(mut self, most: usize, when_many: WhenMany) -> Self {
        self.session_limit = Some(SessionLimit { most, when_many });
        self
    }

    /// The answer where a session could not be committed. By default the error's
    /// [`status`](Error::status) with a short text. The layer adds `Vary: Cookie`, and
    /// `Cache-Control: no-store` if the answer has none.
    ///
    /// It is for errors of the commit, which replace what the handler answered. A session that could
    /// not be loaded is for the handler to answer; the extractor does it with a rejection.
    ///
    /// ```
    /// # use sessile::{SessionLayer, store::MemoryStore};
    /// let layer = SessionLayer::builder(MemoryStore::new())
    ///     .error_response(|error| {
    ///         let mut response = http::Response::new("Please try again.".into());
    ///         *response.status_mut() = error.status();
    ///         response
    ///     })
    ///     .build()?;
    /// # Ok::<(), sessile::ConfigError>(())
    /// ```
    pub fn error_response<F>(mut self, response: F) -> Self
    where
        F: Fn(&Error) -> http::Response<Bytes> + Send + Sync + 'static,
    {
        self.error_response = Arc::new(response);
        self
    }

    /// Whether the layer keeps responses that depend on a session out of shared caches. By default
    /// yes. `Vary: Cookie` is set anyway.
    ///
    /// | the response | `Cache-Control` |
    /// |---|---|
    /// | sets the session's cookie | `no-store`, or what the handler said with `private` and without `public` and `s-maxage`. Headers for particular caches go: all that end in `-Cache-Control` (RFC 9213), `Surrogate-Control`, `Edge-Control`, `X-Accel-Expires` |
    /// | depends on the session | with `private`, unless the handler said `public` or `s-maxage` |
    /// | does not | as the handler said |
    ///
    /// A handler that says `public` speaks for all caches in front, also those that ignore `Vary`:
    /// see [Running it in production](crate::guide::production#proxies-and-cdns).
    pub fn cache_control(mut self, set: bool) -> Self {
        self.cache_control = set;
        self
    }

    /// For plain http on a developer's machine: takes Secure and the prefix away from the cookie,
    /// and logs a warning. Anybody on the way can then read and replace the cookie.
    pub fn plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Who is told what happens, for figures; an `Arc` of it keeps a hand on them. By default nobody. See
    /// [`observe`](crate::observe).
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// The clock to go by. Unstable.
    #[cfg(feature = "test-util")]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Where ids come from. Unstable.
    #[cfg(feature = "test-util")]
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = random;
        self
    }

    /// The layer with these settings.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] that names the setting to change, if they do not fit together.
    pub fn build(mut self) -> Result<SessionLayer, ConfigError> {
        if self.plain_http {
            self.strip_prefixes();
            self.attributes.secure = false;
            log::warn!("the session cookie is sent over plain http: not for production");
        }
        self.check_cookie()?;
        self.check_limits()?;
        let cookie = CookieTemplate::new(&self.cookie_name, &self.attributes).ok_or(
            ConfigError::CookieName {
                name: self.cookie_name.clone(),
            },
        )?;
        let former_names = self.former_names()?;
        let keyspace = self.keyspace.as_ref().unwrap_or(&self.cookie_name);
        Ok(SessionLayer::from(Settings {
            keyspace: Keyspace::new(keyspace, &self.application),
            former_names,
            store: self.store,
            watch: Watch::new(self.observer, Arc::clone(&self.clock)),
            clock: self.clock,
            random: self.random,
            cookie,
            lifetimes: self.lifetimes,
            load: self.load,
            unreadable: self.unreadable,
            on_store_error: self.on_store_error,
            conflict: self.conflict,
            session_limit: self.session_limit,
            max_size: self.max_size,
            time_limit: self.time_limit,
            cache_control: self.cache_control,
            error_response: self.error_response,
        }))
    }

    fn check_cookie(&self) -> Result<(), ConfigError> {
        let Attributes {
            path,
            domain,
            secure,
            http_only,
            same_site,
            partitioned,
        } = &self.attributes;
        if self.cookie_name.is_empty() || !self.cookie_name.bytes().all(is_token) {
            return Err(ConfigError::CookieName {
                name: self.cookie_name.clone(),
            });
        }
        if !path.starts_with('/') || !path.bytes().all(|b| matches!(b, b' '..=b'~') && b != b';') {
            return Err(ConfigError::CookiePath { path: path.clone() });
        }
        if let Some(domain) = domain.as_ref().filter(|domain| !is_host_name(domain)) {
            return Err(ConfigError::CookieDomain {
                domain: domain.clone(),
            });
        }
        if *same_site == SameSite::None && !secure {
            return Err(ConfigError::SameSiteNoneNeedsSecure);
        }
        if *partitioned && !secure {
            return Err(ConfigError::PartitionedNeedsSecure);
        }
        let (prefix, _) = Prefix::of(&self.cookie_name);
        if prefix.host && (domain.is_some() || path != "/") {
            return Err(ConfigError::HostPrefix);
        }
        if prefix.secure && !secure {
            return Err(ConfigError::PrefixNeedsSecure);
        }
        if prefix.http_only && !http_only {
            return Err(ConfigError::PrefixNeedsHttpOnly);
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), ConfigError> {
        const MAX_SIZE: usize = 1 << 30;
        if self.lifetimes.idle < Duration::from_millis(1) {
            return Err(ConfigError::IdleLifetime);
        }
        if self
            .lifetimes
            .absolute
            .is_some_and(|lifetime| lifetime < Duration::from_millis(1))
        {
            return Err(ConfigError::AbsoluteLifetime);
        }
        if self
            .session_limit
            .is_some_and(|limit| !(1..=roster::MOST).contains(&limit.most))
        {
            return Err(ConfigError::SessionsPerUser);
        }
        if self.time_limit.is_zero() {
            return Err(ConfigError::TimeLimit);
        }
        if !(record::EMPTY..=MAX_SIZE).contains(&self.max_size) {
            return Err(ConfigError::MaxSize {
                min: record::EMPTY,
                max: MAX_SIZE,
            });
        }
        Ok(())
    }
}

impl fmt::Debug for SessionLayerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayerBuilder")
            .field("cookie_name", &self.cookie_name)
            .field("attributes", &self.attributes)
            .field("lifetimes", &self.lifetimes)
            .finish_non_exhaustive()
    }
}

/// What the prefix of a cookie's name promises (RFC 6265bis, 4.1.3), compared without case as
/// browsers do.
struct Prefix {
    host: bool,
    secure: bool,
    http_only: bool,
}

impl Prefix {
    /// The prefix of this name, with its length.
    fn of(name: &str) -> (Self, usize) {
        let is = |prefix: &str| {
            name.get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let known = [
            ("__Host-Http-", true, true),
            ("__Host-", true, false),
            ("__Http-", false, true),
            ("__Secure-", false, false),
        ];
        for (prefix, host, http_only) in known {
            if is(prefix) {
                return (
                    Self {
                        host,
                        secure: true,
                        http_only,
                    },
                    prefix.len(),
                );
            }
        }
        (
            Self {
                host: false,
                secure: false,
                http_only: false,
            },
            0,
        )
    }
}

/// A character of a token (RFC 9110, 5.6.2).
const fn is_token(byte: u8) -> bool {
    matches!(byte,
        b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~'
        | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
}

/// Labels of letters, digits and inner hyphens, with dots between.
fn is_host_name(domain: &str) -> bool {
    domain.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}
