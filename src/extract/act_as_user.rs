use axum::extract::{FromRequestParts, OriginalUri};
use http::request::Parts;

use crate::act_as::{self, Target};
use crate::audit::ActAsAttempt;
use crate::context;
use crate::error::{AuthError, ErrorKind};
use crate::identity;
use crate::user::{UserId, UserInfo};

/// The user that the request is for: the caller himself, or whom an admin acts as by the header `X-Act-As-User-Id`.
///
/// Without the header, or with an empty one, it is the caller. With it, callers who are no admins are refused with 403,
/// and the rest is up to the layer's [`ActAsPolicy`](crate::ActAsPolicy): an unknown user is 404, a directory that cannot
/// be reached 503, a header that is repeated or not UTF-8 400. Where the layer has no directory, the id passes as it is
/// given, and nobody knows whether there is such a user. An admin who names himself acts as nobody else.
///
/// Every attempt is [audited](crate::AuditSink) before the handler runs. From then on,
/// [`context`] answers for the user who is acted as ([`context::actor`] for the admin), and usage records carry both ids.
/// [`CurrentUser`](crate::CurrentUser) and permissions are still those of the caller: nobody gains another's rights.
///
/// ```
/// use aigc_auth::ActAsUser;
///
/// async fn orders(who: ActAsUser) -> String {
///     if who.is_impersonating() {
///         return format!("orders of {}, for {}", who.user_id(), who.actor().username);
///     }
///     format!("orders of {}", who.user_id())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ActAsUser {
    actor: UserInfo,
    target: Option<Target>,
}

impl ActAsUser {
    /// Who is really asking.
    pub fn actor(&self) -> &UserInfo {
        &self.actor
    }

    /// The id of the user that the request is for.
    pub fn user_id(&self) -> &UserId {
        self.target.as_ref().map_or(&self.actor.id, |target| &target.id)
    }

    /// The user that the request is for. `None` where only his id is known: an admin acts as him, and the layer has no
    /// directory.
    pub fn user(&self) -> Option<&UserInfo> {
        match &self.target {
            None => Some(&self.actor),
            Some(target) => target.user.as_ref(),
        }
    }

    /// Whether an admin acts as another user.
    pub fn is_impersonating(&self) -> bool {
        self.target.is_some()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ActAsUser {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AuthError> {
        let actor = identity::required(&parts.extensions)?.clone();
        let Some(wanted) = act_as::wanted(&parts.headers, &actor) else {
            return Ok(Self { actor, target: None });
        };
        let is_himself = wanted.as_ref().is_ok_and(|id| *id == actor.id);
        if is_himself && actor.is_admin {
            return Ok(Self { actor, target: None });
        }
        // It holds the policy: without it, anything would be granted.
        let context = context::current().ok_or_else(context_missing)?;
        let acting_as = context.acting_as().map(|target| &target.id);
        // Who is asked for twice is judged and audited once; but by each layer's policy.
        let is_judged = |judged: &&Self| {
            let asked = wanted.as_ref().is_ok_and(|id| id == judged.user_id());
            asked && judged.actor.is_same(&actor) && acting_as == Some(judged.user_id())
        };
        if let Some(judged) = parts.extensions.get::<Self>().filter(is_judged) {
            return Ok(judged.clone());
        }
        // The context, and with it the record, can tell of one only.
        let wanted = if context.is_impersonating() { Err(second()) } else { wanted };
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |OriginalUri(uri)| uri);
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
        let target = policy.judge(attempt, wanted, context.directory()).await?;
        context.act_as(target.clone());
        let judged = Self { actor, target: Some(target) };
        parts.extensions.insert(judged.clone());
        Ok(judged)
    }
}

fn context_missing() -> AuthError {
    AuthError::new(ErrorKind::Misconfigured).with_detail(
        "the handler runs outside the request's context: spawn it with `InContext::in_current_context`",
    )
}

fn second() -> AuthError {
    AuthError::new(ErrorKind::InvalidRequest).with_detail("the request acts as another user already")
}
