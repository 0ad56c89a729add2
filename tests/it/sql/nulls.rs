//! Values that a column cannot be without, and keys: neither refuses the rest of an update.

use aigc_auth::testing::AuthCenter;
use aigc_auth::user_sync::{
    FieldMapping, LegacyField, LegacyStore, PasswordPolicy, SqlStore, SyncConfig, UserSync,
};
use serde_json::{Value, json};

use crate::sql::support::{in_each, no_password, user};
use crate::support::{self, Log};

#[tokio::test]
async fn null_for_a_column_that_is_not_null_leaves_it_as_it_is() {
    in_each(|database| async move {
        database
            .run(
                "CREATE TABLE people (id SERIAL, username varchar(50) NOT NULL UNIQUE, nickname varchar(50) NOT NULL, \
                 about varchar(50) NOT NULL DEFAULT 'none', email text, is_active boolean NOT NULL)",
            )
            .await;
        database.run("INSERT INTO people (username, nickname, email, is_active) VALUES ('a', 'Al', 'a@x', true)").await;
        let columns = ["username", "nickname", "about", "email", "is_active"];
        let store = database.store("people", &columns, |builder| builder).await;
        let logs = Log::start();
        let changes = json!({ "nickname": null, "about": null, "email": null, "is_active": false });
        assert!(store.update("username", &json!("a"), user(changes)).await.unwrap());
        let found = store.find("username", &json!("a")).await.unwrap().unwrap();
        let expected = json!({ "username": "a", "nickname": "Al", "about": "none", "email": null, "is_active": false });
        assert_eq!(found, user(expected));
        let said = logs.take();
        assert_eq!(said.matches("leaves the column of a user as it is").count(), 1, "{said}");
        assert!(said.contains("table=people column=") && said.contains("null, and the column is NOT NULL"), "{said}");

        // Nothing else to change: whether the user is there is still told.
        let only = || user(json!({ "nickname": null }));
        assert!(store.update("username", &json!("a"), only()).await.unwrap());
        assert!(!store.update("username", &json!("b"), only()).await.unwrap());

        // A new row gets the default, and is refused where there is none.
        let row = |nickname: Value| user(json!({ "username": "b", "nickname": nickname, "about": null, "is_active": true }));
        store.create(row(Value::Null), no_password()).await.unwrap_err();
        store.create(row("Bo".into()), no_password()).await.unwrap();
        assert_eq!(store.find("username", &json!("b")).await.unwrap().unwrap()["about"], "none");
    })
    .await;
}

#[tokio::test]
async fn a_key_is_never_written_again() {
    in_each(|database| async move {
        database
            .run(
                "CREATE TABLE people (code varchar(20) PRIMARY KEY, username varchar(50) NOT NULL UNIQUE, email text); \
                 INSERT INTO people VALUES ('p-1', 'ada', 'a@x')",
            )
            .await;
        let columns = ["code", "username", "email"];
        let store = database.store("people", &columns, |builder| builder.key("code")).await;
        let changes = user(json!({ "code": "p-2", "email": "b@x" }));
        assert!(store.update("username", &json!("ada"), changes).await.unwrap());
        let found = store.find("username", &json!("ada")).await.unwrap().unwrap();
        assert_eq!(found, user(json!({ "code": "p-1", "username": "ada", "email": "b@x" })));
        // For new users, it is written as any other.
        store.create(user(json!({ "code": "p-3", "username": "bob" })), no_password()).await.unwrap();
        assert!(store.find("code", &json!("p-3")).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn a_row_without_a_key_is_linked() {
    in_each(|database| async move {
        database
            .run(
                "CREATE TABLE people (username varchar(50) UNIQUE, email varchar(50)); \
                 INSERT INTO people VALUES (NULL, 'a@x'), ('bob', 'b@x')",
            )
            .await;
        let center = AuthCenter::start().await;
        let config = SyncConfig::new()
            .trust_event_order()
            .mappings([
                FieldMapping::new("username", "username").required(),
                FieldMapping::new("email", "email"),
            ])
            .link_by("email")
            .password_policy(PasswordPolicy::locked());
        let configure = |builder: aigc_auth::user_sync::SqlStoreBuilder| {
            builder.key("username").columns(config.legacy_fields())
        };
        let store = database.store("people", &[], configure).await;
        let sync = UserSync::new(support::client(&center), store, config).unwrap();
        let ada = json!({ "username": "ada", "email": "a@x" });
        let answer = sync.handle_event("user.login", ada.as_object()).await.unwrap();
        assert_eq!(answer["message"], "User linked");
        assert_eq!(database.count("people WHERE username = 'ada' AND email = 'a@x'").await, 1);
    })
    .await;
}

#[tokio::test]
async fn keys_that_fields_write_at_each_update_are_refused() {
    in_each(|database| async move {
        let char = database.choose("text", "uuid", "char(36)");
        database
            .run(&format!(
                "CREATE TABLE made (id {char} NOT NULL PRIMARY KEY, username varchar(50)); \
                 CREATE TABLE counted (number SERIAL, username varchar(50)); \
                 CREATE TABLE named (name varchar(50) NOT NULL DEFAULT '' PRIMARY KEY, email text)"
            ))
            .await;
        let connect = async |builder: aigc_auth::user_sync::SqlStoreBuilder| {
            builder.connect(database.url()).await.map(drop).map_err(|error| error.to_string())
        };
        let refused = |table: &str, key: &str| {
            Err(format!(
                "table `{table}`: the key `{key}` is never updated, and a field would write it at each update: use \
                 FieldMapping::on_create_only, or LegacyField::on_create_only"
            ))
        };
        let made = || SqlStore::builder("made");
        assert_eq!(connect(made().columns(["id", "username"])).await, refused("made", "id"));
        let once = [LegacyField::from("id").on_create_only(), "username".into()];
        assert_eq!(connect(made().columns(once.clone())).await, Ok(()));
        // Two mappings of one column: it is written whenever one of them writes it.
        let both = once.into_iter().chain([LegacyField::from("id")]);
        assert_eq!(connect(made().columns(both)).await, refused("made", "id"));
        let counted = || SqlStore::builder("counted").key("number");
        assert_eq!(connect(counted().columns(["number", "username"])).await, refused("counted", "number"));
        assert_eq!(connect(counted().columns([LegacyField::from("number").read_only(), "username".into()])).await, Ok(()));
        // The unique field, which is never updated.
        assert_eq!(connect(SqlStore::builder("named").key("name").columns(["name", "email"])).await, Ok(()));
    })
    .await;
}
