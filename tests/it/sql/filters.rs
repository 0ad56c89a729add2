//! Rows that are no users: nobody finds, pushes, counts, changes or removes them.

use aigc_auth::user_sync::{LegacyStore, LegacyUser, OnDelete, SqlStore};
use serde_json::{Value, json};

use crate::sql::support::{all, in_each, no_password, user};

#[tokio::test]
async fn rows_that_do_not_pass_are_nobody() {
    in_each(|database| async move {
        database
            .run(
                "CREATE TABLE users (id SERIAL, username varchar(50) NOT NULL, email varchar(50), tenant integer NOT NULL, \
                 gone date, kind varchar(10)); \
                 INSERT INTO users (username, email, tenant, gone, kind) VALUES ('ada', 'a', 7, NULL, NULL), \
                 ('ada', 'b', 7, '2020-01-01', NULL), ('ada', 'c', 8, NULL, 'user'), ('guest', 'd', 7, NULL, 'system'), \
                 ('bob', 'e', 7, NULL, 'user')",
            )
            .await;
        let store = database
            .store("users", &["username", "email"], |builder| {
                builder.only("tenant", 7).only("gone", Value::Null).except("kind", "system")
            })
            .await;
        let names: Vec<_> = all(&store, None).await.into_iter().map(|(_, row)| row["email"].clone()).collect();
        assert_eq!(names, ["a", "e"]);
        let after: Vec<_> = all(&store, Some(json!(1))).await.into_iter().map(|(_, row)| row["email"].clone()).collect();
        assert_eq!(after, ["e"]);
        assert_eq!(store.count().await.unwrap(), Some(2));
        let found = async |name: &str| store.find("username", &json!(name)).await.unwrap().map(|row| row["email"].clone());
        assert_eq!((found("ada").await, found("guest").await), (Some(json!("a")), None));
        let change = || user(json!({ "email": "new" }));
        assert!(store.update("username", &json!("ada"), change()).await.unwrap());
        assert!(!store.update("username", &json!("guest"), change()).await.unwrap());
        assert!(!store.remove("username", &json!("guest")).await.unwrap());
        assert!(store.remove("username", &json!("bob")).await.unwrap());
        assert_eq!(database.count("users WHERE email IN ('new', 'b', 'c', 'd')").await, 4);
        assert_eq!(database.count("users").await, 4);

        // New users pass.
        store.create(user(json!({ "username": "cleo", "email": "f" })), no_password()).await.unwrap();
        assert_eq!(found("cleo").await, Some(json!("f")));
        assert_eq!(database.count("users WHERE tenant = 7 AND kind IS NULL").await, 3);
    })
    .await;
}

#[tokio::test]
async fn removed_rows_may_be_nobody() {
    in_each(|database| async move {
        database.run("CREATE TABLE users (id SERIAL, username varchar(50), gone date)").await;
        let store = database
            .store("users", &["username"], |builder| {
                builder.only("gone", Value::Null).on_delete(OnDelete::now("gone"))
            })
            .await;
        let ada = json!("ada");
        for round in 1..=3 {
            assert_eq!(store.find("username", &ada).await.unwrap(), None);
            assert!(!store.remove("username", &ada).await.unwrap());
            store.create(user(json!({ "username": "ada" })), no_password()).await.unwrap();
            assert!(store.remove("username", &ada).await.unwrap());
            assert_eq!(database.count("users WHERE gone IS NOT NULL").await, round);
        }
        let live =
            database.store("users", &["username"], |builder| builder.except("gone", Value::Null)).await;
        assert_eq!(live.count().await.unwrap(), Some(3));
    })
    .await;
}

#[tokio::test]
async fn conditions_are_checked_at_connect() {
    in_each(|database| async move {
        database.run("CREATE TABLE users (id SERIAL, username varchar(50), tenant integer)").await;
        let users = || SqlStore::builder("users").columns(["username"]);
        for (builder, why) in [
            (users().only("org", 1), "the table `users` has no column `org`"),
            (
                users().except("tenant", "many"),
                "table `users`, SqlStoreBuilder::only: the value for `tenant` is a text of another kind, which the column \
                 cannot hold",
            ),
            (users().only("", 1), "table `users`: the name of a table or column is empty, or has a NUL character"),
        ] {
            assert_eq!(builder.connect(database.url()).await.unwrap_err().to_string(), why);
        }
    })
    .await;
}

/// The store would never find them again, and make one more at each event.
#[tokio::test]
async fn new_rows_that_would_not_pass_are_refused() {
    in_each(|database| async move {
        database
            .run(
                "CREATE TABLE users (id SERIAL, name varchar(20), kind varchar(9) DEFAULT 'system', tenant integer); \
                 CREATE TABLE profile (name varchar(20)); INSERT INTO users (name, kind, tenant) VALUES ('ada', 'guest', 8)",
            )
            .await;
        let columns = ["name", "kind", "tenant"];
        let mapped =
            database.store("users", &columns, |builder| builder.only("tenant", 7).except("kind", "guest")).await;
        let by_default = database
            .store("users", &["name"], |builder| {
                let row = |user: &LegacyUser| Some(LegacyUser::from_iter([("name", user["name"].clone())]));
                builder.except("kind", "system").companion("profile", row)
            })
            .await;
        for (store, row) in [
            (&mapped, json!({ "name": "ada", "tenant": 8 })),
            (&mapped, json!({ "name": "ada", "kind": "guest" })),
            (&by_default, json!({ "name": "bob" })),
        ] {
            let error = store.create(user(row.clone()), no_password()).await.unwrap_err().to_string();
            let why = "the new row would be none of the users that SqlStoreBuilder::only and except take, and would not be \
                       found again: map the columns that they name so that new users pass";
            assert_eq!(error, format!("creating a user in the table `users`: {why}"), "{row}");
            assert_eq!((database.count("users").await, database.count("profile").await), (1, 0), "{row}");
        }
        let row = json!({ "name": "ada", "tenant": 7, "kind": "user" });
        mapped.create(user(row), no_password()).await.unwrap();
        assert_eq!(mapped.count().await.unwrap(), Some(1));
    })
    .await;
}
