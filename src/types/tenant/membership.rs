use std::fmt;
use std::sync::Arc;
#[cfg(feature = "client")]
use std::sync::Weak;
use std::time::SystemTime;

use super::ids::{OrgId, TeamId, is_plain};
use crate::types::user::{Codes, UserId};

/// A user's active membership in an organisation: their roles there, and in its teams.
///
/// Cheap to clone: clones share one allocation.
///
/// ```
/// use aigc_auth::tenant::Membership;
///
/// let membership = Membership::builder(7, "acme").roles(["admin"]).team("design", ["admin"]).build();
/// assert!(membership.roles().contains("admin"));
/// assert_eq!(membership.teams().count(), 1);
/// ```
#[derive(Clone)]
pub struct Membership(Arc<Inner>);

struct Inner {
    user: UserId,
    org: OrgId,
    roles: Codes,
    /// Sorted by id, without repeats.
    teams: Box<[(TeamId, Codes)]>,
    valid_until: Option<SystemTime>,
    /// Whether the ids of the organisation and of all teams are plain.
    has_plain_ids: bool,
}

impl Membership {
    /// Up to so many teams are searched one by one, which most memberships have not more of.
    const FEW_TEAMS: usize = 8;

    /// Starts the membership of this user in this organisation. It is an active one: for others, a port answers
    /// [`NoMembership`](super::NoMembership).
    pub fn builder(user: impl Into<UserId>, org: impl Into<OrgId>) -> MembershipBuilder {
        MembershipBuilder {
            user: user.into(),
            org: org.into(),
            roles: Codes::default(),
            teams: Vec::new(),
            valid_until: None,
        }
    }

    /// The user whose membership it is.
    pub fn user_id(&self) -> &UserId {
        &self.0.user
    }

    /// The organisation.
    pub fn org_id(&self) -> &OrgId {
        &self.0.org
    }

    /// The user's roles in the organisation.
    pub fn roles(&self) -> &Codes {
        &self.0.roles
    }

    /// The organisation's teams that the user is an active member of, and their roles there; sorted by id.
    pub fn teams(&self) -> impl ExactSizeIterator<Item = (&TeamId, &Codes)> {
        self.0.teams.iter().map(|(team, roles)| (team, roles))
    }

    /// When the membership ends, if it does. No cache serves it for longer.
    pub fn valid_until(&self) -> Option<SystemTime> {
        self.0.valid_until
    }

    /// Returns the place of a team among [`teams`](Self::teams), by the bytes of its id.
    #[inline]
    pub(crate) fn find_team(&self, team: &[u8]) -> Option<usize> {
        let teams = &self.0.teams;
        // Of few, most differ in length already.
        if teams.len() <= Self::FEW_TEAMS {
            return teams.iter().position(|(id, _)| id.as_str().as_bytes() == team);
        }
        teams.binary_search_by(|(id, _)| id.as_str().as_bytes().cmp(team)).ok()
    }

    /// Whether the ids of the organisation and of all teams are such that a header may have them: a header that equals
    /// one needs no check of its own.
    pub(crate) fn has_plain_ids(&self) -> bool {
        self.0.has_plain_ids
    }

    pub(super) fn team_at(&self, at: usize) -> Option<&(TeamId, Codes)> {
        self.0.teams.get(at)
    }

    /// Returns the same without keeping it in memory.
    #[cfg(feature = "client")]
    pub(crate) fn downgrade(&self) -> WeakMembership {
        WeakMembership(Arc::downgrade(&self.0))
    }

    /// Whether both are clones of one.
    #[cfg(feature = "client")]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// About how many bytes it takes.
    #[cfg(feature = "client")]
    pub(crate) fn size(&self) -> usize {
        let team =
            |(id, roles): &(TeamId, Codes)| size_of::<(TeamId, Codes)>() + id.as_str().len() + roles.size();
        size_of::<Inner>()
            + self.user_id().as_str().map_or(0, str::len)
            + self.org_id().as_str().len()
            + self.roles().size()
            + self.0.teams.iter().map(team).sum::<usize>()
    }
}

/// A membership that lasts as long as somebody else keeps it.
#[cfg(feature = "client")]
pub(crate) struct WeakMembership(Weak<Inner>);

#[cfg(feature = "client")]
impl WeakMembership {
    pub(crate) fn upgrade(&self) -> Option<Membership> {
        self.0.upgrade().map(Membership)
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership")
            .field("user", self.user_id())
            .field("org", self.org_id())
            .field("roles", self.roles())
            .field("teams", &self.0.teams)
            .finish_non_exhaustive()
    }
}

/// Builds a [`Membership`]; made by [`Membership::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct MembershipBuilder {
    user: UserId,
    org: OrgId,
    roles: Codes,
    teams: Vec<(TeamId, Codes)>,
    valid_until: Option<SystemTime>,
}

