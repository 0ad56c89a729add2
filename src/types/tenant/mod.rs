//! Whose data a request is about: organisations, teams, memberships and what their roles may do.

pub(crate) mod action;
pub(crate) mod binding;
pub(crate) mod check;
pub(crate) mod ids;
pub(crate) mod membership;
mod refusal;
#[allow(clippy::module_inception)]
mod tenant;

pub(crate) use action::{OrgAction, TeamAction};
pub use binding::TenantBinding;
pub use ids::{OrgId, TeamId};
pub use membership::{Membership, MembershipBuilder};
pub use refusal::NoMembership;
pub use tenant::Tenant;
