//! Sources of memberships.

mod backend;
mod builder;
mod cached;
mod recent;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod sql;

pub use builder::CachedMembershipsBuilder;
pub use cached::CachedMemberships;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use sql::{MemberTable, OrgTable, SqlMemberships, SqlMembershipsBuilder, TeamTable};
