//! A save that waits for its turn, while what it is to store is given up.

mod support;

use http::StatusCode;
use sessile::observe::{Event, Observer};
use sessile::{Conflict, Error, ErrorKind, Load, Session, SessionLayer};
use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake};
use support::{Browser, Fault, Verb, abandon, layer, layer_with, settle};
use tokio::task::{JoinHandle, yield_now};
use tokio_test::{assert_pending, task};

fn save(session: &Session) -> JoinHandle<Result<(), Error>> {
    let session = session.clone();
    tokio::spawn(async move { session.save().await })
}

fn add(session: &Session, n: u32) {
    let update = move |old: Option<u32>| Some(old.unwrap_or(0) + n);
    session.update("n", update).unwrap();
}

/// What the store has for this browser.
async fn stored(layer: &SessionLayer, browser: &mut Browser) -> (Option<u32>, Option<u32>) {
    let look = async |session: &Session| (session.get("n").unwrap(), session.get("b").unwrap());
    browser.visit(layer, look).await.0
}

#[tokio::test]
async fn a_save_that_a_5xx_overtakes_is_an_error() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let gate = store.gate_next("replace");
    let given = Mutex::new(None);
    let answering = browser.answer(&layer, async |session: Session| {
        add(&session, 1);
        let first = save(&session);
        gate.reached().await;
        session.insert("b", 2).unwrap();
        *given.lock().unwrap() = Some((session, first));
        StatusCode::INTERNAL_SERVER_ERROR
    });
    let playing = async {
        settle().await;
        let (session, first) = given.lock().unwrap().take().unwrap();
        // It waits, as the answer does, and is not polled again before that has had its turn.
        let mut second = task::spawn(async move { session.save().await });
        assert_pending!(second.poll());
        gate.open();
        settle().await;
        (first.await.unwrap(), second.await)
    };
    let (answer, (first, second)) = tokio::join!(answering, playing);
    assert_eq!(answer.status, 500);
    first.unwrap();
    assert_eq!(second.unwrap_err().kind(), ErrorKind::ResponseSent);
    assert_eq!(stored(&layer, &mut browser).await, (Some(2), None));
}

/// A request whose client leaves when the handler has done all this.
async fn leave(layer: &SessionLayer, browser: &Browser, handler: impl AsyncFnOnce(Session)) {
    abandon(layer, browser.request("GET", "/"), async |session| {
        handler(session).await;
        pending::<()>().await;
    })
    .await;
}

#[tokio::test]
async fn a_save_that_waits_when_the_client_leaves_is_an_error() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let gate = store.gate_next("replace");
    let saves = Mutex::new(None);
    leave(&layer, &browser, async |session| {
        add(&session, 1);
        let first = save(&session);
        gate.reached().await;
        session.insert("b", 2).unwrap();
        *saves.lock().unwrap() = Some((first, save(&session)));
    })
    .await;
    gate.open();
    let (first, second) = saves.lock().unwrap().take().unwrap();
    first.await.unwrap().unwrap();
    let second = second.await.unwrap();
    assert_eq!(second.unwrap_err().kind(), ErrorKind::ResponseSent);
    assert_eq!(stored(&layer, &mut browser).await, (Some(2), None));
}

#[tokio::test(start_paused = true)]
async fn a_save_that_waits_for_a_response_that_cannot_be_stored_is_an_error() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let gate = store.gate_next("replace");
    for _ in 0..2 {
        store.fail_next("replace", Fault::Unavailable);
    }
    let given = Mutex::new(None::<Session>);
    let answering = browser.visit(&layer, async |session| {
        session.insert("b", 2).unwrap();
        *given.lock().unwrap() = Some(session.clone());
    });
    let playing = async {
        gate.reached().await;
        let session = given.lock().unwrap().take().unwrap();
        let waiting = save(&session);
        yield_now().await;
        gate.open();
        waiting.await.unwrap()
    };
    let (((), answer), saved) = tokio::join!(answering, playing);
    assert_eq!(answer.status, 503);
    assert_eq!(saved.unwrap_err().kind(), ErrorKind::ResponseSent);
    assert_eq!(stored(&layer, &mut browser).await, (Some(1), None));
}

