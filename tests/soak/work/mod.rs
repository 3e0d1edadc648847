//! What the soak and its own tests share: the server, the clients, and what they must find.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "neither of the two programs needs all of it"
)]

pub mod clients;
#[path = "../../support/dice.rs"]
mod dice;
pub mod http;
mod judge;
pub mod server;
mod tally;
mod user;

pub use dice::Dice;

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// The bounds that the server is set to, and how many clients it gets.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Each has two connections, and takes turns with all its users.
    pub workers: usize,
    pub users: usize,
    pub idle: Duration,
    pub absolute: Duration,
    pub max_entries: usize,
    pub max_bytes: usize,
    /// Of one session.
    pub max_size: usize,
    /// How many requests a second there are in a calm: so few that the store has room, and
    /// sessions expire. In a flood there are as many as the machine can do, and strangers among
    /// them, and sessions are evicted. 0 leaves no calm.
    pub calm: u64,
}

/// How long a calm and the flood after it take.
const CALM: Duration = Duration::from_secs(7);
pub const CYCLE: Duration = Duration::from_secs(10);

impl Limits {
    pub const SOAK: Self = Self {
        workers: 32,
        users: 80,
        idle: Duration::from_secs(3),
        absolute: Duration::from_secs(30),
        max_entries: 5000,
        max_bytes: 5 << 20,
        max_size: 4096,
        calm: 4000,
    };

    /// How many entries the store holds at least before it evicts one: as many as the largest
    /// sessions are, with their keys, frames and places.
    fn never_evicts_below(&self) -> u64 {
        (self.max_bytes / (self.max_size + 1024)).min(self.max_entries) as u64
    }

    /// Whether an entry that was used when `used` requests had been sent can have been the longest
    /// idle by the time that `now` had been. A request uses two entries at most, the one that it
    /// finds and the one that it makes; some that were sent before are still on their way.
    pub fn may_have_evicted(&self, used: u64, now: u64) -> bool {
        let on_their_way = 4 * self.workers as u64;
        2 * (now - used + on_their_way) >= self.never_evicts_below()
    }
}

/// One run, as all its clients see it.
pub struct Run {
    pub address: SocketAddr,
    pub limits: Limits,
    pub seed: u64,
    begin: Instant,
    /// How many requests have been sent.
    sent: AtomicU64,
    violations: Mutex<Vec<String>>,
}

impl Run {
    pub fn new(address: SocketAddr, limits: Limits, seed: u64) -> Self {
        Self {
            address,
            limits,
            seed,
            begin: Instant::now(),
            sent: AtomicU64::new(0),
            violations: Mutex::default(),
        }
    }

    pub fn is_calm(&self) -> bool {
        let cycle = CYCLE.as_millis();
        self.limits.calm > 0 && self.begin.elapsed().as_millis() % cycle < CALM.as_millis()
    }

    /// Counts a request that is about to be sent, and says how many there were before.
    pub fn count(&self) -> u64 {
        self.sent.fetch_add(1, Relaxed)
    }

    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    pub fn violation(&self, text: impl Into<String>) {
        self.violations.lock().unwrap().push(text.into());
    }

    pub fn violations(&self) -> Vec<String> {
        self.violations.lock().unwrap().clone()
    }
}
