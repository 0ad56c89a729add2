//! Rows that [`SqlMemberships`] has to make sense of: without an organisation, of deleted ones, in databases of other encodings.

use aigc_auth::error::ErrorKind;
use aigc_auth::tenant::{
    CachedMemberships, MemberTable, Membership, Memberships, NoMembership, OrgId, OrgTable, SqlMemberships,
};
use aigc_auth::{AuthError, UserId};

use crate::sql::support::{Database, in_each, in_postgres_database_of};

async fn find(table: &impl Memberships, user: &str, org: Option<&str>) -> Result<Membership, AuthError> {
    table.find_membership(&UserId::from(user), org.map(OrgId::from).as_ref()).await
}

/// The organisation, or why there is none.
async fn org(table: &impl Memberships, user: &str, org: Option<&str>) -> Result<String, NoMembership> {
    match find(table, user, org).await {
        Ok(membership) => Ok(membership.org_id().to_string()),
        Err(error) => Err(*std::error::Error::source(&error).unwrap().downcast_ref().unwrap()),
    }
}

#[tokio::test]
async fn default_is_an_organisation_that_is_there() {
    in_each(|database| async move {
        database
            .run(
                "CREATE TABLE members (user_id varchar(9), org_id varchar(9), own boolean);
                 CREATE TABLE orgs (id varchar(9), gone boolean);
                 INSERT INTO orgs VALUES ('a', true), ('b', false), ('c', NULL);
                 INSERT INTO members VALUES
                   ('alice', NULL, true), ('alice', 'a', true), ('alice', 'b', true), ('alice', 'c', true),
                   ('bob', NULL, true), ('bob', 'a', true), ('carol', 'nowhere', true), ('dave', NULL, true);",
            )
            .await;
        let members = || MemberTable::new("members").default_where("own", true);
        let plain = SqlMemberships::builder(members()).connect(database.url()).await.unwrap();
        for (user, expected) in
            [("alice", Ok("a")), ("carol", Ok("nowhere")), ("dave", Err(NoMembership::NoDefault))]
        {
            assert_eq!(org(&plain, user, None).await, expected.map(str::to_owned), "{user}");
        }
        let orgs = OrgTable::new("orgs").deleted_column("gone");
        let table = SqlMemberships::builder(members()).orgs(orgs).connect(database.url()).await.unwrap();
        for (user, named, expected) in [
            ("alice", None, Ok("b")),
            ("alice", Some("a"), Err(NoMembership::OrgDeleted)),
            ("alice", Some("c"), Ok("c")),
            ("bob", None, Err(NoMembership::NoDefault)),
            ("carol", None, Err(NoMembership::NoDefault)),
            ("carol", Some("nowhere"), Err(NoMembership::NotAMember)),
            ("dave", Some(""), Err(NoMembership::NotAMember)),
            ("dave", Some("null"), Err(NoMembership::NotAMember)),
        ] {
            assert_eq!(org(&table, user, named).await, expected.map(str::to_owned), "{user} {named:?}");
        }
    })
    .await;
}

/// Ids that the database cannot write down: of no organisation, and no outage, which would be everybody's.
#[tokio::test]
async fn id_outside_of_the_databases_encoding_is_of_no_organisation() {
    let ids_of_strangers = ["爱", "日本", "😀", "ж", "ü😀", "ü\u{301}"];
    let check = async |database: Database, encoding: &str| {
        let table =
            SqlMemberships::builder(MemberTable::new("members")).connect(database.url()).await.unwrap();
        let table = CachedMemberships::new(table);
        for stranger in ids_of_strangers {
            for (user, org) in [("alice", stranger), (stranger, "acme")] {
                let error = find(&table, user, Some(org)).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Denied, "{encoding} {user} {org}: {error:?}");
            }
        }
        for id in ["acme", "Zürich"] {
            assert_eq!(org(&table, "alice", Some(id)).await, Ok(id.to_owned()), "{encoding}");
        }
    };
    let rows = "INSERT INTO members VALUES ('alice', 'acme'), ('alice', 'Zürich');";
    in_postgres_database_of("LATIN1", |database| async move {
        database.run(&format!("CREATE TABLE members (user_id text, org_id text); {rows}")).await;
        check(database, "LATIN1").await;
    })
    .await;
    in_each(|database| async move {
        for charset in database.choose(vec![], vec![], vec!["latin1", "utf8mb3", "utf8mb4"]) {
            let table = format!(
                "DROP TABLE IF EXISTS members;
                 CREATE TABLE members (user_id varchar(9), org_id varchar(9)) CHARACTER SET {charset}; {rows}"
            );
            database.run(&table).await;
            check(database.clone(), charset).await;
        }
    })
    .await;
}