#[tokio::test]
async fn a_save_that_was_to_set_a_value_back_is_an_error_when_the_client_leaves() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let gate = store.gate_next("replace");
    let saves = Mutex::new(None);
    leave(&layer, &browser, async |session| {
        session.insert("n", 2).unwrap();
        let first = save(&session);
        gate.reached().await;
        // As it is stored, but not as it will be.
        session.insert("n", 1).unwrap();
        *saves.lock().unwrap() = Some((first, save(&session)));
    })
    .await;
    gate.open();
    let (first, second) = saves.lock().unwrap().take().unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(
        second.await.unwrap().unwrap_err().kind(),
        ErrorKind::ResponseSent
    );
    assert_eq!(stored(&layer, &mut browser).await, (Some(2), None));
}

#[tokio::test]
async fn a_save_that_loads_when_the_client_leaves_is_an_error() {
    let (layer, store, _) = layer_with(|builder| builder.load(Load::OnAccess));
    let mut browser = Browser::with_n(&layer).await;
    let gate = store.gate_next("get");
    let saving = Mutex::new(None);
    leave(&layer, &browser, async |session| {
        session.clear();
        *saving.lock().unwrap() = Some(save(&session));
        gate.reached().await;
    })
    .await;
    gate.open();
    let saving = saving.lock().unwrap().take().unwrap();
    let saved = saving.await.unwrap();
    assert_eq!(saved.unwrap_err().kind(), ErrorKind::ResponseSent);
    let n = async |session: &Session| {
        session.load().await.unwrap();
        session.get("n").unwrap()
    };
    assert_eq!(browser.visit(&layer, n).await.0, Some(1));
}

#[tokio::test]
async fn a_save_whose_changes_a_reload_forgets_is_an_error() {
    let (layer, store, _) = layer_with(|builder| builder.conflict(Conflict::Refuse));
    let mut browser = Browser::with_n(&layer).await;
    let session = browser.session(&layer).await.unwrap().unwrap();
    session.get::<u32>("n").unwrap();
    session.insert("mine", 1).unwrap();
    let set = async |it: &Session| it.insert("n", 2).unwrap();
    browser.visit(&layer, set).await;
    assert_eq!(session.save().await.unwrap_err().kind(), ErrorKind::Stale);
    let (gate, reloading) = (store.gate_next("get"), session.clone());
    let reload = tokio::spawn(async move { reloading.reload().await });
    gate.reached().await;
    session.insert("b", 2).unwrap();
    let waiting = save(&session);
    settle().await;
    gate.open();
    reload.await.unwrap().unwrap();
    assert_eq!(waiting.await.unwrap().unwrap_err().kind(), ErrorKind::Stale);
    assert_eq!(stored(&layer, &mut browser).await, (Some(2), None));
}

#[tokio::test]
async fn a_save_that_is_told_of_a_loss_keeps_what_is_left_for_the_next() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let gate = store.gate_next("replace");
    store.fail_next("replace", Fault::TooLarge);
    let given = Mutex::new(None::<Session>);
    let answering = browser.visit(&layer, async |session| {
        add(session, 1);
        *given.lock().unwrap() = Some(session.clone());
    });
    let playing = async {
        gate.reached().await;
        let session = given.lock().unwrap().take().unwrap();
        session.insert("b", 2).unwrap();
        let waiting = save(&session);
        settle().await;
        gate.open();
        (waiting.await.unwrap(), session.save().await)
    };
    let (((), answer), (saved, again)) = tokio::join!(answering, playing);
    assert_eq!(answer.status, 500);
    assert_eq!(saved.unwrap_err().kind(), ErrorKind::ResponseSent);
    again.unwrap();
    assert_eq!(stored(&layer, &mut browser).await, (Some(1), Some(2)));
}

#[tokio::test]
async fn an_update_in_flight_is_made_again_on_what_it_did_not_know_though_its_client_left() {
    for flushes in [false, true] {
        let (layer, store, _) = layer();
        let mut browser = Browser::with_n(&layer).await;
        let mut other = browser.clone();
        let held = Mutex::new(None);
        leave(&layer, &browser, async |session| {
            add(&session, 1);
            let gate = store.gate_next("replace");
            let first = save(&session);
            gate.reached().await;
            other.visit(&layer, async |session| add(session, 100)).await;
            // Made on 2, where there will be 102.
            add(&session, 10);
            gate.open();
            first.await.unwrap().unwrap();
            let gate = store.gate_next("replace");
            for _ in 0..2 {
                store.fail_next("replace", Fault::Unavailable);
            }
            let second = save(&session);
            gate.reached().await;
            if flushes {
                session.flush();
            }
            *held.lock().unwrap() = Some((session.clone(), gate, second));
        })
        .await;
        let (session, gate, second) = held.lock().unwrap().take().unwrap();
        gate.open();
        let failed = second.await.unwrap().unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::Unavailable);
        session.save().await.unwrap();
        assert_eq!(stored(&layer, &mut browser).await, (Some(112), None));
    }
}

