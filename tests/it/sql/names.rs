//! Names that the table takes for the same, and the auth center for two users.

use aigc_auth::testing::AuthCenter;
use aigc_auth::user_sync::{FieldMapping, LegacyStore, PasswordPolicy, SyncConfig, UserSync};
use serde_json::json;

use crate::sql::support::{Database, in_each};
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
