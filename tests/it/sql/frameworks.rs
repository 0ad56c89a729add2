//! Tables as frameworks make them, with the mappings of the guide: a user who comes, changes, goes and comes back. For
//! better-auth and Directus, the laboratory has the applications, too.

use aigc_auth::user_sync::{
    FieldMapping, LegacyUser, OnDelete, PasswordHash, PasswordPolicy, SqlStore, SyncConfig, UserSync,
};
use serde_json::{Map, Value, json};

use super::applications::story::id_of;
use crate::sql::support::{Database, in_each};

/// The statements of the guide for this framework.
pub(crate) fn statements(framework: &str) -> &'static str {
    let guide = include_str!("../../../docs/frameworks.md");
    let section = guide.split("\n## ").find(|section| section.lines().next() == Some(framework)).unwrap();
    section.split("```sql\n").nth(1).unwrap().split("```").next().unwrap()
}

/// Handles events about zoe, and returns what was done.
struct Events(UserSync);

impl Events {
    fn new(config: SyncConfig, store: SqlStore) -> Self {
        let client = aigc_auth::AuthClient::builder("a", "b", "http://127.0.0.1:9").build().unwrap();
        let config = config.password_policy(PasswordPolicy::locked());
        Self(UserSync::new(client, store, config).unwrap())
    }

    async fn handle(&self, event: &str, changes: Value) -> String {
        let data = [("username", "zoe"), ("email", "zoe@example.com"), ("nickname", "Zoe")];
        let mut data: Map<String, Value> =
            data.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        data.extend(changes.as_object().unwrap().clone());
        let answer = self.0.handle_event(event, Some(&data)).await;
        answer.unwrap_or_else(|error| panic!("{event}: {error}"))["message"].as_str().unwrap().to_owned()
    }

    /// Created, changed with a null among the changes, removed and created again.
    async fn live(&self, back: &str) {
        let changes = json!({"nickname": null, "updatedFields": ["nickname"]});
        assert_eq!(self.handle("user.created", json!({})).await, "User created");
        self.handle("user.updated", changes).await;
        assert_eq!(self.handle("user.deleted", json!({})).await, "User removed");
        assert_eq!(self.handle("user.created", json!({})).await, back);
    }
}

async fn is_hash(database: &Database, column: &str, table: &str, start: &str) {
    let hash = database.text(column, table).await.unwrap();
    assert!(hash.starts_with(start) && hash.len() == 60, "{hash}");
}

#[tokio::test]
async fn laravel() {
    in_each(|database| async move {
        let table = "CREATE TABLE users (id SERIAL, name varchar(255) NOT NULL, email varchar(255) NOT NULL UNIQUE, \
             email_verified_at timestamp NULL, password varchar(255) NOT NULL, remember_token varchar(100) NULL, \
             created_at timestamp NULL, updated_at timestamp NULL, deleted_at timestamp NULL)";
        database.run(table).await;
        let config = SyncConfig::new().trust_event_order().unique_field("email").mappings([
            FieldMapping::new("email", "email").required(),
            FieldMapping::new("username", "email").to_auth_only(),
            FieldMapping::new("nickname", "name").default_legacy_with(|user| user["username"].clone()),
        ]);
        let configure = |builder: aigc_auth::user_sync::SqlStoreBuilder| {
            builder
                .columns(config.legacy_fields())
                .password_column("password")
                .hash(PasswordHash::bcrypt_2y(4))
                .on_delete(OnDelete::now("deleted_at"))
        };
        let store = database.store("users", &[], configure).await;
        Events::new(config.clone(), store).live("User restored").await;
        is_hash(&database, "password", "users", "$2y$04$").await;
        assert_eq!(database.text("name", "users WHERE deleted_at IS NULL").await.as_deref(), Some("Zoe"));
    })
    .await;
}

