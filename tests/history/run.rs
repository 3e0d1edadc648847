//! A run: clients and faults for a while, then calm, a look at what is left, and the proof.

use crate::checker::{Violation, check};
use crate::client::{Journal, Tab, User};
use crate::place::Place;
use crate::record::{History, Kind, Outcome, Request};
use crate::support::dice::Dice;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const USERS: u32 = 6;
const TABS: u32 = 4;
/// How long the clients work before all is proven.
const ROUND: Duration = Duration::from_secs(4);

/// Runs rounds for `HISTORY_SECONDS`, or one. Each begins with servers of its own.
pub(crate) async fn run(store: &str, place: impl AsyncFn(u64) -> Place) {
    let time = Duration::from_secs(number("HISTORY_SECONDS").unwrap_or(0));
    let first = number("HISTORY_SEED").unwrap_or_else(|| rand::random::<u64>() >> 32);
    let begin = Instant::now();
    for seed in first.. {
        println!("{store}, HISTORY_SEED={seed}");
        let history = round(place(seed).await, seed).await;
        println!("{}", summary(&history));
        let violations = check(&history);
        assert!(
            violations.is_empty(),
            "{store}, HISTORY_SEED={seed}: {violations:#?}\n{}",
            scene(&history, &violations[0])
        );
        for kind in KINDS {
            let mut requests = history.requests.iter();
            assert!(
                requests.any(|it| it.kind == kind && it.is_done()),
                "too mild: no {kind:?} was acknowledged"
            );
        }
        if begin.elapsed() >= time {
            break;
        }
    }
}

const KINDS: [Kind; 6] = [
    Kind::Read,
    Kind::Increment,
    Kind::Insert,
    Kind::Remove,
    Kind::Rotate,
    Kind::Logout,
];

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} is no number")))
}

/// Lets the clients work, and says what they were told.
pub(crate) async fn round(mut place: Place, seed: u64) -> History {
    let journal = Arc::new(Journal::default());
    let mut dice = Dice::new(seed);
    let end = Instant::now() + ROUND;
    let mut tabs = Vec::new();
    let mut tasks = Vec::new();
    for name in 1..=USERS {
        let user = User::new(name);
        let mut tab = || Tab {
            user: Arc::clone(&user),
            apps: place.apps.clone(),
            journal: Arc::clone(&journal),
            dice: Dice::new(dice.next()),
        };
        tasks.extend((0..TABS).map(|_| tokio::spawn(tab().run(end))));
        tabs.push(tab());
    }
    while Instant::now() < end {
        place.trouble(&mut dice, &journal).await;
        // A connection that has lasted for a while is replaced without a delay.
        sleep(dice.micros(600_000)).await;
    }
    for task in tasks {
        task.await.unwrap();
    }

    place.calm();
    let limit = Instant::now() + Duration::from_secs(20);
    for app in &place.apps {
        while !tabs[0].is_served(app).await {
            assert!(Instant::now() < limit, "it does not recover");
            sleep(Duration::from_millis(20)).await;
        }
    }
    for tab in tabs {
        tab.look_back().await;
    }
    journal.history()
}

fn summary(history: &History) -> String {
    let count = |is: fn(&Outcome) -> bool| {
        let requests = history.requests.iter();
        requests.filter(|it| is(&it.outcome)).count()
    };
    format!(
        "{} requests, {} acknowledged, {} interrupted, {} refused, {} unknown; {} losses of memory",
        history.requests.len(),
        count(|it| matches!(it, Outcome::Done(_))),
        count(|it| *it == Outcome::Interrupted),
        count(|it| *it == Outcome::Refused),
        count(|it| *it == Outcome::Unknown),
        history.losses.len()
    )
}

/// What happened to the session before it went wrong.
fn scene(history: &History, violation: &Violation) -> String {
    let is_of_it = |it: &&Request| {
        let ids = [it.sent, it.given];
        ids.iter()
            .flatten()
            .any(|id| Some(id.session) == violation.session)
    };
    let mut requests: Vec<_> = history.requests.iter().filter(is_of_it).collect();
    requests.sort_by_key(|it| it.begin);
    let lines = requests.iter().map(|it| format!("{it:?}\n"));
    format!("{}{:?}", lines.collect::<String>(), history.losses)
}
