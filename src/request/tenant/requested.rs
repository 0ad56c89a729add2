//! What a request names, for those who hear of it before it is looked up.

use http::header::HeaderMap;

use super::header::{self, Named};
use super::policy::TenantPolicy;
use crate::types::tenant::{OrgId, TeamId};

/// Returns the organisation and the team in the headers of this policy, as far as they can be read.
pub(crate) fn requested_tenant(
    policy: Option<&TenantPolicy>,
    headers: &HeaderMap,
) -> (Option<OrgId>, Option<TeamId>) {
    let Some(policy) = policy else { return (None, None) };
    let Named { org, team, .. } = Named::find(headers, policy);
    let org = header::id(&policy.org_header, org).ok().flatten().map(OrgId::from);
    (org, header::id(&policy.team_header, team).ok().flatten().map(TeamId::from))
}
