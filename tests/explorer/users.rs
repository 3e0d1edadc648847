//! The sessions of a user under logins, logouts and the ends of all sessions at once: each verb of the
//! store a step, in every order, with at most one going wrong.

use crate::Violation;
use crate::schedule::Choices;
use crate::world::{GatedStore, Verb, World};
use http::{Request, Response, header};
use sessile::sessions::Sessions;
use sessile::test_util::{ManualClock, SeededRandom};
use sessile::{Error, ErrorKind, Session, SessionId, SessionLayer, WhenMany};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::runtime::Runtime;
use tower::{Layer as _, Service as _, service_fn};

/// What is done, by a request or by an administrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    /// The user logs in: in a new browser, in one with an anonymous session, or in another user's.
    Login(Browser),
    /// The user logs in again in the first session.
    LoginAgain,
    /// The other user logs in where a visitor is.
    OtherLogin,
    /// The visitor's session becomes the user's under the id that it has.
    Bind,
    /// The first session gets another id, is written, is read, or ends.
    Rotate,
    Write,
    Read,
    Logout,
    EndAll,
    /// All but the first session.
    EndOthers,
    /// The second session, by its handle.
    EndSecond,
    /// The other user's session, by its handle.
    EndForeign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Browser {
    New,
    Visitor,
    OthersUser,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Done {
    act: Act,
    /// An administrator's call returned, or the answer was a 200.
    acknowledged: bool,
    kind: Option<ErrorKind>,
    id: Option<SessionId>,
    removed: bool,
    began: usize,
    step: usize,
}

type Work = Pin<Box<dyn Future<Output = (bool, Option<ErrorKind>, Option<SessionId>, bool)>>>;

/// The ids at the start.
#[derive(Clone, Copy)]
struct Ids {
    first: SessionId,
    second: SessionId,
    visitor: SessionId,
    foreign: SessionId,
}

struct House {
    store: GatedStore,
    clock: Arc<ManualClock>,
    layer: SessionLayer,
}

const USER: &str = "user";
const OTHER: &str = "other";

// Where the first session expires: how much older than the others it is, how long ago those were made, and how
// much time passes then. By half of that it expires, and all of it may pass while a login is under way.
const OLDER: Duration = Duration::from_secs(14 * 24 * 60 * 60 - 60 * 60 - 15);
const SINCE: Duration = Duration::from_secs(60 * 60);
const PASSES: Duration = Duration::from_secs(30);

impl House {
    fn new(world: World, seed: u64, limit: Option<WhenMany>) -> Self {
        let store = GatedStore(Arc::new(Mutex::new(world)));
        let clock = Arc::new(ManualClock::new());
        let mut builder = SessionLayer::builder(store.clone())
            .clock(clock.clone())
            .random(Arc::new(SeededRandom::new(seed)))
            .error_response(|error: &Error| {
                let mut response = Response::new(Default::default());
                *response.status_mut() = error.status();
                response.extensions_mut().insert(error.kind());
                response
            });
        if let Some(when_many) = limit {
            builder = builder.sessions_per_user(2, when_many);
        }
        let layer = builder.build().unwrap();
        Self {
            store,
            clock,
            layer,
        }
    }

    fn sessions(&self) -> Sessions {
        self.layer.sessions()
    }

    /// A user with two sessions, the first of which may be older, another with one, and a visitor.
    fn furnish(expires: bool) -> (World, Ids) {
        let house = Self::new(World::default(), 1, None);
        house.store.world().open = true;
        let make = |principal: Option<&str>| {
            now(async {
                let session = house.sessions().create();
                session.insert("cart", 1).unwrap();
                if let Some(principal) = principal {
                    session.renew_for(principal).unwrap();
                }
                session.save().await.unwrap();
                session.id().unwrap().unwrap()
            })
        };
        let first = make(Some(USER));
        if expires {
            house.clock.advance(OLDER);
        }
        let ids = Ids {
            first,
            second: make(Some(USER)),
            visitor: make(None),
            foreign: make(Some(OTHER)),
        };
        let mut world = house.store.world().clone();
        world.open = false;
        (world, ids)
    }

    fn work(&self, act: Act, ids: Ids) -> Work {
        let theirs = self.sessions().of(USER);
        match act {
            Act::Login(browser) => {
                let cookie = match browser {
                    Browser::New => None,
                    Browser::Visitor => Some(ids.visitor),
                    Browser::OthersUser => Some(ids.foreign),
                };
                self.request(cookie, |session| session.renew_for(USER))
            }
            Act::LoginAgain => self.request(Some(ids.first), |session| session.renew_for(USER)),
            Act::OtherLogin => self.request(Some(ids.visitor), |session| session.renew_for(OTHER)),
            Act::Bind => self.request(Some(ids.visitor), |session| session.bind(USER)),
            Act::Rotate => self.request(Some(ids.first), |session| {
                session.cycle_id();
                Ok(())
            }),
            Act::Write => self.request(Some(ids.first), |session| session.insert("cart", 2)),
            Act::Read => self.request(Some(ids.first), |session| {
                session.get::<u32>("cart").map(drop)
            }),
            Act::Logout => self.request(Some(ids.first), |session| {
                session.flush();
                Ok(())
            }),
            Act::EndAll => administer(async move { theirs.end_all().await.map(drop) }),
            Act::EndOthers => {
                let sessions = self.sessions();
                administer(async move {
                    // One that has ended ends none.
                    match sessions.load(&ids.first).await? {
                        Some(first) => theirs.end_others(&first).await.map(drop),
                        None => Err(ErrorKind::Interrupted.into()),
                    }
                })
            }
            Act::EndSecond => {
                let handle = self.handle(USER, ids.second);
                administer(async move { theirs.end(handle).await.map(drop) })
            }
            Act::EndForeign => {
                let handle = self.handle(OTHER, ids.foreign);
                administer(async move {
                    let ended = theirs.end(handle).await?;
                    assert!(!ended, "a session of another user was ended");
                    Ok(())
                })
            }
        }
    }

    fn request(
        &self,
        cookie: Option<SessionId>,
        handle: impl Fn(&Session) -> Result<(), Error> + Clone + Send + 'static,
    ) -> Work {
        let mut service = self.layer.layer(service_fn(move |request: Request<()>| {
            let session = request.extensions().get::<Session>().unwrap().clone();
            let result = handle.clone();
            async move {
                let status = match result(&session) {
                    Ok(()) => 200,
                    Err(error) => error.status().as_u16(),
                };
                let response = Response::builder().status(status);
                Ok::<_, Infallible>(response.body(axum::body::Body::empty()).unwrap())
            }
        }));
        let mut request = Request::new(());
        if let Some(id) = cookie {
            let cookie = self.sessions().cookie(&id);
            request.headers_mut().insert(header::COOKIE, cookie);
        }
        Box::pin(async move {
            let Ok(response) = service.call(request).await;
            let set = response.headers().get(header::SET_COOKIE);
            let set = set.map(|value| value.to_str().unwrap());
            let removed = set.is_some_and(|set| set.contains("Max-Age=0;"));
            let id = set.filter(|_| !removed).map(|set| {
                let value = set.strip_prefix("__Host-id=").unwrap();
                value.split(';').next().unwrap().parse().unwrap()
            });
            let kind = response.extensions().get::<ErrorKind>().copied();
            (response.status() == 200, kind, id, removed)
        })
    }

    fn handle(&self, principal: &str, id: SessionId) -> sessile::sessions::PublicHandle {
        self.openly(async {
            let sessions = self.sessions();
            let session = sessions.load(&id).await.unwrap().unwrap();
            let list = sessions.of(principal).list().await.unwrap();
            list.iter().find(|it| it.is(&session)).unwrap().handle()
        })
    }

    /// Does something between two steps.
    fn openly<T>(&self, work: impl Future<Output = T>) -> T {
        self.store.world().open = true;
        let result = now(work);
        self.store.world().open = false;
        result
    }

    fn lives(&self, id: SessionId) -> bool {
        self.openly(async { self.sessions().load(&id).await.unwrap().is_some() })
    }

    /// How many sessions a user's list has, and whether each of these is in it.
    fn listed(&self, principal: &str, ids: &[SessionId]) -> (usize, bool) {
        self.openly(async {
            let sessions = self.sessions();
            let list = sessions.of(principal).list().await.unwrap();
            let mut all = true;
            for id in ids {
                let session = sessions.load(id).await.unwrap().unwrap();
                all &= list.iter().any(|it| it.is(&session));
            }
            (list.len(), all)
        })
    }
}

fn administer(work: impl Future<Output = Result<(), Error>> + 'static) -> Work {
    Box::pin(async move {
        match work.await {
            Ok(()) => (true, None, None, false),
            Err(error) => (false, Some(error.kind()), None, false),
        }
    })
}

fn now<T>(work: impl Future<Output = T>) -> T {
    match std::pin::pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("an open store answers at once"),
    }
}

