//! Engines of MySQL that take nothing back.

use aigc_auth::user_sync::{LegacyStore, LegacyUser, SqlStore};
use serde_json::json;

use crate::sql::support::{in_each, user};

#[tokio::test]
async fn without_transactions_nothing_is_half_done() {
    in_each(|database| async move {
        if database.choose(true, true, false) {
            return;
        }
        database
            .run(
                "CREATE TABLE old (id SERIAL, name varchar(20), email varchar(20)) ENGINE=MyISAM; \
                 CREATE TABLE new (id SERIAL, name varchar(20)) ENGINE=InnoDB; \
                 INSERT INTO old (name, email) VALUES ('ada', '1'), ('ada', '2'), ('bob', '3')",
            )
            .await;
        let store = database.store("old", &["name", "email"], |builder| builder).await;
        let many = "2 rows have this value, and none was changed";
        let change = || user(json!({ "email": "new" }));
        let error = store.update("name", &json!("ada"), change()).await.unwrap_err().to_string();
        assert!(error.ends_with(many), "{error}");
        let error = store.remove("name", &json!("ada")).await.unwrap_err().to_string();
        assert!(error.ends_with(many), "{error}");
        assert_eq!(database.count("old WHERE name = 'ada' AND email IN ('1', '2')").await, 2);
        assert!(store.update("name", &json!("bob"), change()).await.unwrap());
        assert!(store.remove("name", &json!("bob")).await.unwrap());
        assert!(!store.remove("name", &json!("bob")).await.unwrap());
        assert_eq!(database.count("old").await, 2);

        for (table, companion) in [("old", "new"), ("new", "old")] {
            let row = |user: &LegacyUser| Some(LegacyUser::from_iter([("name", user["name"].clone())]));
            let builder = SqlStore::builder(table).columns(["name"]).companion(companion, row);
            let error = builder.connect(database.url()).await.unwrap_err().to_string();
            let why = "the table `old` is of the engine MyISAM, which has no transactions: a user whose row in a companion \
                       table fails would be left half-made; ALTER TABLE … ENGINE=InnoDB, or make such rows elsewhere";
            assert_eq!(error, why);
        }
    })
    .await;
}
