use serde_json::Value;

use crate::upstream::sql::dialect::Table;

/// A table of members, of organisations or of teams: one row a member, or one for each of their roles.
///
/// ```
/// use aigc_auth::tenant::MemberTable;
///
/// // AutoGPT's: three flags, and a status.
/// let members = MemberTable::new("OrgMember")
///     .user_column("userId")
///     .of_column("orgId")
///     .active("status", "ACTIVE")
///     .role_flag("isOwner", "owner")
///     .role_flag("isAdmin", "admin")
///     .role_flag("isBillingManager", "billing_manager")
///     .role_without_flags("member");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct MemberTable {
    pub(super) table: Table,
    pub(super) user: String,
    pub(super) of: Option<String>,
    pub(super) active: Vec<(String, Vec<Value>)>,
    pub(super) role: Option<String>,
    pub(super) flags: Vec<(String, Box<str>)>,
    pub(super) without_flags: Option<Box<str>>,
    pub(super) default: Vec<(String, Value)>,
}

impl MemberTable {
    /// Starts with a table, `table` or `schema.table`. Names are case-sensitive and not quoted.
    pub fn new(table: impl AsRef<str>) -> Self {
        Self {
            table: Table::parse(table.as_ref()),
            user: "user_id".to_owned(),
            of: None,
            active: vec![],
            role: None,
            flags: vec![],
            without_flags: None,
            default: vec![],
        }
    }

    /// Sets the column with the member's user id. Defaults to `user_id`.
    pub fn user_column(mut self, column: impl Into<String>) -> Self {
        self.user = column.into();
        self
    }

    /// Sets the column with the id of what they are a member of. Defaults to `org_id`, or `team_id` for teams.
    pub fn of_column(mut self, column: impl Into<String>) -> Self {
        self.of = Some(column.into());
        self
    }

    /// Takes only rows with this value for active members, such as a status `ACTIVE` or a flag `true`; the others are
    /// suspended. Null stands for a column without a value. Called several times for a column, either value will do; for
    /// several columns, each has to have one. Defaults to all rows.
    pub fn active(mut self, column: impl Into<String>, value: impl Into<Value>) -> Self {
        let (column, value) = (column.into(), value.into());
        match self.active.iter_mut().find(|(name, _)| *name == column) {
            Some((_, values)) => values.push(value),
            None => self.active.push((column, vec![value])),
        }
        self
    }

    /// Sets the column with the code of the member's role. Defaults to none.
    pub fn role_column(mut self, column: impl Into<String>) -> Self {
        self.role = Some(column.into());
        self
    }

    /// Gives members whose flag is true this role. Defaults to none.
    pub fn role_flag(mut self, column: impl Into<String>, role: impl Into<Box<str>>) -> Self {
        self.flags.push((column.into(), role.into()));
        self
    }

    /// Gives members this role who have no other. Defaults to none.
    pub fn role_without_flags(mut self, role: impl Into<Box<str>>) -> Self {
        self.without_flags = Some(role.into());
        self
    }

    /// Takes a row with this value for the user's default organisation. Called several times, all conditions must hold, and
    /// those of [`OrgTable::default_where`](crate::tenant::OrgTable::default_where). Defaults to none: users have no default.
    pub fn default_where(mut self, column: impl Into<String>, value: impl Into<Value>) -> Self {
        self.default.push((column.into(), value.into()));
        self
    }
}
