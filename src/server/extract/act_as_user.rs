use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::request::acting::Acting;
use crate::types::error::AuthError;
use crate::types::user::{UserId, UserInfo};

/// Extracts the user that the request is for: the caller, or the user that an admin impersonates with the header
/// `X-Act-As-User-Id`.
///
/// Without the header, or with an empty one, it is the caller. With it, callers who are not admins are rejected with
/// 403, and the layer's [`ActAsPolicy`](crate::impersonation::ActAsPolicy) decides about admins: an unknown user is 404,
/// an unavailable directory 503, a header that is repeated or not UTF-8 400. Where the layer has no directory, that is a
/// configuration error, 500, unless [`insecure_any_target`](crate::impersonation::ActAsPolicy::insecure_any_target) says
/// otherwise. An admin who sends their own id impersonates nobody.
///
/// Every attempt is [audited](crate::impersonation::AuditSink) before the handler runs. From then on, [`context`](crate::context)
/// returns the impersonated user ([`context::actor`](crate::context::actor) returns the admin), and usage records have both ids.
/// [`CurrentUser`](crate::CurrentUser) and permissions are still those of the caller: impersonation grants no rights.
///
/// ```
/// use aigc_auth::ActAsUser;
///
/// async fn orders(user: ActAsUser) -> String {
///     if user.is_impersonating() {
///         return format!("orders of {}, for {}", user.user_id(), user.actor().username());
///     }
///     format!("orders of {}", user.user_id())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ActAsUser(Acting);

impl ActAsUser {
    /// Returns the caller, also while they impersonate another user.
    pub fn actor(&self) -> &UserInfo {
        &self.0.actor
    }

    /// Returns the id of the user that the request is for.
    pub fn user_id(&self) -> &UserId {
        self.0.user_id()
    }

    /// Returns the user that the request is for. `None` where only their id is known: an admin impersonates them
    /// under `insecure_any_target`.
    pub fn user(&self) -> Option<&UserInfo> {
        match &self.0.target {
            None => Some(&self.0.actor),
            Some(target) => target.user.as_ref(),
        }
    }

    /// Returns whether an admin impersonates another user.
    pub fn is_impersonating(&self) -> bool {
        self.0.target.is_some()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ActAsUser {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        Acting::of(parts).await.map(Self)
    }
}
