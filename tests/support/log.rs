//! A subscriber that writes down everything that its thread says.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, Once};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

/// All spans and events, with their fields.
#[derive(Clone)]
pub struct Log(Arc<Mutex<Inside>>);

impl Default for Log {
    fn default() -> Self {
        static DEAF: Once = Once::new();
        DEAF.call_once(|| tracing::subscriber::set_global_default(Deaf).unwrap());
        Self(Arc::default())
    }
}

/// Hears nothing, but may want to. Without it, what the thread of another test says first, with nobody listening
/// there, is off for all threads.
struct Deaf;

impl Subscriber for Deaf {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Inside {
    text: String,
    named: Vec<Named>,
}

/// An event that has a name.
pub struct Named {
    pub level: Level,
    pub name: String,
    pub fields: BTreeMap<&'static str, String>,
}

impl Log {
    pub fn text(&self) -> String {
        self.inside().text.clone()
    }

    /// The events with a name, since this was last asked.
    pub fn named(&self) -> Vec<Named> {
        std::mem::take(&mut self.inside().named)
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap()
    }

    fn write(&self, name: &str, record: impl FnOnce(&mut dyn Visit)) {
        let mut line = Line(format!("{name}:"));
        record(&mut line);
        let text = &mut self.inside().text;
        text.push_str(&line.0);
        text.push('\n');
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

#[derive(Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        self.write(span.metadata().name(), |line| span.record(line));
        Id::from_u64(NEXT.fetch_add(1, Relaxed))
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        self.write("record", |line| values.record(line));
    }

    fn event(&self, event: &Event<'_>) {
        let (target, level) = (event.metadata().target(), *event.metadata().level());
        self.write(target, |line| event.record(line));
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Some(name) = fields.0.remove("event") {
            assert_eq!(target, "sessile");
            let fields = fields.0;
            let named = Named {
                level,
                name,
                fields,
            };
            self.inside().named.push(named);
        }
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
