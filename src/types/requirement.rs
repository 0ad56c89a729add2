use std::fmt;

use serde::Serialize;

use crate::types::code::{Action, Code};

/// What a handler requires of its callers, as data: for documents such as OpenAPI, for pages of admins, for tests.
///
/// Extractors have one by [`Requires`](crate::permission::Requires), and handlers by [`requirement_of!`](crate::requirement_of).
/// Its `Display` is what a refusal names: `report:read`, `role editor`, `(a and (b or c))`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Requirement {
    /// A user, if a credential was sent: one that is invalid is rejected.
    OptionalUser,
    /// A member of an organisation, if a credential was sent and there is an organisation.
    OptionalMember,
    /// A user.
    User,
    /// A user, and admins may act as another one.
    ActingUser,
    /// A user who is a member of an organisation.
    Member,
    /// A [service](crate::service), and no user.
    Service,
    /// A permission; of services, a scope.
    Permission(Code),
    /// A role.
    Role(Code),
    /// To be in a group.
    Group(Code),
    /// The admin flag.
    Admin,
    /// A role in the organisation that holds the action.
    OrgAction(Action),
    /// A role in the team that holds the action.
    TeamAction(Action),
    /// A rule that is no code, as it describes itself.
    Rule(String),
    /// All of these; of none, nothing.
    AllOf(Vec<Self>),
    /// At least one of these; of none, what nobody has.
    AnyOf(Vec<Self>),
}

impl Requirement {
    /// Returns whether it is about the caller alone, not about what they may do.
    #[cfg(feature = "utoipa")]
    pub(crate) fn is_of_caller(&self) -> bool {
        use Requirement::{ActingUser, Member, OptionalMember, OptionalUser, Service, User};
        matches!(self, OptionalUser | OptionalMember | User | ActingUser | Member | Service)
    }

    /// Visits what it consists of.
    #[cfg(feature = "utoipa")]
    pub(crate) fn visit<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        match self {
            Self::AllOf(members) | Self::AnyOf(members) => {
                members.iter().for_each(|member| member.visit(visit));
            }
            single => visit(single),
        }
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, members: &[Self], word: &str| {
            for (at, member) in members.iter().enumerate() {
                write!(f, "{}{member}", if at == 0 { "(" } else { word })?;
            }
            f.write_str(")")
        };
        match self {
            Self::OptionalUser => f.write_str("a user, if a credential was sent"),
            Self::OptionalMember => f.write_str("a member of the organisation, if a credential was sent"),
            Self::User | Self::ActingUser => f.write_str("a user"),
            Self::Member => f.write_str("a member of the organisation"),
            Self::Service => f.write_str("a service"),
            Self::Permission(code) => f.write_str(code.code),
            Self::Role(code) => write!(f, "role {}", code.code),
            Self::Group(code) => write!(f, "group {}", code.code),
            // With a space, so that it is not taken for the code of a permission.
            Self::Admin => f.write_str("the admin flag"),
            Self::OrgAction(action) => write!(f, "in the organisation: {}", action.name),
            Self::TeamAction(action) => write!(f, "in the team: {}", action.name),
            Self::Rule(rule) => f.write_str(rule),
            Self::AllOf(members) if members.is_empty() => f.write_str("nothing"),
            Self::AnyOf(members) if members.is_empty() => f.write_str("an unsatisfiable permission"),
            Self::AllOf(members) => joined(f, members, " and "),
            Self::AnyOf(members) => joined(f, members, " or "),
        }
    }
}
