use std::ops::Deref;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::request::auth_state::{self, Unauthenticated};
use crate::request::tenant;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::tenant::Tenant;

/// Extracts the organisation that the request is about, and the team if it names one, with the user's roles.
///
/// Found by the layer's [`TenantPolicy`](crate::tenant::TenantPolicy), once for each request, however many extractors ask,
/// and not at all without one. The user is the one that the request is for: with the header `X-Act-As-User-Id`, the caller
/// has to be allowed to [act](crate::ActAsUser) as that user, also where the handler takes no `ActAsUser`.
///
/// Rejects with 403 users who are no active members, and users of deleted organisations; with 400 where a header cannot be
/// read; with 503 while the membership cannot be looked up. `Option<CurrentTenant>` is `None` for requests without a
/// credential, and where no organisation is named and the user has none by default.
///
/// ```
/// use aigc_auth::tenant::CurrentTenant;
///
/// async fn agents(tenant: CurrentTenant) -> String {
///     format!("agents of the organisation {}, team {:?}", tenant.org_id(), tenant.team_id())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct CurrentTenant(pub Tenant);

impl CurrentTenant {
    /// Returns the tenant.
    pub fn into_inner(self) -> Tenant {
        self.0
    }
}

impl Deref for CurrentTenant {
    type Target = Tenant;

    fn deref(&self) -> &Tenant {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentTenant {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        tenant::required(parts).await.map(Self)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for CurrentTenant {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, AuthError> {
        match auth_state::optional(&parts.extensions)? {
            Err(Unauthenticated::Rejected(error)) if error.kind() == ErrorKind::MissingCredential => Ok(None),
            _ => Ok(tenant::optional(parts).await?.map(Self)),
        }
    }
}
