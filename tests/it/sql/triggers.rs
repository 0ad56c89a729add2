//! Rows that triggers change in the database's place, which then counts none.

use aigc_auth::user_sync::LegacyStore;
use serde_json::json;

use crate::sql::support::{in_each, no_password, user};

#[tokio::test]
async fn view_with_instead_of_triggers_says_what_was_there() {
    in_each(|database| async move {
        if database.choose(false, false, true) {
            // Has none.
            return;
        }
        database
            .run(
                "CREATE TABLE people (id SERIAL, login varchar(50) UNIQUE, mail text, gone boolean DEFAULT false); \
                 CREATE TABLE changes (what text); \
                 CREATE VIEW users AS SELECT id, login AS username, mail AS email FROM people WHERE NOT gone",
            )
            .await;
        let put = "INSERT INTO people (login, mail) VALUES (NEW.username, NEW.email)";
        let set = "UPDATE people SET mail = NEW.email WHERE id = OLD.id; INSERT INTO changes VALUES ('set')";
        let end = "UPDATE people SET gone = true WHERE id = OLD.id; INSERT INTO changes VALUES ('end')";
        for (name, event, work) in [("put", "INSERT", put), ("set", "UPDATE", set), ("end", "DELETE", end)] {
            let create = database.choose(
                format!("CREATE TRIGGER {name}_it INSTEAD OF {event} ON users BEGIN {work}; END"),
                // It answers that it did nothing.
                format!(
                    "CREATE FUNCTION {name}_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {work}; RETURN NULL; END $$; \
                     CREATE TRIGGER {name}_it INSTEAD OF {event} ON users FOR EACH ROW EXECUTE FUNCTION {name}_it()"
                ),
                String::new(),
            );
            database.run(&create).await;
        }
        let store = database.store("users", &["username", "email"], |builder| builder).await;
        let name = json!("a");
        store.create(user(json!({ "username": name, "email": "1" })), no_password()).await.unwrap();
        assert!(store.update("username", &name, user(json!({ "email": "2" }))).await.unwrap());
        assert_eq!(store.find("username", &name).await.unwrap().unwrap()["email"], "2");
        assert!(!store.update("username", &json!("b"), user(json!({ "email": "2" }))).await.unwrap());
        assert!(store.remove("username", &name).await.unwrap());
        assert!(!store.remove("username", &name).await.unwrap());
        assert_eq!(store.find("username", &name).await.unwrap(), None);
        assert_eq!(database.count("people WHERE gone").await, 1);
        // Each was done once.
        assert_eq!(database.count("changes").await, 2);
    })
    .await;
}

#[tokio::test]
async fn delete_that_a_trigger_turns_into_a_flag_says_what_was_there() {
    in_each(|database| async move {
        if database.choose(true, false, true) {
            return;
        }
        database
            .run(
                "CREATE TABLE users (id SERIAL, username text UNIQUE, gone boolean DEFAULT false); \
                 INSERT INTO users (username) VALUES ('a'); \
                 CREATE FUNCTION flag() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN UPDATE users SET gone = true WHERE id = OLD.id; RETURN NULL; END $$; \
                 CREATE TRIGGER flag BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION flag()",
            )
            .await;
        let store = database.store("users", &["username"], |builder| builder).await;
        assert!(store.remove("username", &json!("a")).await.unwrap());
        assert!(!store.remove("username", &json!("b")).await.unwrap());
        assert_eq!(database.count("users WHERE gone").await, 1);
    })
    .await;
}

/// Where nothing is counted, a change looks before it writes, which SQLite would refuse at once if another one did the same.
#[tokio::test]
async fn changes_that_look_first_wait_for_one_another() {
    in_each(|database| async move {
        if database.choose(false, true, true) {
            return;
        }
        database
            .run(
                "CREATE TABLE people (id SERIAL, login text UNIQUE, mail text); \
                 CREATE VIEW users AS SELECT id, login AS username, mail AS email FROM people; \
                 CREATE TRIGGER set_it INSTEAD OF UPDATE ON users BEGIN \
                 UPDATE people SET mail = NEW.email WHERE id = OLD.id; END",
            )
            .await;
        database.run("INSERT INTO people (login) VALUES ('a'), ('b'), ('c'), ('d')").await;
        let store = database.store("users", &["username", "email"], |builder| builder).await;
        for round in 0..10 {
            let changes = ["a", "b", "c", "d"].map(|name| {
                let store = store.clone();
                async move {
                    store.update("username", &json!(name), user(json!({ "email": format!("{round}") }))).await
                }
            });
            for changed in futures_util::future::join_all(changes).await {
                assert!(changed.unwrap());
            }
        }
        assert_eq!(database.count("people WHERE mail = '9'").await, 4);
    })
    .await;
}
