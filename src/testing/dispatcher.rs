use std::time::Duration;

use super::call::Call;
use super::endpoints;
use super::fault_plan::FaultPlan;
use super::request_log::{RecordedRequest, RequestLog};
use super::response::Delivery;
use super::state::State;

/// Records each call, and decides its response: by the endpoint, or by a fault.
pub(super) struct Dispatcher {
    pub(super) state: State,
    pub(super) log: RequestLog,
    pub(super) faults: FaultPlan,
    pub(super) delay: Duration,
}

impl Dispatcher {
    pub(super) fn new(state: State) -> Self {
        Self { state, log: RequestLog::default(), faults: FaultPlan::default(), delay: Duration::ZERO }
    }

    /// Handles a call. Returns the response, and how long to delay it.
    ///
    /// The response is made now and delivered later, so that a test can change the state while a response is in flight.
    pub(super) fn dispatch(&mut self, call: Call) -> (Delivery, Duration) {
        self.log.record(RecordedRequest {
            endpoint: call.endpoint.clone(),
            headers: call.headers.clone(),
            body: call.body.clone().unwrap_or_default(),
        });
        let field = |name| call.body.as_ref().and_then(|body| body.get(name)?.as_str());
        let credential = ["token", "accessKey", "access_key"].into_iter().find_map(field);
        let fault = self.faults.next_fault(&call.endpoint, credential);
        let handle = || endpoints::handle(&mut self.state, call);
        let response = match fault {
            Some(fault) => fault.apply(handle),
            None => handle().into(),
        };
        (response, self.delay)
    }
}
