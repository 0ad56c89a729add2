//! Rows of users who were removed: marked as such when they are read, and brought back.

use aigc_auth::testing::AuthCenter;
use aigc_auth::user_sync::{
    FieldMapping, LegacyStore, OnDelete, PasswordPolicy, PushOptions, SqlStore, SyncConfig, SyncMode,
    UserSync,
};
use serde_json::{Value, json};

use crate::sql::support::{Database, all, in_each, no_password, user};
use crate::support;

/// Users of whom some were removed, as several systems say that.
const TABLE: &str = "CREATE TABLE users (id SERIAL, username varchar(50) NOT NULL UNIQUE, email text, \
                     is_active IS_ACTIVE, state varchar(10) NOT NULL DEFAULT 'on', gone_at TIME_TYPE NULL, \
                     level smallint NOT NULL DEFAULT 1)";

async fn table(database: &Database, is_active: &str) {
    let time = database.choose("timestamp", "timestamp", "datetime");
    let create = TABLE.replace("TIME_TYPE", time).replace("IS_ACTIVE", is_active);
    let insert = "INSERT INTO users (username, is_active, state, gone_at, level) VALUES \
                  ('ada', true, 'on', NULL, 1), ('bob', false, 'off', '2020-01-01 00:00:00', 0)";
    database.run(&format!("{create}; {insert}")).await;
}

async fn synced(database: &Database, on_delete: OnDelete) -> (AuthCenter, UserSync) {
    let center = AuthCenter::start().await;
    let config = SyncConfig::new()
        .trust_event_order()
        .mode(SyncMode::Bidirectional)
        .mappings([FieldMapping::new("username", "username").required(), FieldMapping::new("email", "email")])
        .password_policy(PasswordPolicy::locked());
    let configure = |builder: aigc_auth::user_sync::SqlStoreBuilder| {
        builder.columns(config.legacy_fields()).on_delete(on_delete.clone())
    };
    let store = database.store("users", &[], configure).await;
    let sync = UserSync::new(support::client(&center), store, config).unwrap();
    (center, sync)
}

