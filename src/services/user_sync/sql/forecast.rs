//! Tell from the catalog what the database would refuse later.

use super::super::legacy_field::LegacyField;
use super::filter::{self, Condition};
use super::removal::Removal;
use crate::upstream::sql::catalog::Catalog;
use crate::upstream::sql::column::{Column, Fill, Kind};
use crate::upstream::sql::dialect::Table;

/// What a store is going to do with its table.
pub(super) struct Plan<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) fields: &'a [(LegacyField, Column)],
    pub(super) key: &'a Column,
    pub(super) is_default_key: bool,
    pub(super) password: Option<&'a Column>,
    pub(super) removal: Option<&'a Removal>,
    pub(super) conditions: &'a [Condition],
    /// Whether the options say what is in a column of bytes.
    pub(super) says_bytes: &'a dyn Fn(&str) -> bool,
    pub(super) allows_row_security: bool,
}

impl Plan<'_> {
    /// All that would fail, and what to do about each.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut failures = vec![];
        let mut fail = |columns: Vec<&str>, why: &dyn Fn(&str) -> String| {
            if !columns.is_empty() {
                failures.push(why(&format!("`{}`", columns.join("`, `"))));
            }
        };
        fail(self.unfilled(), &|columns| {
            format!(
                "new users need a value in {columns}, NOT NULL without a default: map them, such as by \
                 FieldMapping::default_legacy or default_legacy_with"
            )
        });
        fail(self.generated(), &|columns| {
            format!("the database makes {columns} itself: map them by FieldMapping::to_auth_only")
        });
        fail(self.unsaid_bytes(), &|columns| {
            format!("bytes are in {columns}: say by SqlStoreBuilder::bytes whether that is text")
        });
        fail(self.written_key(), &|column| {
            format!(
                "the key {column} is never updated, and a field would write it at each update: use \
                 FieldMapping::on_create_only, or LegacyField::on_create_only"
            )
        });
        if self.catalog.hides_rows && !self.allows_row_security {
            let why = "row level security hides rows from this role: connect as one with BYPASSRLS, or allow it by \
                       SqlStoreBuilder::allow_row_level_security";
            failures.push(why.to_owned());
        }
        failures
    }

    /// Warns of what may fail.
    pub(super) fn warn(&self, table: &Table) {
        if !self.conditions.is_empty() {
            return;
        }
        for (_, column) in self.fields.iter().filter(|(_, column)| column.partly_unique && !column.unique) {
            tracing::warn!(
                table = %table,
                column = column.name,
                "unique only with other columns, or among some rows: where users are found by this column, and two rows have \
                 the same value, neither is updated; SqlStoreBuilder::only says which rows are users"
            );
        }
    }

    /// Columns that a new row needs and does not get.
    fn unfilled(&self) -> Vec<&str> {
        let created: Vec<_> = self.fields.iter().filter(|(field, _)| field.is_written_on_create()).collect();
        if created.is_empty() {
            return vec![];
        }
        let fields = created.iter().map(|(field, _)| field.name());
        let others = self.password.map(|column| &*column.name);
        let flag = self.removal.and_then(Removal::of_new_row).map(|(column, _)| &*column.name);
        let only = filter::of_new_row(self.conditions).map(|(column, _)| &*column.name);
        let filled: Vec<_> = fields.chain(others).chain(flag).chain(only).collect();
        let missing = self.catalog.columns.iter().filter(|column| column.must_be_filled());
        missing.map(|column| &*column.name).filter(|name| !filled.contains(name)).collect()
    }

    fn generated(&self) -> Vec<&str> {
        let is_written = |field: &LegacyField| field.is_written_on_create() || field.is_written_on_update();
        let fields = self.fields.iter().filter(|(field, _)| is_written(field)).map(|(_, column)| column);
        let others = self.password.into_iter().chain(self.removal.map(|removal| &removal.column));
        let generated = fields.chain(others).filter(|column| column.fill == Fill::Always);
        generated.map(|column| &*column.name).collect()
    }

    fn unsaid_bytes(&self) -> Vec<&str> {
        let bytes = self.fields.iter().filter(|(_, column)| column.kind == Kind::Bytes);
        bytes.map(|(field, _)| field.name()).filter(|name| !(self.says_bytes)(name)).collect()
    }

    fn written_key(&self) -> Vec<&str> {
        // The unique field is never updated, and a key that somebody chose may be its column; not one that is counted.
        let is_counted = matches!(self.key.fill, Fill::Value | Fill::Counted) && self.key.kind != Kind::Text;
        let is_certain = self.is_default_key || is_counted;
        let is_updated = |(field, column): &&(LegacyField, Column)| {
            column.name == self.key.name && field.is_written_on_update()
        };
        let key = self.fields.iter().filter(is_updated).filter(|_| is_certain);
        key.map(|(field, _)| field.name()).collect()
    }
}
