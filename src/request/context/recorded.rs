//! What a usage record says of a request's context.

use std::borrow::Cow;

use http::HeaderValue;

use super::request_context::RequestContext;
use crate::request::proxy_headers::X_FORWARDED_FOR;
use crate::types::error::AuthError;

impl RequestContext {
    /// The headers that go into usage records: as they came, but for the client's address, which is the trusted one;
    /// and the name of the service that calls.
    pub(crate) fn recorded_headers(&self) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
        let headers = &self.0.headers;
        let as_they_came = [
            ("user-agent", &headers.user_agent),
            (X_FORWARDED_FOR, &headers.proxy_headers.forwarded_for),
            ("x-request-id", &headers.request_id),
            ("x-trace-id", &headers.trace_id),
        ];
        let client_ip = self.client_ip().map(|ip| ("x-real-ip", Cow::Owned(ip.to_string())));
        // As verified, never as the caller has it.
        let service = self.verified().filter(|verified| verified.is_service());
        let service = service.map(|service| ("x-service-name", Cow::Borrowed(service.username())));
        as_they_came
            .into_iter()
            .filter_map(|(name, value)| Some((name, String::from_utf8_lossy(value.as_ref()?.as_bytes()))))
            .chain(client_ip)
            .chain(service)
    }

    /// About how many bytes the headers take that go into usage records.
    pub(crate) fn recorded_size(&self) -> usize {
        let headers = &self.0.headers;
        let forwarded_for = &headers.proxy_headers.forwarded_for;
        let as_they_came = [&headers.user_agent, forwarded_for, &headers.request_id, &headers.trace_id];
        as_they_came.into_iter().flatten().map(HeaderValue::len).sum()
    }

    /// The message of a refusal in the layer's language.
    pub(crate) fn refusal_message(&self, error: &AuthError) -> &'static str {
        error.message(self.settings().map(|settings| settings.refusals.wording.language).unwrap_or_default())
    }
}
