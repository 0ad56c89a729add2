//! The tables as the database describes them, and what is asked of them.

use serde_json::Value;

use super::id;
use super::member_table::MemberTable;
use super::org_table::OrgTable;
use super::team_table::TeamTable;
use crate::types::error::BuildError;
use crate::upstream::sql::catalog::Catalog;
use crate::upstream::sql::column::{Column, Kind};
use crate::upstream::sql::dialect::{Dialect, Table};
use crate::upstream::sql::failure::Failure;
use crate::upstream::sql::pool::{Pool, Texts};
use crate::upstream::sql::statements::Statement;

/// What rows have to have: a value in each column.
type Conditions = Vec<(Column, Value)>;

/// A table of members.
pub(super) struct Members {
    pub(super) table: Table,
    pub(super) user: Column,
    pub(super) of: Column,
    active: Vec<(Column, Vec<Value>)>,
    role: Option<Column>,
    flags: Vec<(Column, Box<str>)>,
    without_flags: Option<Box<str>>,
    pub(super) default: Conditions,
}

/// What a row says of a member.
pub(super) struct MemberRow {
    /// The id of what they are a member of.
    pub(super) of: String,
    pub(super) is_active: bool,
    pub(super) roles: Vec<Box<str>>,
}

/// A table of organisations.
pub(super) struct Orgs {
    pub(super) table: Table,
    pub(super) key: Column,
    pub(super) deleted: Option<Column>,
    pub(super) default: Conditions,
}

/// A table of teams, and that of their members.
pub(super) struct Teams {
    pub(super) table: Table,
    pub(super) members: Members,
    pub(super) key: Column,
    pub(super) org: Column,
    pub(super) deleted: Option<Column>,
}

impl Members {
    pub(super) async fn look_up(
        pool: &Pool,
        dialect: Dialect,
        members: MemberTable,
        of: &str,
    ) -> Result<Self, BuildError> {
        let MemberTable { table, user, of: named, active, role, flags, without_flags, default } = members;
        let catalog = look_up(pool, dialect, &table).await?;
        let find = |name: &str| catalog.column(&table, name);
        let (user, of) = (find(&user)?, find(named.as_deref().unwrap_or(of))?);
        id::check(dialect, &table, &user)?;
        id::check(dialect, &table, &of)?;
        let mut found_active = vec![];
        for (name, values) in active {
            let column = find(&name)?;
            values.iter().try_for_each(|value| can_hold(dialect, &table, &column, value))?;
            found_active.push((column, values));
        }
        let role = role.map(|role| find(&role)).transpose()?;
        if let Some(Column { name, declared, .. }) = role.as_ref().filter(|role| !can_be_code(role)) {
            return Err(BuildError::new(format!(
                "the column `{name}` of the table `{table}` is of the type {declared}, and no code of one role; roles in \
                 several rows add up, and flags are read by `role_flag`"
            )));
        }
        let mut found_flags = vec![];
        for (name, role) in flags {
            let column = find(&name)?;
            if !matches!(column.kind, Kind::Bool | Kind::Integer) {
                let declared = &column.declared;
                return Err(BuildError::new(format!(
                    "the column `{name}` of the table `{table}` is of the type {declared}, and no flag"
                )));
            }
            found_flags.push((column, role));
        }
        let default = conditions(dialect, &table, &catalog, default)?;
        Ok(Self { user, of, active: found_active, role, flags: found_flags, without_flags, default, table })
    }

    /// Selects the rows of a user; to be followed by further conditions.
    pub(super) fn select(&self, dialect: Dialect, user: &Value) -> Result<Statement, Failure> {
        let columns = [&self.of].into_iter().chain(self.active.iter().map(|(column, _)| column));
        let columns = columns.chain(&self.role).chain(self.flags.iter().map(|(column, _)| column));
        let columns: Vec<_> = columns.map(|column| column.read(dialect)).collect();
        let (columns, table) = (columns.join(", "), self.table.quoted(dialect));
        let mut statement = Statement::new(dialect, format!("SELECT {columns} FROM {table} WHERE "));
        statement.equals(&self.user, user)?;
        Ok(statement)
    }

    /// Converts a row of `select`.
    pub(super) fn row(&self, texts: Texts) -> MemberRow {
        let mut texts = texts.into_iter();
        let mut next = |column: &Column| column.value(texts.next().flatten());
        let of = text(next(&self.of)).unwrap_or_default();
        let mut is_active = true;
        for (column, values) in &self.active {
            let value = number(next(column));
            is_active &= values.iter().any(|active| number(active.clone()) == value);
        }
        let mut roles: Vec<Box<str>> =
            self.role.iter().filter_map(|role| text(next(role))).map(Into::into).collect();
        for (column, role) in &self.flags {
            if number(next(column)) == 1 {
                roles.push(role.clone());
            }
        }
        if roles.is_empty() {
            roles.extend(self.without_flags.clone());
        }
        MemberRow { of, is_active, roles }
    }
}

