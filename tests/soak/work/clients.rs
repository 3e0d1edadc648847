//! The clients: what they do next is up to the dice.

use super::http::{Answer, Connection};
use super::judge::{judge, judge_void};
use super::tally::Tally;
use super::user::{Kind, Moment, Outcome, User};
use super::{Dice, Run};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// After so many there is no need for more.
const ENOUGH: usize = 20;

/// Lets all workers work for this long, or until there are violations enough.
pub async fn run(run: Arc<Run>, time: Duration) -> Tally {
    let end = Instant::now() + time;
    let workers: Vec<_> = (0..run.limits.workers)
        .map(|number| {
            let mut worker = Worker::new(Arc::clone(&run), number as u64);
            tokio::spawn(async move {
                while Instant::now() < end && worker.run.violations().len() < ENOUGH {
                    worker.step().await;
                }
                worker.tally
            })
        })
        .collect();
    let mut tally = Tally::default();
    for worker in workers {
        tally.merge(&worker.await.unwrap());
    }
    tally
}

/// Acts for many users, one at a time, over two connections.
struct Worker {
    run: Arc<Run>,
    dice: Dice,
    connections: [Connection; 2],
    users: Vec<User>,
    tally: Tally,
}

/// A request that is about to be sent.
struct Plan {
    kind: Kind,
    value: u64,
    path: String,
    cookie: String,
    pauses: bool,
}

impl Worker {
    fn new(run: Arc<Run>, number: u64) -> Self {
        let users = run.limits.users as u64;
        let name = |user| 1 + number * users + user;
        Self {
            dice: Dice::new(run.seed.wrapping_add(number << 32)),
            connections: [Connection::new(run.address), Connection::new(run.address)],
            users: (0..users).map(|user| User::new(name(user))).collect(),
            tally: Tally::default(),
            run,
        }
    }

    async fn step(&mut self) {
        if self.run.is_calm() {
            let pace = self.run.limits.workers as f64 / self.run.limits.calm as f64;
            // As many requests as a step has on average.
            tokio::time::sleep(Duration::from_secs_f64(1.4 * pace)).await;
        } else if self.dice.percent(30) {
            return self.visits_once().await;
        }
        // A third of the users does two thirds of the work; so the others are idle for longer.
        let all = self.users.len() as u64;
        let busy = if self.dice.percent(50) {
            all / 3 + 1
        } else {
            all
        };
        let index = usize::try_from(self.dice.below(busy)).unwrap();
        if self.users[index].rests_until > Instant::now() {
            // Everybody may rest.
            return tokio::task::yield_now().await;
        }
        let mut user = std::mem::replace(&mut self.users[index], User::new(0));
        match self.dice.below(100) {
            0..55 => self.alone(&mut user).await,
            55..80 => self.overlapping(&mut user).await,
            80..86 => self.hangs_up(&mut user).await,
            86..91 => self.forges(&mut user).await,
            91..96 => self.tries_dead_ids(&mut user).await,
            _ => {
                let idle = u64::try_from(self.run.limits.idle.as_millis()).unwrap();
                let rest = idle / 2 + self.dice.below(idle);
                user.rests_until = Instant::now() + Duration::from_millis(rest);
            }
        }
        self.users[index] = user;
    }

    /// A stranger makes a session and never comes back.
    async fn visits_once(&mut self) {
        self.tally.add("strangers");
        let mut stranger = User::new(0);
        self.sends(&mut stranger, Kind::Insert).await;
    }

    fn kind(&mut self) -> Kind {
        match self.dice.below(100) {
            0..45 => Kind::Increment,
            45..70 => Kind::Read,
            70..85 => Kind::Insert,
            85..95 => Kind::Login,
            _ => Kind::Logout,
        }
    }

    fn plan(&mut self, user: &User, kind: Kind, pause: u64) -> Plan {
        let mut cookie = user.cookie();
        if !cookie.is_empty() && self.dice.percent(3) {
            // One that somebody planted does not hide the true one.
            cookie = format!("id={}; {cookie}", self.forged_id());
        }
        let value = 1 + self.dice.below(1 << 40);
        Plan {
            kind,
            value,
            path: path(kind, user.name, value, pause),
            cookie,
            pauses: pause > 0,
        }
    }

    async fn alone(&mut self, user: &mut User) {
        let kind = self.kind();
        self.sends(user, kind).await;
    }

    async fn sends(&mut self, user: &mut User, kind: Kind) {
        let plan = self.plan(user, kind, 0);
        let outcome = send(&mut self.connections[0], plan, &self.run, &mut self.tally).await;
        judge(user, &[outcome], &self.run, &mut self.tally);
        self.tries_again(user, kind).await;
    }

    /// An id that died just now is dead at once.
    async fn tries_again(&mut self, user: &mut User, kind: Kind) {
        if matches!(kind, Kind::Login | Kind::Logout) && self.dice.percent(50) {
            self.tries_dead_ids(user).await;
        }
    }

