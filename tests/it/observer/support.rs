use std::sync::{Arc, Mutex};

use aigc_auth::observer::{Event, Observer};

/// Collects what it is told.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<Event>>>);

impl Observer for Notes {
    fn observe(&self, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Notes {
    /// Returns the events since the last time.
    pub(crate) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// The same as a line each, without times.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.take().iter().map(line).collect()
    }

    /// Whether there was this line by now.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.count(|event| line(event) == text) > 0
    }

    /// The lines that start like this.
    pub(crate) fn lines_of(&self, start: &str) -> Vec<String> {
        self.lines().into_iter().filter(|line| line.starts_with(start)).collect()
    }

    /// Returns how many of these events there were by now.
    pub(crate) fn count(&self, is_one: impl Fn(&Event) -> bool) -> usize {
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
        Event::Call(call) => {
            let status = call.status.map(|status| status.to_string()).unwrap_or_default();
            let (endpoint, outcome, attempts) = (call.endpoint, call.outcome.as_str(), call.attempts);
            format!("call {endpoint} {outcome} {attempts} {status}").trim_end().to_owned()
        }
        Event::Breaker(breaker) => {
            let (before, state) = (breaker.before.as_str(), breaker.state.as_str());
            let (pause, open) = (breaker.pause.unwrap_or_default().as_millis(), breaker.open_for.as_millis());
            format!("breaker {} {before} {state} {pause} {open}", breaker.endpoint)
        }
        Event::ActAs(act_as) => {
            let error = act_as.error.map_or("granted", |error| error.as_str());
            let target = act_as.target.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("act_as {} {target} {error}", act_as.actor)
        }
        Event::Usage(usage) => {
            let reason = usage.reason.map_or("", |reason| reason.as_str());
            format!("usage {} {} {reason}", usage.outcome.as_str(), usage.records).trim_end().to_owned()
        }
        Event::Webhook(webhook) => {
            let name = webhook.event.as_deref().unwrap_or_default();
            format!("webhook {} {} {name}", webhook.outcome.as_str(), webhook.status).trim_end().to_owned()
        }
        Event::UserSync(sync) => format!("user_sync {} {}", sync.outcome.as_str(), sync.users),
        Event::Registry(registry) => {
            let version = registry.config_version.as_deref().unwrap_or("-");
            let error = registry.error.map_or("", |error| error.as_str());
            let (change, service) = (registry.change.as_str(), &registry.service);
            format!("registry {change} {service} {version} {error}").trim_end().to_owned()
        }
        Event::Cluster(cluster) => format!("cluster {} {}", cluster.change.as_str(), cluster.messages),
        other => format!("{other:?}"),
    }
}
