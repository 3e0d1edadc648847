//! A session whose record a test damages, and what may come of it.

use super::{Browser, TestStore, layer_with};
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use bytes::Bytes;
use futures_executor::block_on;
use sessile::store::StoreKey;
use sessile::test_util::ManualClock;
use sessile::{Error, ErrorKind, Expiry, Session, SessionLayerBuilder};
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// The header of a record, with the count of its keys at the end.
pub const HEADER: usize = 86;
/// Where it says which expiry policy the session has: 0 is the layer's.
pub const EXPIRY_KIND: usize = 17;

pub const ROTATED_AT: Range<usize> = 42..50;

/// What a request saw of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    Undecodable,
    Empty,
    /// With so many of its three keys other than they were.
    Loaded {
        damaged: usize,
    },
}

pub struct Victim {
    pub app: Router,
    pub store: TestStore,
    pub clock: Arc<ManualClock>,
    pub browser: Browser,
    pub key: StoreKey,
    /// The record as it was written.
    pub record: Bytes,
    /// What the handler of `/overtaken` puts in its place.
    swap: Swap,
}

type Swap = Arc<Mutex<Bytes>>;

const INTACT: [&str; 3] = ["Ok(Some([1, 2, 3]))", "Ok(Some(7))", "Ok(Some(\"alice\"))"];

impl Victim {
    pub fn new(expiry: Expiry) -> Self {
        Self::with(expiry, |builder| builder)
    }

    pub fn with(
        expiry: Expiry,
        settings: impl FnOnce(SessionLayerBuilder) -> SessionLayerBuilder,
    ) -> Self {
        let (layer, store, clock) = layer_with(settings);
        let swap = Swap::default();
        let make = move |session: Session| async move {
            session.insert("list", [1, 2, 3])?;
            session.insert("number", 7)?;
            session.insert("text", "alice")?;
            session.set_expiry(expiry);
            Ok::<_, Error>(())
        };
        let app = Router::new()
            .route("/make", post(make))
            .route("/read", get(read))
            .route("/peek", get(peek))
            .route("/write", post(write))
            .route("/mend", post(mend))
            .route("/overtaken", post(overtaken))
            .route("/reload", get(reload))
            .route("/login", post(login))
            .route("/logout", post(logout))
            .layer(layer)
            .with_state((store.clone(), swap.clone()));
        let mut browser = Browser::new();
        assert_eq!(block_on(browser.post(&app, "/make")).status, 200);
        let key = store.keys()[0];
        Self {
            record: store.record(),
            app,
            store,
            clock,
            browser,
            key,
            swap,
        }
    }

    /// Reads the session, with these bytes as its record.
    pub fn read(&self, record: &[u8]) -> Seen {
        self.store.hold(self.key, record.to_vec());
        self.read_again()
    }

    /// Reads the session as it is now.
    pub fn read_again(&self) -> Seen {
        let answer = block_on(self.browser.clone().get(&self.app, "/read"));
        assert_eq!(answer.status, 200);
        let lines: Vec<_> = answer.body.lines().collect();
        let (is_new, values) = lines.split_first().unwrap();
        match *is_new {
            "Err(Undecodable)" => {
                assert_eq!(values, ["Err(Undecodable)"; 3]);
                Seen::Undecodable
            }
            "Ok(true)" => {
                assert_eq!(values, ["Ok(None)"; 3]);
                Seen::Empty
            }
            _ => {
                let damaged = values.iter().zip(INTACT).filter(|(seen, it)| *seen != it);
                Seen::Loaded {
                    damaged: damaged.count(),
                }
            }
        }
    }

    /// All that a damaged record may do to reads, writes, merges and logouts.
    pub fn check(&self, record: &[u8]) -> Seen {
        let seen = self.read(record);
        self.check_write(record, seen);
        self.check_overtaken(record);
        self.check_reload(record);
        self.check_login_and_logout(record);
        seen
    }

    /// Sets the key `text` anew, where this record has something else that is no JSON.
    pub fn mend(&self, record: &[u8]) {
        self.store.hold(self.key, record.to_vec());
        assert_eq!(self.post("/mend").0, 200);
    }

    fn post(&self, path: &str) -> (u16, Browser) {
        let mut browser = self.browser.clone();
        let answer = block_on(browser.post(&self.app, path));
        (answer.status.as_u16(), browser)
    }

    fn stored(&self) -> Option<Bytes> {
        self.store.entry(&self.key).map(|entry| entry.value)
    }

