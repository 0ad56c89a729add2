use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::request::auth_state;
use crate::types::error::AuthError;
use crate::types::permission::{self, Permission};
use crate::types::service::ServiceIdentity;

/// Extracts the service that made the request, and rejects services without the scope `P` with 403, and users as well,
/// whatever they may do.
///
/// Declare `P` with [`permissions!`](crate::permissions), and combine scopes with [`AllOf`](crate::permission::AllOf) and
/// [`AnyOf`](crate::permission::AnyOf). As an argument it guards a handler, as a layer a whole router:
///
/// ```
/// use aigc_auth::permissions;
/// use aigc_auth::service::RequireService;
/// use axum::{Router, middleware::from_extractor, routing::post};
///
/// permissions! {
///     pub Notify = "notify:send";
///     pub Purge = "cache:purge";
/// }
///
/// async fn notify(service: RequireService<Notify>) -> String {
///     format!("sent for {}", service.name())
/// }
///
/// let app: Router = Router::new()
///     .route("/purge", post(|| async { "gone" }))
///     .route_layer(from_extractor::<RequireService<Purge>>())
///     .route("/notify", post(notify));
/// ```
pub struct RequireService<P: Permission> {
    service: ServiceIdentity,
    scope: PhantomData<fn() -> P>,
}

impl<P: Permission> RequireService<P> {
    /// Returns the service.
    pub fn into_inner(self) -> ServiceIdentity {
        self.service
    }
}

impl<P: Permission> Deref for RequireService<P> {
    type Target = ServiceIdentity;

    fn deref(&self) -> &ServiceIdentity {
        &self.service
    }
}

impl<P: Permission> Clone for RequireService<P> {
    fn clone(&self) -> Self {
        Self { service: self.service.clone(), scope: PhantomData }
    }
}

impl<P: Permission> fmt::Debug for RequireService<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequireService").field(&self.service).finish()
    }
}

/// Accepts a service as the extractor does, to call a handler as a function.
impl<P: Permission> TryFrom<ServiceIdentity> for RequireService<P> {
    type Error = AuthError;

    fn try_from(service: ServiceIdentity) -> Result<Self, AuthError> {
        if service.may::<P>() {
            return Ok(Self { service, scope: PhantomData });
        }
        let detail = format!("the service {:?} has not this scope", service.name());
        Err(AuthError::missing_permission(permission::description::<P>()).with_detail(detail))
    }
}

impl<P: Permission, S: Send + Sync> FromRequestParts<S> for RequireService<P> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        auth_state::required_service(&parts.extensions)?.clone().try_into()
    }
}
