//! The events as `tracing` shows them, where that feature is on.

#[cfg(not(feature = "tracing"))]
pub(super) use off::Trace;
#[cfg(feature = "tracing")]
pub(super) use on::Trace;

#[cfg(feature = "tracing")]
mod on {
    use crate::clock::Clock;
    use crate::error::ErrorKind;
    use crate::observe::{Event, Verb};
    use crate::store::StoreKey;
    use std::collections::HashMap;
    use std::hash::{BuildHasher as _, RandomState};
    use std::sync::{Arc, LazyLock, Mutex, PoisonError};
    use std::time::Duration;
    use tracing::level_filters::LevelFilter;
    use tracing::{Level, field};

    /// How long a warning keeps others like it quiet.
    const QUIET: Duration = Duration::from_secs(10);

    pub(in crate::observe) struct Trace {
        clock: Arc<dyn Clock>,
        /// When what was last warned of.
        warned: Mutex<HashMap<Reason, Duration>>,
    }

    type Reason = (&'static str, Option<ErrorKind>);

    impl Trace {
        pub(in crate::observe) fn new(clock: Arc<dyn Clock>) -> Self {
            let warned = Mutex::default();
            Self { clock, warned }
        }

        /// Whether any subscriber may want it. Reads one number.
        #[inline]
        pub(in crate::observe) fn hears(event: Event) -> bool {
            level(event) <= LevelFilter::current()
        }

        pub(in crate::observe) fn event(&self, event: Event, session: Option<StoreKey>) {
            if !Self::hears(event) {
                return;
            }
            let (size, error, verb) = match event {
                Event::Created { size } | Event::Loaded { size } => (Some(size), None, None),
                Event::Refused { error } => (None, Some(error), None),
                Event::StoreError { verb, error } => (None, Some(error), Some(verb)),
                Event::SlowStore { verb } => (None, None, Some(verb)),
                _ => (None, None, None),
            };
            // What is costly is worked out only for a subscriber that takes it.
            macro_rules! at {
                ($level:ident) => {
                    tracing::event!(
                        target: "sessile",
                        Level::$level,
                        event = event.name(),
                        session = session.map(|key| field::display(fingerprint(key))),
                        size,
                        error = error.map(field::debug),
                        verb = verb.map(Verb::name),
                    )
                };
            }
            match level(event) {
                Level::TRACE => at!(TRACE),
                Level::WARN if self.is_due((event.name(), error)) => at!(WARN),
                _ => at!(DEBUG),
            }
        }

        /// Whether it is time to warn of this again: an outage must not fill the log.
        fn is_due(&self, reason: Reason) -> bool {
            let now = self.clock.uptime();
            let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
            let before = warned.get(&reason);
            let due = before.is_none_or(|before| now.saturating_sub(*before) >= QUIET);
            if due {
                warned.insert(reason, now);
            }
            due
        }
    }

    const fn level(event: Event) -> Level {
        match event {
            Event::Loaded { .. } => Level::TRACE,
            // What users do, and not what goes wrong.
            Event::Refused {
                error: ErrorKind::Stale | ErrorKind::TooManySessions,
            } => Level::DEBUG,
            Event::Unreadable
            | Event::Refused { .. }
            | Event::StoreError { .. }
            | Event::SlowStore { .. } => Level::WARN,
            _ => Level::DEBUG,
        }
    }

    /// What a session is called in the log: 64 bits that only this process can tell from its key. The key
    /// stays the same as long as the session lives, and so does this.
    fn fingerprint(key: StoreKey) -> String {
        static SALT: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        format!("{:016x}", SALT.hash_one(key))
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use crate::clock::Clock;
    use crate::observe::Event;
    use crate::store::StoreKey;
    use std::sync::Arc;

    pub(in crate::observe) struct Trace;

    impl Trace {
        pub(in crate::observe) fn new(_: Arc<dyn Clock>) -> Self {
            Self
        }

        pub(in crate::observe) const fn hears(_: Event) -> bool {
            false
        }

        pub(in crate::observe) const fn event(&self, _: Event, _: Option<StoreKey>) {}
    }
}
