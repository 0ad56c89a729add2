//! Reject tenants whose roles do not hold an action.

use super::action::{OrgAction, TeamAction};
use super::tenant::Tenant;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::permission::Described;

/// Rejects a tenant whose roles in the organisation do not hold the action.
pub(crate) fn check_org<A: OrgAction>(tenant: &Tenant) -> Result<(), AuthError> {
    if tenant.may::<A>() {
        return Ok(());
    }
    // With a space, so that it is not taken for the code of a permission.
    Err(AuthError::missing_permission(format!("in the organisation: {}", Described(A::describe))))
}

/// Rejects a tenant without a team, or whose roles in the team do not hold the action.
pub(crate) fn check_team<A: TeamAction>(tenant: &Tenant) -> Result<(), AuthError> {
    if tenant.team_id().is_none() {
        return Err(AuthError::new(ErrorKind::InvalidRequest)
            .with_detail("the request names no team that the user is a member of, which it has to"));
    }
    if tenant.may_in_team::<A>() {
        return Ok(());
    }
    Err(AuthError::missing_permission(format!("in the team: {}", Described(A::describe))))
}
