//! Rows of other tables that a new user needs, in one transaction with the user's.

use aigc_auth::user_sync::{BytesAs, LegacyField, LegacyStore, LegacyUser, NewPassword, SqlStore};
use serde_json::json;

use crate::sql::support::{Database, in_each, no_password, user};

async fn tables(database: &Database, key: &str) {
    let bytes = database.choose("blob", "bytea", "varbinary(50)");
    database
        .run(&format!(
            "CREATE TABLE users (id {key}, username varchar(50) NOT NULL UNIQUE, email varchar(50), hash varchar(100)); \
             CREATE TABLE profile (user_id varchar(40) NOT NULL PRIMARY KEY, shown varchar(20) NOT NULL, \
             level integer NOT NULL DEFAULT 1, secret varchar(100)); \
             CREATE TABLE actor (user_id varchar(40), name {bytes} NOT NULL)"
        ))
        .await;
}

/// A profile for everybody, and an actor for who has an email.
async fn store(database: &Database) -> SqlStore {
    let configure = |builder: aigc_auth::user_sync::SqlStoreBuilder| {
        builder
            .password_column("hash")
            .bytes(["actor.name"], BytesAs::Text)
            .companion("profile", |user| {
                Some(LegacyUser::from_iter([
                    ("user_id", json!(user["id"].to_string())),
                    ("shown", user["username"].clone()),
                    ("level", json!(null)),
                    ("secret", user["hash"].clone()),
                ]))
            })
            .companion("actor", |user| {
                user["email"].as_str()?;
                let id = json!(user["id"].to_string());
                Some(LegacyUser::from_iter([("user_id", id), ("name", user["username"].clone())]))
            })
    };
    database.store("users", &["username", "email"], configure).await
}

#[tokio::test]
async fn new_users_get_their_rows() {
    in_each(|database| async move {
        tables(&database, "SERIAL").await;
        let store = store(&database).await;
        let hash = || NewPassword::Hashed("$2b$".into());
        for number in 1..=3 {
            let row = json!({ "username": format!("user {number}"), "email": if number == 2 { json!("e") } else { json!(null) } });
            store.create(user(row), hash()).await.unwrap();
        }
        let joined = "users JOIN profile ON profile.user_id = CAST(users.id AS CHAR(9)) AND shown = username AND level = 1 \
                      AND secret = hash";
        assert_eq!(database.count(joined).await, 3);
        let name = database.choose("CAST(name AS text)", "convert_from(name, 'UTF8')", "name");
        assert_eq!(database.count(&format!("actor WHERE {name} = 'user 2'")).await, 1);
        assert_eq!(database.count("actor").await, 1);
        // Later changes leave them alone.
        assert!(store.update("username", &json!("user 1"), user(json!({ "email": "new" }))).await.unwrap());
        assert!(store.remove("username", &json!("user 1")).await.unwrap());
        assert_eq!((database.count("users").await, database.count("profile").await), (2, 3));
    })
    .await;
}

#[tokio::test]
async fn a_failure_takes_back_all_rows() {
    in_each(|database| async move {
        tables(&database, "SERIAL").await;
        let limit = database.choose(
            "CREATE UNIQUE INDEX one ON profile (shown)",
            "CREATE UNIQUE INDEX one ON profile (shown)",
            "SELECT 1",
        );
        database.run(limit).await;
        database.run("INSERT INTO profile (user_id, shown) VALUES ('x', 'taken')").await;
        let store = store(&database).await;
        let name = database.choose("taken", "taken", "a name that is too long for it");
        let error =
            store.create(user(json!({ "username": name })), no_password()).await.unwrap_err().to_string();
        assert!(error.starts_with("creating a user in the table `users`: "), "{error}");
        assert_eq!((database.count("users").await, database.count("profile").await), (0, 1));
        // The connection is fit for the next.
        store.create(user(json!({ "username": "fine" })), no_password()).await.unwrap();
        store.create(user(json!({ "username": "fine" })), no_password()).await.unwrap_err();
        assert_eq!((database.count("users").await, database.count("profile").await), (1, 2));
    })
    .await;
}

#[tokio::test]
async fn rows_are_found_by_keys_that_the_application_or_the_database_makes() {
    in_each(|database| async move {
        let companion = |builder: aigc_auth::user_sync::SqlStoreBuilder| {
            builder.companion("profile", |user| {
                Some(LegacyUser::from_iter([
                    ("user_id", user["id"].clone()),
                    ("shown", user["username"].clone()),
                ]))
            })
        };
        tables(&database, "varchar(40) NOT NULL PRIMARY KEY").await;
        let fields = [LegacyField::from("id").on_create_only(), "username".into()];
        let store = database.store("users", &[], |builder| companion(builder.columns(fields))).await;
        store.create(user(json!({ "id": "u-1", "username": "ada" })), no_password()).await.unwrap();
        assert_eq!(database.count("profile WHERE user_id = 'u-1' AND shown = 'ada'").await, 1);

        database.run("DROP TABLE users; DROP TABLE profile; DROP TABLE actor").await;
        let random = database.choose("(hex(randomblob(8)))", "gen_random_uuid()", "(uuid())");
        tables(&database, &format!("varchar(40) NOT NULL DEFAULT {random} PRIMARY KEY")).await;
        let store = database.store("users", &["username"], companion).await;
        store.create(user(json!({ "username": "bob" })), no_password()).await.unwrap();
        assert_eq!(database.count("users JOIN profile ON user_id = id AND shown = username").await, 1);
    })
    .await;
}

#[tokio::test]
async fn mistakes_in_companions_are_told() {
    in_each(|database| async move {
        tables(&database, "SERIAL").await;
        let connect = async |table: &'static str, row: serde_json::Value| {
            let builder = SqlStore::builder("users").columns(["username"]);
            builder.companion(table, move |_| Some(user(row.clone()))).connect(database.url()).await
        };
        let error = connect("nothing", json!({})).await.unwrap_err().to_string();
        assert_eq!(error, "the database has no table `nothing`, or does not show it");
        for (row, why) in [
            (json!({}), "companion table `actor`: the row has no columns"),
            (json!({ "nick": "x" }), "companion table `actor`: there is no column `nick`"),
            (
                json!({ "name": "x" }),
                "companion table `actor`: bytes are in `name`: say by SqlStoreBuilder::bytes whether that is text",
            ),
        ] {
            let store = connect("actor", row).await.unwrap();
            let error = store.create(user(json!({ "username": "ada" })), no_password()).await.unwrap_err();
            assert_eq!(error.to_string(), format!("creating a user in the table `users`: {why}"));
            assert_eq!(database.count("users").await, 0);
        }
    })
    .await;
}

/// `LAST_INSERT_ID()` knows nothing of it.
#[tokio::test]
async fn keys_of_a_sequence_are_found_by_the_name() {
    in_each(|database| async move {
        let key = database.choose(
            "SERIAL",
            "bigint DEFAULT nextval('numbers') PRIMARY KEY",
            "bigint DEFAULT (NEXT VALUE FOR numbers) PRIMARY KEY",
        );
        database.run(database.choose("SELECT 1", "CREATE SEQUENCE numbers", "CREATE SEQUENCE numbers")).await;
        tables(&database, key).await;
        let store = store(&database).await;
        for name in ["ada", "bob"] {
            store.create(user(json!({ "username": name })), no_password()).await.unwrap();
        }
        let joined = "users JOIN profile ON profile.user_id = CAST(users.id AS CHAR(9)) AND shown = username";
        assert_eq!(database.count(joined).await, 2);
    })
    .await;
}
