//! Tables and columns that a configuration names.

use super::catalog::Catalog;
use super::column::Column;
use super::dialect::{Dialect, Table};
use super::pool::Pool;
use crate::types::error::BuildError;

impl Catalog {
    /// Looks up a table that has to be there.
    pub(crate) async fn of_table(pool: &Pool, dialect: Dialect, table: &Table) -> Result<Self, BuildError> {
        let catalog = Self::look_up(pool, dialect, table).await.map_err(|error| {
            BuildError::new(format!("cannot look up the columns of the table `{table}`: {error}"))
        })?;
        if catalog.columns.is_empty() {
            return Err(BuildError::new(format!("the database has no table `{table}`, or does not show it")));
        }
        Ok(catalog)
    }

    /// Returns a column that has to be there.
    pub(crate) fn column(&self, table: &Table, name: &str) -> Result<Column, BuildError> {
        if let Some(column) = self.columns.iter().find(|column| column.name == name) {
            return Ok(column.clone());
        }
        let similar = self.columns.iter().find(|column| column.name.to_lowercase() == name.to_lowercase());
        let hint = similar.map(|column| format!("; it has `{}`", column.name)).unwrap_or_default();
        Err(BuildError::new(format!("the table `{table}` has no column `{name}`{hint}")))
    }
}