pub(crate) struct Scenario {
    acts: Vec<Act>,
    limit: Option<WhenMany>,
    faults: usize,
    /// How often one may go on although another could.
    switches: usize,
    /// At some moment, the first session expires.
    expires: bool,
    world: World,
    ids: Ids,
}

impl Scenario {
    /// Runs the schedule that these choices lead to, and yields what it breaks.
    pub(crate) fn run(&self, choices: &mut Choices, runtime: &Runtime) -> Option<Violation> {
        let house = House::new(self.world.clone(), 2, self.limit);
        let mut time_passes = self.expires;
        if self.expires {
            house.clock.advance(OLDER + SINCE);
        }
        let mut works: Vec<_> = self
            .acts
            .iter()
            .map(|act| Some(house.work(*act, self.ids)))
            .collect();
        let mut done: Vec<Option<Done>> = vec![None; works.len()];
        let mut began = vec![None; works.len()];
        let mut trace: Vec<String> = Vec::new();
        let mut wrong = Vec::new();
        let (mut faults, mut switches, mut last) = (0, 0, usize::MAX);
        let mut written = None;
        let mut resume: Vec<usize> = (0..works.len()).collect();
        loop {
            for client in resume.drain(..) {
                let Some(work) = &mut works[client] else {
                    continue;
                };
                let Some(came) = go_on(&house.store, client, work, runtime) else {
                    continue;
                };
                works[client] = None;
                let (acknowledged, kind, id, removed) = came;
                let (act, step) = (self.acts[client], trace.len());
                let began = began[client].unwrap_or(0);
                done[client] = Some(Done {
                    act,
                    acknowledged,
                    kind,
                    id,
                    removed,
                    began,
                    step,
                });
            }
            if written.replace(house.store.world().effects.len()) != written {
                self.check_step(&house, &done, &mut wrong);
            }
            let all_done = done.iter().all(Option::is_some);
            let mut world = house.store.world();
            if all_done && world.late.is_empty() {
                break;
            }
            let mut actions: Vec<(&str, usize)> = Vec::new();
            actions.extend((0..world.late.len()).map(|at| ("arrives late", at)));
            if all_done {
                actions.push(("never arrives", 0));
            }
            if time_passes {
                actions.push(("time passes", 0));
            }
            let goes_on = world.calls.iter().any(|call| call.client == last);
            for call in &world.calls {
                if goes_on && call.client != last && switches == self.switches {
                    continue;
                }
                actions.push(("", call.number));
                if faults < self.faults {
                    actions.push(("is lost", call.number));
                    if !matches!(call.verb, Verb::Get) {
                        actions.push(("takes effect, its answer is lost", call.number));
                        actions.push(("is late, in doubt", call.number));
                    }
                }
            }
            let (what, which) = actions[choices.choose(actions.len())];
            if what == "time passes" {
                time_passes = false;
                house.clock.advance(PASSES);
                trace.push(what.to_owned());
                continue;
            }
            let call = match what {
                "arrives late" | "never arrives" => world.late[which].clone(),
                _ => world
                    .calls
                    .iter()
                    .find(|it| it.number == which)
                    .unwrap()
                    .clone(),
            };
            let place = if call.key.is_roster() {
                "roster"
            } else {
                "session"
            };
            trace.push(format!(
                "{:?}: {} {place} {what}",
                self.acts[call.client],
                call.verb.name()
            ));
            match what {
                "arrives late" => world.arrive_late(which),
                "never arrives" => drop(world.late.remove(0)),
                "is lost" => world.lose(which),
                "is late, in doubt" => world.delay(which),
                "" => world.execute(which),
                _ => world.fail_after_effect(which),
            }
            if let "arrives late" | "never arrives" = what {
                continue;
            }
            faults += usize::from(!what.is_empty());
            switches += usize::from(goes_on && call.client != last);
            last = call.client;
            began[call.client].get_or_insert(trace.len());
            resume.push(call.client);
        }
        let done: Vec<_> = done.into_iter().flatten().collect();
        self.check_end(&house, &done, faults, &mut wrong);
        wrong.dedup();
        (!wrong.is_empty()).then(|| {
            let length = trace.len();
            trace.extend(done.iter().map(|done| format!("{done:?}")));
            let limit = self.limit;
            Violation {
                length,
                text: format!(
                    "{}\nlimit: {limit:?}\n{}",
                    wrong.join("\n"),
                    trace.join("\n")
                ),
            }
        })
    }

