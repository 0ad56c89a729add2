use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, NoSubscriber};
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// A span as an exporter sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) target: String,
    pub(crate) name: String,
    pub(crate) parent: Option<u64>,
    pub(crate) id: u64,
    pub(crate) follows: Vec<u64>,
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) is_closed: bool,
}

impl Seen {
    #[track_caller]
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value)
    }
}

/// The spans that are opened on this thread, until dropped.
pub(crate) struct Spans {
    seen: Arc<Mutex<Vec<Seen>>>,
    _guard: DefaultGuard,
}

impl Spans {
    pub(crate) fn start() -> Self {
        // As `Log`: the threads of other tests want none.
        static ANOTHER: OnceLock<Dispatch> = OnceLock::new();
        ANOTHER.get_or_init(|| Dispatch::new(NoSubscriber::default()));
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let subscriber = tracing_subscriber::registry().with(Recorder(seen.clone()));
        Self { seen, _guard: tracing::subscriber::set_default(subscriber) }
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Those of the crate, in the order in which they were opened.
    pub(crate) fn ours(&self) -> Vec<Seen> {
        self.all().into_iter().filter(|span| span.target == "aigc_auth::trace").collect()
    }
}

struct Recorder(Arc<Mutex<Vec<Seen>>>);

impl Recorder {
    fn change(&self, id: &Id, change: impl FnOnce(&mut Seen)) {
        let mut seen = self.0.lock().unwrap();
        // Ids are used again.
        if let Some(span) = seen.iter_mut().rev().find(|span| span.id == id.into_u64()) {
            change(span);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        let mut span = Seen {
            target: metadata.target().to_owned(),
            name: metadata.name().to_owned(),
            parent: context.span(id).and_then(|span| Some(span.parent()?.id().into_u64())),
            id: id.into_u64(),
            ..Seen::default()
        };
        attributes.record(&mut Fields(&mut span.fields));
        self.0.lock().unwrap().push(span);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.change(id, |span| values.record(&mut Fields(&mut span.fields)));
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, _: Context<'_, S>) {
        self.change(id, |span| span.follows.push(follows.into_u64()));
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        self.change(&id, |span| span.is_closed = true);
    }
}

struct Fields<'a>(&'a mut BTreeMap<String, String>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}