impl Orgs {
    pub(super) async fn look_up(pool: &Pool, dialect: Dialect, orgs: OrgTable) -> Result<Self, BuildError> {
        let OrgTable { table, key, deleted, default } = orgs;
        let catalog = look_up(pool, dialect, &table).await?;
        let key = catalog.column(&table, &key)?;
        id::check(dialect, &table, &key)?;
        let deleted = deleted.map(|deleted| catalog.column(&table, &deleted)).transpose()?;
        let default = conditions(dialect, &table, &catalog, default)?;
        Ok(Self { key, deleted, default, table })
    }

    /// Selects whether the organisation was deleted; no row if there is none.
    pub(super) fn select(&self, dialect: Dialect, org: &Value) -> Result<Statement, Failure> {
        let mut statement = Statement::new(dialect, "SELECT CASE WHEN ");
        push_present(&mut statement, self.deleted.as_ref())?;
        let table = self.table.quoted(dialect);
        statement.push(&format!(" THEN '0' ELSE '1' END FROM {table} WHERE ")).equals(&self.key, org)?;
        Ok(statement)
    }
}

impl Teams {
    pub(super) async fn look_up(pool: &Pool, dialect: Dialect, teams: TeamTable) -> Result<Self, BuildError> {
        let TeamTable { table, members, key, org, deleted } = teams;
        let catalog = look_up(pool, dialect, &table).await?;
        let (key, org) = (catalog.column(&table, &key)?, catalog.column(&table, &org)?);
        id::check(dialect, &table, &key)?;
        id::check(dialect, &table, &org)?;
        let deleted = deleted.map(|deleted| catalog.column(&table, &deleted)).transpose()?;
        let members = Members::look_up(pool, dialect, members, "team_id").await?;
        Ok(Self { members, key, org, deleted, table })
    }

    /// Selects the rows of a user in the teams of an organisation.
    pub(super) fn select(&self, dialect: Dialect, user: &Value, org: &Value) -> Result<Statement, Failure> {
        let mut statement = self.members.select(dialect, user)?;
        let [of, key] = [&self.members.of, &self.key].map(|column| dialect.quoted(&column.name));
        statement.push(&format!(" AND {of} IN (SELECT {key} FROM {} WHERE ", self.table.quoted(dialect)));
        statement.equals(&self.org, org)?.push(" AND ");
        push_present(&mut statement, self.deleted.as_ref())?;
        statement.push(")");
        Ok(statement)
    }
}

/// Appends a condition: it was not deleted.
pub(super) fn push_present(statement: &mut Statement, deleted: Option<&Column>) -> Result<(), Failure> {
    let Some(column) = deleted else {
        statement.push("1 = 1");
        return Ok(());
    };
    let not = match column.kind {
        Kind::Bool => Value::from(false),
        Kind::Integer | Kind::Number => Value::from(0),
        _ => return statement.same(column, &Value::Null).map(drop),
    };
    statement.push("(").same(column, &Value::Null)?.push(" OR ").same(column, &not)?.push(")");
    Ok(())
}

/// Appends conditions.
pub(super) fn push_conditions(statement: &mut Statement, conditions: &Conditions) -> Result<(), Failure> {
    for (column, value) in conditions {
        statement.push(" AND ");
        match value {
            Value::Null => statement.same(column, value)?,
            value => statement.equals(column, value)?,
        };
    }
    Ok(())
}

fn conditions(
    dialect: Dialect,
    table: &Table,
    catalog: &Catalog,
    named: Vec<(String, Value)>,
) -> Result<Conditions, BuildError> {
    let found = named.into_iter().map(|(name, value)| {
        let column = catalog.column(table, &name)?;
        can_hold(dialect, table, &column, &value)?;
        Ok((column, value))
    });
    found.collect()
}

async fn look_up(pool: &Pool, dialect: Dialect, table: &Table) -> Result<Catalog, BuildError> {
    let catalog = Catalog::of_table(pool, dialect, table).await?;
    if catalog.hides_rows {
        tracing::warn!(%table, "row level security hides rows of the table: whose row is hidden is no member");
    }
    Ok(catalog)
}

fn can_hold(dialect: Dialect, table: &Table, column: &Column, value: &Value) -> Result<(), BuildError> {
    let held = column.bound(dialect, value).map(drop);
    held.map_err(|why| BuildError::new(format!("table `{table}`: {why}")))
}

/// Whether `text` reads a value of this column. What it does not would be no role, without a word.
fn can_be_code(column: &Column) -> bool {
    matches!(column.kind, Kind::Text | Kind::TextInBytes | Kind::Label | Kind::Integer | Kind::Other)
}

/// A flag as a number, since a column of numbers may have it.
fn number(value: Value) -> Value {
    match value {
        Value::Bool(is) => i64::from(is).into(),
        other => other,
    }
}

/// An id or a code.
fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
