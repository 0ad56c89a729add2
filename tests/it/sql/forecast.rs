//! What the database would refuse later is an error of the connection, all of it at once.

use aigc_auth::user_sync::{BytesAs, LegacyField, OnDelete, SqlStore, SqlStoreBuilder};

use crate::sql::support::in_each;
use crate::support::Log;

async fn failures(url: &str, builder: SqlStoreBuilder) -> Vec<String> {
    match builder.connect(url).await {
        Ok(_) => vec![],
        Err(error) => {
            let error = error.to_string();
            let list = error.strip_prefix("table `users`: ").unwrap_or_else(|| panic!("{error}"));
            list.split("; ").map(str::to_owned).collect()
        }
    }
}

#[tokio::test]
async fn all_that_would_fail_is_listed() {
    in_each(|database| async move {
        let bytes = database.choose("blob", "bytea", "varbinary(50)");
        database
            .run(&format!(
                "CREATE TABLE users (id SERIAL, username varchar(50) NOT NULL, last_name varchar(50) NOT NULL, \
                 is_staff boolean NOT NULL, joined date NOT NULL DEFAULT '2020-01-01', hash varchar(100) NOT NULL, \
                 shown varchar(60) GENERATED ALWAYS AS (username) STORED, token {bytes}, is_active boolean NOT NULL, \
                 tenant varchar(10) NOT NULL)"
            ))
            .await;
        let url = database.url();
        let users = |columns: &[&str]| SqlStore::builder("users").columns(columns.iter().copied());
        let unfilled = |columns: &str| {
            format!(
                "new users need a value in {columns}, NOT NULL without a default: map them, such as by \
                 FieldMapping::default_legacy or default_legacy_with"
            )
        };
        assert_eq!(
            failures(url, users(&["id", "username", "shown", "token"]).on_delete(OnDelete::set("is_active", false))).await,
            [
                unfilled("`last_name`, `is_staff`, `hash`, `is_active`, `tenant`"),
                "the database makes `shown` itself: map them by FieldMapping::to_auth_only".to_owned(),
                "bytes are in `token`: say by SqlStoreBuilder::bytes whether that is text".to_owned(),
                "the key `id` is never updated, and a field would write it at each update: use \
                 FieldMapping::on_create_only, or LegacyField::on_create_only"
                    .to_owned(),
            ]
        );
        // Columns, the password, the flag and conditions fill what new users need.
        let flag = OnDelete::set("is_active", false).restore(true);
        let filled = users(&["username", "last_name"]).password_column("hash").on_delete(flag).only("tenant", "a");
        assert_eq!(failures(url, filled.clone()).await, [unfilled("`is_staff`")]);
        let staff = LegacyField::from("is_staff").on_create_only();
        let shown = LegacyField::from("shown").read_only();
        let fields = ["username", "last_name", "token"].map(LegacyField::from).into_iter().chain([staff, shown]);
        assert_eq!(failures(url, filled.columns(fields).bytes(["token"], BytesAs::Hex)).await, [""; 0]);
        // Who creates nobody needs nothing.
        let read = ["username", "shown"].map(|name| LegacyField::from(name).read_only());
        assert_eq!(failures(url, SqlStore::builder("users").columns(read)).await, [""; 0]);
    })
    .await;
}