impl MembershipBuilder {
    /// Sets the codes of the user's roles in the organisation. Defaults to none.
    pub fn roles<R: AsRef<str>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.roles = roles.into_iter().collect();
        self
    }

    /// Adds a team of the organisation that the user is an active member of, with the codes of their roles there. The last
    /// call for a team counts. Defaults to no teams.
    pub fn team<R: AsRef<str>>(
        mut self,
        team: impl Into<TeamId>,
        roles: impl IntoIterator<Item = R>,
    ) -> Self {
        self.teams.push((team.into(), roles.into_iter().collect()));
        self
    }

    /// Sets when the membership ends, so that no cache serves it for longer. Defaults to no end.
    pub fn valid_until(mut self, end: SystemTime) -> Self {
        self.valid_until = Some(end);
        self
    }

    /// Builds the membership.
    #[must_use]
    pub fn build(self) -> Membership {
        let Self { user, org, roles, mut teams, valid_until } = self;
        // The sort is stable, so that the last call for a team comes first and stays.
        teams.reverse();
        teams.sort_by(|(a, _), (b, _)| a.cmp(b));
        teams.dedup_by(|(a, _), (b, _)| a == b);
        let mut ids = teams.iter().map(|(team, _)| team.as_str());
        let has_plain_ids = is_plain(org.as_str().as_bytes()) && ids.all(|team| is_plain(team.as_bytes()));
        Membership(Arc::new(Inner { user, org, roles, teams: teams.into(), valid_until, has_plain_ids }))
    }
}

impl From<MembershipBuilder> for Membership {
    fn from(builder: MembershipBuilder) -> Self {
        builder.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_call_for_a_team_counts() {
        let membership = Membership::builder(7, "acme")
            .team("design", ["admin"])
            .team("app", ["member"])
            .team("design", ["member"])
            .build();
        let teams: Vec<_> =
            membership.teams().map(|(id, roles)| (id.as_str(), roles.contains("admin"))).collect();
        assert_eq!(teams, [("app", false), ("design", false)]);
        for (team, place) in
            [("app", Some(0)), ("design", Some(1)), ("Design", None), ("", None), ("z", None)]
        {
            assert_eq!(membership.find_team(team.as_bytes()), place, "{team}");
        }
    }

    #[test]
    fn team_is_found_among_few_and_many() {
        for teams in [0, 1, 8, 9, 100] {
            let builder = Membership::builder(7, "acme");
            let membership =
                (0..teams).fold(builder, |builder, n| builder.team(format!("t-{n}"), ["member"])).build();
            for (at, (team, _)) in membership.teams().enumerate() {
                assert_eq!(membership.find_team(team.as_str().as_bytes()), Some(at), "{team} of {teams}");
            }
            for stranger in ["", "t", "t-", "t-100", "T-0", "t-0 "] {
                assert_eq!(membership.find_team(stranger.as_bytes()), None, "{stranger:?} of {teams}");
            }
        }
    }

    #[test]
    #[cfg(feature = "client")]
    fn size_counts_ids_and_roles() {
        let codes = |codes: &[&str]| codes.iter().collect::<Codes>().size();
        for user in [UserId::from(7), UserId::from("user-7")] {
            let text = user.as_str().map_or(0, str::len);
            let alone = Membership::builder(user.clone(), "acme").roles(["admin"]).build();
            assert_eq!(alone.size(), size_of::<Inner>() + text + 4 + codes(&["admin"]), "{user}");
            let teams = Membership::builder(user.clone(), "acme")
                .roles(["admin"])
                .team("app", ["member", "owner"])
                .team("design", ["a", "b", "c"])
                .build();
            let each = size_of::<(TeamId, Codes)>();
            let of_teams = 2 * each + 3 + codes(&["member", "owner"]) + 6 + codes(&["a", "b", "c"]);
            assert_eq!(teams.size(), alone.size() + of_teams, "{user}");
        }
    }

    #[test]
    #[cfg(feature = "client")]
    fn clones_are_the_same_and_equal_ones_are_not() {
        let [one, other] = [(); 2].map(|()| Membership::builder(7, "acme").build());
        assert!(one.is_same(&one.clone()) && !one.is_same(&other));
    }

    #[test]
    fn ids_are_plain_if_every_header_may_have_them() {
        for (id, plain) in [
            ("acme", true),
            (&*"a".repeat(128), true),
            ("3f6c0b9e-9d5e-4c5e-8a55-0a2f7b1f9a10", true),
            (&*"a".repeat(129), false),
            ("", false),
            (" acme", false),
            ("ac me", false),
            ("acme\t", false),
            ("\u{7f}", false),
            ("爱", false),
        ] {
            assert_eq!(Membership::builder(7, id).build().has_plain_ids(), plain, "{id:?}");
            let of_team = Membership::builder(7, "acme").team("app", ["member"]).team(id, ["member"]).build();
            assert_eq!(of_team.has_plain_ids(), plain, "a team {id:?}");
        }
    }
}
