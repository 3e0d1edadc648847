//! The layer.

use crate::config::SessionLayerBuilder;
use crate::service::SessionService;
use crate::settings::Settings;
use crate::store::Store;
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

impl From<Settings> for SessionLayer {
    fn from(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
        }
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
