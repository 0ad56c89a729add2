//! Tables and views of every shape: names, schemas, strict tables, views with triggers, partial indexes.

use aigc_auth::user_sync::{LegacyField, LegacyStore, OnDelete};
use serde_json::{Value, json};

use crate::sql::support::{Database, all, in_each, no_password, user};

/// Creates, finds, updates, pages and removes.
async fn check(store: &aigc_auth::user_sync::SqlStore, name: &str, email: &str) {
    let ada = json!("ada");
    let row = |mail: &str| user(json!({ name: ada, email: mail }));
    store.create(row("a@x"), no_password()).await.unwrap();
    assert_eq!(store.find(name, &ada).await.unwrap(), Some(row("a@x")));
    assert!(store.update(name, &ada, user(json!({ email: "b@x" }))).await.unwrap());
    assert!(!store.update(name, &json!("bob"), user(json!({ email: "b@x" }))).await.unwrap());
    let rows: Vec<_> = all(store, None).await.into_iter().map(|(_, row)| row).collect();
    assert_eq!(rows, [row("b@x")]);
    assert_eq!(store.count().await.unwrap(), Some(1));
    assert!(store.remove(name, &ada).await.unwrap());
    assert!(!store.remove(name, &ada).await.unwrap());
    assert_eq!(store.find(name, &ada).await.unwrap(), None);
}

#[tokio::test]
async fn mixed_case_and_reserved_names() {
    in_each(|database| async move {
        let [table, name, email] = ["User", "userName", "select"].map(|name| database.quoted(name));
        database
            .run(&format!("CREATE TABLE {table} (id SERIAL, {name} varchar(50) UNIQUE, {email} varchar(50))"))
            .await;
        let store = database.store("User", &["userName", "select"], |builder| builder).await;
        check(&store, "userName", "select").await;
    })
    .await;
}

#[tokio::test]
async fn table_of_a_schema() {
    in_each(|database| async move {
        let name = database.choose(
            "main".to_owned(),
            format!("{}_Other", database.schema()),
            database.schema().to_owned(),
        );
        if database.choose(false, true, false) {
            database.run(&format!("CREATE SCHEMA {}", database.quoted(&name))).await;
        }
        let table = format!("{}.{}", database.quoted(&name), database.quoted("Users"));
        database
            .run(&format!("CREATE TABLE {table} (id SERIAL, name varchar(50) UNIQUE, email varchar(50))"))
            .await;
        let store = database.store(&format!("{name}.Users"), &["name", "email"], |builder| builder).await;
        check(&store, "name", "email").await;
        if database.choose(false, true, false) {
            database.run(&format!("DROP SCHEMA {} CASCADE", database.quoted(&name))).await;
        }
    })
    .await;
}

async fn sqlite_only(check: impl AsyncFn(Database)) {
    in_each(|database| async {
        if database.choose(true, false, false) {
            check(database).await;
        }
    })
    .await;
}

#[tokio::test]
async fn sqlite_strict_table() {
    sqlite_only(async |database: Database| {
        database
            .run(
                "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, email TEXT, active INT, score REAL, \
                 extra ANY) STRICT",
            )
            .await;
        let store = database.store("users", &["name", "email"], |builder| builder).await;
        check(&store, "name", "email").await;
        let columns = ["name", "active", "score", "extra"];
        let store = database.store("users", &columns, |builder| builder.on_delete(OnDelete::set("active", 0).restore(1))).await;
        let row = json!({ "name": "bob", "active": true, "score": 1, "extra": "7" });
        store.create(user(row), no_password()).await.unwrap();
        let found = store.find("name", &json!("bob")).await.unwrap().unwrap();
        assert_eq!(found, user(json!({ "name": "bob", "active": 1, "score": 1.0, "extra": "7" })));
        assert!(store.remove("name", &json!("bob")).await.unwrap());
        let removed = store.find("name", &json!("bob")).await.unwrap().unwrap();
        let expected = user(json!({ "name": "bob", "active": 0, "score": 1.0, "extra": "7" }));
        assert_eq!(removed, expected.removed_by("active", Some(json!(1))));
    })
    .await;
}

#[tokio::test]
async fn sqlite_table_without_rowid() {
    sqlite_only(async |database: Database| {
        database.run("CREATE TABLE users (name TEXT PRIMARY KEY, email TEXT) WITHOUT ROWID").await;
        let store = database.store("users", &["name", "email"], |builder| builder.key("name")).await;
        check(&store, "name", "email").await;
    })
    .await;
}

#[tokio::test]
async fn view_of_live_rows() {
    in_each(|database| async move {
        if database.choose(true, false, false) {
            // Its views are read only, but for triggers.
            return;
        }
        database
            .run(
                "CREATE TABLE people (id SERIAL, login varchar(50) NOT NULL, mail varchar(50), gone date); \
                 INSERT INTO people (login, gone) VALUES ('ada', '2020-01-01'); \
                 CREATE VIEW users AS SELECT id, login AS name, mail AS email FROM people WHERE gone IS NULL",
            )
            .await;
        let store = database.store("users", &["name", "email"], |builder| builder).await;
        check(&store, "name", "email").await;
        assert_eq!(database.count("people").await, 1);
    })
    .await;
}

