//! Tell spans and the audit of the tenant.

use tracing::level_filters::LevelFilter;

use crate::ports::audit::ActAsTenant;
use crate::request::context::{RequestContext, ResolvedTenant};
use crate::request::impersonation::Target;

/// Leaves the tenant in the span.
#[inline(always)]
pub(super) fn tell(resolved: &ResolvedTenant) {
    // Most cheaply where nobody listens.
    if LevelFilter::current() != LevelFilter::OFF {
        tell_span(resolved);
    }
}

#[inline(never)]
fn tell_span(resolved: &ResolvedTenant) {
    let Ok(Some(tenant)) = resolved else { return };
    let span = tracing::Span::current();
    if !span.is_disabled() {
        span.record("org_id", tenant.org_id().as_str());
        span.record("team_id", tenant.team_id().map(|team| team.as_str()));
    }
}

/// Has the tenant of a user whom an admin acts as recorded, before anything gets it.
pub(super) async fn audited(
    context: &RequestContext,
    target: &Target,
    resolved: ResolvedTenant,
) -> ResolvedTenant {
    let (tenant, refusal) = match &resolved {
        Ok(None) => return resolved,
        Ok(tenant) => (tenant.clone(), None),
        Err(error) => (None, Some(error.clone())),
    };
    let event = ActAsTenant { attempt: target.attempt.clone(), tenant, refusal };
    context.act_as_policy().record_tenant(event).await.and(resolved)
}
