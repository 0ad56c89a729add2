//! Memberships in tables of an SQL database.

mod builder;
mod id;
mod member_table;
mod memberships;
mod org_table;
mod tables;
mod team_table;

pub use builder::SqlMembershipsBuilder;
pub use member_table::MemberTable;
pub use memberships::SqlMemberships;
pub use org_table::OrgTable;
pub use team_table::TeamTable;
