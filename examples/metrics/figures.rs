use super::sum::Sum;
use sessile::observe::{Event, Observer, Verb};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Counts what happens to sessions.
#[derive(Default)]
pub(super) struct Figures {
    events: [AtomicU64; Event::NAMES.len()],
    session_bytes: Sum,
    store_nanos: Sum,
}

impl Observer for Figures {
    fn event(&self, event: &Event) {
        let place = Event::NAMES.iter().position(|name| *name == event.name());
        place.map(|place| self.events[place].fetch_add(1, Relaxed));
        if let Event::Created { size, .. } | Event::Loaded { size, .. } = event {
            self.session_bytes.add(*size as u64);
        }
    }

    fn store_call(&self, _verb: Verb, time: Duration) {
        let nanos = u64::from(time.subsec_nanos());
        self.store_nanos.add(time.as_secs() * 1_000_000_000 + nanos);
    }
}

impl Figures {
    /// The text that Prometheus fetches.
    pub(super) fn prometheus(&self) -> String {
        let events = self.lines(|it, n| format!("sessile_events_total{{event=\"{it}\"}} {n}\n"));
        let summary = |name: &str, sum: &Sum, unit: f64| {
            let (sum, count) = (sum.sum() / unit, sum.count());
            format!("# TYPE {name} summary\n{name}_sum {sum}\n{name}_count {count}\n")
        };
        let bytes = summary("sessile_session_bytes", &self.session_bytes, 1.0);
        let time = summary("sessile_store_seconds", &self.store_nanos, 1e9);
        format!("# TYPE sessile_events_total counter\n{events}{bytes}{time}")
    }

    /// The same for people.
    pub(super) fn page(&self) -> String {
        let counts = self.events.iter().map(|count| count.load(Relaxed));
        let most = counts.fold(1, u64::max);
        let bars =
            self.lines(|it, n| format!("<dt>{it} {n}<dd><meter max={most} value={n}></meter>"));
        let (bytes, micros) = (self.session_bytes.mean(), self.store_nanos.mean() / 1e3);
        let calls = self.store_nanos.count();
        format!(
            "<p>A session has {bytes:.0} bytes. The store was called {calls} times, \
             and took {micros:.1} µs each time.<dl>{bars}</dl>"
        )
    }

    /// A line for each event, made of its name and how often it happened.
    fn lines(&self, line: impl Fn(&str, u64) -> String) -> String {
        let events = Event::NAMES.iter().zip(&self.events);
        events.map(|(it, n)| line(it, n.load(Relaxed))).collect()
    }
}
