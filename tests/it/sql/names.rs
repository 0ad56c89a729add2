//! Names that the table takes for the same, and the auth center for two users.

use aigc_auth::testing::AuthCenter;
use aigc_auth::user_sync::{FieldMapping, LegacyStore, PasswordPolicy, SyncConfig, UserSync};
use serde_json::json;

use crate::sql::support::{Database, in_each, no_password, user};
use crate::support;

/// Names in a column that ignores case, without a unique index.
async fn table(database: &Database) {
    if database.choose(false, true, false) {
        database.add_citext().await;
    }
    let name = database.choose("varchar(50) COLLATE NOCASE", "public.citext", "varchar(50)");
    database.run(&format!("CREATE TABLE users (id SERIAL, name {name}, email text)")).await;
}

#[tokio::test]
async fn no_second_row_is_made_for_a_name_that_the_table_takes_for_another() {
    in_each(|database| async move {
        table(&database).await;
        database.run("INSERT INTO users (name, email) VALUES ('ann', 'a@x')").await;
        let center = AuthCenter::start().await;
        let config = SyncConfig::new()
            .trust_event_order()
            .mappings([FieldMapping::new("username", "name").required(), FieldMapping::new("email", "email")])
            .password_policy(PasswordPolicy::locked());
        let store = database.store("users", &[], |builder| builder.columns(config.legacy_fields())).await;
        let sync = UserSync::new(support::client(&center), store, config).unwrap();
        let handle = async |event: &str, name: &str| {
            let data = json!({ "username": name, "email": "b@x", "updatedFields": ["email"] });
            let answer = sync.handle_event(event, data.as_object()).await;
            answer
                .map(|answer| answer["message"].as_str().unwrap().to_owned())
                .map_err(|error| error.to_string())
        };
        let refused = Err(
            "the legacy system failed: finding a user in the table `users`: the column `name` takes \"Ann\" \
                           for \"ann\", the user of another row"
                .to_owned(),
        );
        assert_eq!(handle("user.created", "Ann").await, refused);
        assert_eq!(handle("user.updated", "Ann").await, refused);
        assert_eq!(handle("user.deleted", "Ann").await, Ok("There is no such user".to_owned()));
        assert_eq!(database.count("users WHERE email = 'a@x'").await, 1);
        assert_eq!(handle("user.updated", "ann").await, Ok("User updated".to_owned()));
        assert_eq!(database.count("users").await, 1);
    })
    .await;
}

#[tokio::test]
async fn exactly_equal_rows_go_first() {
    in_each(|database| async move {
        table(&database).await;
        database.run("INSERT INTO users (name, email) VALUES ('ann', '1'), ('ANN', '2'), ('Ann', '3'), ('bob', '4')").await;
        let store = database.store("users", &["name", "email"], |builder| builder).await;
        for (name, email) in [("ann", "1"), ("ANN", "2"), ("Ann", "3"), ("bob", "4")] {
            assert_eq!(store.find("name", &json!(name)).await.unwrap().unwrap()["email"], email);
        }
        assert!(store.find("name", &json!("aNN")).await.is_err());
        database.run("INSERT INTO users (name, email) VALUES ('Ann', '5')").await;
        let error = store.find("name", &json!("Ann")).await.unwrap_err().to_string();
        assert!(error.ends_with("more than one row has this value in `name`"), "{error}");
        assert_eq!(store.find("name", &json!("ann")).await.unwrap().unwrap()["email"], "1");
    })
    .await;
}

/// Types that SQLite does not know: it compares them by their collation, and makes numbers of what looks like one.
#[tokio::test]
async fn sqlite_names_of_any_declared_type_are_exact() {
    in_each(|database| async move {
        if database.choose(false, true, true) {
            return;
        }
        for declared in ["STRING COLLATE NOCASE", "COLLATE NOCASE", "STRING", ""] {
            let create = format!("CREATE TABLE users (id SERIAL, name {declared}, email text)");
            database.run(&create).await;
            database.run("INSERT INTO users (name, email) VALUES ('ann', 'a'), ('7', 'b')").await;
            let store = database.store("users", &["name", "email"], |builder| builder).await;
            let change = || user(json!({ "email": "new" }));
            for name in ["ANN", "007", "7.0"] {
                let name = json!(name);
                let found = store.find("name", &name).await;
                assert!(!matches!(found, Ok(Some(_))), "{declared}: {name}: {found:?}");
                assert!(!store.update("name", &name, change()).await.unwrap(), "{declared}: {name}");
                assert!(!store.remove("name", &name).await.unwrap(), "{declared}: {name}");
            }
            for name in [json!("ann"), json!("7")] {
                assert!(store.find("name", &name).await.unwrap().is_some(), "{declared}: {name}");
                assert!(store.update("name", &name, change()).await.unwrap(), "{declared}: {name}");
            }
            database.run("DROP TABLE users").await;
        }
    })
    .await;
}

#[tokio::test]
async fn numbers_with_zeros_before_are_other_users() {
    in_each(|database| async move {
        database.run("CREATE TABLE users (id SERIAL, number integer, exact numeric(20), email text)").await;
        database.run("INSERT INTO users (number, exact) VALUES (7, 7)").await;
        let store = database.store("users", &["number", "exact", "email"], |builder| builder).await;
        for field in ["number", "exact"] {
            for padded in ["007", "+7", "-07"] {
                let padded = json!(padded);
                let why = format!(
                    "the value for `{field}` is a number with zeros or a sign before it, which the column would lose: cut \
                     them off, such as by FieldMapping::to_legacy"
                );
                let error = store.find(field, &padded).await.unwrap_err().to_string();
                assert!(error.ends_with(&why), "{error}");
                store.remove(field, &padded).await.unwrap_err();
                store.create(user(json!({ field: padded })), no_password()).await.unwrap_err();
            }
            assert!(store.find(field, &json!("7")).await.unwrap().is_some());
            assert!(store.update(field, &json!("7"), user(json!({ "email": "new" }))).await.unwrap());
        }
    })
    .await;
}
