use std::sync::Arc;
use std::time::Duration;

use super::member_table::MemberTable;
use super::memberships::{Inner, SqlMemberships};
use super::org_table::OrgTable;
use super::tables::{Members, Orgs, Teams};
use super::team_table::TeamTable;
use crate::types::error::BuildError;
use crate::upstream::sql::dialect::Table;
use crate::upstream::sql::pool::Pool;

/// Builds an [`SqlMemberships`]; made by [`SqlMemberships::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct SqlMembershipsBuilder {
    members: MemberTable,
    orgs: Option<OrgTable>,
    teams: Option<TeamTable>,
    max_connections: u32,
    timeout: Duration,
}

impl SqlMemberships {
    /// Starts with the table of the members of organisations.
    pub fn builder(members: MemberTable) -> SqlMembershipsBuilder {
        SqlMembershipsBuilder {
            members,
            orgs: None,
            teams: None,
            max_connections: 10,
            timeout: Duration::from_secs(5),
        }
    }
}

impl SqlMembershipsBuilder {
    /// Sets the table of organisations, to tell which were deleted and which are defaults. Defaults to none.
    pub fn orgs(mut self, orgs: OrgTable) -> Self {
        self.orgs = Some(orgs);
        self
    }

    /// Sets the table of teams. Defaults to none: nobody is in a team.
    pub fn teams(mut self, teams: TeamTable) -> Self {
        self.teams = Some(teams);
        self
    }

    /// Sets how many connections are kept at most. Defaults to 10.
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections;
        self
    }

    /// Sets how long connecting and each look-up may take. Defaults to 5 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Connects, and checks that the tables are as configured, and readable. The URL is that of
    /// [`SqlStoreBuilder::connect`](crate::user_sync::SqlStoreBuilder::connect).
    ///
    /// # Errors
    /// If the feature of the database is not enabled, the database cannot be reached within the timeout, or a table or a
    /// column is missing or unsuitable. The error does not show the URL.
    pub async fn connect(self, url: impl AsRef<str>) -> Result<SqlMemberships, BuildError> {
        self.check()?;
        let table = self.members.table.clone();
        let connected = Pool::connect(url.as_ref(), self.max_connections, self.timeout).await;
        let (pool, dialect) = connected.map_err(|error| {
            BuildError::new(format!("cannot connect to the database of the table `{table}`: {error}"))
        })?;
        let members = Members::look_up(&pool, dialect, self.members, "org_id").await?;
        let orgs = match self.orgs {
            Some(orgs) => Some(Orgs::look_up(&pool, dialect, orgs).await?),
            None => None,
        };
        let teams = match self.teams {
            Some(teams) => Some(Teams::look_up(&pool, dialect, teams).await?),
            None => None,
        };
        let inner = Inner { pool, dialect, members, orgs, teams };
        inner.check_readable().await.map_err(|error| {
            BuildError::new(format!("cannot read the memberships of the table `{table}`: {error}"))
        })?;
        Ok(SqlMemberships { inner: Arc::new(inner) })
    }

    /// Checks the names of tables as far as that needs no database; those of columns have to be in its catalog.
    fn check(&self) -> Result<(), BuildError> {
        let of_teams = self.teams.iter().flat_map(|teams| [&teams.table, &teams.members.table]);
        let tables = [&self.members.table].into_iter().chain(self.orgs.iter().map(|orgs| &orgs.table));
        let is_bad = |name: &String| name.is_empty() || name.contains('\0');
        for Table { schema, name } in tables.chain(of_teams) {
            if is_bad(name) || schema.as_ref().is_some_and(is_bad) {
                return Err(BuildError::new("the name of a table is empty, or has a NUL character"));
            }
        }
        Ok(())
    }
}
