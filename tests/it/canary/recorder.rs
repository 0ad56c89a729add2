//! Everything that is logged, at every level, with the fields of spans.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::flight::{Flight, LOG, SPANS};

/// Records what this process logs, on all threads and of all crates, those that use `log` included.
pub(super) fn install(flight: &Flight) {
    tracing_subscriber::registry().with(Recorder(flight.clone())).try_init().unwrap();
}

struct Recorder(Flight);

impl Recorder {
    fn put(&self, what: &str, metadata: &Metadata<'_>, line: Line) {
        // Records of `log` all come from one place.
        let target = line.target.unwrap_or_else(|| metadata.target().to_owned());
        let name = target.split("::").next().unwrap_or_default();
        let place = match name {
            "aigc_auth" => (if what == "event" { LOG } else { SPANS }).to_owned(),
            other => format!("log of {other}"),
        };
        let text = format!("{} {target} {}{}", metadata.level(), metadata.name(), line.text);
        self.0.put(&place, text);
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut line = Line::default();
        attributes.record(&mut line);
        self.put("span", attributes.metadata(), line);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut line = Line::default();
        values.record(&mut line);
        if let Some(span) = context.span(id) {
            self.put("span", span.metadata(), line);
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.put("event", event.metadata(), line);
    }
}

#[derive(Default)]
struct Line {
    text: String,
    target: Option<String>,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            self.target = Some(value.to_owned());
        }
        let _ = write!(self.text, " {}={value}", field.name());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut next = Some(value);
        while let Some(error) = next {
            let _ = write!(self.text, " {}={error} {error:?}", field.name());
            next = error.source();
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.text, " {}={value:?}", field.name());
    }
}
