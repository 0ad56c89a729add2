use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use aigc_auth::testing::ObservedCall;

use crate::args::dialect_name;

/// Something that happened.
#[derive(Debug, Serialize)]
pub(crate) struct Event {
    /// Counts the events from 1.
    pub(crate) id: u64,
    /// In milliseconds since 1970.
    pub(crate) at: u64,
    #[serde(flatten)]
    pub(crate) what: What,
}

/// What happened.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum What {
    /// A call, or a request of the log-in, was answered.
    Call {
        endpoint: String,
        app_id: Option<String>,
        trace_id: Option<String>,
        username: Option<String>,
        latency_ms: f64,
        /// Null if there was no answer.
        status: Option<u16>,
        /// The business code.
        code: Option<i64>,
        is_faulty: bool,
        dialect: &'static str,
    },
    /// A table of the state is another than before: ask for it again.
    Changed { table: &'static str },
    /// There are usage records up to this number.
    Usage { number: u64 },
    /// A webhook was delivered, or was not after the last attempt.
    Webhook {
        webhook_id: u64,
        url: String,
        event: &'static str,
        username: String,
        is_delivered: bool,
        status: Option<u16>,
        attempts: u32,
        /// The receiver's answer, or the error. At most 1,000 characters.
        answer: String,
        latency_ms: f64,
    },
    /// A fault was switched on, or off where it is null.
    Fault { endpoint: String, fault: Option<String>, until: Option<u64> },
    /// The dialect was changed.
    Dialect { dialect: &'static str },
    /// A user logged in.
    LogIn { username: String, app_id: String },
    /// A user signed out.
    LogOut { username: String },
}

impl From<&ObservedCall> for What {
    fn from(call: &ObservedCall) -> Self {
        Self::Call {
            endpoint: call.endpoint.clone(),
            app_id: call.app_id.clone(),
            trace_id: call.trace_id.clone(),
            username: call.username.clone(),
            latency_ms: call.latency.as_secs_f64() * 1000.0,
            status: call.status.map(|status| status.as_u16()),
            code: call.code,
            is_faulty: call.is_faulty,
            dialect: dialect_name(call.dialect),
        }
    }
}

/// Returns a time as events have it.
pub(crate) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
