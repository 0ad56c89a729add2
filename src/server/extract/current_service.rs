use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::request::auth_state;
use crate::types::error::AuthError;
use crate::types::service::ServiceIdentity;

/// Extracts the service that made the request; rejects users with 403, and unauthenticated requests as
/// [`CurrentUser`](crate::CurrentUser) does.
///
/// ```
/// use aigc_auth::service::CurrentService;
///
/// async fn whoami(service: CurrentService) -> String {
///     format!("hello, {}", service.name())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct CurrentService(pub ServiceIdentity);

impl CurrentService {
    /// Returns the service.
    pub fn into_inner(self) -> ServiceIdentity {
        self.0
    }
}

impl Deref for CurrentService {
    type Target = ServiceIdentity;

    fn deref(&self) -> &ServiceIdentity {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentService {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        auth_state::required_service(&parts.extensions).cloned().map(Self)
    }
}
