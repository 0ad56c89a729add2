use super::ids::{OrgId, TeamId};

/// The organisation, and perhaps the team, that a credential is bound to: see
/// [`UserInfoBuilder::bound_to`](crate::user::UserInfoBuilder::bound_to). Headers can only narrow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantBinding {
    org: OrgId,
    team: Option<TeamId>,
}

impl TenantBinding {
    /// Binds to an organisation.
    pub fn to_org(org: impl Into<OrgId>) -> Self {
        Self { org: org.into(), team: None }
    }

    /// Binds to a team of the organisation, too.
    #[must_use]
    pub fn and_team(mut self, team: impl Into<TeamId>) -> Self {
        self.team = Some(team.into());
        self
    }

    /// The organisation.
    pub fn org(&self) -> &OrgId {
        &self.org
    }

    /// About how many bytes it takes.
    #[cfg(feature = "client")]
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.org.as_str().len() + self.team().map_or(0, |team| team.as_str().len())
    }

    /// The team, if it is bound to one.
    pub fn team(&self) -> Option<&TeamId> {
        self.team.as_ref()
    }
}
