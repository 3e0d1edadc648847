//! Runs requests through the real layer, one verb of the store a step, in every order.

use crate::program::{Model, Program, Report, Step, run};
use crate::world::{GatedStore, Verb, World};
use axum::body::Body;
use http::{Request, Response, header};
use sessile::store::StoreKey;
use sessile::test_util::{Clock as _, ManualClock, SeededRandom};
use sessile::{Conflict, Error, ErrorKind, Session, SessionLayer};
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};
use tokio::runtime::Runtime;
use tower::{Layer as _, Service as _, service_fn};

/// With which ids the requests begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// All with the id of one session, in one browser.
    Shared,
    /// All with the id of one session, each in a browser of its own.
    TwoBrowsers,
    /// The first with an id that a rotation retired, the others with the one it gave.
    Retired,
    /// All with the id of one session, in one browser, under a former name of the cookie.
    Former,
    /// All without a cookie.
    Nobody,
}

pub(crate) struct Scenario {
    pub(crate) programs: Vec<Program>,
    pub(crate) start: Start,
    /// A renewal is due.
    pub(crate) due: bool,
    pub(crate) faults: usize,
    pub(crate) conflict: Conflict,
    /// What was stored at the start.
    pub(crate) world: World,
    now: SystemTime,
    /// What the session held at the start.
    pub(crate) model: Model,
    pub(crate) key: Option<StoreKey>,
    pub(crate) cookies: Vec<Option<String>>,
    /// How old its deadline was.
    pub(crate) age: Duration,
}

/// A former name of the cookie.
const FORMER: &str = "former";

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>>>>;

/// The layer of one run, with what it stands on.
struct Bench {
    store: GatedStore,
    layer: SessionLayer,
}

impl Bench {
    fn new(world: World, now: SystemTime, seed: u64, conflict: Conflict) -> Self {
        let store = GatedStore(Arc::new(Mutex::new(world)));
        let clock = ManualClock::new();
        clock.jump_to(now);
        let layer = SessionLayer::builder(store.clone())
            .keyspace("__Host-id")
            .former_cookie_name(FORMER, now + Duration::from_secs(1))
            .clock(Arc::new(clock))
            .random(Arc::new(SeededRandom::new(seed)))
            .conflict(conflict)
            .error_response(|error: &Error| {
                let mut response = Response::new(Default::default());
                *response.status_mut() = error.status();
                response.extensions_mut().insert(error.kind());
                response
            })
            .build()
            .unwrap();
        Self { store, layer }
    }

    fn request(
        &self,
        program: Program,
        cookie: Option<&str>,
        name: &str,
    ) -> (Answering, Arc<Mutex<Report>>) {
        let report = Arc::new(Mutex::new(Report::default()));
        let shared = Arc::clone(&report);
        let mut service = self.layer.layer(service_fn(move |request: Request<()>| {
            let session = request.extensions().get::<Session>().unwrap().clone();
            let shared = Arc::clone(&shared);
            async move {
                let mut report = Report::default();
                let status = run(&program, &session, &mut report).await;
                *shared.lock().unwrap() = report;
                let response = Response::builder().status(status).body(Body::empty());
                Ok::<_, Infallible>(response.unwrap())
            }
        }));
        let mut request = Request::new(());
        if let Some(id) = cookie {
            let value = format!("{name}={id}").parse().unwrap();
            request.headers_mut().insert(header::COOKIE, value);
        }
        (Box::pin(async move { service.call(request).await }), report)
    }

