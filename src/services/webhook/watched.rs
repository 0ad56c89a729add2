//! Tell an observer of webhooks.

use std::time::{Duration, Instant};

use axum::response::Response;

use crate::ports::observer::{Event, Watch, Webhook, WebhookOutcome};

/// A request that is being answered.
pub(super) struct Watched<'a> {
    watch: &'a Watch,
    /// `None` if nobody wants to know.
    started: Option<Instant>,
    event: Option<String>,
}

impl<'a> Watched<'a> {
    pub(super) fn new(watch: &'a Watch) -> Self {
        Self { watch, started: watch.is_on().then(Instant::now), event: None }
    }

    /// Names the event, once its signature is verified.
    pub(super) fn is_of(&mut self, event: &str) {
        self.event = self.started.map(|_| event.to_owned());
    }

    pub(super) fn answered(self, outcome: WebhookOutcome, response: Response) -> Response {
        let took = self.started.map_or(Duration::ZERO, |started| started.elapsed());
        let (event, status) = (self.event, response.status().as_u16());
        self.watch.tell(|| Event::Webhook(Webhook { outcome, event, status, took }));
        response
    }
}