async fn handle(sync: &UserSync, event: &str, name: &str) -> String {
    let answer = sync.handle_event(event, json!({ "username": name }).as_object()).await.unwrap();
    answer["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn removed_users_are_not_pushed_and_come_back() {
    in_each(|database| async move {
        for (on_delete, there, comes_back) in [
            (OnDelete::set("is_active", false).restore(true), "is_active", true),
            // A number for what the database calls a boolean, and the other way round.
            (OnDelete::set("is_active", 0).restore(1), "is_active", true),
            (OnDelete::set("level", false).restore(true), "level = 1", true),
            (OnDelete::set("state", "off").restore("on"), "state = 'on'", true),
            (OnDelete::set("gone_at", "2020-01-01 00:00:00").restore(Value::Null), "gone_at IS NULL", true),
            (OnDelete::now("gone_at"), "gone_at IS NULL", true),
            (OnDelete::set("state", "off"), "state = 'on'", false),
        ] {
            let case = format!("{on_delete:?}");
            // Only the option fills a flag without a default.
            let is_flag = there == "is_active";
            table(&database, if is_flag { "boolean NOT NULL" } else { "boolean NOT NULL DEFAULT true" })
                .await;
            let (center, sync) = synced(&database, on_delete).await;
            let summary = sync.push_all(PushOptions::new()).finish().await.unwrap();
            let names: Vec<_> = center.users().iter().map(|user| user.username().to_owned()).collect();
            assert_eq!((names.as_slice(), summary.failed), (&["ada".to_owned()][..], 0), "{case}");

            let is_there = async |name: &str| {
                database.count(&format!("users WHERE username = '{name}' AND {there}")).await == 1
            };
            assert!(is_there("ada").await && !is_there("bob").await, "{case}");
            assert_eq!(handle(&sync, "user.deleted", "ada").await, "User removed", "{case}");
            assert!(!is_there("ada").await, "{case}");
            assert_eq!(handle(&sync, "user.created", "cleo").await, "User created", "{case}");
            assert!(is_there("cleo").await, "{case}");
            for name in ["ada", "bob"] {
                let answer = if comes_back { "User restored" } else { "User unchanged" };
                assert_eq!(handle(&sync, "user.created", name).await, answer, "{case}");
                assert_eq!(is_there(name).await, comes_back, "{case}");
            }
            assert_eq!(database.count("users").await, 3, "{case}");
            database.run("DROP TABLE users").await;
        }
    })
    .await;
}

#[tokio::test]
async fn now_is_the_time_of_the_tables_own_defaults() {
    in_each(|database| async move {
        let types = database.choose(
            ["timestamp", "datetime", "date", "text"],
            ["timestamp", "timestamptz", "date", "timestamp(3)"],
            ["timestamp", "datetime(6)", "date", "datetime"],
        );
        for kind in types {
            // As the table's own defaults have it, in whatever zone that is.
            let now = if kind == "date" { "CURRENT_DATE" } else { "CURRENT_TIMESTAMP" };
            let now = if kind == "datetime(6)" { "CURRENT_TIMESTAMP(6)" } else { now };
            database
                .run(&format!(
                    "CREATE TABLE users (id SERIAL, username varchar(50), made {kind} NOT NULL DEFAULT ({now}), \
                     gone {kind} NULL)"
                ))
                .await;
            let now = OnDelete::now("gone");
            let store = database.store("users", &["username"], |builder| builder.on_delete(now)).await;
            store.create(user(json!({ "username": "ada" })), no_password()).await.unwrap();
            assert!(store.remove("username", &json!("ada")).await.unwrap());
            let apart = database.choose(
                "abs(julianday(gone) - julianday(made)) * 86400 < 100",
                "abs(extract(epoch FROM gone::timestamp - made::timestamp)) < 100",
                "abs(timestampdiff(SECOND, made, gone)) < 100",
            );
            assert_eq!(database.count(&format!("users WHERE {apart}")).await, 1, "{kind}");
            let changes = user(json!({ "gone": null }));
            assert!(store.update("username", &json!("ada"), changes).await.unwrap());
            assert_eq!(database.count("users WHERE gone IS NULL").await, 1);
            database.run("DROP TABLE users").await;
        }
    })
    .await;
}

#[tokio::test]
async fn values_that_the_column_cannot_hold_fail_at_connect() {
    in_each(|database| async move {
        if database.choose(false, true, false) {
            database.run("CREATE TYPE mood AS ENUM ('on', 'off'); CREATE DOMAIN short AS varchar(3) CHECK (VALUE <> 'no')").await;
        }
        let (mood, short) = database.choose(("text", "text"), ("mood", "short"), ("enum('on', 'off')", "varchar(3)"));
        database
            .run(&format!(
                "CREATE TABLE users (id SERIAL, username varchar(50), is_active boolean NOT NULL DEFAULT true, \
                 mood {mood}, code {short}, small smallint, gone date NOT NULL DEFAULT '1970-01-01', seen date, number int)"
            ))
            .await;
        let not_null = "is null, and the column is NOT NULL";
        let mut cases = vec![
            (OnDelete::set("is_active", Value::Null), not_null),
            (OnDelete::set("is_active", false).restore(Value::Null), not_null),
            (OnDelete::set("is_active", "no"), "is a text of another kind"),
            (OnDelete::now("gone"), not_null),
            (OnDelete::now("number"), "and the current time needs one of a date or time"),
            (OnDelete::now("is_active"), "and the current time needs one of a date or time"),
        ];
        if database.choose(false, true, true) {
            cases.extend([
                (OnDelete::set("mood", "away"), database.choose("", "invalid input value for enum", "is not one of enum(")),
                (OnDelete::set("mood", "on").restore("away"), database.choose("", "invalid input", "is not one of")),
                (OnDelete::set("code", "gone"), "has 4 characters, and the column takes 3"),
                (OnDelete::set("small", 40_000), database.choose("", "out of range", "is out of the range")),
                (OnDelete::set("seen", "soon"), database.choose("", "invalid input syntax", "is no date")),
            ]);
        }
        if database.choose(false, true, false) {
            cases.push((OnDelete::set("code", "no"), "violates check constraint"));
        }
        for (on_delete, why) in cases {
            let builder = SqlStore::builder("users").columns(["username"]).on_delete(on_delete.clone());
            let error = builder.connect(database.url()).await.unwrap_err().to_string();
            assert!(error.starts_with("table `users`, OnDelete: "), "{on_delete:?}: {error}");
            assert!(error.contains(why), "{on_delete:?}: {error}");
        }
        for fine in [
            OnDelete::set("mood", "off").restore("on"),
            OnDelete::set("code", "off").restore(Value::Null),
            OnDelete::set("small", -1),
            OnDelete::now("gone").restore("1970-01-01"),
            OnDelete::now("seen"),
        ] {
            database.store("users", &["username"], |builder| builder.on_delete(fine)).await;
        }
        assert_eq!(database.count("users").await, 0, "nothing was written");
    })
    .await;
}

#[tokio::test]
async fn any_other_value_than_the_restored_is_a_time() {
    in_each(|database| async move {
        database
            .run(
                "CREATE TABLE users (id SERIAL, username varchar(50), gone date NOT NULL DEFAULT '1970-01-01'); \
                 INSERT INTO users (username, gone) VALUES ('ada', '1970-01-01'), ('bob', '2020-01-01')",
            )
            .await;
        let now = OnDelete::now("gone").restore("1970-01-01");
        let store = database.store("users", &["username"], |builder| builder.on_delete(now)).await;
        // Equal as rows are, but for the mark.
        let marked = |name: &str| user(json!({ "username": name })).removed_by("gone", Some(json!("1970-01-01")));
        let rows: Vec<_> = all(&store, None).await.into_iter().map(|(_, row)| row).collect();
        assert_eq!(rows, [user(json!({ "username": "ada" })), marked("bob")]);
        assert_eq!(store.find("username", &json!("bob")).await.unwrap(), Some(marked("bob")));
        store.create(user(json!({ "username": "cleo" })), no_password()).await.unwrap();
        assert_eq!(store.find("username", &json!("cleo")).await.unwrap(), Some(user(json!({ "username": "cleo" }))));
    })
    .await;
}

#[tokio::test]
async fn the_first_time_of_removal_stays() {
    in_each(|database| async move {
        table(&database, "boolean").await;
        let store = database
            .store("users", &["username"], |builder| builder.on_delete(OnDelete::now("gone_at")))
            .await;
        // Answered as before: an event may come twice.
        for name in ["bob", "ada", "ada"] {
            assert!(store.remove("username", &json!(name)).await.unwrap(), "{name}");
        }
        assert!(!store.remove("username", &json!("cleo")).await.unwrap());
        assert_eq!(database.count("users WHERE gone_at = '2020-01-01 00:00:00'").await, 1);
        assert_eq!(database.count("users WHERE gone_at > '2020-01-02 00:00:00'").await, 1);
    })
    .await;
}

/// The role sees the user, and may not change them; or a trigger does nothing.
#[tokio::test]
async fn removal_that_the_database_prevents_is_an_error() {
    in_each(|database| async move {
        if database.choose(true, false, true) {
            return;
        }
        let role = format!("{}_role", database.schema());
        database
            .run(&format!(
                "CREATE TABLE users (id SERIAL, username text, is_active boolean); \
                 CREATE TABLE kept (id SERIAL, username text, is_active boolean); \
                 INSERT INTO users (username, is_active) VALUES ('ada', true); INSERT INTO kept TABLE users; \
                 ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY one ON users FOR SELECT USING (true); \
                 CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; \
                 CREATE TRIGGER keep BEFORE UPDATE ON kept FOR EACH ROW EXECUTE FUNCTION keep(); \
                 CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA {0} TO {role}; \
                 GRANT ALL ON ALL TABLES IN SCHEMA {0} TO {role}",
                database.schema()
            ))
            .await;
        let url = format!("postgres://{role}:x@{}", database.url().split_once('@').unwrap().1);
        let ada = json!("ada");
        for (table, on_delete) in [
            ("users", OnDelete::set("is_active", false)),
            ("users", OnDelete::Row),
            ("kept", OnDelete::set("is_active", false)),
        ] {
            let builder = SqlStore::builder(table).columns(["username"]).allow_row_level_security();
            let store = builder.on_delete(on_delete).connect(&url).await.unwrap();
            let error = store.remove("username", &ada).await.unwrap_err().to_string();
            let why = "the user's row is there, and the database left it as it is: a policy of row level security or a trigger \
                       prevents the change";
            assert_eq!(error, format!("removing a user from the table `{table}`: {why}"));
            assert!(!store.remove("username", &json!("bob")).await.unwrap());
            if table == "users" {
                let change = user(json!({ "username": "eve" }));
                assert!(store.update("username", &ada, change).await.is_err());
            }
        }
        database.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    })
    .await;
}
