//! Whom a request is for: the caller, or the user that an admin acts as.

use http::request::Parts;

use crate::ports::audit::ActAsAttempt;
use crate::request::auth_state;
use crate::request::context;
use crate::request::impersonation::Target;
use crate::request::original_uri::original_uri;
use crate::request::target_header::requested_target;
use crate::request::tenant::requested::requested_tenant;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::{UserId, UserInfo};

/// The caller, and the user that they act as. In the request's extensions once that is authorized.
#[derive(Clone, Debug)]
pub(crate) struct Acting {
    pub(crate) actor: UserInfo,
    pub(crate) target: Option<Target>,
}

impl Acting {
    /// The id of the user that the request is for.
    pub(crate) fn user_id(&self) -> &UserId {
        self.target.as_ref().map_or(self.actor.id(), |target| &target.id)
    }

    /// Reads the header, and has the layer's policy decide about it. Without the header, it is the caller.
    pub(crate) async fn of(parts: &mut Parts) -> Result<Self, AuthError> {
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
        let (requested_org, requested_team) = requested_tenant(context.tenant_policy(), &parts.headers);
        let attempt = ActAsAttempt {
            actor: actor.clone(),
            target_id: None,
            target: None,
            method: parts.method.clone(),
            path: uri.path().to_owned(),
            client_ip: context.client_ip(),
            trace_id: context.trace_id().map(str::to_owned),
            requested_org,
            requested_team,
            refusal: None,
        };
        let policy = context.act_as_policy();
        let target = policy.authorize(attempt, requested, context.directory(), &context.watch()).await?;
        context.act_as(target.clone());
        let authorized = Self { actor, target: Some(target) };
        parts.extensions.insert(authorized.clone());
        Ok(authorized)
    }
}

/// The error of an extractor that needs the request's context.
pub(crate) fn context_missing() -> AuthError {
    AuthError::new(ErrorKind::Misconfigured).with_detail(
        "the handler runs outside the request's context: spawn it with `InContext::in_current_context`",
    )
}

fn second_target() -> AuthError {
    AuthError::new(ErrorKind::InvalidRequest).with_detail("the request already impersonates another user")
}
