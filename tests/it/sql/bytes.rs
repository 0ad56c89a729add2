//! Columns of bytes: text, or hexadecimal digits, as the options say.

use aigc_auth::user_sync::{BytesAs, LegacyStore, SqlStore};
use serde_json::json;

use crate::sql::support::{all, in_each, no_password, user};

#[tokio::test]
async fn bytes_are_text_where_the_options_say_so() {
    in_each(|database| async move {
        let bytes = database.choose("blob", "bytea", "varbinary(100)");
        database
            .run(&format!(
                "CREATE TABLE users (id SERIAL, name {bytes} NOT NULL UNIQUE, note {bytes}, token {bytes})"
            ))
            .await;
        // As the application has it.
        let (ada, token) = database.choose(
            ("CAST('Ada' AS blob)", "x'00ff'"),
            ("convert_to('Ada', 'UTF8')", "'\\x00ff'"),
            ("'Ada'", "x'00ff'"),
        );
        database.run(&format!("INSERT INTO users (name, token) VALUES ({ada}, {token})")).await;
        let store = database
            .store("users", &["name", "note", "token"], |builder| {
                builder.key("name").bytes(["name", "note"], BytesAs::Text).bytes(["token"], BytesAs::Hex)
            })
            .await;
        let row = all(&store, None).await.remove(0);
        assert_eq!(row, (json!("Ada"), user(json!({ "name": "Ada", "note": null, "token": "00ff" }))));
        assert!(all(&store, Some(json!("Ada"))).await.is_empty());

        let name = json!("用户 🎉");
        let created = json!({ "name": name, "note": "été", "token": "cafe" });
        store.create(user(created.clone()), no_password()).await.unwrap();
        assert_eq!(store.find("name", &name).await.unwrap(), Some(user(created)));
        // Bytes are compared as such.
        assert_eq!(store.find("name", &json!("ada")).await.unwrap(), None);
        assert!(store.update("name", &json!("Ada"), user(json!({ "note": "x" }))).await.unwrap());
        assert_eq!(database.count("users WHERE length(note) = 1").await, 1);
        assert!(store.remove("name", &name).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn bytes_are_said_of_bytes_only() {
    in_each(|database| async move {
        let bytes = database.choose("blob", "bytea", "blob");
        database.run(&format!("CREATE TABLE users (id SERIAL, name varchar(50), picture {bytes})")).await;
        let users = || SqlStore::builder("users").columns(["name", "picture"]);
        for (builder, why) in [
            (
                users(),
                "table `users`: bytes are in `picture`: say by SqlStoreBuilder::bytes whether that is text",
            ),
            (
                users().bytes(["picture"], BytesAs::Hex).bytes(["name"], BytesAs::Text),
                "table `users`: the column `name` is not one of bytes (SqlStoreBuilder::bytes)",
            ),
            (users().bytes(["photo"], BytesAs::Hex), "the table `users` has no column `photo`"),
        ] {
            assert_eq!(builder.connect(database.url()).await.unwrap_err().to_string(), why);
        }
    })
    .await;
}
