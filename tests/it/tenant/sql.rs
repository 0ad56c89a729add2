//! [`SqlMemberships`] over tables of several shapes. Each test runs in every database that is there.

use std::error::Error;
use std::time::Duration;

use aigc_auth::UserId;
use aigc_auth::error::ErrorKind::{Denied, Unavailable};
use aigc_auth::tenant::{
    CachedMemberships, MemberTable, Membership, Memberships, NoMembership, OrgId, OrgTable, SqlMemberships,
    SqlMembershipsBuilder, TeamTable, TenantPolicy,
};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::actions::{OrgRole, TeamRole};
use super::support::{app, ask};
use crate::sql::support::{Database, behind_pgbouncer, in_each};

/// A membership in short: its roles, and its teams with theirs; or why there is none.
async fn find(
    table: &SqlMemberships,
    user: impl Into<UserId>,
    org: Option<&str>,
) -> Result<Value, NoMembership> {
    let (user, org) = (user.into(), org.map(OrgId::from));
    match table.find_membership(&user, org.as_ref()).await {
        Ok(membership) => {
            assert_eq!(membership.user_id(), &user);
            assert!(org.is_none_or(|org| *membership.org_id() == org));
            Ok(shown(&membership))
        }
        Err(error) => {
            assert_eq!(error.kind(), Denied, "{error} {:?}", error.source());
            Err(*error.source().unwrap().downcast_ref().unwrap())
        }
    }
}

fn shown(membership: &Membership) -> Value {
    let teams: serde_json::Map<_, _> =
        membership.teams().map(|(team, roles)| (team.to_string(), json!(roles))).collect();
    json!([membership.org_id(), membership.roles(), teams])
}

/// AutoGPT's tables, as far as they are about memberships.
async fn autogpt_tables(database: &Database) {
    let q = |name: &str| database.quoted(name);
    let (status, enum_) = database.choose(
        ("text", String::new()),
        (
            r#""OrgMemberStatus""#,
            r#"CREATE TYPE "OrgMemberStatus" AS ENUM ('INVITED', 'ACTIVE', 'SUSPENDED');"#.into(),
        ),
        ("enum('INVITED', 'ACTIVE', 'SUSPENDED')", String::new()),
    );
    let time = database.choose("datetime", "timestamp(3)", "datetime(3)");
    let members = |table: &str, of: &str| {
        format!(
            "CREATE TABLE {} (id SERIAL, {} varchar(50) NOT NULL, {} varchar(50) NOT NULL,
             {} boolean NOT NULL DEFAULT false, {} boolean NOT NULL DEFAULT false,
             {} boolean NOT NULL DEFAULT false, status {status} NOT NULL DEFAULT 'ACTIVE');",
            q(table),
            q(of),
            q("userId"),
            q("isOwner"),
            q("isAdmin"),
            q("isBillingManager"),
        )
    };
    let tables = [
        enum_,
        format!(
            "CREATE TABLE {} (id varchar(50) PRIMARY KEY, {} boolean NOT NULL DEFAULT false, {} {time});",
            q("Organization"),
            q("isPersonal"),
            q("deletedAt")
        ),
        members("OrgMember", "orgId"),
        format!(
            "CREATE TABLE {} (id varchar(50) PRIMARY KEY, {} varchar(50) NOT NULL);",
            q("Team"),
            q("orgId")
        ),
        members("TeamMember", "teamId"),
    ];
    database.run(&tables.concat()).await;
    let orgs = ["acme", "umbrella", "gone"].map(|org| {
        let deleted = if org == "gone" { "'2026-09-01 12:00:00'" } else { "NULL" };
        format!("('{org}', false, {deleted})")
    });
    let people = ["owner", "admin", "billing", "member", "none", "suspended"];
    let homes = people.map(|name| format!("('home-{name}', true, NULL)"));
    let orgs = [&orgs[..], &homes[..]].concat().join(", ");
    database
        .run(&format!(
            "INSERT INTO {} (id, {}, {}) VALUES {orgs}",
            q("Organization"),
            q("isPersonal"),
            q("deletedAt")
        ))
        .await;
    let mut members = vec![];
    for name in people {
        members.push(format!("('home-{name}', '{name}', true, false, false, 'ACTIVE')"));
        let flag = |role: &str| name == role;
        if name != "none" {
            let status = if name == "suspended" { "SUSPENDED" } else { "ACTIVE" };
            let flags = format!("{}, {}, {}", flag("owner"), flag("admin"), flag("billing"));
            members.push(format!("('acme', '{name}', {flags}, '{status}')"));
            members.push(format!("('gone', '{name}', {flags}, '{status}')"));
        }
    }
    let columns =
        [q("userId"), q("isOwner"), q("isAdmin"), q("isBillingManager"), "status".to_owned()].join(", ");
    database
        .run(&format!(
            "INSERT INTO {} ({}, {columns}) VALUES {}",
            q("OrgMember"),
            q("orgId"),
            members.join(", ")
        ))
        .await;
    database
        .run(&format!(
            "INSERT INTO {} (id, {}) VALUES ('design', 'acme'), ('app', 'acme'), ('lab', 'umbrella')",
            q("Team"),
            q("orgId")
        ))
        .await;
    let in_teams = [
        "('design', 'admin', false, true, false, 'ACTIVE')",
        "('design', 'billing', false, false, true, 'ACTIVE')",
        "('design', 'member', false, false, false, 'ACTIVE')",
        "('app', 'member', false, true, false, 'SUSPENDED')",
        "('lab', 'member', false, true, false, 'ACTIVE')",
    ];
    database
        .run(&format!(
            "INSERT INTO {} ({}, {columns}) VALUES {}",
            q("TeamMember"),
            q("teamId"),
            in_teams.join(", ")
        ))
        .await;
}

