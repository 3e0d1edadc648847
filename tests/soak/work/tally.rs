//! What was counted and measured.

use super::Run;
use super::server::Figures;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// Steps of each power of two: latencies are exact to 3 %.
const STEPS: u64 = 32;

#[derive(Debug, Default)]
pub struct Tally {
    counts: BTreeMap<&'static str, u64>,
    calm: Latencies,
    flood: Latencies,
}

/// How many requests took as long as each bucket says.
#[derive(Debug, Default)]
struct Latencies(Vec<u64>);

impl Tally {
    pub fn add(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub fn get(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    pub fn took(&mut self, time: Duration, calm: bool) {
        let latencies = if calm {
            &mut self.calm
        } else {
            &mut self.flood
        };
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        *latencies.at(bucket(micros)) += 1;
    }

    pub fn merge(&mut self, other: &Self) {
        for (what, count) in &other.counts {
            *self.counts.entry(what).or_default() += count;
        }
        self.calm.merge(&other.calm);
        self.flood.merge(&other.flood);
    }

    /// What the clients have seen must fit what the store says of itself.
    pub fn check_against(&self, store: &Figures, run: &Run) {
        if self.get("sessions lost: evicted") > store.evicted {
            run.violation("more sessions were lost than the store has evicted");
        }
        if store.entries > run.limits.max_entries || store.bytes > run.limits.max_bytes {
            run.violation("the store holds more than it may");
        }
    }

    pub fn report(&self, took: Duration) -> String {
        let requests = self.get("requests");
        let mut text = format!(
            "{requests} requests in {:.1} s, {:.0} a second\n",
            took.as_secs_f64(),
            requests as f64 / took.as_secs_f64(),
        );
        for (what, count) in &self.counts {
            writeln!(text, "  {count:>10} {what}").unwrap();
        }
        writeln!(text, "latency of those that do not pause").unwrap();
        writeln!(text, "  in calms:  {}", self.calm.report()).unwrap();
        write!(text, "  in floods: {}", self.flood.report()).unwrap();
        text
    }
}

impl Latencies {
    fn at(&mut self, bucket: usize) -> &mut u64 {
        if self.0.len() <= bucket {
            self.0.resize(bucket + 1, 0);
        }
        &mut self.0[bucket]
    }

    fn merge(&mut self, other: &Self) {
        for (bucket, count) in other.0.iter().enumerate() {
            *self.at(bucket) += count;
        }
    }

    fn report(&self) -> String {
        format!(
            "p50 {:?}, p99 {:?}, p99.9 {:?}, most {:?}",
            self.percentile(50.0),
            self.percentile(99.0),
            self.percentile(99.9),
            self.percentile(100.0),
        )
    }

    fn percentile(&self, percent: f64) -> Duration {
        let all: u64 = self.0.iter().sum();
        let mut left = all as f64 * percent / 100.0;
        for (bucket, count) in self.0.iter().enumerate() {
            left -= *count as f64;
            if left <= 0.0 {
                return Duration::from_micros(upper_end(bucket as u64));
            }
        }
        Duration::ZERO
    }
}

fn bucket(micros: u64) -> usize {
    let shift = u64::from(micros.max(STEPS).ilog2() - STEPS.ilog2());
    usize::try_from(shift * STEPS + (micros >> shift)).unwrap()
}

/// The largest number in a bucket.
const fn upper_end(bucket: u64) -> u64 {
    if bucket < 2 * STEPS {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    let step = bucket % STEPS + STEPS;
    ((step + 1) << shift) - 1
}

#[test]
fn buckets_are_in_order_and_three_percent_wide() {
    let mut last = 0;
    for micros in 0..200_000 {
        let bucket = bucket(micros);
        assert!(bucket == last || bucket == last + 1);
        last = bucket;
        let end = upper_end(bucket as u64);
        assert!(
            end >= micros && (end - micros) * STEPS <= micros,
            "{micros}"
        );
    }
}
