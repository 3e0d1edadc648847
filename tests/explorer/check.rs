//! The invariants of the protocol, at the end of a schedule.

use crate::program::{Life, Model, Step, Stretch, Verdict};
use crate::refusal;
use crate::schedule::{Answer, Ended, Scenario, SetCookie, Start};
use sessile::ErrorKind;
use std::time::Duration;

/// What a request did to the session that it began with.
struct Course<'a> {
    answer: &'a Answer,
    stretches: Vec<Stretch>,
    /// It found that session, so its operations are for it.
    found: bool,
    /// It came with this id under a former name of the cookie, so it is to rotate it.
    former: Option<&'a str>,
}

impl<'a> Course<'a> {
    fn new(scenario: &'a Scenario, answer: &'a Answer) -> Self {
        let report = &answer.report;
        let mut stretches = report.saved.clone();
        let mut steps = report.open.clone();
        let flush = steps.iter().rposition(|step| *step == Step::Flush);
        let verdict = match answer.kind {
            // The logout may have been done, whatever became of the rest.
            Some(_) if flush.is_some() => Verdict::Unknown,
            Some(kind) => kind.into(),
            // A failed answer keeps the logout and nothing else.
            None if answer.status >= 500 && flush.is_none() => Verdict::Refused,
            None => Verdict::Acknowledged,
        };
        if let Some(flush) = flush.filter(|_| answer.status >= 500) {
            steps.truncate(flush + 1);
        }
        stretches.push(Stretch { steps, verdict });
        Self {
            answer,
            stretches,
            found: report.found == Some(true),
            former: match scenario.start {
                Start::Former => scenario.cookies[0].as_deref(),
                _ => None,
            },
        }
    }

    fn any(&self, verdicts: &[Verdict], step: Step) -> bool {
        self.stretches
            .iter()
            .any(|it| verdicts.contains(&it.verdict) && it.steps.contains(&step))
    }

    fn logs_out(&self, verdicts: &[Verdict]) -> bool {
        self.any(verdicts, Step::Flush)
    }

    fn rotates(&self, verdicts: &[Verdict]) -> bool {
        let renames = self.former.is_some_and(|former| {
            let id = self.answer.id();
            // By its cookie it is known to be done. Else it may be.
            id.is_some_and(|id| id[..21] == former[..21])
                || verdicts == PERHAPS && self.answer.report.found != Some(false)
        });
        renames || self.found && self.any(verdicts, Step::Cycle)
    }
}

const DONE: &[Verdict] = &[Verdict::Acknowledged];
const PERHAPS: &[Verdict] = &[Verdict::Acknowledged, Verdict::Unknown];

/// What is wrong at the end of this schedule.
pub(crate) fn check(scenario: &Scenario, ended: &Ended) -> Vec<String> {
    let mut wrong: Vec<String> = ended
        .world()
        .broken
        .iter()
        .map(ToString::to_string)
        .collect();
    let courses: Vec<_> = ended
        .answers
        .iter()
        .map(|answer| Course::new(scenario, answer))
        .collect();
    answers(scenario, ended, &courses, &mut wrong);
    if scenario.start != Start::Nobody {
        the_session(scenario, ended, &courses, &mut wrong);
    }
    new_sessions(scenario, ended, &courses, &mut wrong);
    refusal::check(scenario, ended, &mut wrong);
    wrong
}

/// I4 and I6: what an answer says, and whether it is true.
fn answers(scenario: &Scenario, ended: &Ended, courses: &[Course<'_>], wrong: &mut Vec<String>) {
    for (client, course) in courses.iter().enumerate() {
        let answer = course.answer;
        let Some(kind) = answer.kind else { continue };
        let interrupted = matches!(kind, ErrorKind::Interrupted | ErrorKind::Expired);
        if interrupted && answer.cookie.is_some() {
            wrong.push(format!(
                "request {client} was interrupted and sets a cookie (I4)"
            ));
        }
        let others = courses
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != client);
        let causes = others
            .filter(|(_, it)| it.logs_out(PERHAPS) || it.rotates(PERHAPS))
            .count();
        let cause = causes > 0 || ended.evicted || scenario.start == Start::Retired;
        if interrupted && !cause {
            wrong.push(format!(
                "request {client} was interrupted without a cause (I6)"
            ));
        }
        if !interrupted && kind != ErrorKind::Stale && ended.faults == 0 {
            wrong.push(format!(
                "request {client} was refused without a fault: {kind:?} (I6)"
            ));
        }
        let world = ended.world();
        let own = |it: &&crate::world::Effect| it.client == client && it.verb == "replace";
        let written = world.effects.iter().filter(own).count();
        let saved = answer.report.saved.len();
        let stored = scenario
            .key
            .is_some_and(|key| world.entries.contains_key(&key));
        if kind != ErrorKind::Unknown && written > saved && stored {
            wrong.push(format!(
                "request {client} was told {kind:?}, but its write is there (I6)"
            ));
        }
    }
}

