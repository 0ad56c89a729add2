use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderValue;

use super::request_context::{Inner, RequestContext};
use super::settings::Settings;
use crate::request::client_ip::TrustedProxies;
use crate::types::credential::Credential;
use crate::types::tenant::Tenant;
use crate::types::user::UserInfo;

/// Builds a [`RequestContext`] by hand; made by [`RequestContext::builder`]. Everything is optional.
#[derive(Default)]
#[must_use]
pub struct RequestContextBuilder {
    inner: Inner,
    app_id: Option<Arc<str>>,
}

impl RequestContext {
    /// Starts a context for a job outside a request.
    pub fn builder() -> RequestContextBuilder {
        RequestContextBuilder::default()
    }
}

impl RequestContextBuilder {
    /// Sets the user.
    pub fn user(mut self, user: impl Into<UserInfo>) -> Self {
        self.inner.user = Some(user.into());
        self
    }

    /// Sets the organisation and team that the job is about.
    pub fn tenant(mut self, tenant: Tenant) -> Self {
        self.inner.tenant = Ok(Some(tenant)).into();
        self
    }

    /// Sets the credential that calls on the user's behalf carry.
    pub fn credential(mut self, credential: Credential) -> Self {
        self.inner.credential = Some(credential);
        self
    }

    /// Sets the client's address. No header changes it.
    pub fn client_ip(mut self, ip: IpAddr) -> Self {
        self.inner.peer = Some(ip);
        self
    }

    /// Sets the user agent. One that cannot stand in a header is left out.
    pub fn user_agent(mut self, user_agent: &str) -> Self {
        self.inner.headers.user_agent = HeaderValue::from_str(user_agent).ok();
        self
    }

    /// Sets the request id. One that cannot stand in a header is left out.
    pub fn request_id(mut self, id: &str) -> Self {
        self.inner.headers.passed_on.get_or_insert_default().request_id = HeaderValue::from_str(id).ok();
        self
    }

    /// Sets the trace id. One that cannot stand in a header is left out.
    pub fn trace_id(mut self, id: &str) -> Self {
        self.inner.headers.passed_on.get_or_insert_default().trace_id = HeaderValue::from_str(id).ok();
        self
    }

    /// Sets the id that this service has at the auth center.
    pub fn app_id(mut self, app_id: impl Into<Arc<str>>) -> Self {
        self.app_id = Some(app_id.into());
        self
    }

    /// Builds the context, to be used with [`InContext::in_context`](super::InContext::in_context).
    #[must_use]
    pub fn build(self) -> RequestContext {
        let settings =
            Settings { app_id: self.app_id, trusted_proxies: TrustedProxies::none(), ..Settings::default() };
        let settings = Some(Arc::new(settings));
        RequestContext(Arc::new(Inner {
            settings,
            #[cfg(feature = "outbound")]
            is_outside_request: true,
            ..self.inner
        }))
    }
}

impl std::fmt::Debug for RequestContextBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestContextBuilder").finish_non_exhaustive()
    }
}