    /// What cannot be read is never overwritten, and what does not belong to the id never adopted.
    fn check_write(&self, record: &[u8], seen: Seen) {
        self.store.hold(self.key, record.to_vec());
        let (status, browser) = self.post("/write");
        let (stored, entries) = (self.stored().unwrap(), self.store.len());
        match (seen, status) {
            (Seen::Undecodable, 500) | (Seen::Loaded { .. }, 400 | 500) => {
                assert_eq!((&stored[..], entries), (record, 1));
                assert_eq!(browser, self.browser);
            }
            // It says that its id was rotated a moment ago, or in the future.
            (Seen::Empty, 400) => {
                assert_ne!(record[ROTATED_AT], [0; 8]);
                assert_eq!((&stored[..], entries), (record, 1));
                assert_eq!(browser, self.browser);
            }
            (Seen::Empty, 200) => {
                assert_eq!((&stored[..], entries), (record, 2));
                assert_ne!(
                    browser.id().unwrap()[..21],
                    self.browser.id().unwrap()[..21]
                );
            }
            (Seen::Loaded { .. }, 200) => {
                assert_eq!(entries, 1);
                // A damaged policy may say that the session ends at once.
                match self.read_again() {
                    Seen::Empty => assert_ne!(record[EXPIRY_KIND], 0),
                    again => assert_eq!(again, seen),
                }
            }
            _ => panic!("{seen:?}, then {status}"),
        }
    }

    /// The record is replaced by the damaged one while a request is at work on it.
    fn check_overtaken(&self, record: &[u8]) {
        self.store.hold(self.key, self.record.clone());
        *self.swap.lock().unwrap() = record.to_vec().into();
        let (status, browser) = self.post("/overtaken");
        assert_eq!(self.store.len(), 1);
        match status {
            200 => {}
            400 | 500 => {
                assert_eq!(&self.stored().unwrap()[..], record);
                assert_eq!(browser, self.browser);
            }
            _ => panic!("{status}"),
        }
    }

    fn check_reload(&self, record: &[u8]) {
        self.store.hold(self.key, self.record.clone());
        *self.swap.lock().unwrap() = record.to_vec().into();
        let answer = block_on(self.browser.clone().get(&self.app, "/reload"));
        assert_eq!(answer.status, 200);
    }

    fn check_login_and_logout(&self, record: &[u8]) {
        self.store.hold(self.key, record.to_vec());
        let (status, browser) = self.post("/login");
        assert_eq!((status, self.store.len()), (200, 1));
        assert_eq!(self.stored(), None);
        assert_ne!(
            browser.id().unwrap()[..21],
            self.browser.id().unwrap()[..21]
        );

        self.store.hold(self.key, record.to_vec());
        let (status, browser) = self.post("/logout");
        assert_eq!((status, self.store.len()), (200, 0));
        assert_eq!(browser.id(), None);
    }
}

async fn read(session: Session) -> String {
    // None of these may panic, whatever they return.
    let _ = (session.keys(), session.len(), session.is_empty());
    let _ = (session.id(), session.created(), session.expiry());
    let _ = (session.expiry_age(), session.expiry_date());
    let _ = (session.get_value("list"), session.get_value("text"));
    format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n",
        session.is_new().map_err(|it| it.kind()),
        session.get::<Vec<u8>>("list").map_err(|it| it.kind()),
        session.get::<u64>("number").map_err(|it| it.kind()),
        session.get::<String>("text").map_err(|it| it.kind()),
    )
}

async fn peek(session: Session) -> Result<String, Error> {
    Ok(session.get("text")?.unwrap_or_default())
}

async fn write(session: Session) -> Result<(), Error> {
    session.insert("other", true)
}

async fn mend(session: Session) -> Result<(), Error> {
    // A value that is no JSON is a value of another type: it stays until it is set.
    assert_eq!(
        session.remove_value("text").unwrap_err().kind(),
        ErrorKind::Decode
    );
    let update = session.update("text", |_: Option<String>| None);
    assert_eq!(update.unwrap_err().kind(), ErrorKind::Decode);
    session.insert("text", "alice")
}

async fn overtaken(
    State((store, swap)): State<(TestStore, Swap)>,
    session: Session,
) -> Result<(), Error> {
    session.insert("other", true)?;
    session.update("number", |number| {
        Some(number.unwrap_or(0_u64).wrapping_add(1))
    })?;
    store.tamper(swap.lock().unwrap().clone());
    Ok(())
}

async fn reload(
    State((store, swap)): State<(TestStore, Swap)>,
    session: Session,
) -> Result<(), Error> {
    session.get::<u64>("number")?;
    store.tamper(swap.lock().unwrap().clone());
    if let Err(error) = session.reload().await {
        let expected = [
            ErrorKind::Undecodable,
            ErrorKind::Interrupted,
            ErrorKind::Expired,
        ];
        assert!(expected.contains(&error.kind()), "{error:?}");
        // It is as it was.
        assert_eq!(session.get::<u64>("number")?, Some(7));
    }
    Ok(())
}

async fn login(session: Session) -> Result<(), Error> {
    session.flush();
    session.insert("user", "bob")
}

async fn logout(session: Session) {
    session.flush();
}
