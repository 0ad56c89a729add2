use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::ports::audit::ActAsAttempt;
use crate::request::auth_state;
use crate::request::context;
use crate::request::impersonation::Target;
use crate::request::original_uri::original_uri;
use crate::request::target_header::requested_target;
use crate::types::error::{AuthError, ErrorKind};
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
/// Every attempt is [audited](crate::impersonation::AuditSink) before the handler runs. From then on, [`context`]
/// returns the impersonated user ([`context::actor`] returns the admin), and usage records have both ids.
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
pub struct ActAsUser {
    actor: UserInfo,
    target: Option<Target>,
}

impl ActAsUser {
    /// Returns the caller, also while they impersonate another user.
    pub fn actor(&self) -> &UserInfo {
        &self.actor
    }

    /// Returns the id of the user that the request is for.
    pub fn user_id(&self) -> &UserId {
        self.target.as_ref().map_or(self.actor.id(), |target| &target.id)
    }

    /// Returns the user that the request is for. `None` where only their id is known: an admin impersonates them
    /// under `insecure_any_target`.
    pub fn user(&self) -> Option<&UserInfo> {
        match &self.target {
            None => Some(&self.actor),
            Some(target) => target.user.as_ref(),
        }
    }

    /// Returns whether an admin impersonates another user.
    pub fn is_impersonating(&self) -> bool {
        self.target.is_some()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ActAsUser {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        let actor = auth_state::required(&parts.extensions)?.clone();
        let Some(requested) = requested_target(&parts.headers, &actor) else {
            return Ok(Self { actor, target: None });
        };
        let is_own_id = requested.as_ref().is_ok_and(|id| id == actor.id());
        if is_own_id && actor.is_admin() {
            return Ok(Self { actor, target: None });
        }
        // The context holds the policy. Without one, nothing may be granted.
        let context = context::current().ok_or_else(context_missing)?;
        let acting_as = context.acting_as().map(|target| &target.id);
        // The same target is authorized and audited once for each layer's policy, however often it is extracted.
        let is_authorized = |earlier: &&Self| {
            let is_target = requested.as_ref().is_ok_and(|id| id == earlier.user_id());
            is_target && earlier.actor.is_same(&actor) && acting_as == Some(earlier.user_id())
        };
        if let Some(authorized) = parts.extensions.get::<Self>().filter(is_authorized) {
            return Ok(authorized.clone());
        }
        // The context, and so the usage record, has room for one target.
        let requested = if context.is_impersonating() { Err(second_target()) } else { requested };
        let uri = original_uri(&parts.extensions, &parts.uri);
        let attempt = ActAsAttempt {
            actor: actor.clone(),
            target_id: None,
            target: None,
            method: parts.method.clone(),
            path: uri.path().to_owned(),
            client_ip: context.client_ip(),
            trace_id: context.trace_id().map(str::to_owned),
            refusal: None,
        };
        let policy = context.act_as_policy();
        let target = policy.authorize(attempt, requested, context.directory()).await?;
        context.act_as(target.clone());
        let authorized = Self { actor, target: Some(target) };
        parts.extensions.insert(authorized.clone());
        Ok(authorized)
    }
}

fn context_missing() -> AuthError {
    AuthError::new(ErrorKind::Misconfigured).with_detail(
        "the handler runs outside the request's context: spawn it with `InContext::in_current_context`",
    )
}

fn second_target() -> AuthError {
    AuthError::new(ErrorKind::InvalidRequest).with_detail("the request already impersonates another user")
}
