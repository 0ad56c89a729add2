use std::sync::{Arc, Mutex};

use aigc_auth::observer::{Event, Observer};

/// Collects what it is told.
#[derive(Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Vec<Event>>>);

impl Observer for Notes {
    fn observe(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Notes {
    /// Returns the events since the last time.
    pub(super) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// The same as a line each, without times.
    pub(super) fn lines(&self) -> Vec<String> {
        self.take().iter().map(line).collect()
    }

    /// Returns how many of these events there were by now.
    pub(super) fn count(&self, is_one: impl Fn(&Event) -> bool) -> usize {
        self.0.lock().unwrap().iter().filter(|event| is_one(event)).count()
    }
}

fn line(event: &Event) -> String {
    match event {
        Event::Lookup(lookup) => {
            let error = lookup.error.map_or("", |error| error.as_str());
            let (verifier, what) = (lookup.verifier.as_str(), lookup.what.as_str());
            format!("lookup {verifier} {what} {} {error}", lookup.answer.as_str()).trim_end().to_owned()
        }
        Event::Refresh(refresh) => {
            let error = refresh.error.map_or("", |error| error.as_str());
            let (verifier, what) = (refresh.verifier.as_str(), refresh.what.as_str());
            format!("refresh {verifier} {what} {error}").trim_end().to_owned()
        }
        Event::Refused(refused) => {
            let (kind, by, seen) = (refused.kind.as_str(), refused.by.as_str(), refused.seen.as_str());
            let needed = refused.needed.as_deref().unwrap_or_default();
            format!("refused {kind} {by} {seen} {needed}").trim_end().to_owned()
        }
        other => format!("{other:?}"),
    }
}
