use super::request_context::RequestContext;
use crate::types::service::ServiceIdentity;

impl RequestContext {
    /// The service that made the request. `None` for requests of users and anonymous ones: a request has a user or a service.
    pub fn service(&self) -> Option<ServiceIdentity> {
        self.verified().and_then(ServiceIdentity::of)
    }
}