    /// The ids of this user that are known, with when their login was answered.
    fn known<'a>(&self, done: impl Iterator<Item = &'a Done>) -> Vec<(SessionId, usize)> {
        let mut known = vec![(self.ids.first, 0), (self.ids.second, 0)];
        for done in done {
            if let Act::Login(_) | Act::LoginAgain | Act::Bind | Act::Rotate = done.act {
                // By a rotation the session stays what it was.
                let step = |id| {
                    if same_session(id, self.ids.first) {
                        0
                    } else {
                        done.step
                    }
                };
                // Two may have bound the same one.
                let id = self.id_after(done);
                let id = id.filter(|id| known.iter().all(|(known, _)| known != id));
                known.extend(id.map(|id| (id, step(id))));
            }
        }
        known
    }

    /// The id that the browser has now, if that is the user's. A session that is bound keeps its own.
    fn id_after(&self, done: &Done) -> Option<SessionId> {
        let kept = done.act == Act::Bind && done.acknowledged;
        done.id.or(kept.then_some(self.ids.visitor))
    }

    /// What holds at each moment.
    fn check_step(&self, house: &House, done: &[Option<Done>], wrong: &mut Vec<String>) {
        let known = self.known(done.iter().flatten());
        let living: Vec<_> = known
            .iter()
            .map(|(id, _)| *id)
            .filter(|id| house.lives(*id))
            .collect();
        if !house.listed(USER, &living).1 {
            wrong.push("a living session is missing from the list".into());
        }
        // One that was not answered yet is nobody's, and may turn out to be one too many.
        if self.limit.is_some() && living.len() > 2 {
            wrong.push(format!("{} sessions live, and two may", living.len()));
        }
        let foreign = [self.ids.foreign];
        let logs_over = self.acts.contains(&Act::Login(Browser::OthersUser));
        if !logs_over && (!house.lives(foreign[0]) || !house.listed(OTHER, &foreign).1) {
            wrong.push("the other user lost a session".into());
        }
    }

    fn check_end(&self, house: &House, done: &[Done], faults: usize, wrong: &mut Vec<String>) {
        wrong.extend(house.store.world().broken.iter().map(|it| (*it).to_owned()));
        let known = self.known(done.iter());
        let is_first = |id: SessionId| same_session(id, self.ids.first);
        let living: Vec<_> = known.iter().filter(|(id, _)| house.lives(*id)).collect();
        let (listed, _) = house.listed(USER, &[]);
        if faults == 0 && listed != living.len() {
            wrong.push(format!(
                "{listed} sessions are listed, and {} live",
                living.len()
            ));
        }
        for end in done.iter().filter(|it| it.acknowledged) {
            for (id, login) in &known {
                let ended = match end.act {
                    Act::EndAll => *login < end.began || *login == 0,
                    Act::EndOthers => !is_first(*id) && (*login < end.began || *login == 0),
                    Act::EndSecond => *id == self.ids.second,
                    Act::Logout => is_first(*id),
                    _ => false,
                };
                if ended && house.lives(*id) {
                    wrong.push(format!("a session lives on after {:?}", end.act));
                }
            }
        }
        for login in done {
            if !login.acknowledged && login.id.is_some() {
                wrong.push("a refused request sets a cookie".into());
            }
            if let (Act::Login(_) | Act::LoginAgain | Act::OtherLogin | Act::Bind, true) =
                (login.act, login.acknowledged)
            {
                let Some(id) = self.id_after(login) else {
                    wrong.push("a login without a cookie".into());
                    continue;
                };
                let causes = |other: &&Done| match other.act {
                    _ if other.step < login.began => false,
                    Act::EndAll | Act::EndOthers => login.act != Act::OtherLogin,
                    Act::Logout | Act::Rotate => login.act == Act::LoginAgain,
                    Act::LoginAgain => login.act == Act::LoginAgain && *other != login,
                    // In the same browser, whose id is another one then.
                    Act::Login(Browser::Visitor) | Act::OtherLogin if login.act == Act::Bind => {
                        true
                    }
                    // A limit is one user's.
                    Act::Login(_) | Act::Bind => {
                        *other != login && self.limit.is_some() && login.act != Act::OtherLogin
                    }
                    _ => false,
                };
                if faults == 0 && !house.lives(id) && !done.iter().any(|it| causes(&it)) {
                    wrong.push("a login is lost without a cause".into());
                }
            }
        }
    }
}

