#[cfg(feature = "test-util")]
use std::sync::Arc;

use axum::extract::FromRequestParts;
#[cfg(feature = "test-util")]
use http::Method;
use http::request::Parts;

#[cfg(feature = "test-util")]
use crate::ports::audit::ActAsAttempt;
use crate::request::acting::Acting;
#[cfg(feature = "test-util")]
use crate::request::impersonation::Target;
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

/// The caller, who impersonates nobody: to call a handler as a function.
impl From<UserInfo> for ActAsUser {
    fn from(caller: UserInfo) -> Self {
        Self(Acting { actor: caller, target: None })
    }
}

#[cfg(feature = "test-util")]
impl ActAsUser {
    /// Makes an admin who impersonates this user, to call a handler as a function in a test. No policy is asked and nothing
    /// is audited, and the context is still the admin's.
    pub fn impersonating(admin: impl Into<UserInfo>, target: impl Into<UserInfo>) -> Self {
        let (actor, target) = (admin.into(), target.into());
        let attempt = Arc::new(ActAsAttempt {
            actor: actor.clone(),
            target_id: Some(target.id().clone()),
            target: Some(target.clone()),
            method: Method::GET,
            path: "/".to_owned(),
            client_ip: None,
            trace_id: None,
            requested_org: None,
            requested_team: None,
            refusal: None,
        });
        let target = Target { id: target.id().clone(), user: Some(target), attempt };
        Self(Acting { actor, target: Some(target) })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ActAsUser {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        Acting::of(parts).await.map(Self)
    }
}