/// I1, I2, I3, I7, I9, I10: the session that all began with.
fn the_session(
    scenario: &Scenario,
    ended: &Ended,
    courses: &[Course<'_>],
    wrong: &mut Vec<String>,
) {
    let key = scenario.key.unwrap();
    let handle = |id: &str| id[..21].to_owned();
    let first = scenario.cookies.last().cloned().flatten().unwrap();
    let mut ids = vec![first.clone()];
    ids.extend(scenario.cookies.iter().flatten().cloned());
    ids.extend(
        courses
            .iter()
            .filter_map(|it| it.answer.id().map(str::to_owned)),
    );
    ids.retain(|id| handle(id) == handle(&first));
    ids.sort();
    ids.dedup();
    let live: Vec<_> = ids
        .iter()
        .filter_map(|id| ended.probe(id).map(|model| (id.clone(), model)))
        .collect();
    let stored = ended.world().entries.get(&key).cloned();

    let logged_out = courses.iter().any(|it| it.logs_out(DONE));
    if logged_out && stored.is_some() {
        wrong.push("the session lives after an acknowledged logout (I1)".into());
    }
    for logout in courses.iter().filter(|it| it.logs_out(DONE)) {
        for (client, later) in courses.iter().enumerate() {
            if later.answer.loaded > logout.answer.step && later.found {
                wrong.push(format!(
                    "request {client} read the session after its logout (I1)"
                ));
            }
        }
    }
    if live.len() > 1 {
        wrong.push("two ids of one session live (I3)".into());
    }
    let rotated = courses.iter().any(|it| it.rotates(DONE));
    if rotated && live.iter().any(|(id, _)| *id == first) {
        wrong.push("an id lives that a rotation retired (I3)".into());
    }
    if scenario.start == Start::Retired {
        let retired = scenario.cookies[0].as_ref().unwrap();
        if live.iter().any(|(id, _)| id == retired) || courses[0].found {
            wrong.push("a retired id reads (I10)".into());
        }
        let (course, steps) = (&courses[0], scenario.programs[0].steps);
        // While the session lives. After its end the id is unknown, and a write makes a new one.
        if course.answer.id().is_some()
            && stored.is_some()
            && !steps
                .iter()
                .any(|step| matches!(step, Step::Cycle | Step::Flush))
        {
            wrong.push("a write under a retired id makes a session (I10)".into());
        }
    }
    let ends = ended.evicted || courses.iter().any(|it| it.logs_out(PERHAPS));
    let lost_rotation = courses.iter().any(|it| it.rotates(&[Verdict::Unknown]));
    if live.is_empty() && !ends && !lost_rotation {
        wrong.push("the session was lost without a cause (I3)".into());
    }

    let last = match (&stored, live.first()) {
        (Some(_), Some((_, model))) => Some(model.clone()),
        (Some(_), None) => return,
        (None, _) => None,
    };
    let excused = ended.evicted && last.is_none();
    let taken = vec![0; courses.len()];
    if !excused && !serial(courses, taken, Some(scenario.model.clone()), last.as_ref()) {
        wrong.push(format!(
            "{last:?} is not the result of any serial order (I2)"
        ));
    }
    if let (Some(stored), Some(model)) = (&stored, &last) {
        lifetime(scenario, stored.ttl, model, wrong);
    }
    if last.is_some() && !lost_rotation {
        browsers(scenario, ended, courses, &live[0].0, wrong);
    }
}

/// I2: whether some order of the stretches, each request's own kept, gives this result.
fn serial(
    courses: &[Course<'_>],
    taken: Vec<usize>,
    state: Option<Model>,
    last: Option<&Model>,
) -> bool {
    let left = |at: usize| taken[at] < courses[at].stretches.len();
    if !(0..courses.len()).any(left) {
        return state.as_ref() == last;
    }
    for at in (0..courses.len()).filter(|at| left(*at)) {
        // One that began after another had its answer comes after it.
        let overtakes = (0..courses.len()).any(|other| {
            left(other) && other != at && courses[other].answer.step < courses[at].answer.loaded
        });
        if overtakes {
            continue;
        }
        let stretch = &courses[at].stretches[taken[at]];
        let mut taken = taken.clone();
        taken[at] += 1;
        let flushes = stretch.steps.contains(&Step::Flush);
        if stretch.verdict != Verdict::Acknowledged
            && serial(courses, taken.clone(), state.clone(), last)
        {
            return true;
        }
        if stretch.verdict == Verdict::Refused {
            continue;
        }
        let writes = stretch
            .steps
            .iter()
            .any(|step| !matches!(step, Step::Read(_)));
        let next = match state.clone() {
            Some(model) if courses[at].found || flushes => model.apply(&stretch.steps),
            // What was acknowledged for this session does not come after its end.
            None if courses[at].found && writes && !flushes && !detached(courses, at, &taken) => {
                continue;
            }
            state => state,
        };
        if serial(courses, taken, next, last) {
            return true;
        }
    }
    false
}

/// Whether the request ended the session itself, and goes on with a new one.
fn detached(courses: &[Course<'_>], at: usize, taken: &[usize]) -> bool {
    courses[at].stretches[..taken[at]]
        .iter()
        .any(|it| it.steps.contains(&Step::Flush))
}

/// I7: the time to live comes from the record that was written.
fn lifetime(scenario: &Scenario, ttl: Duration, model: &Model, wrong: &mut Vec<String>) {
    const HOUR: Duration = Duration::from_secs(3600);
    const IDLE: Duration = Duration::from_secs(14 * 24 * 3600);
    let fits = match model.life {
        Life::Hour => ttl == HOUR + HOUR,
        // Counted from this request, or from the one that made the session.
        Life::Default | Life::Browser => {
            ttl == IDLE + HOUR || (!scenario.due && ttl == IDLE + HOUR - scenario.age)
        }
    };
    if !fits {
        wrong.push(format!(
            "a session of {:?} has {ttl:?} to live (I7)",
            model.life
        ));
    }
}

/// I9: every browser ends with the cookie of the session, in whatever order its answers arrive.
fn browsers(
    scenario: &Scenario,
    ended: &Ended,
    courses: &[Course<'_>],
    live: &str,
    wrong: &mut Vec<String>,
) {
    let all: Vec<usize> = (0..courses.len()).collect();
    let groups: Vec<Vec<usize>> = match scenario.start {
        // The one with the retired id has lost it to the others.
        Start::Retired => vec![all[1..].to_vec()],
        Start::TwoBrowsers => all.iter().map(|client| vec![*client]).collect(),
        Start::Shared | Start::Former | Start::Nobody => vec![all],
    };
    for clients in groups {
        let others_rotate = (0..courses.len())
            .any(|client| !clients.contains(&client) && courses[client].rotates(PERHAPS));
        for order in permutations(&clients) {
            if let Some(id) = left_with(scenario, ended, courses, &order)
                && id.as_deref() != Some(live)
                && !others_rotate
            {
                wrong.push(format!(
                    "answers in the order {order:?} leave the browser without its session (I9)"
                ));
            }
        }
    }
}

/// The cookie that a browser has after these answers. `None` where no server could prevent it.
fn left_with(
    scenario: &Scenario,
    ended: &Ended,
    courses: &[Course<'_>],
    order: &[usize],
) -> Option<Option<String>> {
    let first = scenario.cookies.last().cloned().flatten();
    let mut jar = (first.clone(), None);
    for &client in order {
        match &courses[client].answer.cookie {
            Some(SetCookie::Id(id)) => jar = (Some(id.clone()), Some(client)),
            Some(SetCookie::Removal) => jar = (None, Some(client)),
            None => {}
        }
    }
    let (id, Some(client)) = jar else {
        return Some(jar.0);
    };
    // A login with an id that was retired a moment ago makes a session of its own.
    if courses[client].any(DONE, Step::Cycle)
        && id.as_ref().is_some_and(|id| ended.probe(id).is_some())
    {
        return None;
    }
    // A renewal of the old id, stored before a rotation, whose answer arrives after it.
    let world = ended.world();
    let written = |client: usize| {
        world
            .effects
            .iter()
            .filter(|it| it.client == client)
            .map(|it| it.step)
            .max()
    };
    let rotated = (0..courses.len())
        .filter(|at| courses[*at].rotates(DONE))
        .filter_map(written)
        .max();
    let renewed = written(client);
    let crossed = id == first && renewed.is_some() && rotated.is_some() && renewed < rotated;
    (!crossed).then_some(id)
}

fn permutations(of: &[usize]) -> Vec<Vec<usize>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (at, &first) in of.iter().enumerate() {
        let rest = [&of[..at], &of[at + 1..]].concat();
        all.extend(
            permutations(&rest)
                .into_iter()
                .map(|rest| [vec![first], rest].concat()),
        );
    }
    all
}

/// What was created: exactly what its request put in, and whole.
fn new_sessions(
    scenario: &Scenario,
    ended: &Ended,
    courses: &[Course<'_>],
    wrong: &mut Vec<String>,
) {
    let ours = scenario.cookies.last().cloned().flatten();
    for (client, course) in courses.iter().enumerate() {
        let Some(id) = course.answer.id() else {
            continue;
        };
        if ours.as_ref().is_some_and(|ours| ours[..21] == id[..21]) {
            continue;
        }
        let unknown = course
            .stretches
            .iter()
            .any(|it| it.verdict == Verdict::Unknown);
        if unknown || course.answer.report.saved.len() > 1 {
            continue;
        }
        let mut expected = Some(Model::empty());
        for stretch in course
            .stretches
            .iter()
            .filter(|it| it.verdict == Verdict::Acknowledged)
        {
            let after = stretch
                .steps
                .rsplit(|step| *step == Step::Flush)
                .next()
                .unwrap();
            let ended = course.stretches[0].steps.contains(&Step::Flush);
            if ended || after.len() < stretch.steps.len() || !course.found {
                expected = expected.take().unwrap().apply(after);
            }
        }
        if ended.probe(id) != expected {
            wrong.push(format!(
                "the session that request {client} made holds {:?}, not {expected:?}",
                ended.probe(id)
            ));
        }
    }
}
