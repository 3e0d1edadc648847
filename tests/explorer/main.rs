//! Runs two requests of all kinds of handlers through the real layer, over a store that does one
//! verb a step, in every order, with at most one thing going wrong, and checks the invariants of
//! the commit protocol at each end.

mod check;
mod program;
mod refusal;
mod schedule;
mod users;
mod world;

use program::{FIVE_SAVES, NINE, PROGRAMS, Program, program};
use refusal::READERS;
use schedule::{Choices, Scenario, Start};
use sessile::test_util::{Random as _, SeededRandom};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::runtime::Runtime;

/// A schedule that breaks the protocol.
pub(crate) struct Violation {
    pub(crate) length: usize,
    pub(crate) text: String,
}

/// The shortest violation that was found, and how many there were.
#[derive(Default)]
struct Violations {
    count: usize,
    shortest: Option<Violation>,
}

impl Violations {
    fn note(&mut self, violation: Violation) {
        self.count += 1;
        let is_shorter = |shortest: &Violation| violation.length < shortest.length;
        if self.shortest.as_ref().is_none_or(is_shorter) {
            self.shortest = Some(violation);
        }
    }
}

fn tell(scenario: &Scenario, ended: &schedule::Ended, wrong: &[String]) -> Violation {
    let mut text = format!("{}\n", wrong.join("\n"));
    text += &format!(
        "start: {:?}, renewal due: {}\n",
        scenario.start, scenario.due
    );
    for (client, program) in scenario.programs.iter().enumerate() {
        text += &format!("request {client}: {} {:?}\n", program.name, program.steps);
    }
    for event in &ended.trace {
        text += &format!("  {event}\n");
    }
    for (client, answer) in ended.answers.iter().enumerate() {
        text += &format!("answer {client}: {answer:?}\n");
    }
    Violation {
        length: ended.trace.len(),
        text,
    }
}

/// Explores all schedules of all scenarios, and fails with the shortest violation.
fn explore(title: &str, scenarios: Vec<Scenario>) {
    explore_all(title, &scenarios, |scenario, choices, runtime| {
        let ended = scenario.run(choices, runtime);
        let wrong = check::check(scenario, &ended);
        (!wrong.is_empty()).then(|| tell(scenario, &ended, &wrong))
    });
}

fn explore_users(title: &str, scenarios: Vec<users::Scenario>) {
    explore_all(title, &scenarios, users::Scenario::run);
}

fn explore_all<S: Sync>(
    title: &str,
    scenarios: &[S],
    run: impl Fn(&S, &mut Choices, &Runtime) -> Option<Violation> + Sync,
) {
    let stop_at_first = std::env::var_os("EXPLORER_STOP").is_some();
    let (next, schedules) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let violations = Mutex::new(Violations::default());
    let found = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                // Time stands still, but where a commit waits after many conflicts.
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .start_paused(true)
                    .build()
                    .unwrap();
                let _entered = runtime.enter();
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut choices = Choices::default();
                    while !(stop_at_first && found.load(Ordering::Relaxed)) {
                        schedules.fetch_add(1, Ordering::Relaxed);
                        if let Some(violation) = run(scenario, &mut choices, &runtime) {
                            found.store(true, Ordering::Relaxed);
                            violations.lock().unwrap().note(violation);
                        }
                        if !choices.next() {
                            break;
                        }
                    }
                }
            });
        }
    });
    let schedules = schedules.into_inner();
    println!(
        "{title}: {schedules} distinct schedules of {} scenarios",
        scenarios.len()
    );
    let Violations { count, shortest } = violations.into_inner().unwrap();
    if let Some(Violation { text, .. }) = shortest {
        panic!("{count} of {schedules} schedules break the protocol. The shortest:\n{text}");
    }
    assert!(schedules > scenarios.len(), "the explorer explores");
}

/// All unordered pairs of programs, or all ordered ones.
fn pairs(ordered: bool) -> impl Iterator<Item = Vec<Program>> {
    (0..PROGRAMS.len()).flat_map(move |first| {
        let from = if ordered { 0 } else { first };
        (from..PROGRAMS.len()).map(move |second| vec![PROGRAMS[first], PROGRAMS[second]])
    })
}

/// All unordered pairs with one that reads and writes.
fn pairs_with_readers() -> impl Iterator<Item = Vec<Program>> {
    let all = || PROGRAMS.iter().chain(READERS);
    READERS.iter().enumerate().flat_map(move |(at, reader)| {
        all()
            .take(PROGRAMS.len() + at + 1)
            .map(|other| vec![*reader, *other])
    })
}

/// All unordered threes of the programs of these names.
fn threes(names: &'static [&'static str]) -> impl Iterator<Item = Vec<Program>> {
    let some = move |from: usize| (from..names.len()).map(move |at| (at, program(names[at])));
    some(0).flat_map(move |(at, first)| {
        some(at).flat_map(move |(at, second)| {
            some(at).map(move |(_, third)| vec![first, second, third])
        })
    })
}

#[test]
fn two_requests_of_one_session_keep_the_protocol_with_one_fault() {
    let scenarios = pairs(false).map(|pair| Scenario::new(pair, Start::Shared, false, 1));
    explore("one session", scenarios.collect());
}