#[tokio::test]
async fn what_the_database_fills_needs_no_field() {
    in_each(|database| async move {
        let tables = database.choose(
            // Django's own way to declare a key.
            "CREATE TABLE users (id integer NOT NULL PRIMARY KEY AUTOINCREMENT, username text NOT NULL)",
            "CREATE DOMAIN text_of_none AS text NOT NULL DEFAULT ''; \
             CREATE TABLE users (id bigserial PRIMARY KEY, username text NOT NULL, about text_of_none, made text NOT NULL); \
             CREATE FUNCTION make() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.made = 'x'; RETURN NEW; END $$; \
             CREATE TRIGGER make BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION make()",
            // An enum without a default gets its first value.
            "CREATE TABLE users (id bigint AUTO_INCREMENT PRIMARY KEY, username varchar(50) NOT NULL, \
             kind enum('a', 'b') NOT NULL, code char(36) NOT NULL DEFAULT (uuid()))",
        );
        database.run(tables).await;
        let users = || SqlStore::builder("users").columns(["username"]);
        assert_eq!(failures(database.url(), users()).await, [""; 0]);
        let store = users().connect(database.url()).await.unwrap();
        let ada = crate::sql::support::user(serde_json::json!({ "username": "ada" }));
        aigc_auth::user_sync::LegacyStore::create(&store, ada, crate::sql::support::no_password()).await.unwrap();
        let needs = database.choose(
            "CREATE TABLE needs (id integer NOT NULL PRIMARY KEY, username text NOT NULL, code text NOT NULL) WITHOUT ROWID",
            "CREATE DOMAIN needed AS text NOT NULL; \
             CREATE TABLE needs (id bigint PRIMARY KEY, username text NOT NULL, code needed)",
            "CREATE TABLE needs (id bigint PRIMARY KEY, username varchar(50) NOT NULL, code text NOT NULL)",
        );
        database.run(needs).await;
        let error = SqlStore::builder("needs").columns(["username"]).connect(database.url()).await.unwrap_err();
        let error = error.to_string();
        assert!(error.starts_with("table `needs`: new users need a value in `id`, `code`, NOT NULL"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn partly_unique_columns_are_a_warning() {
    in_each(|database| async move {
        let partial = database.choose(
            "CREATE UNIQUE INDEX one ON users (username) WHERE deleted_at IS NULL",
            "CREATE UNIQUE INDEX one ON users (username) WHERE deleted_at IS NULL",
            "CREATE UNIQUE INDEX one ON users (username, deleted_at)",
        );
        database
            .run(&format!(
                "CREATE TABLE users (id SERIAL, username varchar(50), email varchar(50) UNIQUE, deleted_at date); {partial}; \
                 CREATE UNIQUE INDEX two ON users (email, deleted_at)"
            ))
            .await;
        let logs = Log::start();
        let columns = ["username", "email"];
        database.store("users", &columns, |builder| builder).await;
        let said = logs.take();
        assert_eq!(said.matches("unique only with other columns").count(), 1, "{said}");
        assert!(said.contains("table=users column=\"username\"") || said.contains("column=username"), "{said}");
        database.store("users", &columns, |builder| builder.only("deleted_at", serde_json::Value::Null)).await;
        assert!(!logs.take().contains("unique only with"));
    })
    .await;
}

#[tokio::test]
async fn hidden_rows_are_refused() {
    in_each(|database| async move {
        if database.choose(true, false, true) {
            return;
        }
        let role = format!("{}_role", database.schema());
        database
            .run(&format!(
                "CREATE TABLE users (id SERIAL, username text); INSERT INTO users (username) VALUES ('ada'), ('bob'); \
                 ALTER TABLE users ENABLE ROW LEVEL SECURITY; CREATE POLICY one ON users USING (username = 'ada'); \
                 CREATE ROLE {role} LOGIN PASSWORD 'x'; GRANT USAGE ON SCHEMA {} TO {role}; GRANT ALL ON users TO {role}",
                database.schema()
            ))
            .await;
        let (_, server) = database.url().split_once('@').unwrap();
        let url = format!("postgres://{role}:x@{server}");
        let users = || SqlStore::builder("users").columns(["username"]);
        let why = "row level security hides rows from this role: connect as one with BYPASSRLS, or allow it by \
                   SqlStoreBuilder::allow_row_level_security";
        assert_eq!(failures(&url, users()).await, why.split("; ").map(str::to_owned).collect::<Vec<_>>());
        let store = users().allow_row_level_security().connect(&url).await.unwrap();
        assert_eq!(crate::sql::support::all(&store, None).await.len(), 1);
        // Who owns the table sees all rows.
        assert_eq!(failures(database.url(), users()).await, [""; 0]);
        drop(store);
        database.run(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await;
    })
    .await;
}