#[tokio::test]
async fn rails() {
    in_each(|database| async move {
        let table = "CREATE TABLE users (id SERIAL, username varchar(255) NOT NULL UNIQUE, email varchar(255) NOT NULL \
             DEFAULT '', encrypted_password varchar(255) NOT NULL DEFAULT '', discarded_at timestamp NULL, \
             created_at timestamp NOT NULL, updated_at timestamp NOT NULL)";
        // MariaDB gives the first such column a default of its own.
        let table = database.choose(table.to_owned(), table.to_owned(), table.replace("timestamp", "datetime(6)"));
        database.run(&table).await;
        let now = || json!("2026-01-02 03:04:05");
        let only_new = |column: &str| FieldMapping::new(column, column).to_legacy_only().on_create_only();
        let config = SyncConfig::new().trust_event_order().mappings([
            FieldMapping::new("username", "username").required(),
            FieldMapping::new("email", "email").default_legacy(""),
            only_new("created_at").default_legacy_with(move |_| now()),
            only_new("updated_at").default_legacy_with(move |_| now()),
        ]);
        let configure = |builder: aigc_auth::user_sync::SqlStoreBuilder| {
            builder
                .columns(config.legacy_fields())
                .password_column("encrypted_password")
                .on_delete(OnDelete::now("discarded_at"))
        };
        let store = database.store("users", &[], configure).await;
        Events::new(config.clone(), store).live("User restored").await;
        is_hash(&database, "encrypted_password", "users WHERE discarded_at IS NULL", "$2b$").await;
    })
    .await;
}

