//! Propagate the credentials and the context of the current request to trusted origins.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use tracing::Span;
use url::Url;

use super::origin::Origin;
#[cfg(feature = "jwt")]
use super::signer::ServiceToken;
use crate::request::context::RequestContext;
use crate::types::credential::Credential;
use crate::upstream::trace_headers::TraceHeaders;

const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const X_TRACE_ID: HeaderName = HeaderName::from_static("x-trace-id");

/// Adds the headers that trusted origins receive.
#[derive(Clone)]
pub(super) struct Propagator {
    pub(super) trusted: Vec<Origin>,
    /// `X-App-ID` and `X-App-Secret`.
    pub(super) app_headers: HeaderMap,
    /// Of calls that no request has caused.
    pub(super) default_credential: Option<Credential>,
    /// What some of the trusted origins receive in place of the user's credential.
    #[cfg(feature = "jwt")]
    pub(super) service_tokens: Vec<(Origin, ServiceToken)>,
    pub(super) trace_headers: TraceHeaders,
}

impl Propagator {
    pub(super) fn is_trusted(&self, url: &Url) -> bool {
        self.trusted.contains(&Origin::of(url))
    }

    /// Returns the credential of a call: that of the request, or else the default one outside of requests. Not the default
    /// for an anonymous request, whose sender would act with it.
    pub(super) fn credential<'a>(&'a self, context: Option<&'a RequestContext>) -> Option<&'a Credential> {
        // A service's token is for this service's audience: another that receives it could call this one by it.
        let of_request = context.filter(|context| context.service().is_none());
        let of_request = of_request.and_then(RequestContext::credential);
        let is_job = context.is_none_or(RequestContext::is_outside_request);
        of_request.or(self.default_credential.as_ref().filter(|_| is_job))
    }

    /// Adds the headers for a trusted origin, and nothing for others. Headers of the caller take precedence, even where a
    /// redirect has dropped them: hence `own`, the caller's headers before the first hop.
    pub(super) fn inject(
        &self,
        headers: &mut HeaderMap,
        own: &HeaderMap,
        url: &Url,
        context: Option<&RequestContext>,
        span: &Span,
    ) {
        if !self.is_trusted(url) {
            return;
        }
        let mut add = |name: HeaderName, value: HeaderValue| {
            if !own.contains_key(&name) {
                headers.insert(name, value);
            }
        };
        // First, so that they take the place of no other.
        for (name, value) in &self.trace_headers.of_call(span) {
            add(name.clone(), value.clone());
        }
        for (name, value) in &self.app_headers {
            add(name.clone(), value.clone());
        }
        #[cfg(feature = "jwt")]
        let carries_user = {
            let token = self.service_token(url);
            if let Some((name, value)) = token.and_then(ServiceToken::to_header) {
                add(name, value);
            }
            token.is_none_or(ServiceToken::carries_user)
        };
        #[cfg(not(feature = "jwt"))]
        let carries_user = true;
        if carries_user
            && let Some(credential) = self.credential(context)
            && let Ok(mut value) = HeaderValue::try_from(format!("Bearer {}", credential.as_str()))
        {
            value.set_sensitive(true);
            add(AUTHORIZATION, value);
        }
        let Some(context) = context else { return };
        if let Some(ip) = context.client_ip().and_then(|ip| HeaderValue::try_from(ip.to_string()).ok()) {
            add(X_REAL_IP, ip);
        }
        if let Some(user_agent) = context.user_agent().and_then(|text| HeaderValue::from_str(text).ok()) {
            add(USER_AGENT, user_agent);
        }
        if let Some(trace_id) = context.trace_id().and_then(|text| HeaderValue::from_str(text).ok()) {
            add(X_TRACE_ID, trace_id);
        }
    }
    /// The token of this service for calls to this origin.
    #[cfg(feature = "jwt")]
    fn service_token(&self, url: &Url) -> Option<&ServiceToken> {
        let origin = Origin::of(url);
        self.service_tokens.iter().find(|(of, _)| *of == origin).map(|(_, token)| token)
    }
}