    /// Runs one request alone.
    fn alone(&self, program: Program, cookie: Option<&str>) -> Answer {
        self.store.world().open = true;
        let (mut answering, report) = self.request(program, cookie, "__Host-id");
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(Ok(response)) = answering.as_mut().poll(&mut cx) else {
            panic!("an open store answers at once")
        };
        self.store.world().open = false;
        Answer::new(&response, report.lock().unwrap().clone(), 0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SetCookie {
    Id(String),
    Removal,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) kind: Option<ErrorKind>,
    pub(crate) cookie: Option<SetCookie>,
    pub(crate) report: Report,
    /// When the answer was complete.
    pub(crate) step: usize,
    /// When the load of the request took place.
    pub(crate) loaded: usize,
}

impl Answer {
    fn new(response: &Response<Body>, report: Report, step: usize) -> Self {
        let set = response.headers().get_all(header::SET_COOKIE).iter();
        let set = set.map(|header| std::str::from_utf8(header.as_bytes()).unwrap());
        let (former, set): (Vec<_>, Vec<_>) = set.partition(|text| text.starts_with(FORMER));
        // Never one without the other.
        assert!(set.len() <= 1 && former.len() <= set.len());
        let cookie = set.first().map(|text| {
            let value = text
                .strip_prefix("__Host-id=")
                .unwrap()
                .split(';')
                .next()
                .unwrap();
            if text.contains("Max-Age=0;") {
                SetCookie::Removal
            } else {
                SetCookie::Id(value.to_owned())
            }
        });
        let kind = response.extensions().get::<ErrorKind>().copied();
        Self {
            status: response.status().as_u16(),
            kind,
            cookie,
            report,
            step,
            loaded: 0,
        }
    }

    pub(crate) fn id(&self) -> Option<&str> {
        match &self.cookie {
            Some(SetCookie::Id(id)) => Some(id),
            _ => None,
        }
    }
}

/// One step of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Execute(usize),
    Lose(usize),
    Refuse(usize),
    FailAfterEffect(usize),
    Delay(usize),
    ArriveLate(usize),
    Evict,
    NeverArrives,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    action: Action,
    client: usize,
    verb: &'static str,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            action,
            client,
            verb,
        } = self;
        match action {
            Action::Execute(_) => write!(f, "request {client}: {verb}"),
            Action::Lose(_) => write!(f, "request {client}: {verb} is lost, in doubt"),
            Action::Refuse(_) => write!(f, "request {client}: {verb} is refused"),
            Action::FailAfterEffect(_) => {
                write!(
                    f,
                    "request {client}: {verb} takes effect, its answer is lost"
                )
            }
            Action::Delay(_) => write!(f, "request {client}: {verb} is late, in doubt"),
            Action::ArriveLate(_) => write!(f, "the late {verb} of request {client} arrives"),
            Action::Evict => f.write_str("the entry is evicted"),
            Action::NeverArrives => write!(f, "the late {verb} of request {client} never arrives"),
        }
    }
}

/// The path through the tree of choices: the choice at each depth, and how many there were.
#[derive(Default)]
pub(crate) struct Choices {
    path: Vec<(usize, usize)>,
    depth: usize,
}

impl Choices {
    pub(crate) fn choose(&mut self, options: usize) -> usize {
        if self.depth == self.path.len() {
            self.path.push((0, options));
        }
        let (choice, known) = self.path[self.depth];
        assert_eq!(known, options, "the same choices lead to the same place");
        self.depth += 1;
        choice
    }

    /// Goes on to the next path; false after the last.
    pub(crate) fn next(&mut self) -> bool {
        self.depth = 0;
        while let Some((choice, options)) = self.path.pop() {
            if choice + 1 < options {
                self.path.push((choice + 1, options));
                return true;
            }
        }
        false
    }
}

/// A schedule that was run to its end.
pub(crate) struct Ended {
    pub(crate) answers: Vec<Answer>,
    pub(crate) trace: Vec<Event>,
    pub(crate) evicted: bool,
    pub(crate) faults: usize,
    bench: Bench,
}