/// Whether the handles are the same: the first 16 of 32 bytes.
fn same_session(one: SessionId, other: SessionId) -> bool {
    one.expose()[..21] == other.expose()[..21]
}

/// Polls until it waits for a verb, or is done.
fn go_on(
    store: &GatedStore,
    client: usize,
    work: &mut Work,
    runtime: &Runtime,
) -> Option<(bool, Option<ErrorKind>, Option<SessionId>, bool)> {
    let mut cx = Context::from_waker(Waker::noop());
    for poll in 0..100 {
        store.world().client = client;
        if let Poll::Ready(came) = work.as_mut().poll(&mut cx) {
            return Some(came);
        }
        if store.world().calls.iter().any(|call| call.client == client) {
            return None;
        }
        if poll > 2 {
            runtime.block_on(tokio::time::advance(Duration::from_millis(10)));
        }
    }
    panic!("{client} waits for nothing");
}

const ACTS: [Act; 13] = [
    Act::Login(Browser::New),
    Act::Login(Browser::Visitor),
    Act::Login(Browser::OthersUser),
    Act::LoginAgain,
    Act::OtherLogin,
    Act::Bind,
    Act::Rotate,
    Act::Write,
    Act::Logout,
    Act::EndAll,
    Act::EndOthers,
    Act::EndSecond,
    Act::EndForeign,
];