#[tokio::test]
async fn a_save_is_not_told_of_a_response_that_changed_nothing() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let gate = store.gate_next("replace");
    let given = Mutex::new(None);
    let answering = browser.visit(&layer, async |session| {
        session.insert("b", 2).unwrap();
        let first = save(session);
        gate.reached().await;
        *given.lock().unwrap() = Some(session.clone());
        first.await.unwrap().unwrap();
        // As it is stored.
        session.insert("b", 2).unwrap();
    });
    let playing = async {
        gate.reached().await;
        yield_now().await;
        let session = given.lock().unwrap().take().unwrap();
        let mut second = task::spawn(async move { session.save().await });
        assert_pending!(second.poll());
        gate.open();
        settle().await;
        second.await
    };
    let (((), answer), second) = tokio::join!(answering, playing);
    assert_eq!(answer.status, 200);
    second.unwrap();
}

type Save = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// A save that is polled whenever it is woken, by whoever wakes it.
#[derive(Default)]
struct Eager {
    save: Mutex<Option<Save>>,
    saved: Mutex<Option<Result<(), Error>>>,
}

impl Eager {
    /// Logs out, makes a new session, and begins to save it.
    fn begin(self: &Arc<Self>, session: Session) {
        session.flush();
        session.insert("b", 2).unwrap();
        *self.save.lock().unwrap() = Some(Box::pin(async move { session.save().await }));
        Arc::clone(self).wake();
    }

    /// It needed a cookie, and there was no response to take that along.
    fn assert_too_late(self: &Arc<Self>) {
        Arc::clone(self).wake();
        let saved = self.saved.lock().unwrap().take().unwrap();
        assert_eq!(saved.unwrap_err().kind(), ErrorKind::ResponseSent);
    }
}

impl Wake for Eager {
    fn wake(self: Arc<Self>) {
        let save = self.save.lock().unwrap().take();
        let Some(mut save) = save else { return };
        let waker = Arc::clone(&self).into();
        match save.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(saved) => *self.saved.lock().unwrap() = Some(saved),
            Poll::Pending => *self.save.lock().unwrap() = Some(save),
        }
    }
}

/// Begins the save when a request is told that its session was ended or rotated.
#[derive(Default)]
struct WhenInterrupted {
    save: Arc<Eager>,
    session: Mutex<Option<Session>>,
}

impl Observer for WhenInterrupted {
    fn event(&self, event: &Event) {
        if *event == Event::Interrupted {
            let session = self.session.lock().unwrap().take();
            self.save.begin(session.unwrap());
        }
    }
}

#[tokio::test]
async fn a_save_that_begins_when_the_response_is_refused_is_too_late_for_its_cookie() {
    let observer = Arc::new(WhenInterrupted::default());
    let (layer, store, _) = layer_with(|builder| builder.observer(Arc::clone(&observer)));
    let mut browser = Browser::with_n(&layer).await;
    let mut late = browser.clone();
    browser
        .visit(&layer, async |session| session.cycle_id())
        .await;
    let gate = store.gate_next("add");
    let change = async |session: Session| {
        session.insert("b", 1).unwrap();
        *observer.session.lock().unwrap() = Some(session);
    };
    let answer = late.answer(&layer, change).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.set_cookies(), [""; 0]);
    gate.open();
    observer.save.assert_too_late();
    assert_eq!(stored(&layer, &mut browser).await, (Some(1), None));
}

#[tokio::test]
async fn a_save_that_begins_when_the_response_has_had_its_commit_is_too_late_for_its_cookie() {
    let (layer, store, _) = layer();
    let mut browser = Browser::with_n(&layer).await;
    let save = Arc::new(Eager::default());
    let gate = store.gate_next("add");
    let change = async |session: Session| {
        add(&session, 1);
        // It waits for its turn while the response is stored, and has it at once afterwards.
        let save = Arc::clone(&save);
        store.before_next(Verb::Replace, async move { save.begin(session) });
    };
    let answer = browser.answer(&layer, change).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.set_cookies(), [""; 0]);
    gate.open();
    save.assert_too_late();
    assert_eq!(stored(&layer, &mut browser).await, (Some(2), None));
}
