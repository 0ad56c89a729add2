//! What the center was asked.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use http::header::{AUTHORIZATION, COOKIE, HeaderMap};
use serde_json::Value;

/// A long load test must not fill the memory.
const KEPT: usize = 10_000;

/// A request that arrived at an [`AuthCenter`](super::AuthCenter). Its `Debug` redacts what is usually
/// secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The endpoint, such as `/user/info`; the whole path where it lies outside the center's URL.
    pub endpoint: String,
    /// All headers as they came, secrets included.
    pub headers: HeaderMap,
    /// The body as it came, secrets included; `null` if it was not JSON.
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

/// Whether the value under this name should not be printed. Rather too many than one too few.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["token", "secret", "password", "key", "authorization", "cookie"].iter().any(|part| name.contains(part))
}

/// The latest requests, and the number of all.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) requests: VecDeque<RecordedRequest>,
    pub(super) calls: BTreeMap<String, usize>,
}

impl Journal {
    pub(super) fn record(&mut self, request: RecordedRequest) {
        match self.calls.get_mut(&request.endpoint) {
            Some(calls) => *calls += 1,
            None => {
                self.calls.insert(request.endpoint.clone(), 1);
            }
        }
        if self.requests.len() == KEPT {
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
    fn debug_shows_no_secret() {
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
        let shown = format!("{request:?}");
        assert!(
            shown.contains("alice") && shown.contains("x-app-secret") && !shown.contains("hunter2"),
            "{shown}"
        );
    }

    #[test]
    fn counts_more_than_it_keeps() {
        let mut journal = Journal::default();
        journal.record(request("/first"));
        for _ in 0..KEPT {
            journal.record(request("/more"));
        }
        assert_eq!((journal.calls["/first"], journal.calls["/more"]), (1, KEPT));
        assert_eq!(journal.requests.len(), KEPT);
        assert_eq!(journal.requests[0].endpoint, "/more");
    }
}
