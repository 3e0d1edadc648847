//! Public types and futures can be sent, and shared where that makes sense.

mod support;

use sessile::store::{Entry, StoreError, StoreKey, Version};
use sessile::{
    ConfigError, Error, ErrorKind, Expiry, Key, Load, ParseIdError, SameSite, Session, SessionId,
    SessionLayer, SessionLayerBuilder, SessionRejection, SessionService, Unreadable,
};

fn send<T: Send>() {}
fn send_sync<T: Send + Sync + 'static>() {}
fn send_value<T: Send>(_: T) {}

#[test]
fn public_types_are_send_and_sync() {
    send_sync::<Session>();
    send_sync::<SessionLayer>();
    send_sync::<SessionLayerBuilder>();
    send_sync::<SessionService<()>>();
    send_sync::<SessionId>();
    send_sync::<Key<std::rc::Rc<()>>>();
    send_sync::<Error>();
    send_sync::<ErrorKind>();
    send_sync::<ConfigError>();
    send_sync::<ParseIdError>();
    send_sync::<SessionRejection>();
    send_sync::<Expiry>();
    send_sync::<Load>();
    send_sync::<SameSite>();
    send_sync::<Unreadable>();
    send_sync::<StoreKey>();
    send_sync::<Version>();
    send_sync::<Entry>();
    send_sync::<StoreError>();
    send_sync::<sessile::store::MemoryStore>();
    send_sync::<sessile::observe::Event>();
    send_sync::<sessile::observe::Verb>();
    send_sync::<Box<dyn sessile::observe::Observer>>();
    send_sync::<sessile::test_util::Browser>();
    send_sync::<sessile::test_util::Gate>();
    send_sync::<sessile::test_util::TestStore>();
    #[cfg(feature = "encryption")]
    {
        send_sync::<sessile::store::EncryptedStore<sessile::store::MemoryStore>>();
        send_sync::<sessile::store::EncryptionKey>();
        send_sync::<sessile::store::encrypted::EncryptionKeyError>();
    }
    #[cfg(feature = "redis")]
    {
        send_sync::<sessile::store::RedisStore>();
        send_sync::<sessile::store::redis::RedisStoreBuilder>();
        send_sync::<sessile::store::redis::RedisConfigError>();
    }
}

#[test]
fn futures_are_send() {
    fn of(session: &Session) {
        send_value(session.load());
        send_value(session.reload());
        send_value(session.save());
    }
    let _ = of;
    fn in_a_browser(browser: &mut sessile::test_util::Browser, layer: &SessionLayer) {
        let app = axum::Router::new();
        send_value(browser.session(layer));
        send_value(browser.get(&app, "/"));
    }
    let _ = in_a_browser;
    type Body = axum::body::Body;
    type Inner = std::future::Ready<Result<http::Response<Body>, std::convert::Infallible>>;
    send::<sessile::ResponseFuture<Inner, Body, std::convert::Infallible>>();
}
