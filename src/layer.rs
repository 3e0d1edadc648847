//! The layer.

use crate::service::SessionService;
use crate::sessions::Sessions;
use crate::settings::Settings;
use std::fmt;
use std::sync::Arc;
use tower_layer::Layer;

/// Gives every request a [`Session`](crate::Session).
///
/// See the [crate docs](crate) for an example. It goes around an `axum::Router`, around one
/// route, or around any other tower service. Clones share their store.
#[derive(Clone)]
pub struct SessionLayer {
    settings: Arc<Settings>,
}

impl From<Settings> for SessionLayer {
    fn from(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
        }
    }
}

impl SessionLayer {
    /// The sessions of this layer, for whoever works on them outside of a request.
    #[must_use]
    pub fn sessions(&self) -> Sessions {
        Sessions::new(Arc::clone(&self.settings))
    }

    #[cfg(feature = "test-util")]
    pub(crate) fn cookie_name(&self) -> &str {
        self.settings.cookie.name()
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = SessionService<S>;

    fn layer(&self, inner: S) -> SessionService<S> {
        SessionService::new(inner, Arc::clone(&self.settings))
    }
}

impl fmt::Debug for SessionLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionLayer")
            .field("cookie", &self.settings.cookie)
            .finish_non_exhaustive()
    }
}
