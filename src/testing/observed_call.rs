//! Tell an observer of each call.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::StatusCode;

use super::dialect::Dialect;

/// A call that an [`AuthCenter`](super::AuthCenter) has answered, without secrets.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ObservedCall {
    /// The endpoint, such as `/user/info`; the whole path if it is outside of the center's URL. At most 200 characters.
    pub endpoint: String,
    /// The app id that was sent. At most 200 characters.
    pub app_id: Option<String>,
    /// The trace id that was sent. At most 200 characters.
    pub trace_id: Option<String>,
    /// The user whose token or access key the call is about. At most 200 characters.
    pub username: Option<String>,
    /// When it arrived.
    pub arrived: SystemTime,
    /// How long it took until its response began, or its caller gave up.
    pub latency: Duration,
    /// The status; `None` if there was no response.
    pub status: Option<StatusCode>,
    /// The business code; `None` for responses that have none, and for those of faults.
    pub code: Option<i64>,
    /// Whether a fault was injected.
    pub is_faulty: bool,
    /// The dialect that the center spoke.
    pub dialect: Dialect,
}

type Observe = dyn Fn(&ObservedCall) + Send + Sync;

/// What is called with each call.
#[derive(Clone)]
pub(super) struct Observer(Arc<Observe>);

impl Observer {
    pub(super) fn new(observe: impl Fn(&ObservedCall) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observe))
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// A call that is on its way. Dropped, the observer is told: also of a call whose caller gave up.
pub(super) struct Observation {
    pub(super) call: ObservedCall,
    started: Instant,
    observer: Observer,
}

impl Observation {
    pub(super) fn new(call: ObservedCall, observer: Observer) -> Self {
        Self { call, started: Instant::now(), observer }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        self.call.latency = self.started.elapsed();
        (self.observer.0)(&self.call);
    }
}

/// Cuts a text from outside to what is worth showing.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
