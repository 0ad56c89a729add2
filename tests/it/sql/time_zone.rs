//! Servers whose zone is not UTC: defaults are evaluated in that zone, times are read and written in UTC.

use aigc_auth::user_sync::{LegacyStore, SqlStore};
use serde_json::{Value, json};

use crate::sql::support::{Database, behind_pgbouncer, in_each, no_password, user};
use crate::support::Log;

/// Creates a user by way of the URL, and returns whether the default of their time is the wall clock of that zone, which is
/// an expression.
async fn default_is_in(database: &Database, url: &str, zone: &str) -> bool {
    let builder = SqlStore::builder(format!("{}.users", database.schema())).columns(["username", "seen"]);
    let store = builder.connect(url).await.unwrap();
    database.run("DELETE FROM users").await;
    for (number, (written, read)) in [
        ("2024-02-29 12:34:56", "2024-02-29 12:34:56"),
        // Between the hours that are there twice, or not at all, in New York and Berlin.
        ("2024-11-03 05:30:00", "2024-11-03 05:30:00"),
        ("2024-11-03 06:30:00", "2024-11-03 06:30:00"),
        ("2024-03-31 01:30:00", "2024-03-31 01:30:00"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = json!(number.to_string());
        store.create(user(json!({ "username": name, "seen": written })), no_password()).await.unwrap();
        let read = database.choose(json!(read), json!(read.replace(' ', "T") + "+00:00"), json!(read));
        let found = store.find("username", &name).await.unwrap().unwrap();
        assert_eq!(found["seen"], read, "{written}");
        // What was read is written again, and found.
        assert!(store.update("username", &name, user(json!({ "seen": read }))).await.unwrap());
        assert_eq!(store.find("seen", &read).await.unwrap().unwrap()["username"], name);
        // By a session in UTC.
        let at = database.choose("", "to_char(seen AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')", "seen");
        let kept = database.text(at, &format!("users WHERE username = '{number}'")).await;
        assert_eq!(kept.as_deref(), Some(written));
    }
    let here = database.choose(
        "",
        "abs(extract(epoch FROM now() AT TIME ZONE {} - at)) < 100",
        "abs(timestampdiff(SECOND, convert_tz(utc_timestamp(), '+00:00', {}), at)) < 100",
    );
    let here = here.replace("{}", zone);
    database.count(&format!("users WHERE {here}")).await == 4
}

/// A role that sees no more than others, at this address instead of the suite's.
async fn role(database: &Database, url: &str, settings: &str) -> String {
    let (name, host) = (format!("{}_role", database.schema()), url.split_once('@').unwrap().1);
    let settings = settings.replace("{}", &name);
    database.run(&format!("DROP OWNED BY {name}; DROP ROLE {name}")).await;
    database
        .run(&format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'p'; GRANT USAGE ON SCHEMA {0} TO {name}; \
             GRANT ALL ON ALL TABLES IN SCHEMA {0} TO {name}; {settings}",
            database.schema()
        ))
        .await;
    format!("postgres://{name}:p@{host}")
}

#[tokio::test]
async fn postgresql_defaults_are_in_the_zone_of_the_server() {
    in_each(|database| async move {
        if database.choose(true, false, true) {
            return;
        }
        database
            .run(
                "CREATE TABLE users (id SERIAL, username text UNIQUE, seen timestamptz, \
                 at timestamp NOT NULL DEFAULT now())",
            )
            .await;
        let name = format!("{}_role", database.schema());
        database.run(&format!("CREATE ROLE {name}")).await;
        for (settings, zone) in [
            ("ALTER ROLE {} SET timezone = 'America/New_York'", "America/New_York"),
            ("ALTER ROLE {} SET TimeZone = -3.5", "<-03:30>+03:30"),
            (
                "ALTER ROLE {} SET timezone = 'America/New_York'; \
                 ALTER ROLE {} IN DATABASE postgres SET timezone = 'Europe/Berlin'",
                "Europe/Berlin",
            ),
        ] {
            let url = role(&database, database.url(), settings).await;
            assert!(default_is_in(&database, &url, &format!("'{zone}'")).await, "{settings}");
            let url = format!("{url}%20-c%20TimeZone%3DAsia/Tokyo");
            assert!(default_is_in(&database, &url, "'Asia/Tokyo'").await, "the URL's comes first");
        }
        // What the server is set to is for its owner to see.
        let file = "pg_file_settings WHERE lower(name) = 'timezone' ORDER BY seqno DESC LIMIT 1";
        let zone = format!("'{}'", database.text("setting", file).await.unwrap());
        assert!(default_is_in(&database, database.url(), &zone).await, "{zone}");
        // Others stay in UTC, and are told.
        let url = role(&database, database.url(), "").await;
        let logs = Log::start();
        assert!(default_is_in(&database, &url, "'UTC'").await);
        let said = logs.take();
        let told = said.contains("hides its default time zone") && said.contains("ALTER ROLE");
        let log = database.text("current_setting('log_timezone')", "users LIMIT 1").await.unwrap();
        assert_eq!(told, !log.ends_with("UTC"), "{log}: {said}");
        database.run(&format!("DROP OWNED BY {name}; DROP ROLE {name}")).await;
    })
    .await;
}

#[tokio::test]
async fn defaults_behind_pgbouncer_are_in_the_zone_of_the_server() {
    behind_pgbouncer(|database, url| async move {
        database
            .run(
                "CREATE TABLE users (id SERIAL, username text UNIQUE, seen timestamptz, \
                 at timestamp NOT NULL DEFAULT now())",
            )
            .await;
        let file = "pg_file_settings WHERE lower(name) = 'timezone' ORDER BY seqno DESC LIMIT 1";
        let zone = format!("'{}'", database.text("setting", file).await.unwrap());
        assert!(default_is_in(&database, &url, &zone).await, "{zone}");
    })
    .await;
}

#[tokio::test]
async fn mysql_defaults_are_in_the_zone_of_the_server() {
    in_each(|database| async move {
        if database.choose(true, true, false) {
            return;
        }
        database
            .run(
                "CREATE TABLE users (id SERIAL, username varchar(50) UNIQUE, seen timestamp NULL, \
                 at datetime NOT NULL DEFAULT current_timestamp)",
            )
            .await;
        let url = database.url();
        assert!(default_is_in(&database, url, "@@GLOBAL.time_zone").await);
        assert!(default_is_in(&database, &format!("{url}?timezone=-03:30"), "'-03:30'").await);

        database.run("ALTER TABLE users MODIFY seen timestamp(6) NULL; DELETE FROM users").await;
        database
            .run(
                "SET sql_mode = ''; INSERT INTO users (username, seen) VALUES \
                 ('zero', '0000-00-00'), ('none', NULL), ('first', '1970-01-01 00:00:01.000002')",
            )
            .await;
        let store = database.store("users", &["username", "seen"], |builder| builder).await;
        for (name, seen) in [
            ("zero", json!("0000-00-00 00:00:00.000000")),
            ("none", Value::Null),
            ("first", json!("1970-01-01 00:00:01.000002")),
        ] {
            assert_eq!(store.find("username", &json!(name)).await.unwrap().unwrap()["seen"], seen, "{name}");
        }
        let soon = store.update("username", &json!("first"), user(json!({ "seen": "soon" }))).await;
        assert!(soon.unwrap_err().to_string().contains("Incorrect datetime value"));
        let none = user(json!({ "seen": null }));
        assert!(store.update("username", &json!("first"), none).await.unwrap());
        assert_eq!(store.find("username", &json!("first")).await.unwrap().unwrap()["seen"], Value::Null);
    })
    .await;
}
