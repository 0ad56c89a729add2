use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::id;
use super::tables::{Members, Orgs, Teams, push_conditions, push_present};
use crate::ports::memberships::Memberships;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::tenant::{Membership, NoMembership, OrgId};
use crate::types::user::UserId;
use crate::upstream::sql::column::{Column, Kind};
use crate::upstream::sql::dialect::Dialect;
use crate::upstream::sql::failure::Failure;
use crate::upstream::sql::pool::Pool;
use crate::upstream::sql::statements::Statement;

/// The most rows that are read of a user in one organisation.
const MAX_ROWS: usize = 10_000;

/// Finds memberships in tables of PostgreSQL (feature `postgres`), SQLite (`sqlite`), MySQL or MariaDB (`mysql`).
///
/// Reads only. Cheap to clone. To be asked less often, wrap it in `CachedMemberships`.
///
/// ```no_run
/// use aigc_auth::tenant::{CachedMemberships, MemberTable, OrgTable, SqlMemberships, TeamTable, TenantPolicy};
///
/// # async fn example(database_url: &str) -> Result<TenantPolicy, aigc_auth::error::BuildError> {
/// // Columns `user_id`, `org_id`, `role`; `id`, `deleted_at`; `id`, `org_id`; `user_id`, `team_id`, `role`.
/// let table = SqlMemberships::builder(MemberTable::new("org_members").role_column("role"))
///     .orgs(OrgTable::new("orgs").deleted_column("deleted_at"))
///     .teams(TeamTable::new("teams", MemberTable::new("team_members").role_column("role")))
///     .connect(database_url)
///     .await?;
/// # Ok(TenantPolicy::new(CachedMemberships::new(table))) }
/// ```
///
/// Of several rows of a member, those that are active count, with the roles of each. Ids are texts, integers or UUIDs, and
/// equal if their texts are: to no collation are two of them the same. An id that the column cannot hold, such as `acme`
/// where ids are numbers, is the id of no organisation, and the database is not asked. A look-up is one transaction, or two
/// for the default organisation, and relies on no session: it works behind poolers as
/// [`SqlStore`](crate::user_sync::SqlStore) does. A database that fails is
/// [`Unavailable`](crate::error::ErrorKind::Unavailable).
#[derive(Clone)]
pub struct SqlMemberships {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) pool: Pool,
    pub(super) dialect: Dialect,
    pub(super) members: Members,
    pub(super) orgs: Option<Orgs>,
    pub(super) teams: Option<Teams>,
}

/// What the tables say.
type Found = Result<Membership, NoMembership>;

impl Inner {
    async fn find(&self, user: &UserId, org: Option<&OrgId>) -> Result<Found, Failure> {
        let Some(id) = id::of_user(&self.members.user, user) else {
            return Ok(Err(NoMembership::NotAMember));
        };
        let default;
        let org = match org {
            Some(org) => org,
            None => match self.default_org(&id).await? {
                Some(org) => {
                    default = OrgId::from(org);
                    &default
                }
                None => return Ok(Err(NoMembership::NoDefault)),
            },
        };
        self.find_in(user, &id, org).await
    }

    async fn find_in(&self, user: &UserId, id: &Value, org: &OrgId) -> Result<Found, Failure> {
        let Some(in_members) = id::value(&self.members.of, org.as_str()) else {
            return Ok(Err(NoMembership::NotAMember));
        };
        let mut statements = vec![self.members_in(id, &in_members)?];
        if let Some(orgs) = &self.orgs {
            let Some(key) = id::value(&orgs.key, org.as_str()) else {
                return Ok(Err(NoMembership::NotAMember));
            };
            statements.push(orgs.select(self.dialect, &key)?);
        }
        let in_teams = self.teams.as_ref().and_then(|teams| {
            let user = id::of_user(&teams.members.user, user)?;
            Some((teams, user, id::value(&teams.org, org.as_str())?))
        });
        if let Some((teams, user, org)) = &in_teams {
            let mut statement = teams.select(self.dialect, user, org)?;
            statement.push(&format!(" LIMIT {}", MAX_ROWS + 1));
            statements.push(statement);
        }
        let queries: Vec<_> =
            statements.iter().map(|statement| (&*statement.sql, &*statement.values)).collect();
        let mut answers = self.pool.rows_of_each(&queries).await?.into_iter();
        let mut next = || answers.next().unwrap_or_default();

        let rows: Vec<_> = next().into_iter().map(|texts| self.members.row(texts)).collect();
        if rows.is_empty() {
            return Ok(Err(NoMembership::NotAMember));
        }
        if self.orgs.is_some() {
            match next().first().and_then(|texts| texts.first()?.as_deref()) {
                Some("0") => {}
                Some(_) => return Ok(Err(NoMembership::OrgDeleted)),
                None => return Ok(Err(NoMembership::NotAMember)),
            }
        }
        let active: Vec<_> = rows.into_iter().filter(|row| row.is_active).collect();
        if active.is_empty() {
            return Ok(Err(NoMembership::Suspended));
        }
        let roles = active.into_iter().flat_map(|row| row.roles);
        let mut membership = Membership::builder(user.clone(), org.clone()).roles(unique(roles));
        if let Some((teams, _, _)) = in_teams {
            let rows = next();
            if rows.len() > MAX_ROWS {
                return Err(Failure::new(format!(
                    "the user has over {MAX_ROWS} rows in `{}`",
                    teams.members.table
                )));
            }
            let mut rows: Vec<_> = rows.into_iter().map(|texts| teams.members.row(texts)).collect();
            rows.retain(|row| row.is_active);
            rows.sort_by(|a, b| a.of.cmp(&b.of));
            for of_team in rows.chunk_by(|a, b| a.of == b.of) {
                let roles = of_team.iter().flat_map(|row| row.roles.iter().cloned());
                membership = membership.team(&*of_team[0].of, unique(roles));
            }
        }
        Ok(Ok(membership.build()))
    }

