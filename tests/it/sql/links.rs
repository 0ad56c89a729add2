//! Rows that are linked to users of the auth center.

use aigc_auth::testing::AuthCenter;
use aigc_auth::user_sync::{FieldMapping, LegacyStore, PasswordPolicy, SyncConfig, UserSync};
use serde_json::{Value, json};

use crate::sql::support::{Database, in_each, user};
use crate::support;

async fn sync(database: &Database, center: &AuthCenter) -> UserSync {
    let config = SyncConfig::new()
        .mappings([FieldMapping::new("id", "auth_id"), FieldMapping::new("username", "name").required()])
        .unique_field("id")
        .link_by("username")
        .trust_event_order()
        .password_policy(PasswordPolicy::locked());
    let store = database.store("users", &[], |builder| builder.columns(config.legacy_fields())).await;
    UserSync::new(support::client(center), store, config).unwrap()
}

async fn table(database: &Database) {
    database.run("CREATE TABLE users (id SERIAL, auth_id varchar(20), name varchar(20) UNIQUE)").await;
}

/// Two services of the same table, and two users of the same name, one of whom was renamed since.
#[tokio::test]
async fn row_is_linked_to_one_user_only() {
    in_each(|database| async move {
        table(&database).await;
        let center = AuthCenter::start().await;
        let (one, two) = (sync(&database, &center).await, sync(&database, &center).await);
        for number in 0..10 {
            let name = format!("user {number}");
            database.run(&format!("INSERT INTO users (name) VALUES ('{name}')")).await;
            let login = |id: String| json!({ "id": id, "username": name });
            let (first, second) = (login(format!("first {number}")), login(format!("second {number}")));
            let (first, second) = tokio::join!(
                one.handle_event("user.login", first.as_object()),
                two.handle_event("user.login", second.as_object())
            );
            let linked = |answer: &Result<Value, _>| {
                answer.as_ref().is_ok_and(|answer| answer["message"] == "User linked")
            };
            assert!(linked(&first) != linked(&second), "{first:?} {second:?}");
        }
        // The same user twice is no error.
        database.run("INSERT INTO users (name) VALUES ('ada')").await;
        let ada = json!({ "id": "7", "username": "ada" });
        let (first, second) = tokio::join!(
            one.handle_event("user.login", ada.as_object()),
            two.handle_event("user.login", ada.as_object())
        );
        assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
        assert_eq!(database.count("users WHERE auth_id = '7'").await, 1);
    })
    .await;
}

#[tokio::test]
async fn only_rows_without_a_value_are_linked() {
    in_each(|database| async move {
        table(&database).await;
        database
            .run("INSERT INTO users (auth_id, name) VALUES (NULL, 'ada'), ('', 'bob'), ('8', 'cleo')")
            .await;
        let store =
            database.store("users", &["auth_id", "name"], |builder| builder.except("name", "dora")).await;
        let link = async |name: &str| {
            let changes = user(json!({ "auth_id": format!("new {name}") }));
            store.link("name", &json!(name), "auth_id", changes).await.unwrap()
        };
        for (name, linked) in [("ada", true), ("ada", false), ("bob", true), ("cleo", false), ("dora", false)]
        {
            assert_eq!(link(name).await, linked, "{name}");
        }
        assert_eq!(database.count("users WHERE auth_id IN ('new ada', 'new bob', '8')").await, 3);
    })
    .await;
}

#[tokio::test]
async fn removal_of_a_row_that_is_not_linked_yet() {
    in_each(|database| async move {
        table(&database).await;
        database.run("INSERT INTO users (auth_id, name) VALUES (NULL, 'ada'), ('8', 'bob')").await;
        let sync = sync(&database, &AuthCenter::start().await).await;
        for (id, name, message) in [
            ("9", "bob", "There is no such user"),
            ("7", "ada", "User removed"),
            ("7", "ada", "There is no such user"),
        ] {
            let answer =
                sync.handle_event("user.deleted", json!({ "id": id, "username": name }).as_object()).await;
            assert_eq!(answer.unwrap()["message"], message, "{name}");
        }
        assert_eq!(
            (database.count("users").await, database.count("users WHERE auth_id = '8'").await),
            (1, 1)
        );
    })
    .await;
}