/// The recipe of the guide.
fn autogpt(schema: &str) -> SqlMembershipsBuilder {
    let table = |name: &str| format!("{schema}.{name}");
    let members = MemberTable::new(table("OrgMember"))
        .user_column("userId")
        .of_column("orgId")
        .active("status", "ACTIVE")
        .role_flag("isOwner", OrgRole::Owner.code())
        .role_flag("isAdmin", OrgRole::Admin.code())
        .role_flag("isBillingManager", OrgRole::BillingManager.code())
        .role_without_flags(OrgRole::Member.code())
        .default_where("isOwner", true);
    let team_members = MemberTable::new(table("TeamMember"))
        .user_column("userId")
        .of_column("teamId")
        .active("status", "ACTIVE")
        .role_flag("isAdmin", TeamRole::Admin.code())
        .role_flag("isBillingManager", TeamRole::BillingManager.code())
        .role_without_flags(TeamRole::Member.code());
    SqlMemberships::builder(members)
        .orgs(
            OrgTable::new(table("Organization"))
                .deleted_column("deletedAt")
                .default_where("isPersonal", true),
        )
        .teams(TeamTable::new(table("Team"), team_members).org_column("orgId"))
}

#[tokio::test]
async fn autogpts_tables_say_who_is_a_member() {
    in_each(|database| async move {
        autogpt_tables(&database).await;
        let url = database.url();
        // As Prisma has it, which reads more of it than the driver.
        let prisma = format!("{url}&schema=platform&connect_timeout=60");
        let url = database.choose(url, &*prisma, url);
        let table = autogpt(database.schema()).connect(url).await.unwrap();
        for (user, org, expected) in [
            ("owner", Some("acme"), Ok(json!(["acme", ["owner"], {}]))),
            ("admin", Some("acme"), Ok(json!(["acme", ["admin"], {"design": ["admin"]}]))),
            (
                "billing",
                Some("acme"),
                Ok(json!(["acme", ["billing_manager"], {"design": ["billing_manager"]}])),
            ),
            ("member", Some("acme"), Ok(json!(["acme", ["member"], {"design": ["member"]}]))),
            ("none", Some("acme"), Err(NoMembership::NotAMember)),
            ("suspended", Some("acme"), Err(NoMembership::Suspended)),
            ("member", Some("umbrella"), Err(NoMembership::NotAMember)),
            ("member", Some("gone"), Err(NoMembership::OrgDeleted)),
            ("none", Some("gone"), Err(NoMembership::NotAMember)),
            ("member", None, Ok(json!(["home-member", ["owner"], {}]))),
            ("suspended", None, Ok(json!(["home-suspended", ["owner"], {}]))),
            ("nobody", None, Err(NoMembership::NoDefault)),
            ("Member", Some("acme"), Err(NoMembership::NotAMember)),
            ("member", Some("ACME"), Err(NoMembership::NotAMember)),
            ("member", Some("acmé"), Err(NoMembership::NotAMember)),
            ("member", Some("acme "), Err(NoMembership::NotAMember)),
            ("member' OR '1'='1", Some("acme"), Err(NoMembership::NotAMember)),
            ("member", Some("x' OR 1=1 --"), Err(NoMembership::NotAMember)),
            ("member", Some("%"), Err(NoMembership::NotAMember)),
            ("mem\0ber", Some("acme"), Err(NoMembership::NotAMember)),
        ] {
            assert_eq!(find(&table, user, org).await, expected, "{user} {org:?}");
        }
        // Behind the cache and the extractors.
        let cached = CachedMemberships::new(table);
        let app = app(TenantPolicy::new(cached.clone()));
        database
            .run(&format!(
                "INSERT INTO {} ({}, {}) VALUES ('acme', 'u-8')",
                database.quoted("OrgMember"),
                database.quoted("orgId"),
                database.quoted("userId")
            ))
            .await;
        let acme = [("x-org-id", "acme")];
        let (status, body) = ask(&app, "/", "bob-token", &acme).await;
        assert_eq!((status, &body["roles"]), (200, &json!(["member"])));
        // Deleted a second ago: known once it is invalidated.
        let delete = format!(
            "UPDATE {} SET {} = '2026-11-29 12:00:00' WHERE id = 'acme'",
            database.quoted("Organization"),
            database.quoted("deletedAt")
        );
        database.run(&delete).await;
        assert_eq!(ask(&app, "/", "bob-token", &acme).await.0, 200, "cached");
        cached.invalidate_org("acme");
        assert_eq!(ask(&app, "/", "bob-token", &acme).await.0, 403);
    })
    .await;
}

