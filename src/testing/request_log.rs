//! Record the requests that arrived.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use http::header::{AUTHORIZATION, COOKIE, HeaderMap};
use serde_json::Value;

/// Bounds the memory of long load tests.
const CAPACITY: usize = 10_000;

/// A request that arrived at an [`AuthCenter`](super::AuthCenter). Its `Debug` redacts secrets.
#[derive(Clone)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The endpoint, such as `/user/info`; the whole path if it is outside the center's URL.
    pub endpoint: String,
    /// All headers as received, including secrets.
    pub headers: HeaderMap,
    /// The body as received, including secrets; `null` if it was not JSON.
    pub body: Value,
}

impl fmt::Debug for RecordedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut headers = self.headers.clone();
        for (name, value) in &mut headers {
            if *name == AUTHORIZATION || *name == COOKIE || is_secret(name.as_str()) {
                value.set_sensitive(true);
            }
        }
        f.debug_struct("RecordedRequest")
            .field("endpoint", &self.endpoint)
            .field("headers", &headers)
            .field("body", &redacted(&self.body))
            .finish()
    }
}

fn redacted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| {
                let value = if is_secret(name) { "[redacted]".into() } else { redacted(value) };
                (name.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(redacted).collect(),
        scalar => scalar.clone(),
    }
}

/// Whether a value of this name is redacted. Rather redacts too much than too little.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["token", "secret", "password", "key", "authorization", "cookie"].iter().any(|part| name.contains(part))
}

/// The latest requests, and the count of all.
#[derive(Default)]
pub(super) struct RequestLog {
    pub(super) requests: VecDeque<RecordedRequest>,
    pub(super) calls: BTreeMap<String, usize>,
}

impl RequestLog {
    pub(super) fn record(&mut self, request: RecordedRequest) {
        match self.calls.get_mut(&request.endpoint) {
            Some(calls) => *calls += 1,
            None => {
                self.calls.insert(request.endpoint.clone(), 1);
            }
        }
        if self.requests.len() == CAPACITY {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn request(endpoint: &str) -> RecordedRequest {
        RecordedRequest { endpoint: endpoint.to_owned(), headers: HeaderMap::new(), body: Value::Null }
    }

    #[test]
    fn recorded_request_debug_redacts_secrets() {
        let secret = HeaderValue::from_static("hunter2");
        let names =
            ["authorization", "cookie", "x-app-secret", "x-api-key"].map(http::HeaderName::from_static);
        let request = RecordedRequest {
            headers: names.into_iter().map(|name| (name, secret.clone())).collect(),
            body: json!({
                "token": "hunter2", "accessKey": "hunter2", "username": "alice",
                "users": [{"password": "hunter2", "password_hashed": "hunter2"}],
                "stats": [{"request_params": {"headers": {"Authorization": "hunter2"}}}],
            }),
            ..request("/sync/user")
        };
        let debug = format!("{request:?}");
        assert!(
            debug.contains("alice") && debug.contains("x-app-secret") && !debug.contains("hunter2"),
            "{debug}"
        );
    }

    #[test]
    fn request_log_over_capacity_drops_the_oldest_and_counts_all() {
        let mut log = RequestLog::default();
        log.record(request("/first"));
        for _ in 0..CAPACITY {
            log.record(request("/more"));
        }
        assert_eq!((log.calls["/first"], log.calls["/more"]), (1, CAPACITY));
        assert_eq!(log.requests.len(), CAPACITY);
        assert_eq!(log.requests[0].endpoint, "/more");
    }
}
