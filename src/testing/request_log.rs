//! Record the requests that arrived.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use http::header::{AUTHORIZATION, COOKIE, HeaderMap};
use serde_json::Value;

use super::limits::{weight, weight_of_headers};

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

/// Endpoints that are counted each; requests to further ones, which nobody has, are counted together.
const MAX_ENDPOINTS: usize = 1_000;
const OTHERS: &str = "(others)";

/// The latest requests, and the count of all.
pub(super) struct RequestLog {
    requests: VecDeque<(RecordedRequest, usize)>,
    pub(super) calls: BTreeMap<String, usize>,
    /// Of the requests, in bytes.
    weight: usize,
    max_weight: usize,
}

impl RequestLog {
    /// Keeps requests of this weight in all.
    pub(super) fn new(max_weight: usize) -> Self {
        Self { requests: VecDeque::new(), calls: BTreeMap::new(), weight: 0, max_weight }
    }

    pub(super) fn requests(&self) -> impl Iterator<Item = &RecordedRequest> {
        self.requests.iter().map(|(request, _)| request)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.max_weight);
    }

    pub(super) fn record(&mut self, request: RecordedRequest) {
        self.count(&request.endpoint);
        let weight = weight(&request.body) + weight_of_headers(&request.headers);
        if weight > self.max_weight {
            return;
        }
        self.weight += weight;
        self.requests.push_back((request, weight));
        while self.requests.len() > CAPACITY || self.weight > self.max_weight {
            let Some((_, weight)) = self.requests.pop_front() else { break };
            self.weight -= weight;
        }
    }

    fn count(&mut self, endpoint: &str) {
        let endpoint = match self.calls.len() < MAX_ENDPOINTS || self.calls.contains_key(endpoint) {
            true => endpoint,
            false => OTHERS,
        };
        match self.calls.get_mut(endpoint) {
            Some(calls) => *calls += 1,
            None => {
                self.calls.insert(endpoint.to_owned(), 1);
            }
        }
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
        let mut log = RequestLog::new(usize::MAX);
        log.record(request("/first"));
        for _ in 0..CAPACITY {
            log.record(request("/more"));
        }
        assert_eq!((log.calls["/first"], log.calls["/more"]), (1, CAPACITY));
        assert_eq!(log.requests().count(), CAPACITY);
        assert_eq!(log.requests[0].0.endpoint, "/more");
    }

    #[test]
    fn request_log_keeps_what_fits_its_weight() {
        let mut log = RequestLog::new(10_000);
        let of = |len: usize| RecordedRequest { body: json!("x".repeat(len)), ..request("/a") };
        for (len, kept) in [(4_000, 1), (4_000, 2), (4_000, 2), (20_000, 2), (9_900, 1)] {
            log.record(of(len));
            assert_eq!(log.requests().count(), kept, "{len}");
        }
        assert_eq!(log.calls["/a"], 5);
        for path in 0..2 * MAX_ENDPOINTS {
            log.record(request(&format!("/{path}")));
        }
        assert_eq!(log.calls.len(), MAX_ENDPOINTS + 1);
        assert_eq!(log.calls.values().sum::<usize>(), 5 + 2 * MAX_ENDPOINTS);
    }
}