#[tokio::test]
async fn wordpress() {
    in_each(|database| async move {
        let id = database.quoted("ID");
        database
            .run(&format!(
                "CREATE TABLE wp_users ({id} SERIAL, user_login varchar(60) NOT NULL DEFAULT '', user_pass varchar(255) NOT \
                 NULL DEFAULT '', user_email varchar(100) NOT NULL DEFAULT '', display_name varchar(250) NOT NULL \
                 DEFAULT ''); CREATE TABLE wp_usermeta (umeta_id SERIAL, user_id bigint NOT NULL DEFAULT 0, meta_key \
                 varchar(255), meta_value varchar(1000))"
            ))
            .await;
        let config = SyncConfig::new().trust_event_order().mappings([
            FieldMapping::new("username", "user_login").required(),
            FieldMapping::new("email", "user_email").default_legacy(""),
            FieldMapping::new("nickname", "display_name").default_legacy(""),
        ]);
        let configure = |builder: aigc_auth::user_sync::SqlStoreBuilder| {
            builder.key("ID").columns(config.legacy_fields()).password_column("user_pass").companion(
                "wp_usermeta",
                |user| {
                    let role = [
                        ("user_id", user["ID"].clone()),
                        ("meta_key", json!("wp_capabilities")),
                        ("meta_value", json!(r#"a:1:{s:10:"subscriber";b:1;}"#)),
                    ];
                    Some(LegacyUser::from_iter(role))
                },
            )
        };
        let store = database.store("wp_users", &[], configure).await;
        Events::new(config.clone(), store).live("User created").await;
        is_hash(&database, "user_pass", "wp_users", "$2b$").await;
        let newest = database.text(&id, "wp_users").await.unwrap();
        let role = database.text("meta_value", &format!("wp_usermeta WHERE user_id = {newest}")).await;
        assert_eq!(role.as_deref(), Some(r#"a:1:{s:10:"subscriber";b:1;}"#));
    })
    .await;
}

/// Their applications look emails up in lower case.
fn email_in_lower_case() -> FieldMapping {
    FieldMapping::new("email", "email")
        .to_legacy(|email| Ok(json!(email.as_str().unwrap_or_default().to_lowercase())))
        .required()
}

fn id_of_new() -> FieldMapping {
    FieldMapping::new("id", "id").default_legacy_with(id_of).to_legacy_only().on_create_only()
}

pub(crate) fn better_auth_config() -> SyncConfig {
    SyncConfig::new().trust_event_order().unique_field("email").mappings([
        email_in_lower_case(),
        FieldMapping::new("username", "email").to_auth_only(),
        FieldMapping::new("nickname", "name").default_legacy_with(|user| user["username"].clone()),
        FieldMapping::new("status", "banned")
            .to_legacy(|status| Ok(json!(status != "active")))
            .to_auth(|banned| Ok(json!(if banned == false { "active" } else { "disabled" }))),
        id_of_new(),
    ])
}

pub(crate) fn directus_config(role: String) -> SyncConfig {
    SyncConfig::new().trust_event_order().unique_field("email").mappings([
        email_in_lower_case(),
        FieldMapping::new("username", "email").to_auth_only(),
        FieldMapping::new("nickname", "first_name"),
        FieldMapping::new("status", "status")
            .to_legacy(|status| Ok(json!(if status == "active" { "active" } else { "suspended" })))
            .to_auth(|status| Ok(json!(if status == "active" { "active" } else { "disabled" }))),
        id_of_new(),
        FieldMapping::new("role", "role").default_legacy(role).to_legacy_only().on_create_only(),
    ])
}

#[tokio::test]
async fn better_auth() {
    in_each(|database| async move {
        if database.choose(true, false, true) {
            return;
        }
        database
            .run(
                r#"CREATE TABLE "user" (id text PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE,
                "emailVerified" boolean NOT NULL, "updatedAt" timestamptz NOT NULL DEFAULT now(), banned boolean,
                "banExpires" timestamptz);
                CREATE TABLE account (id text PRIMARY KEY, "accountId" text NOT NULL, "providerId" text NOT NULL,
                "userId" text NOT NULL REFERENCES "user" ON DELETE CASCADE, password text, "updatedAt" timestamptz NOT NULL);
                CREATE TABLE session (id text PRIMARY KEY, "userId" text NOT NULL REFERENCES "user" ON DELETE CASCADE)"#,
            )
            .await;
        database.run(statements("better-auth")).await;
        let config = better_auth_config();
        let store =
            database.store("members", &[], |b| b.columns(config.legacy_fields()).password_column("password"));
        let events = Events::new(config.clone(), store.await);
        events.live("User created").await;
        is_hash(&database, "password", "account", "$2b$04$").await;

        database.run("INSERT INTO session SELECT 's', id FROM \"user\"").await;
        // A column that cannot be without a value keeps nobody enabled, of a view neither.
        let disabled = json!({"status": "disabled", "nickname": null, "updatedFields": ["status", "nickname"]});
        assert_eq!(events.handle("user.updated", disabled).await, "User updated");
        assert_eq!(database.count("\"user\" WHERE banned AND name = 'Zoe'").await, 1);
        assert_eq!(database.count("session").await, 0);
        events.handle("user.deleted", json!({})).await;
        assert_eq!(database.count("account").await, 0);
    })
    .await;
}

#[tokio::test]
async fn directus() {
    in_each(|database| async move {
        if database.choose(true, false, true) {
            return;
        }
        database
            .run(
                r#"CREATE TABLE directus_users (id uuid PRIMARY KEY, first_name varchar(50), email varchar(128) UNIQUE,
                password varchar(255), status varchar(16) NOT NULL DEFAULT 'active', role uuid);
                CREATE TABLE directus_sessions (token varchar(64) PRIMARY KEY, "user" uuid REFERENCES directus_users);
                INSERT INTO directus_users VALUES ('00000000-0000-0000-0000-000000000001', 'Ann', 'Ann@Example.com')"#,
            )
            .await;
        database.run(statements("Directus")).await;
        assert_eq!(database.count("directus_users WHERE email = 'ann@example.com'").await, 1);
        let role = "00000000-0000-0000-0000-000000000002";
        let config = directus_config(role.to_owned());
        let configure = |builder: aigc_auth::user_sync::SqlStoreBuilder| {
            builder
                .columns(config.legacy_fields())
                .password_column("password")
                .on_delete(OnDelete::set("status", "archived").restore("active"))
        };
        let store = database.store("directus_users", &[], configure).await;
        let events = Events::new(config.clone(), store);
        events.live("User restored").await;
        assert_eq!(database.count(&format!("directus_users WHERE role = '{role}'")).await, 1);
        database.run("INSERT INTO directus_sessions SELECT 's', id FROM directus_users WHERE role IS NOT NULL").await;
        let renamed = json!({"nickname": "Z", "updatedFields": ["nickname"]});
        assert_eq!(events.handle("user.updated", renamed).await, "User updated");
        assert_eq!(database.count("directus_sessions").await, 1);
        assert_eq!(events.handle("user.deleted", json!({})).await, "User removed");
        assert_eq!(database.count("directus_sessions").await, 0);
    })
    .await;
}