impl Scenario {
    pub(crate) fn new(programs: Vec<Program>, start: Start, due: bool, faults: usize) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let now = ManualClock::new().now();
        let bench = Bench::new(World::default(), now, 1, Conflict::Merge);
        let fill = Program {
            name: "fill",
            steps: &[Step::Insert("a", 1), Step::Insert("n", 0)],
        };
        let rotate = Program {
            name: "rotate",
            steps: &[Step::Cycle],
        };
        let mut cookies = vec![None; programs.len()];
        let mut model = Model::empty();
        if start != Start::Nobody {
            let id = bench.alone(fill, None).id().unwrap().to_owned();
            model.data = [("a".to_owned(), 1), ("n".to_owned(), 0)].into();
            cookies.fill(Some(id.clone()));
            if start == Start::Retired {
                let next = bench.alone(rotate, Some(&id)).id().unwrap().to_owned();
                cookies.fill(Some(next));
                cookies[0] = Some(id);
            }
        }
        let age = if due {
            2 * DAY
        } else {
            Duration::from_secs(10)
        };
        let mut world = bench.store.world().clone();
        world.effects.clear();
        let key = world.entries.keys().next().copied();
        Self {
            programs,
            start,
            due,
            faults,
            conflict: Conflict::Merge,
            world,
            now: now + age,
            model,
            key,
            cookies,
            age,
        }
    }

    /// The same under `Conflict::Refuse`.
    pub(crate) fn refusing(self) -> Self {
        Self {
            conflict: Conflict::Refuse,
            ..self
        }
    }

    /// Runs the schedule that these choices lead to.
    pub(crate) fn run(&self, choices: &mut Choices, runtime: &Runtime) -> Ended {
        let bench = Bench::new(self.world.clone(), self.now, 2, self.conflict);
        let name = match self.start {
            Start::Former => FORMER,
            _ => "__Host-id",
        };
        let mut requests: Vec<_> = std::iter::zip(&self.programs, &self.cookies)
            .map(|(program, cookie)| bench.request(*program, cookie.as_deref(), name))
            .collect();
        let mut answers: Vec<Option<Answer>> = vec![None; requests.len()];
        let mut loaded = vec![0; requests.len()];
        let mut trace = Vec::new();
        let (mut faults, mut evicted) = (0, false);
        let mut resume: Vec<usize> = (0..requests.len()).collect();
        loop {
            for client in resume.drain(..) {
                let (answering, report) = &mut requests[client];
                if let Some(response) = go_on(&bench.store, client, answering, runtime) {
                    let report = report.lock().unwrap().clone();
                    answers[client] = Some(Answer::new(&response, report, trace.len()));
                }
            }
            let all_answered = answers.iter().all(Option::is_some);
            let mut world = bench.store.world();
            if all_answered && world.late.is_empty() {
                break;
            }
            let mut actions = Vec::new();
            for (at, _) in world.late.iter().enumerate() {
                actions.push(Action::ArriveLate(at));
            }
            if all_answered {
                actions.push(Action::NeverArrives);
            }
            for call in &world.calls {
                actions.push(Action::Execute(call.number));
            }
            if faults < self.faults && !all_answered {
                for call in &world.calls {
                    actions.push(Action::Lose(call.number));
                    if !matches!(call.verb, Verb::Get) {
                        actions.push(Action::Refuse(call.number));
                        actions.push(Action::FailAfterEffect(call.number));
                        actions.push(Action::Delay(call.number));
                    }
                }
                if self.key.is_some_and(|key| world.entries.contains_key(&key)) {
                    actions.push(Action::Evict);
                }
            }
            let action = actions[choices.choose(actions.len())];
            let call = |number| {
                world
                    .calls
                    .iter()
                    .find(|call| call.number == number)
                    .unwrap()
            };
            let (client, verb) = match action {
                Action::Execute(n)
                | Action::Lose(n)
                | Action::Refuse(n)
                | Action::FailAfterEffect(n)
                | Action::Delay(n) => (call(n).client, call(n).verb.name()),
                Action::ArriveLate(at) => (world.late[at].client, world.late[at].verb.name()),
                Action::NeverArrives => (world.late[0].client, world.late[0].verb.name()),
                Action::Evict => (0, ""),
            };
            world.step = trace.len();
            trace.push(Event {
                action,
                client,
                verb,
            });
            match action {
                Action::Execute(n) => world.execute(n),
                Action::Lose(n) => world.lose(n),
                Action::Refuse(n) => world.refuse(n),
                Action::FailAfterEffect(n) => world.fail_after_effect(n),
                Action::Delay(n) => world.delay(n),
                Action::ArriveLate(at) => world.arrive_late(at),
                Action::NeverArrives => drop(world.late.remove(0)),
                Action::Evict => {
                    let key = self.key.unwrap();
                    world.evict(key);
                    evicted = true;
                }
            }
            if !matches!(
                action,
                Action::Execute(_) | Action::ArriveLate(_) | Action::NeverArrives
            ) {
                faults += 1;
            }
            if let Action::ArriveLate(_) | Action::NeverArrives | Action::Evict = action {
                continue;
            }
            if loaded[client] == 0 && verb == "get" {
                loaded[client] = trace.len();
            }
            resume.push(client);
        }
        let answers = std::iter::zip(answers, loaded)
            .map(|(answer, loaded)| Answer {
                loaded,
                ..answer.unwrap()
            })
            .collect();
        Ended {
            answers,
            trace,
            evicted,
            faults,
            bench,
        }
    }
}

