//! Runs two requests of all kinds of handlers through the real layer, over a store that does one
//! verb a step, in every order, with at most one thing going wrong, and checks the invariants of
//! the commit protocol at each end.

mod check;
mod program;
mod schedule;
mod world;

use program::{PROGRAMS, Program};
use schedule::{Choices, Scenario, Start};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The shortest trace of a violation that was found, and how many there were.
#[derive(Default)]
struct Violations {
    count: usize,
    shortest: Option<(usize, String)>,
}

impl Violations {
    fn note(&mut self, scenario: &Scenario, ended: &schedule::Ended, wrong: &[String]) {
        self.count += 1;
        if self
            .shortest
            .as_ref()
            .is_some_and(|(length, _)| *length <= ended.trace.len())
        {
            return;
        }
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
        self.shortest = Some((ended.trace.len(), text));
    }
}

/// Explores all schedules of all scenarios, and fails with the shortest violation.
fn explore(title: &str, scenarios: Vec<Scenario>) {
    let (next, schedules) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let violations = Mutex::new(Violations::default());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                // The layer's timers are made and never fire: time stands still.
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .start_paused(true)
                    .build()
                    .unwrap();
                let _entered = runtime.enter();
                while let Some(scenario) = scenarios.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut choices = Choices::default();
                    loop {
                        let ended = scenario.run(&mut choices);
                        schedules.fetch_add(1, Ordering::Relaxed);
                        let wrong = check::check(scenario, &ended);
                        if !wrong.is_empty() {
                            violations.lock().unwrap().note(scenario, &ended, &wrong);
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
        "{title}: {schedules} schedules of {} scenarios",
        scenarios.len()
    );
    let violations = violations.into_inner().unwrap();
    if let Some((_, trace)) = violations.shortest {
        panic!(
            "{} of {schedules} schedules break the protocol. The shortest:\n{trace}",
            violations.count
        );
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
fn a_retired_id_beside_the_living_one_keeps_the_protocol() {
    let scenarios = pairs(true).map(|pair| Scenario::new(pair, Start::Retired, false, 1));
    explore("retired id", scenarios.collect());
}

#[test]
fn two_first_requests_keep_the_protocol() {
    let scenarios = pairs(false).map(|pair| Scenario::new(pair, Start::Nobody, false, 1));
    explore("no session yet", scenarios.collect());
}