/// All pairs of acts.
pub(crate) fn pairs(faults: usize, switches: usize) -> Vec<Scenario> {
    scenarios(pairs_of(&ACTS), false, faults, switches)
}

/// Two logins, and anything else; and two users in one browser, whose sessions are ended.
pub(crate) fn threes(switches: usize) -> Vec<Scenario> {
    let logins = [Act::Login(Browser::New), Act::Login(Browser::Visitor)];
    let threes = ACTS.map(|it| [&logins[..], &[it]].concat());
    let users = [Act::Login(Browser::Visitor), Act::OtherLogin];
    let ended = [Act::EndAll, Act::EndOthers].map(|it| [&users[..], &[it]].concat());
    scenarios([&threes[..], &ended].concat(), false, 0, switches)
}

/// Pairs that meet the first session, which at some moment reaches the end of its idle lifetime.
pub(crate) fn expiring(switches: usize) -> Vec<Scenario> {
    let acts = [
        Act::Login(Browser::New),
        Act::LoginAgain,
        Act::Bind,
        Act::Rotate,
        Act::Write,
        Act::Read,
        Act::Logout,
        Act::EndAll,
        Act::EndOthers,
        Act::EndSecond,
    ];
    scenarios(pairs_of(&acts), true, 0, switches)
}

fn pairs_of(acts: &[Act]) -> Vec<Vec<Act>> {
    let from = |at: usize| acts[at..].iter().map(move |it| vec![acts[at], *it]);
    (0..acts.len()).flat_map(from).collect()
}

/// These acts at once, and those with a login under limits too.
fn scenarios(acts: Vec<Vec<Act>>, expires: bool, faults: usize, switches: usize) -> Vec<Scenario> {
    let (world, ids) = House::furnish(expires);
    let limits = [None, Some(WhenMany::EndOldest), Some(WhenMany::Refuse)];
    let mut scenarios = Vec::new();
    for limit in limits {
        for acts in &acts {
            let logs_in = |act: &Act| matches!(act, Act::Login(_) | Act::Bind);
            if limit.is_none() || acts.iter().any(logs_in) {
                scenarios.push(Scenario {
                    acts: acts.clone(),
                    limit,
                    faults,
                    switches,
                    expires,
                    world: world.clone(),
                    ids,
                });
            }
        }
    }
    scenarios
}
