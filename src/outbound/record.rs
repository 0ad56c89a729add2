//! What the usage statistics are told of a call.

use std::time::Instant;

use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::origin::Origin;
use crate::context::{Recorder, RequestContext, is_match};
use crate::record::ApiRecord;

/// A call under way. Whatever becomes of it, it is recorded once.
pub(super) struct Metered(Option<Call>);

struct Call {
    recorder: Recorder,
    record: ApiRecord,
    started: Instant,
}

/// `scheme://host/path`.
pub(super) fn place(url: &Url) -> String {
    format!("{}{}", Origin::of(url).text(), url.path())
}

impl Metered {
    pub(super) fn start(
        own: Option<&Recorder>,
        context: Option<&RequestContext>,
        method: &Method,
        url: &Url,
    ) -> Self {
        let recorder = own.or_else(|| context?.recorder()).cloned();
        Self(recorder.map(|recorder| {
            let mut record = ApiRecord::new(method.as_str(), place(url));
            if let Some(query) = url.query() {
                record = record.query(query);
            }
            // Whose credential it is, also while he acts as somebody else.
            if let Some(user) = context.and_then(RequestContext::actor) {
                record = record.username(&*user.username);
            }
            if let Some(credential) = context.and_then(RequestContext::credential) {
                record = record.credential(credential.clone());
            }
            Call { recorder, record, started: Instant::now() }
        }))
    }

    /// What a host that nobody has named says of prices does not count: the user would pay for it.
    pub(super) fn answered(mut self, status: StatusCode, headers: &HeaderMap, is_trusted: bool) {
        let Some(mut call) = self.0.take() else { return };
        let prices = headers.iter().filter(|(name, _)| is_trusted && is_match(name.as_str()));
        for (name, value) in prices {
            let value = String::from_utf8_lossy(value.as_bytes());
            call.record = call.record.response_header(name.as_str(), value);
        }
        call.end(status.as_u16(), None);
    }

    /// The reference client tells of 500 where there was no answer.
    pub(super) fn failed(mut self, why: &str) {
        if let Some(call) = self.0.take() {
            call.end(500, Some(why));
        }
    }
}

impl Call {
    fn end(self, status: u16, error: Option<&str>) {
        let mut record = self.record.status(status).took(self.started.elapsed());
        if let Some(error) = error {
            record = record.error_message(error);
        }
        self.recorder.record(record);
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            // 499, as nginx calls it.
            call.end(499, Some("the call was given up"));
        }
    }
}