    fn members_in(&self, user: &Value, org: &Value) -> Result<Statement, Failure> {
        let mut statement = self.members.select(self.dialect, user)?;
        statement.push(" AND ").equals(&self.members.of, org)?.push(&format!(" LIMIT {MAX_ROWS}"));
        Ok(statement)
    }

    async fn default_org(&self, user: &Value) -> Result<Option<String>, Failure> {
        let Some(statement) = self.select_default(user)? else { return Ok(None) };
        let mut rows = self.pool.rows(&statement.sql, &statement.values).await?;
        Ok(rows.pop().map(|texts| self.members.row(texts).of))
    }

    /// Selects the row of a user in their default organisation; `None` if nothing says which that is.
    fn select_default(&self, user: &Value) -> Result<Option<Statement>, Failure> {
        let of_orgs = self.orgs.as_ref().filter(|orgs| !orgs.default.is_empty());
        if self.members.default.is_empty() && of_orgs.is_none() {
            return Ok(None);
        }
        let (table, of) =
            (self.members.table.quoted(self.dialect), self.dialect.quoted(&self.members.of.name));
        let mut statement = self.members.select(self.dialect, user)?;
        push_conditions(&mut statement, &self.members.default)?;
        statement.push(&format!(" AND {of} IS NOT NULL"));
        if let Some(orgs) = &self.orgs {
            let (key, orgs_table) = (self.dialect.quoted(&orgs.key.name), orgs.table.quoted(self.dialect));
            statement.push(&format!(" AND {of} IN (SELECT {key} FROM {orgs_table} WHERE "));
            push_present(&mut statement, orgs.deleted.as_ref())?;
            push_conditions(&mut statement, &orgs.default)?;
            statement.push(")");
        }
        // Qualified: in PostgreSQL, the bare name means the output column, which is text, and sorts 10 before 9.
        statement.push(&format!(" ORDER BY {table}.{of} LIMIT 1"));
        Ok(Some(statement))
    }

    /// Asks for a membership of nobody.
    pub(super) async fn check_readable(&self) -> Result<(), Failure> {
        let (user, org) = (sample(&self.members.user), sample(&self.members.of));
        let mut statements = vec![self.members_in(&user, &org)?];
        statements.extend(self.select_default(&user)?);
        if let Some(orgs) = &self.orgs {
            statements.push(orgs.select(self.dialect, &sample(&orgs.key))?);
        }
        if let Some(teams) = &self.teams {
            statements.push(teams.select(self.dialect, &sample(&teams.members.user), &sample(&teams.org))?);
        }
        for statement in statements {
            self.pool.rows(&statement.sql, &statement.values).await?;
        }
        Ok(())
    }
}

/// Whether every encoding has the characters of these ids.
fn is_ascii(user: &UserId, org: Option<&OrgId>) -> bool {
    user.as_str().is_none_or(str::is_ascii) && org.is_none_or(|org| org.as_str().is_ascii())
}

/// A value that a column of ids can hold.
fn sample(column: &Column) -> Value {
    match column.kind {
        Kind::Integer => 0.into(),
        _ => "00000000-0000-0000-0000-000000000000".into(),
    }
}

/// The roles, each once.
fn unique(roles: impl Iterator<Item = Box<str>>) -> Vec<Box<str>> {
    let mut unique = vec![];
    for role in roles {
        if !unique.contains(&role) {
            unique.push(role);
        }
    }
    unique
}

impl Memberships for SqlMemberships {
    async fn find_membership(&self, user: &UserId, org: Option<&OrgId>) -> Result<Membership, AuthError> {
        match self.inner.find(user, org).await {
            Ok(found) => Ok(found?),
            // Anybody may name such an id: were it an outage, a few of them would open the circuit breaker for all.
            Err(failure) if failure.is_of_encoding() && !is_ascii(user, org) => {
                Err(NoMembership::NotAMember.into())
            }
            Err(failure) => {
                let failure =
                    failure.context(format_args!("reading the table `{}`", self.inner.members.table));
                Err(AuthError::new(ErrorKind::Unavailable)
                    .with_detail("the database of the memberships failed")
                    .with_source(failure))
            }
        }
    }
}

impl fmt::Debug for SqlMemberships {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlMemberships")
            .field("table", &self.inner.members.table.to_string())
            .field("dialect", &self.inner.dialect)
            .finish_non_exhaustive()
    }
}