#[test]
fn two_requests_of_one_session_keep_the_protocol_when_a_renewal_is_due() {
    let scenarios = pairs(false).map(|pair| Scenario::new(pair, Start::Shared, true, 1));
    explore("renewal due", scenarios.collect());
}

#[test]
fn two_browsers_with_one_id_keep_the_protocol() {
    let scenarios = pairs(false).map(|pair| Scenario::new(pair, Start::TwoBrowsers, true, 1));
    explore("two browsers", scenarios.collect());
}

#[test]
fn a_retired_id_beside_the_living_one_keeps_the_protocol() {
    let scenarios = pairs(true).map(|pair| Scenario::new(pair, Start::Retired, false, 1));
    explore("retired id", scenarios.collect());
}

#[test]
fn two_requests_with_a_former_cookie_keep_the_protocol() {
    let scenarios = pairs(false).map(|pair| Scenario::new(pair, Start::Former, false, 1));
    explore("former cookie", scenarios.collect());
}

#[test]
fn two_first_requests_keep_the_protocol() {
    let scenarios = pairs(false).map(|pair| Scenario::new(pair, Start::Nobody, false, 1));
    explore("no session yet", scenarios.collect());
}

#[test]
fn a_lost_answer_before_more_commits_than_there_are_tokens_is_not_repeated() {
    let scenarios = ["increment", "login", "insert a"]
        .map(|name| Scenario::new(vec![program(name), FIVE_SAVES], Start::Shared, false, 1));
    explore("five saves", scenarios.into());
}

#[test]
fn three_requests_of_five_kinds_keep_the_protocol_without_a_fault() {
    let scenarios = [false, true].into_iter().flat_map(|due| {
        threes(&NINE[..5]).map(move |three| Scenario::new(three, Start::Shared, due, 0))
    });
    explore("three requests", scenarios.collect());
}

/// Half an hour of work, in shares: `EXPLORER_SHARE=3/20 cargo test --release --test explorer long -- --nocapture`.
/// `EXPLORER_SEED` deals the scenarios to the shares in another way.
#[test]
fn long_three_requests_of_nine_kinds_keep_the_protocol_with_one_fault() {
    let Ok(share) = std::env::var("EXPLORER_SHARE") else {
        println!("the long exploration runs where EXPLORER_SHARE names a share, such as 1/20");
        return;
    };
    let number = |text: &str| text.parse::<usize>().expect("EXPLORER_SHARE is like 1/20");
    let (share, of) = share
        .split_once('/')
        .map(|(a, b)| (number(a), number(b)))
        .unwrap();
    assert!(
        (1..=of).contains(&share),
        "EXPLORER_SHARE is from 1/{of} to {of}/{of}"
    );
    let seed = std::env::var("EXPLORER_SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut scenarios: Vec<_> = [false, true]
        .into_iter()
        .flat_map(|due| threes(&NINE).map(move |three| Scenario::new(three, Start::Shared, due, 1)))
        .collect();
    let random = SeededRandom::new(seed);
    scenarios.sort_by_cached_key(|_| random.unique());
    let mut at = 0;
    scenarios.retain(|_| {
        at += 1;
        at % of == share % of
    });
    explore(&format!("share {share}/{of} of seed {seed}"), scenarios);
}

#[test]
fn two_requests_under_refuse_keep_the_protocol_with_one_fault() {
    let scenarios =
        pairs_with_readers().map(|pair| Scenario::new(pair, Start::Shared, false, 1).refusing());
    explore("refuse", scenarios.collect());
}

#[test]
fn two_requests_under_refuse_keep_the_protocol_from_every_start() {
    let starts = [
        (Start::Shared, false),
        (Start::Shared, true),
        (Start::TwoBrowsers, true),
        (Start::Retired, false),
        (Start::Nobody, false),
    ];
    let scenarios = starts.into_iter().flat_map(|(start, due)| {
        pairs(start == Start::Retired)
            .chain(pairs_with_readers())
            .map(move |pair| Scenario::new(pair, start, due, 0).refusing())
    });
    explore("refuse, every start", scenarios.collect());
}

#[test]
fn three_requests_under_refuse_keep_the_protocol_without_a_fault() {
    let some = &READERS[..6];
    let scenarios = (0..some.len()).flat_map(|first| {
        (first..some.len()).flat_map(move |second| {
            (second..some.len()).map(move |third| {
                let three = vec![some[first], some[second], some[third]];
                Scenario::new(three, Start::Shared, false, 0).refusing()
            })
        })
    });
    explore("refuse, three requests", scenarios.collect());
}

#[test]
fn two_at_a_users_sessions_keep_the_promises_of_the_list() {
    explore_users("users", users::pairs(0, 6));
}

#[test]
fn two_at_a_users_sessions_keep_the_promises_of_the_list_with_one_fault() {
    explore_users("users, one fault", users::pairs(1, 2));
}

#[test]
fn a_session_that_expires_while_it_is_used_keeps_the_promises_of_the_list() {
    explore_users("users, expiring", users::expiring(3));
}

#[test]
fn three_at_a_users_sessions_keep_the_promises_of_the_list() {
    explore_users("three at a user's sessions", users::threes(3));
}
