use std::fmt;

use super::action::{OrgAction, TeamAction};
use super::ids::{OrgId, TeamId};
use super::membership::Membership;
use crate::types::user::{Codes, UserId};

/// Whose data a request is about: an organisation that the user is an active member of, and the team that was named, if one
/// was. Cheap to clone.
#[derive(Clone)]
pub struct Tenant {
    membership: Membership,
    /// The place of the team in the membership.
    team: Option<usize>,
}

impl Tenant {
    /// Creates the organisation of this membership, without a team: for jobs
    /// ([`RequestContextBuilder::tenant`](crate::context::RequestContextBuilder::tenant)), and to call a handler as a function.
    ///
    /// It is not asked whether the membership is active: a lookup has said so, or a test.
    ///
    /// ```
    /// use aigc_auth::tenant::{Membership, Tenant};
    ///
    /// let membership = Membership::builder(7, "acme").roles(["admin"]).team("design", ["admin"]).build();
    /// let tenant = Tenant::of_org(membership);
    /// assert!(tenant.has_org_role("admin") && tenant.team_id().is_none());
    /// let tenant = tenant.with_team(&"design".into()).expect("alice is in that team");
    /// assert!(tenant.has_team_role("admin"));
    /// ```
    pub fn of_org(membership: Membership) -> Self {
        Self { membership, team: None }
    }

    /// Returns the place of a team that the user is a member of, by the bytes of its id.
    pub(crate) fn find_team(&self, team: &[u8]) -> Option<usize> {
        self.membership.find_team(team)
    }

    /// The same in the team of this place.
    pub(crate) fn in_team(mut self, at: usize) -> Self {
        self.team = Some(at);
        self
    }

    /// The same in a team of the organisation; `None` if the user is no member of it.
    pub fn with_team(self, team: &TeamId) -> Option<Self> {
        let at = self.find_team(team.as_str().as_bytes())?;
        Some(self.in_team(at))
    }

    /// The user whose membership it is: the one that the request is for, while an admin acts as another user.
    pub fn user_id(&self) -> &UserId {
        self.membership.user_id()
    }

    /// The organisation.
    pub fn org_id(&self) -> &OrgId {
        self.membership.org_id()
    }

    /// The user's roles in the organisation.
    pub fn org_roles(&self) -> &Codes {
        self.membership.roles()
    }

    /// Whether the user has this role in the organisation.
    pub fn has_org_role(&self, role: &str) -> bool {
        self.org_roles().contains(role)
    }

    /// The team that the request named; `None` without one.
    pub fn team_id(&self) -> Option<&TeamId> {
        self.team().map(|(team, _)| team)
    }

    /// The user's roles in the team; `None` without a team.
    pub fn team_roles(&self) -> Option<&Codes> {
        self.team().map(|(_, roles)| roles)
    }

    /// Whether the user has this role in the team. `false` without a team.
    pub fn has_team_role(&self, role: &str) -> bool {
        self.team_roles().is_some_and(|roles| roles.contains(role))
    }

    /// Whether the user's roles in the organisation hold this action.
    pub fn may<A: OrgAction>(&self) -> bool {
        A::is_granted(self.org_roles())
    }

    /// Whether the user's roles in the team hold this action. `false` without a team.
    pub fn may_in_team<A: TeamAction>(&self) -> bool {
        self.team_roles().is_some_and(A::is_granted)
    }

    /// The whole membership, with all teams of the user in the organisation.
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    fn team(&self) -> Option<&(TeamId, Codes)> {
        self.membership.team_at(self.team?)
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenant")
            .field("user", self.user_id())
            .field("org", self.org_id())
            .field("org_roles", self.org_roles())
            .field("team", &self.team_id())
            .field("team_roles", &self.team_roles())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_those_of_the_organisation_and_of_the_team_that_is_named() {
        let membership = Membership::builder(7, "acme")
            .roles(["owner"])
            .team("app", ["member"])
            .team("design", ["admin"])
            .build();
        let org = Tenant::of_org(membership);
        for (team, expected) in [(None, None), (Some("app"), Some("member")), (Some("design"), Some("admin"))]
        {
            let tenant = match team {
                None => org.clone(),
                Some(team) => org.clone().with_team(&team.into()).unwrap(),
            };
            assert_eq!(tenant.team_id().map(TeamId::as_str), team);
            for role in ["owner", "member", "admin", ""] {
                let has = (tenant.has_org_role(role), tenant.has_team_role(role));
                assert_eq!(has, (role == "owner", expected == Some(role)), "{role:?} in {team:?}");
            }
        }
        assert!(org.with_team(&"other".into()).is_none());
    }
}
