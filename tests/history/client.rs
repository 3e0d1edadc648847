//! The clients: each is a tab of a user's browser, whose tabs share one cookie jar, and what it does next
//! is up to the dice.

use crate::app::{Task, ask};
use crate::record::{History, Id, Kind, Loss, Outcome, Request};
use crate::support::Browser;
use crate::support::dice::Dice;
use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Of the ids that a user had, as many are tried again.
const REMEMBERED: usize = 20;

/// What is written down, by all.
#[derive(Default)]
pub(crate) struct Journal {
    clock: AtomicU64,
    history: Mutex<History>,
}

impl Journal {
    pub(crate) fn now(&self) -> u64 {
        self.clock.fetch_add(1, SeqCst)
    }

    pub(crate) fn loss(&self, begin: u64) {
        let end = self.now();
        self.history
            .lock()
            .unwrap()
            .losses
            .push(Loss { begin, end });
    }

    pub(crate) fn history(&self) -> History {
        self.history.lock().unwrap().clone()
    }
}

pub(crate) struct User {
    pub(crate) name: u32,
    jar: Mutex<Browser>,
    /// The ids that he has, and had.
    known: Mutex<Vec<String>>,
}

impl User {
    pub(crate) fn new(name: u32) -> Arc<Self> {
        Arc::new(Self {
            name,
            jar: Mutex::default(),
            known: Mutex::default(),
        })
    }
}

pub(crate) struct Tab {
    pub(crate) user: Arc<User>,
    pub(crate) apps: [Router; 2],
    pub(crate) journal: Arc<Journal>,
    pub(crate) dice: Dice,
}

impl Tab {
    pub(crate) async fn run(mut self, end: Instant) {
        while Instant::now() < end {
            let outcome = self.step().await;
            if outcome == Outcome::Refused {
                // As long as the server is away, there is no need to hurry.
                sleep(Duration::from_millis(5)).await;
            } else if self.dice.percent(30) {
                sleep(self.dice.micros(3000)).await;
            }
        }
    }

    async fn step(&mut self) -> Outcome {
        let kind = match self.dice.below(100) {
            0..30 => Kind::Read,
            30..60 => Kind::Increment,
            60..76 => Kind::Insert,
            76..84 => Kind::Remove,
            84..95 => Kind::Rotate,
            _ => Kind::Logout,
        };
        let task = Task {
            kind,
            number: self.journal.now(),
            user: self.user.name,
            pause: if self.dice.percent(30) {
                self.dice.micros(3000)
            } else {
                Duration::ZERO
            },
            saves: kind != Kind::Logout && self.dice.percent(20),
            fails: false,
        };
        let fails = kind != Kind::Logout && !task.saves && self.dice.percent(5);
        let task = Task { fails, ..task };
        let patience = match self.dice.percent(5) {
            true => self.dice.micros(4000),
            false => Duration::MAX,
        };
        let app = self.apps[usize::from(self.dice.percent(50))].clone();

        let (is_own, browser) = match self.dice.below(100) {
            0..10 => (false, self.former()),
            10..12 => (false, self.forged()),
            _ => (true, self.user.jar.lock().unwrap().clone()),
        };
        let (after, outcome) = self.send(&app, browser.clone(), task, patience).await;
        if is_own && after != browser {
            *self.user.jar.lock().unwrap() = after;
        }
        outcome
    }

    /// An id that the user has or had.
    fn former(&mut self) -> Browser {
        let known = self.user.known.lock().unwrap();
        let recent = &known[known.len().saturating_sub(REMEMBERED)..];
        if recent.is_empty() {
            return Browser::new();
        }
        let index = self.dice.below(recent.len() as u64);
        with_id(&recent[usize::try_from(index).unwrap()])
    }

    /// The user's id with another secret, or a wholly made up one.
    fn forged(&mut self) -> Browser {
        let mut id = self.user.jar.lock().unwrap().id().map(str::to_owned);
        let id = id.get_or_insert_with(|| "A".repeat(43));
        id.replace_range(30..34, &format!("{:04}", self.dice.below(10_000)));
        with_id(id)
    }

    async fn send(
        &self,
        app: &Router,
        mut browser: Browser,
        task: Task,
        patience: Duration,
    ) -> (Browser, Outcome) {
        let sent = browser.id().map(str::to_owned);
        let begin = self.journal.now();
        let asked = timeout(patience, ask(app, &mut browser, task)).await;
        let end = self.journal.now();
        let outcome = asked.unwrap_or(Outcome::Unknown);
        // Those that renew nothing set nothing.
        let given = browser.id().filter(|id| Some(*id) != sent.as_deref());
        if let Some(id) = given {
            self.user.known.lock().unwrap().push(id.to_owned());
        }
        let request = Request {
            number: task.number,
            user: task.user,
            kind: task.kind,
            sent: sent.as_deref().map(parse),
            begin,
            end,
            outcome: outcome.clone(),
            given: given.map(parse),
        };
        self.journal.history.lock().unwrap().requests.push(request);
        (browser, outcome)
    }

    /// Whether an app answers a stranger whose id it has to look up.
    pub(crate) async fn is_served(&self, app: &Router) -> bool {
        let task = self.read();
        let mut stranger = with_id(&"A".repeat(43));
        matches!(ask(app, &mut stranger, task).await, Outcome::Done(_))
    }

    /// Reads each session that the user had, at both instances.
    pub(crate) async fn look_back(&self) {
        let known = self.user.known.lock().unwrap().clone();
        let recent = &known[known.len().saturating_sub(10 * REMEMBERED)..];
        for id in recent {
            for app in &self.apps {
                self.send(app, with_id(id), self.read(), Duration::MAX)
                    .await;
            }
        }
    }

    fn read(&self) -> Task {
        Task {
            kind: Kind::Read,
            number: self.journal.now(),
            user: self.user.name,
            pause: Duration::ZERO,
            saves: false,
            fails: false,
        }
    }
}

fn with_id(id: &str) -> Browser {
    Browser::with_cookie("__Host-id", id)
}

fn parse(id: &str) -> Id {
    let bytes = URL_SAFE_NO_PAD.decode(id).unwrap();
    let (session, secret) = bytes.split_at(16);
    let [session, secret] = [session, secret].map(|half| half.try_into().unwrap());
    Id {
        session: u128::from_be_bytes(session),
        secret: u128::from_be_bytes(secret),
    }
}
