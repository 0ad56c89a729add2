use serde_json::Value;

use crate::upstream::sql::dialect::Table;

/// A table of organisations.
///
/// ```
/// use aigc_auth::tenant::OrgTable;
///
/// // AutoGPT's: the default is the personal one.
/// let orgs = OrgTable::new("Organization").deleted_column("deletedAt").default_where("isPersonal", true);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct OrgTable {
    pub(super) table: Table,
    pub(super) key: String,
    pub(super) deleted: Option<String>,
    pub(super) default: Vec<(String, Value)>,
}

impl OrgTable {
    /// Starts with a table, `table` or `schema.table`. Names are case-sensitive and not quoted.
    pub fn new(table: impl AsRef<str>) -> Self {
        Self { table: Table::parse(table.as_ref()), key: "id".to_owned(), deleted: None, default: vec![] }
    }

    /// Sets the column with the id. Defaults to `id`.
    pub fn key(mut self, column: impl Into<String>) -> Self {
        self.key = column.into();
        self
    }

    /// Sets the column that says whether an organisation was deleted: a flag, or anything else that is null until then,
    /// such as a time. A deleted one is nobody's default. Defaults to none: a deleted organisation has no row.
    pub fn deleted_column(mut self, column: impl Into<String>) -> Self {
        self.deleted = Some(column.into());
        self
    }

    /// Takes an organisation with this value for the default of its members, such as a flag of personal ones. Called several
    /// times, all conditions must hold, and those of [`MemberTable::default_where`](crate::tenant::MemberTable::default_where). A
    /// user with several has the one of the lowest id. Defaults to none: users have no default.
    pub fn default_where(mut self, column: impl Into<String>, value: impl Into<Value>) -> Self {
        self.default.push((column.into(), value.into()));
        self
    }
}
