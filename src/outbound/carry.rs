//! What a call carries of the request that it is made for, and to whom.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use url::Url;

use super::origin::Origin;
use crate::context::RequestContext;

const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const X_TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Who is told who we are, and who we are.
#[derive(Clone)]
pub(super) struct Carrier {
    pub(super) trusted: Vec<Origin>,
    /// `X-App-ID` and `X-App-Secret`.
    pub(super) app: HeaderMap,
}

impl Carrier {
    pub(super) fn trusts(&self, url: &Url) -> bool {
        self.trusted.contains(&Origin::of(url))
    }

    /// Adds what a trusted host is told. What the caller has set himself stays as it is: where one of his own headers was
    /// left behind at a redirect, no other takes its place.
    pub(super) fn add_to(
        &self,
        headers: &mut HeaderMap,
        own: &HeaderMap,
        url: &Url,
        context: Option<&RequestContext>,
    ) {
        if !self.trusts(url) {
            return;
        }
        let mut add = |name: HeaderName, value: HeaderValue| {
            if !own.contains_key(&name) {
                headers.insert(name, value);
            }
        };
        for (name, value) in &self.app {
            add(name.clone(), value.clone());
        }
        let Some(context) = context else { return };
        if let Some(credential) = context.credential()
            && let Ok(mut value) = HeaderValue::try_from(format!("Bearer {}", credential.as_str()))
        {
            value.set_sensitive(true);
            add(AUTHORIZATION, value);
        }
        if let Some(ip) = context.client_ip().and_then(|ip| HeaderValue::try_from(ip.to_string()).ok()) {
            add(X_REAL_IP, ip);
        }
        if let Some(user_agent) = context.user_agent().and_then(|text| HeaderValue::from_str(text).ok()) {
            add(USER_AGENT, user_agent);
        }
        if let Some(trace_id) = context.trace_id().and_then(|text| HeaderValue::from_str(text).ok()) {
            add(X_TRACE_ID, trace_id);
        }
        if let Some(traceparent) = context.traceparent() {
            add(TRACEPARENT, traceparent.clone());
        }
    }
}