    /// Two requests at once, with one cookie.
    async fn overlapping(&mut self, user: &mut User) {
        let mut plan = || {
            let kind = self.kind();
            let pause = self.dice.below(8).saturating_sub(4);
            self.plan(user, kind, pause)
        };
        let (first, second) = (plan(), plan());
        let kinds = [first.kind, second.kind];
        let hangs_up = self.dice.percent(5);
        let after = Duration::from_micros(self.dice.below(3000));
        let [one, two] = &mut self.connections;
        let (mut left, mut right) = (Tally::default(), Tally::default());
        let outcomes = <[Outcome; 2]>::from(tokio::join!(
            send(one, first, &self.run, &mut left),
            async {
                if hangs_up {
                    hang_up(two, second, after, &self.run, &mut right).await
                } else {
                    send(two, second, &self.run, &mut right).await
                }
            }
        ));
        self.tally.merge(&left);
        self.tally.merge(&right);
        self.tally.add("overlaps");
        judge(user, &outcomes, &self.run, &mut self.tally);
        for kind in kinds {
            self.tries_again(user, kind).await;
        }
        if self.dice.percent(50) {
            Box::pin(self.sends(user, Kind::Read)).await;
        }
    }

    /// Hangs up in the middle of a request.
    async fn hangs_up(&mut self, user: &mut User) {
        let (kind, pause) = (self.kind(), self.dice.below(4));
        let after = Duration::from_micros(self.dice.below(2) * self.dice.below(5000));
        let plan = self.plan(user, kind, pause);
        let connection = &mut self.connections[1];
        let outcome = hang_up(connection, plan, after, &self.run, &mut self.tally).await;
        judge(user, &[outcome], &self.run, &mut self.tally);
    }

    /// Sends an id that was never given out: made up, or the own one with another secret.
    async fn forges(&mut self, user: &mut User) {
        let id = match &user.session {
            Some(known) if self.dice.percent(50) => {
                let mut id = known.id.clone().into_bytes();
                let place = 22 + usize::try_from(self.dice.below(20)).unwrap();
                id[place] = if id[place] == b'A' { b'B' } else { b'A' };
                String::from_utf8(id).unwrap()
            }
            _ => self.forged_id(),
        };
        self.tally.add("forged ids");
        self.sends_void(user, &id).await;
    }

    async fn tries_dead_ids(&mut self, user: &mut User) {
        let Some(last) = user.dead.len().checked_sub(1) else {
            return;
        };
        let back = usize::try_from(self.dice.below(4)).unwrap();
        let id = user.dead[last.saturating_sub(back)].clone();
        self.tally.add("dead ids");
        self.sends_void(user, &id).await;
    }

    async fn sends_void(&mut self, user: &User, id: &str) {
        let kind = if self.dice.percent(60) {
            Kind::Read
        } else {
            Kind::Increment
        };
        let plan = Plan {
            kind,
            value: 0,
            path: path(kind, user.name, 0, 0),
            cookie: format!("id={id}"),
            pauses: false,
        };
        let outcome = send(&mut self.connections[0], plan, &self.run, &mut self.tally).await;
        if let Some(answer) = &outcome.answer {
            judge_void(user, id, kind, answer, &self.run);
        }
    }

    fn forged_id(&mut self) -> String {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut letter = || char::from(LETTERS[usize::try_from(self.dice.below(64)).unwrap()]);
        // The last one holds four bits only.
        (0..42).map(|_| letter()).chain(['A']).collect()
    }
}

fn path(kind: Kind, me: u64, value: u64, pause: u64) -> String {
    format!("{}?me={me}&value={value}&pause={pause}", kind.path())
}

async fn send(connection: &mut Connection, plan: Plan, run: &Run, tally: &mut Tally) -> Outcome {
    let sent = now(run);
    let answer = connection.post(&plan.path, &plan.cookie).await;
    tally.add("requests");
    tally.add(match &answer {
        Ok(Answer { status: 200, .. }) => "answered 200",
        Ok(Answer { status: 400, .. }) => "answered 400: interrupted",
        Ok(_) => "answered otherwise",
        Err(_) => "not answered",
    });
    if let Err(error) = &answer {
        run.violation(format!("no answer to {:?}: {error}", plan.kind));
    } else if !plan.pauses {
        tally.took(sent.time.elapsed(), run.is_calm());
    }
    Outcome {
        kind: plan.kind,
        value: plan.value,
        sent,
        answer: answer.ok(),
    }
}

async fn hang_up(
    connection: &mut Connection,
    plan: Plan,
    after: Duration,
    run: &Run,
    tally: &mut Tally,
) -> Outcome {
    let sent = now(run);
    connection
        .post_and_hang_up(&plan.path, &plan.cookie, after)
        .await;
    tally.add("requests");
    tally.add("hung up");
    Outcome {
        kind: plan.kind,
        value: plan.value,
        sent,
        answer: None,
    }
}

fn now(run: &Run) -> Moment {
    Moment {
        time: Instant::now(),
        count: run.count(),
    }
}
