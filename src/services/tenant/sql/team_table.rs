use super::member_table::MemberTable;
use crate::upstream::sql::dialect::Table;

/// A table of teams, and the table of their members.
///
/// ```
/// use aigc_auth::tenant::{MemberTable, TeamTable};
///
/// // AutoGPT's.
/// let members = MemberTable::new("TeamMember")
///     .user_column("userId")
///     .of_column("teamId")
///     .active("status", "ACTIVE")
///     .role_flag("isAdmin", "admin")
///     .role_flag("isBillingManager", "billing_manager")
///     .role_without_flags("member");
/// let teams = TeamTable::new("Team", members).org_column("orgId");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TeamTable {
    pub(super) table: Table,
    pub(super) members: MemberTable,
    pub(super) key: String,
    pub(super) org: String,
    pub(super) deleted: Option<String>,
}

impl TeamTable {
    /// Starts with a table of teams, `table` or `schema.table`, and that of their members. Names are case-sensitive and not
    /// quoted.
    pub fn new(table: impl AsRef<str>, members: MemberTable) -> Self {
        Self {
            table: Table::parse(table.as_ref()),
            members,
            key: "id".to_owned(),
            org: "org_id".to_owned(),
            deleted: None,
        }
    }

    /// Sets the column with the team's id. Defaults to `id`.
    pub fn key(mut self, column: impl Into<String>) -> Self {
        self.key = column.into();
        self
    }

    /// Sets the column with the id of the organisation that the team is of. Defaults to `org_id`.
    pub fn org_column(mut self, column: impl Into<String>) -> Self {
        self.org = column.into();
        self
    }

    /// Sets the column that says whether a team was deleted: as
    /// [`OrgTable::deleted_column`](crate::tenant::OrgTable::deleted_column). Nobody is a member of a deleted team.
    pub fn deleted_column(mut self, column: impl Into<String>) -> Self {
        self.deleted = Some(column.into());
        self
    }
}
