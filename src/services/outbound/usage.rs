//! Record the calls for the auth center's bills.

use std::time::Instant;

use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::origin::Origin;
use crate::ports::usage::ApiRecord;
use crate::request::context::{Recorder, RequestContext, is_match};
use crate::types::credential::Credential;
use crate::util::header_text::header_text;

/// A call in flight, which is recorded exactly once: when it is answered, fails or is dropped.
pub(super) struct RecordedCall(Option<Call>);

struct Call {
    recorder: Recorder,
    record: ApiRecord,
    started: Instant,
}

/// Formats a URL as `scheme://host/path`, without its query, which may hold secrets.
pub(super) fn without_query(url: &Url) -> String {
    format!("{}{}", Origin::of(url).text(), url.path())
}

impl RecordedCall {
    /// Starts a call, to be recorded by the client's own recorder, or else by that of the context.
    pub(super) fn start(
        own: Option<&Recorder>,
        context: Option<&RequestContext>,
        credential: Option<&Credential>,
        method: &Method,
        url: &Url,
    ) -> Self {
        let recorder = own.or_else(|| context?.recorder()).cloned();
        Self(recorder.map(|recorder| {
            let mut record = ApiRecord::new(method.as_str(), without_query(url));
            if let Some(query) = url.query() {
                record = record.query(query);
            }
            // The actor, during impersonation too, since the credential is theirs.
            if let Some(user) = context.and_then(RequestContext::actor) {
                record = record.username(user.username());
            }
            record = record.of_tenant(context.and_then(RequestContext::tenant));
            if let Some(credential) = credential {
                // A credential of the service's own has a user who is not known here.
                let owner = context.filter(|context| context.credential() == Some(credential));
                record = record.credential(credential.clone()).of_user(owner.and_then(RequestContext::actor));
            }
            Call { recorder, record, started: Instant::now() }
        }))
    }

    /// Records an answer. Its prices count only from trusted origins, since the user pays them.
    pub(super) fn answered(mut self, status: StatusCode, headers: &HeaderMap, is_trusted: bool) {
        let Some(mut call) = self.0.take() else { return };
        let prices = headers.iter().filter(|(name, _)| is_trusted && is_match(name.as_str()));
        for (name, value) in prices {
            let value = header_text(value);
            call.record = call.record.response_header(name.as_str(), value);
        }
        call.end(status.as_u16(), None);
    }

    /// Records a call without an answer, with status 500 as the reference client does.
    pub(super) fn failed(mut self, error: &str) {
        if let Some(call) = self.0.take() {
            call.end(500, Some(error));
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

impl Drop for RecordedCall {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            // nginx's status for a client that closed the request.
            call.end(499, Some("the call was cancelled"));
        }
    }
}