/// Polls a request until it waits for a verb, or is answered.
fn go_on(
    store: &GatedStore,
    client: usize,
    answering: &mut Answering,
    runtime: &Runtime,
) -> Option<Response<Body>> {
    let mut cx = Context::from_waker(Waker::noop());
    for poll in 0..100 {
        store.world().client = client;
        if let Poll::Ready(Ok(response)) = answering.as_mut().poll(&mut cx) {
            return Some(response);
        }
        if store.world().calls.iter().any(|call| call.client == client) {
            return None;
        }
        // It gave way to others: once, or for a while after many conflicts.
        if poll > 2 {
            runtime.block_on(tokio::time::advance(Duration::from_millis(10)));
        }
    }
    panic!("request {client} waits for nothing");
}

impl Ended {
    pub(crate) fn world(&self) -> std::sync::MutexGuard<'_, World> {
        self.bench.store.world()
    }

    /// What a browser with this id finds.
    pub(crate) fn probe(&self, id: &str) -> Option<Model> {
        use crate::program::Life;
        let found = Arc::new(Mutex::new(None));
        let shared = Arc::clone(&found);
        let mut service = self
            .bench
            .layer
            .layer(service_fn(move |request: Request<()>| {
                let session = request.extensions().get::<Session>().unwrap().clone();
                let shared = Arc::clone(&shared);
                async move {
                    if !session.is_new().unwrap() {
                        let keys = session.keys().unwrap();
                        let value = |key: &String| session.get::<i64>(key).unwrap().unwrap();
                        let data = keys.iter().map(|key| (key.clone(), value(key))).collect();
                        let lives = [Life::Default, Life::Hour, Life::Browser];
                        let expiry = session.expiry().unwrap();
                        let life = lives.into_iter().find(|it| expiry == (*it).into()).unwrap();
                        *shared.lock().unwrap() = Some(Model { data, life });
                    }
                    // So that the probe renews nothing.
                    Ok::<_, Infallible>(
                        Response::builder().status(500).body(Body::empty()).unwrap(),
                    )
                }
            }));
        let mut request = Request::new(());
        request
            .headers_mut()
            .insert(header::COOKIE, format!("__Host-id={id}").parse().unwrap());
        self.world().open = true;
        let answering = std::pin::pin!(service.call(request));
        let answer = answering.poll(&mut Context::from_waker(Waker::noop()));
        assert!(answer.is_ready(), "an open store answers at once");
        self.world().open = false;
        found.lock().unwrap().take()
    }
}