#[tokio::test]
async fn numbers_rows_for_each_role_and_deleted_teams() {
    in_each(|database| async move {
        database
            .run(
                "CREATE TABLE members (id SERIAL, user_id integer, org_id integer, role varchar(20), gone integer, own boolean);
                 CREATE TABLE teams (id bigint, org_id bigint, deleted boolean);
                 CREATE TABLE team_members (user_id bigint, team_id bigint, role varchar(20));
                 INSERT INTO members (user_id, org_id, role, gone, own) VALUES
                   (7, 1, 'editor', 0, false), (7, 1, 'auditor', 0, false), (7, 1, 'owner', 1, false),
                   (7, 10, NULL, 0, true), (7, 9, '', 0, true), (8, 1, 'owner', 1, false);
                 INSERT INTO teams (id, org_id, deleted) VALUES (1, 1, false), (2, 1, true), (3, 9, NULL), (4, 1, NULL);
                 INSERT INTO team_members (user_id, team_id, role) VALUES
                   (7, 1, 'lead'), (7, 1, 'member'), (7, 2, 'lead'), (7, 3, 'lead'), (8, 4, 'lead');",
            )
            .await;
        let members = MemberTable::new(format!("{}.members", database.schema()))
            .role_column("role")
            .active("gone", false)
            .default_where("own", true);
        let team_members = MemberTable::new("team_members").role_column("role");
        let builder = SqlMemberships::builder(members)
            .teams(TeamTable::new("teams", team_members).deleted_column("deleted"));
        let table = builder.connect(database.url()).await.unwrap();
        for (user, org, expected) in [
            (UserId::from(7), Some("1"), Ok(json!(["1", ["editor", "auditor"], {"1": ["lead", "member"]}]))),
            // Subjects of tokens are strings.
            ("7".into(), Some("1"), Ok(json!(["1", ["editor", "auditor"], {"1": ["lead", "member"]}]))),
            (7.into(), Some("9"), Ok(json!(["9", [], {"3": ["lead"]}]))),
            // The lowest id, as a number.
            (7.into(), None, Ok(json!(["9", [], {"3": ["lead"]}]))),
            (8.into(), Some("1"), Err(NoMembership::Suspended)),
            (8.into(), None, Err(NoMembership::NoDefault)),
            ("07".into(), Some("1"), Err(NoMembership::NotAMember)),
            ("7a".into(), Some("1"), Err(NoMembership::NotAMember)),
            (7.into(), Some("01"), Err(NoMembership::NotAMember)),
            (7.into(), Some("1 OR 1=1"), Err(NoMembership::NotAMember)),
            (7.into(), Some("acme"), Err(NoMembership::NotAMember)),
            (7.into(), Some("99999999999"), Err(NoMembership::NotAMember)),
            (7.into(), Some("99999999999999999999"), Err(NoMembership::NotAMember)),
            (i64::MAX.into(), Some("1"), Err(NoMembership::NotAMember)),
            ((-1).into(), None, Err(NoMembership::NoDefault)),
        ] {
            assert_eq!(find(&table, user.clone(), org).await, expected, "{user:?} {org:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn uuids_of_postgres_are_ids() {
    in_each(|database| async move {
        if !database.choose(false, true, false) {
            return;
        }
        database.run("CREATE TABLE members (user_id uuid, org_id uuid, role text)").await;
        let id = |n: u8| format!("00000000-0000-4000-8000-0000000000a{n}");
        database.run(&format!("INSERT INTO members VALUES ('{}', '{}', 'owner')", id(1), id(2))).await;
        let builder = SqlMemberships::builder(MemberTable::new("members").role_column("role"));
        let table = builder.connect(database.url()).await.unwrap();
        let (user, org) = (&*id(1), id(2));
        assert_eq!(find(&table, user, Some(&org)).await, Ok(json!([org, ["owner"], {}])));
        for (user, org) in [
            (user, &*org.to_uppercase()),
            (user, &org.replace('-', "")),
            (user, "acme"),
            (user, &id(3)),
            ("alice", &*org),
        ] {
            assert_eq!(find(&table, user, Some(org)).await, Err(NoMembership::NotAMember), "{user} {org}");
        }
        assert_eq!(find(&table, 7, Some(&org)).await, Err(NoMembership::NotAMember));
    })
    .await;
}

#[tokio::test]
async fn configuration_that_cannot_work_is_an_error_of_connecting() {
    in_each(|database| async move {
        let blob = database.choose("blob", "bytea", "varbinary(16)");
        database
            .run(&format!(
                "CREATE TABLE members (user_id integer, org_id integer, raw {blob}, role varchar(9), score float, own boolean);
                 CREATE TABLE orgs (id integer, deleted_at varchar(9))"
            ))
            .await;
        let members = || MemberTable::new("members");
        for (builder, expected) in [
            (SqlMemberships::builder(MemberTable::new("nothing")), "has no table `nothing`".to_owned()),
            (SqlMemberships::builder(MemberTable::new("")), "the name of a table is empty".to_owned()),
            (
                SqlMemberships::builder(members().user_column("USER_ID")),
                "the table `members` has no column `USER_ID`; it has `user_id`".to_owned(),
            ),
            (
                SqlMemberships::builder(members().of_column("raw")),
                "the column `raw` of the table `members` is of the type".to_owned(),
            ),
            (SqlMemberships::builder(members().role_column("rôle")), "has no column `rôle`".to_owned()),
            (
                SqlMemberships::builder(members().role_column("own")),
                "the column `own` of the table `members` is of the type".to_owned(),
            ),
            (
                SqlMemberships::builder(members().role_flag("role", "owner")),
                "the column `role` of the table `members` is of the type".to_owned(),
            ),
            (SqlMemberships::builder(members().active("org_id", "ACTIVE")), "`org_id`".to_owned()),
            (SqlMemberships::builder(members().default_where("owner", true)), "has no column `owner`".to_owned()),
            (
                SqlMemberships::builder(members()).orgs(OrgTable::new("orgs").key("uuid")),
                "the table `orgs` has no column `uuid`".to_owned(),
            ),
            (
                SqlMemberships::builder(members()).teams(TeamTable::new("teams", members())),
                "has no table `teams`".to_owned(),
            ),
        ] {
            let error = builder.connect(database.url()).await.unwrap_err().to_string();
            assert!(error.contains(&expected), "{error}, expected {expected}");
        }
        let builder = SqlMemberships::builder(members()).orgs(OrgTable::new("orgs").deleted_column("deleted_at"));
        assert!(builder.connect(database.url()).await.is_ok());
    })
    .await;
    let nowhere = SqlMemberships::builder(MemberTable::new("members")).timeout(Duration::from_millis(300));
    for url in
        ["oracle://user:hunter2@host/db", "sqlite:///nowhere/at/all.db", "postgres://u:hunter2@127.0.0.1:1/d"]
    {
        let error = nowhere.clone().connect(url).await.unwrap_err().to_string();
        assert!(error.starts_with("cannot connect to the database of the table `members`"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn database_that_fails_is_unavailable_and_says_so_to_operators_only() {
    in_each(|database| async move {
        database.run("CREATE TABLE members (user_id integer, org_id integer)").await;
        let builder = SqlMemberships::builder(MemberTable::new("members"));
        let table = builder.connect(database.url()).await.unwrap();
        database.run("INSERT INTO members VALUES (7, 1)").await;
        let app = app(TenantPolicy::new(table.clone()));
        assert_eq!(ask(&app, "/", "alice-token", &[("x-org-id", "1")]).await.0, 200);
        database.run("DROP TABLE members").await;
        let error = table.find_membership(&7.into(), Some(&1.into())).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.detail()),
            (Unavailable, Some("the database of the memberships failed"))
        );
        let cause = error.source().unwrap().to_string();
        assert!(cause.starts_with("reading the table `members`: "), "{cause}");
        let (status, body) = ask(&app, "/", "alice-token", &[("x-org-id", "1")]).await;
        assert_eq!(
            (status, body["message"].as_str()),
            (503, Some("The membership cannot be verified right now"))
        );
    })
    .await;
}

/// A pooler gives each transaction another session: each look-up is answered with its own rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_look_ups_behind_pgbouncer_get_their_own_rows() {
    behind_pgbouncer(|database, url| async move {
        database
            .run(
                "CREATE TABLE members (user_id integer, org_id integer, role text);
                 INSERT INTO members SELECT u, o, 'r' || u || '-' || o FROM generate_series(0, 19) u, generate_series(0, 9) o",
            )
            .await;
        let members = || MemberTable::new(format!("{}.members", database.schema())).role_column("role");
        let connect = || async {
            let builder = SqlMemberships::builder(members()).timeout(Duration::from_secs(30));
            builder.connect(&url).await.unwrap()
        };
        let tables = [connect().await, connect().await];
        let looked_up = stream::iter(0..1_000_usize)
            .map(|n| {
                let (table, user, org) = (tables[n % 2].clone(), n % 20, (n / 20 % 10).to_string());
                async move {
                    let found = find(&table, user as i64, Some(&org)).await;
                    assert_eq!(found, Ok(json!([org, [format!("r{user}-{org}")], {}])));
                }
            })
            .buffer_unordered(16)
            .count();
        assert_eq!(looked_up.await, 1_000);
    })
    .await;
}
