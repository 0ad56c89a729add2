use std::time::Duration;

use super::call::Call;
use super::endpoints;
use super::fault::Fault;
use super::fault_plan::FaultPlan;
use super::observed_call::shortened;
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

/// The response to a call, and what is to be known of it.
pub(super) struct Dispatched {
    pub(super) delivery: Delivery,
    /// How long to delay it.
    pub(super) delay: Duration,
    /// The business code, without a fault.
    pub(super) code: Option<i64>,
    pub(super) is_faulty: bool,
    /// Whether there may be something to store now.
    pub(super) has_changed: bool,
    /// The user of the credential that the call is about.
    pub(super) username: Option<String>,
}

impl Dispatcher {
    pub(super) fn new(state: State) -> Self {
        let log = RequestLog::new(state.limits.log);
        Self { state, log, faults: FaultPlan::default(), delay: Duration::ZERO }
    }

    /// Handles a call.
    ///
    /// The response is made now and delivered later, so that a test can change the state while a response is in flight.
    pub(super) fn dispatch(&mut self, call: Call) -> Dispatched {
        self.log.record(RecordedRequest {
            endpoint: call.endpoint.clone(),
            headers: call.headers.clone(),
            body: call.body.clone().unwrap_or_default(),
        });
        let field = |name| call.body.as_ref().and_then(|body| body.get(name)?.as_str());
        let credential = ["token", "accessKey", "access_key"].into_iter().find_map(field);
        let username = credential.and_then(|text| self.state.accounts.owner(text)).map(shortened);
        let fault = self.faults.next_fault(&call.endpoint, credential);
        let is_faulty = fault.is_some();
        let mut code = None;
        let before = self.state.version();
        let handle = || endpoints::handle(&mut self.state, call);
        let delivery = match fault {
            Some(fault) => fault.apply(handle),
            None => {
                let response = handle();
                code = Some(response.code());
                response.into()
            }
        };
        let has_changed = self.state.version() != before;
        Dispatched { delivery, delay: self.delay, code, is_faulty, has_changed, username }
    }

    /// Returns the fault of a request to a route that is no endpoint, and the delay of its response.
    pub(super) fn fault_of_route(&mut self, path: &str) -> (Option<Fault>, Duration) {
        (self.faults.next_fault(path, None), self.delay)
    }
}
