//! Rows of other tables that a new user needs.

use std::fmt;
use std::sync::Arc;

use super::super::legacy_user::LegacyUser;
use crate::upstream::sql::column::{Column, Kind};
use crate::upstream::sql::dialect::{Dialect, Table};
use crate::upstream::sql::failure::Failure;
use crate::upstream::sql::statements::Statement;

/// Makes the row of another table from the row of a new user.
type Make = dyn Fn(&LegacyUser) -> Option<LegacyUser> + Send + Sync;

/// A table with a row for each user, as configured.
#[derive(Clone)]
pub(super) struct Companion {
    pub(super) table: Table,
    make: Arc<Make>,
}

impl Companion {
    pub(super) fn new(
        table: Table,
        make: impl Fn(&LegacyUser) -> Option<LegacyUser> + Send + Sync + 'static,
    ) -> Self {
        Self { table, make: Arc::new(make) }
    }
}

impl fmt::Debug for Companion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Companion").field("table", &self.table.to_string()).finish_non_exhaustive()
    }
}

/// The same with the columns of the table.
pub(super) struct CompanionTable {
    pub(super) companion: Companion,
    pub(super) columns: Vec<Column>,
    /// The columns of bytes of which nobody said what they are.
    pub(super) unsaid_bytes: Vec<String>,
}

impl CompanionTable {
    /// Makes the insertion of the row for this user, if they need one.
    pub(super) fn insert(&self, dialect: Dialect, user: &LegacyUser) -> Result<Option<Statement>, Failure> {
        let Some(made) = (self.companion.make)(user) else { return Ok(None) };
        let mut row = vec![];
        for (name, value) in made.iter() {
            let column = self.column(name)?;
            if value.is_null() && column.has_default() {
                continue;
            }
            row.push((column, column.bound(dialect, value).map_err(|why| self.failure(why))?));
        }
        if row.is_empty() {
            return Err(self.failure("the row has no columns"));
        }
        Ok(Some(Statement::insert(dialect, &self.companion.table, row)))
    }

    fn column(&self, name: &str) -> Result<&Column, Failure> {
        let column = self.columns.iter().find(|column| column.name == name);
        let column = column.ok_or_else(|| self.failure(format_args!("there is no column `{name}`")))?;
        if column.kind == Kind::Bytes && self.unsaid_bytes.iter().any(|unsaid| unsaid == name) {
            let why =
                format_args!("bytes are in `{name}`: say by SqlStoreBuilder::bytes whether that is text");
            return Err(self.failure(why));
        }
        Ok(column)
    }

    fn failure(&self, why: impl fmt::Display) -> Failure {
        Failure::new(format!("companion table `{}`: {why}", self.companion.table))
    }
}
