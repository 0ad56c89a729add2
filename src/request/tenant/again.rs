//! Find the tenant of a request that is like one of a moment ago; `None` if that takes a closer look.

use super::header::Lines;
use super::policy::{TenantPolicy, WithoutOrg};
use crate::types::tenant::{Membership, Tenant};
use crate::types::user::UserInfo;

/// Of a request that names neither an organisation nor a team.
#[inline]
pub(super) fn find_default_again(policy: &TenantPolicy, user: &UserInfo) -> Option<Tenant> {
    if policy.without_org != WithoutOrg::Default {
        return None;
    }
    find(policy, user, None).map(Tenant::of_org)
}

/// Of a request that may name both.
///
/// No header is checked: one that equals a [plain id](Membership::has_plain_ids) would pass.
#[inline]
pub(super) fn find_named_again(
    policy: &TenantPolicy,
    user: &UserInfo,
    org: Lines<'_>,
    team: Lines<'_>,
) -> Option<Tenant> {
    let org = match org {
        Lines::None if policy.without_org == WithoutOrg::Default => None,
        Lines::One(org) => Some(org.as_bytes()),
        _ => return None,
    };
    let team = match team {
        Lines::None => None,
        Lines::One(team) => Some(team.as_bytes()),
        Lines::Several => return None,
    };
    let membership = find(policy, user, org).filter(Membership::has_plain_ids)?;
    let place = match team {
        None => None,
        Some(team) => Some(membership.find_team(team)?),
    };
    let tenant = Tenant::of_org(membership);
    Some(match place {
        None => tenant,
        Some(place) => tenant.in_team(place),
    })
}

#[inline(always)]
fn find(policy: &TenantPolicy, user: &UserInfo, org: Option<&[u8]>) -> Option<Membership> {
    if user.is_app_key() || user.bound_to().is_some() {
        return None;
    }
    policy.memberships.recall(user.id(), org)
}
