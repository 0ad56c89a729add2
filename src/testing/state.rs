//! All that a center knows, and the one door to it for requests.

use std::time::Duration;

use http::{HeaderMap, Method};
use serde_json::Value;

use super::deliver::Answer;
use super::endpoints;
use super::journal::{Journal, RecordedRequest};
use super::people::People;
use super::plan::Plan;
use super::registry::Registry;
use crate::secret::Secret;

pub(super) struct State {
    pub(super) world: World,
    pub(super) journal: Journal,
    pub(super) plan: Plan,
    pub(super) delay: Duration,
}

/// What the endpoints read and change.
pub(super) struct World {
    pub(super) app_id: String,
    pub(super) app_secret: Secret,
    pub(super) people: People,
    pub(super) registry: Registry,
    /// The stats records, as they came.
    pub(super) stats: Vec<Value>,
}

/// A request that was read to its end.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) endpoint: String,
    pub(super) headers: HeaderMap,
    /// `None` if it was not JSON.
    pub(super) body: Option<Value>,
}

impl State {
    pub(super) fn new(app_id: String, app_secret: Secret) -> Self {
        let world = World {
            app_id,
            app_secret,
            people: People::default(),
            registry: Registry::default(),
            stats: Vec::new(),
        };
        Self { world, journal: Journal::default(), plan: Plan::default(), delay: Duration::ZERO }
    }

    /// Takes a request: the answer, and how long to keep it back.
    ///
    /// The answer is made now and brought later, so that a test can change the world while an old answer is
    /// under way.
    pub(super) fn receive(&mut self, call: Call) -> (Answer, Duration) {
        self.journal.record(RecordedRequest {
            endpoint: call.endpoint.clone(),
            headers: call.headers.clone(),
            body: call.body.clone().unwrap_or_default(),
        });
        let fault = self.plan.strike(&call.endpoint);
        let right = || endpoints::handle(&mut self.world, call);
        let answer = match fault {
            Some(fault) => fault.answer(right),
            None => right().into(),
        };
        (answer, self.delay)
    }
}