/// A user and the account with the address, as better-auth has them, behind one view.
#[tokio::test]
async fn view_with_triggers_over_two_tables() {
    in_each(|database| async move {
        let tables = "CREATE TABLE people (id SERIAL, login varchar(50) NOT NULL UNIQUE); \
                      CREATE TABLE accounts (person bigint NOT NULL REFERENCES people ON DELETE CASCADE, mail varchar(50)); \
                      CREATE VIEW users AS SELECT id, login AS name, mail AS email FROM people JOIN accounts ON person = id";
        let triggers = database.choose(
            "CREATE TRIGGER i INSTEAD OF INSERT ON users BEGIN \
                 INSERT INTO people (login) VALUES (NEW.name); \
                 INSERT INTO accounts SELECT id, NEW.email FROM people WHERE login = NEW.name; END; \
             CREATE TRIGGER u INSTEAD OF UPDATE ON users BEGIN \
                 UPDATE accounts SET mail = NEW.email WHERE person = OLD.id; END; \
             CREATE TRIGGER d INSTEAD OF DELETE ON users BEGIN \
                 DELETE FROM accounts WHERE person = OLD.id; DELETE FROM people WHERE id = OLD.id; END",
            "CREATE FUNCTION i() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 INSERT INTO people (login) VALUES (NEW.name) RETURNING id INTO NEW.id; \
                 INSERT INTO accounts VALUES (NEW.id, NEW.email); RETURN NEW; END $$; \
             CREATE FUNCTION u() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 UPDATE accounts SET mail = NEW.email WHERE person = OLD.id; RETURN NEW; END $$; \
             CREATE FUNCTION d() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 DELETE FROM people WHERE id = OLD.id; RETURN OLD; END $$; \
             CREATE TRIGGER i INSTEAD OF INSERT ON users FOR EACH ROW EXECUTE FUNCTION i(); \
             CREATE TRIGGER u INSTEAD OF UPDATE ON users FOR EACH ROW EXECUTE FUNCTION u(); \
             CREATE TRIGGER d INSTEAD OF DELETE ON users FOR EACH ROW EXECUTE FUNCTION d()",
            "",
        );
        if triggers.is_empty() {
            // MySQL has no such triggers.
            return;
        }
        database.run(&format!("{tables}; {triggers}")).await;
        let store = database.store("users", &["name", "email"], |builder| builder).await;
        check(&store, "name", "email").await;
        assert_eq!((database.count("people").await, database.count("accounts").await), (0, 0));
    })
    .await;
}

/// The trigger marks the row, and the database says that none was deleted.
#[tokio::test]
async fn trigger_in_place_of_a_deletion() {
    in_each(|database| async move {
        if database.choose(true, false, true) {
            return;
        }
        database
            .run(
                "CREATE TABLE users (id SERIAL, name text UNIQUE, email text, gone boolean); \
                 INSERT INTO users (name) VALUES ('ada'); \
                 CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 UPDATE users SET gone = true WHERE id = OLD.id; RETURN NULL; END $$; \
                 CREATE TRIGGER keep BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION keep()",
            )
            .await;
        let store = database.store("users", &["name", "email"], |builder| builder).await;
        assert!(store.remove("name", &json!("ada")).await.unwrap());
        assert_eq!(database.count("users WHERE gone").await, 1);
        assert!(!store.remove("name", &json!("bob")).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn partial_unique_index() {
    in_each(|database| async move {
        let index = database.choose(
            "CREATE UNIQUE INDEX live ON users (name) WHERE gone IS NULL",
            "CREATE UNIQUE INDEX live ON users (name) WHERE gone IS NULL",
            // MySQL's own way: null differs from null.
            "ALTER TABLE users ADD live tinyint GENERATED ALWAYS AS (IF(gone IS NULL, 1, NULL)) STORED, \
             ADD UNIQUE KEY live (name, live)",
        );
        database
            .run("CREATE TABLE users (id SERIAL, name varchar(50) NOT NULL, email varchar(50), gone date)")
            .await;
        database.run(index).await;
        database
            .run("INSERT INTO users (name, gone) VALUES ('ada', '2020-01-01'), ('ada', '2021-01-01')")
            .await;
        let live =
            database.store("users", &["name", "email"], |builder| builder.only("gone", Value::Null)).await;
        check(&live, "name", "email").await;
        // Without the condition, it is not known who is meant.
        let every = database.store("users", &["name", "email"], |builder| builder).await;
        assert!(every.find("name", &json!("ada")).await.is_err());
    })
    .await;
}

#[tokio::test]
async fn postgresql_partitioned_table_and_identity() {
    in_each(|database| async move {
        if database.choose(true, false, true) {
            return;
        }
        database
            .run(
                "CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY, name text NOT NULL, email text, PRIMARY KEY (id)) \
                 PARTITION BY RANGE (id); CREATE TABLE one PARTITION OF users FOR VALUES FROM (0) TO (1000)",
            )
            .await;
        let store = database.store("users", &["name", "email"], |builder| builder).await;
        check(&store, "name", "email").await;
        let written = [LegacyField::from("id").on_create_only(), "name".into()];
        let builder = aigc_auth::user_sync::SqlStore::builder("users").columns(written);
        let error = builder.connect(database.url()).await.unwrap_err().to_string();
        assert_eq!(error, "table `users`: the database makes `id` itself: map them by FieldMapping::to_auth_only");
    })
    .await;
}
