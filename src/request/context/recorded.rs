//! What a usage record says of a request's context.

use std::borrow::Cow;

use http::HeaderValue;

use super::recorded_head::RecordedHead;
use super::request_context::{Request, RequestContext};
use crate::request::proxy_headers::X_FORWARDED_FOR;
use crate::types::error::AuthError;
use crate::util::header_text::header_text;

impl Request<'_> {
    /// The same request, of which no record is made.
    pub(crate) fn unrecorded(self) -> Self {
        Self { is_recorded: false, ..self }
    }
}

impl RequestContext {
    /// `None` if no record is made of the request.
    pub(crate) fn recorded_head(&self) -> Option<&RecordedHead> {
        self.0.recorded_head.as_ref()
    }

    /// The headers that go into usage records: as they came, but for the client's address, which is the trusted one;
    /// and the name of the service that calls.
    pub(crate) fn recorded_headers(&self) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
        let as_they_came = self.as_they_came();
        let client_ip = self.client_ip().map(|ip| ("x-real-ip", Cow::Owned(ip.to_string())));
        // As verified, never as the caller has it.
        let service = self.verified().filter(|verified| verified.is_service());
        let service = service.map(|service| ("x-service-name", Cow::Borrowed(service.username())));
        as_they_came
            .into_iter()
            .filter_map(|(name, value)| Some((name, header_text(value?))))
            .chain(client_ip)
            .chain(service)
    }

    /// About how many bytes the headers take that go into usage records.
    pub(crate) fn recorded_size(&self) -> usize {
        self.as_they_came().into_iter().filter_map(|(_, value)| value).map(HeaderValue::len).sum()
    }

    fn as_they_came(&self) -> [(&'static str, Option<&HeaderValue>); 4] {
        let passed_on = self.passed_on();
        [
            ("user-agent", self.0.headers.user_agent.as_ref()),
            (X_FORWARDED_FOR, passed_on.and_then(|headers| headers.proxy_headers.forwarded_for.as_ref())),
            ("x-request-id", passed_on.and_then(|headers| headers.request_id.as_ref())),
            ("x-trace-id", passed_on.and_then(|headers| headers.trace_id.as_ref())),
        ]
    }

    /// The message of a refusal in the layer's language.
    pub(crate) fn refusal_message(&self, error: &AuthError) -> &'static str {
        error.message(self.settings().map(|settings| settings.refusals.wording.language).unwrap_or_default())
    }
}
