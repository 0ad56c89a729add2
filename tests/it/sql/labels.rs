//! MySQL's enums and sets: a number is a text of theirs, and never its place.

use aigc_auth::user_sync::{LegacyStore, OnDelete, SqlStore};
use serde_json::json;

use crate::sql::support::{Database, in_each, user};

async fn in_mysql(test: impl AsyncFn(Database)) {
    in_each(async |database| {
        if database.choose(false, false, true) {
            test(database).await;
        }
    })
    .await;
}

async fn table(database: &Database) {
    database
        .run(
            "CREATE TABLE users (id SERIAL, name varchar(50) UNIQUE, banned enum('0','1') NOT NULL DEFAULT '0', \
             active enum('N','Y'), level enum('low','high'), roles set('a','b','c')); \
             INSERT INTO users (name, active) VALUES ('ada', 'Y'), ('bob', 'Y')",
        )
        .await;
}

#[tokio::test]
async fn removal_by_a_number_bans_who_is_removed() {
    in_mysql(async |database| {
        table(&database).await;
        let on_delete = OnDelete::set("banned", 1).restore(0);
        let store = database.store("users", &["name"], |builder| builder.on_delete(on_delete)).await;
        assert!(store.remove("name", &json!("ada")).await.unwrap());
        assert_eq!(database.count("users WHERE name = 'ada' AND banned = '1'").await, 1);
        let banned = database.store("users", &["name"], |builder| builder.only("banned", 1)).await;
        assert_eq!(banned.count().await.unwrap(), Some(1));
        let builder = SqlStore::builder("users").columns(["name"]).on_delete(OnDelete::set("banned", 2));
        let error = builder.connect(database.url()).await.unwrap_err().to_string();
        assert_eq!(error, "table `users`, OnDelete: the value for `banned` is not one of enum('0','1')");
    })
    .await;
}

#[tokio::test]
async fn values_are_written_as_the_declared_text() {
    in_mysql(async |database| {
        table(&database).await;
        let columns = ["name", "banned", "active", "level", "roles"];
        let store = database.store("users", &columns, |builder| builder).await;
        for (column, value, read) in [
            ("banned", json!(1), Some(json!("1"))),
            ("banned", json!(false), Some(json!("0"))),
            // The flag of a mapping.
            ("active", json!(true), Some(json!("Y"))),
            ("active", json!(false), Some(json!("N"))),
            ("level", json!("HIGH"), Some(json!("high"))),
            ("level", json!("1"), None),
            ("level", json!(2), None),
            ("level", json!(true), None),
            ("roles", json!("c,a"), Some(json!("a,c"))),
            ("roles", json!("3"), None),
            ("roles", json!(3), None),
        ] {
            let written = store.update("name", &json!("bob"), user(json!({ column: value }))).await;
            match read {
                Some(read) => {
                    assert!(written.unwrap(), "{column}: {value}");
                    let found = store.find("name", &json!("bob")).await.unwrap().unwrap();
                    assert_eq!(found[column], read, "{column}: {value}");
                }
                None => {
                    assert!(written.unwrap_err().to_string().contains("is not one of "), "{column}: {value}");
                }
            }
        }
    })
    .await;
}
