//! An auth center and a table, kept in step.

use aigc_auth::testing::AuthCenter;
use aigc_auth::user_sync::{
    FieldMapping, OnDelete, PasswordPolicy, PushEvent, PushOptions, SqlStore, SyncConfig, SyncMode, UserSync,
};
use aigc_auth::{AuthClient, Secret};
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::sql::support::{Database, in_each};
use crate::support;

/// The table that a service had before it joined.
const TABLE: &str = "CREATE TABLE users (id SERIAL, login varchar(50) NOT NULL UNIQUE, mail text, \
                     is_active boolean NOT NULL, hashed_password varchar(100))";

fn config() -> SyncConfig {
    let active = FieldMapping::new("status", "is_active").flag("active", "disabled").default_legacy(true);
    SyncConfig::new()
        .trust_event_order()
        .mode(SyncMode::Bidirectional)
        .mappings([
            FieldMapping::new("username", "login").required(),
            FieldMapping::new("email", "mail"),
            active,
        ])
        .password_policy(PasswordPolicy::unified("first password"))
}

/// As bcrypt writes them.
fn hash(row: usize) -> String {
    format!("$2b$04${row:053}")
}

async fn store(database: &Database, config: &SyncConfig) -> SqlStore {
    let flag = OnDelete::set("is_active", false);
    let configure = |builder: aigc_auth::user_sync::SqlStoreBuilder| {
        builder.columns(config.legacy_fields()).password_column("hashed_password").on_delete(flag)
    };
    database.store("users", &[], configure).await
}

async fn sync(database: &Database, client: AuthClient, config: SyncConfig) -> UserSync {
    UserSync::new(client, store(database, &config).await, config).unwrap()
}

async fn handle(sync: &UserSync, event: &str, data: Value) -> String {
    let answer = sync.handle_event(event, data.as_object()).await.unwrap();
    answer["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn events_update_table() {
    in_each(|database| async move {
        database.run(TABLE).await;
        let center = AuthCenter::start().await;
        let sync = sync(&database, support::client(&center), config()).await;
        let row = async || {
            let columns = ["login", "mail", "is_active", "hashed_password"];
            let mut row = vec![];
            for column in columns {
                row.push(database.text(column, "users").await);
            }
            row
        };
        let ada = json!({ "id": 1, "username": "ada", "email": "ada@x", "status": "active" });
        assert_eq!(handle(&sync, "user.created", ada.clone()).await, "User created");
        let created = row().await;
        assert_eq!(created[..2], [Some("ada".to_owned()), Some("ada@x".to_owned())]);
        assert!(bcrypt::verify("first password", created[3].as_ref().unwrap()).unwrap());

        assert_eq!(handle(&sync, "user.created", ada.clone()).await, "User unchanged");
        let update = |email: Value, status: &str| {
            json!({ "username": "ada", "email": email, "status": status, "updatedFields": ["email", "status"] })
        };
        // As it is in the table already, whatever the database calls true.
        assert_eq!(handle(&sync, "user.updated", update("ada@x".into(), "active")).await, "User unchanged");
        assert_eq!(handle(&sync, "user.updated", update("🎉@x".into(), "active")).await, "User updated");
        assert_eq!(handle(&sync, "user.updated", update(Value::Null, "disabled")).await, "User updated");
        let updated = row().await;
        assert_eq!((&updated[1], &updated[3]), (&None, &created[3]));
        assert_ne!(updated[2], created[2]);
        assert_eq!(handle(&sync, "user.updated", update(Value::Null, "active")).await, "User updated");
        assert_eq!(handle(&sync, "user.deleted", ada).await, "User removed");
        assert_eq!(row().await, updated, "flagged, and otherwise as before");
        assert_eq!(handle(&sync, "user.deleted", json!({ "username": "bob" })).await, "There is no such user");
    })
    .await;
}

#[tokio::test]
async fn concurrent_events_create_one_row() {
    in_each(|database| async move {
        database.run(TABLE).await;
        let center = AuthCenter::start().await;
        let client = support::client(&center);
        // Two processes, as it were: each has locks of its own.
        let syncs =
            [sync(&database, client.clone(), config()).await, sync(&database, client, config()).await];
        let mut tasks = JoinSet::new();
        for task in 0..50 {
            let sync = syncs[task % 2].clone();
            tasks.spawn(async move {
                let name = ["ada", "bob"][task / 2 % 2];
                handle(&sync, "user.login", json!({ "username": name })).await
            });
        }
        let answers = tasks.join_all().await;
        assert_eq!(answers.iter().filter(|answer| *answer == "User created").count(), 2, "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| *answer == "User unchanged").count(), 48, "{answers:?}");
        assert_eq!(database.count("users").await, 2);
    })
    .await;
}

#[tokio::test]
async fn push_sends_all_users_and_resumes() {
    in_each(|database| async move {
        database.run(TABLE).await;
        let values: Vec<_> = (0..312)
            .map(|row| format!("('user {row}', 'u{row}@x', {}, '{}')", row % 2 == 0, hash(row)))
            .collect();
        let insert = "INSERT INTO users (login, mail, is_active, hashed_password) VALUES";
        database.run(&format!("{insert} {}", values.join(", "))).await;
        let center = AuthCenter::start().await;
        let hashes =
            PasswordPolicy::mapped_hash(|row, _| Some(Secret::from(row.get("hashed_password")?.as_str()?)));
        let client = support::client(&center);
        let sync = sync(&database, client, config().password_policy(hashes)).await;
        assert_eq!(sync.count().await.unwrap(), Some(312));

        let file = std::env::temp_dir().join(format!("{}-push.json", database.schema()));
        let options = || PushOptions::new().checkpoint(&file).max_in_flight(1);
        let mut push = sync.push_all(options());
        while let PushEvent::Failed(_) = push.try_next().await.unwrap().unwrap() {}
        drop(push);
        let sent = center.users().len();
        assert!(sent < 312, "{sent} were sent before the push was left");
        let summary = sync.push_all(options().resume()).finish().await.unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!((summary.total, summary.failed), (312, 0), "{summary:?}");
        let users = center.users();
        assert_eq!(users.len(), 312);
        for user in users {
            let row: usize = user.username().strip_prefix("user ").unwrap().parse().unwrap();
            let status = if row.is_multiple_of(2) { "active" } else { "disabled" };
            let user = json!(user);
            assert_eq!((&user["email"], &user["status"]), (&json!(format!("u{row}@x")), &json!(status)));
        }
        let requests = center.requests();
        let sent = requests.iter().filter_map(|request| request.body["users"].as_array()).flatten();
        for user in sent {
            let row = user["username"].as_str().unwrap().strip_prefix("user ").unwrap();
            assert_eq!(user["password_hashed"], hash(row.parse().unwrap()));
        }
    })
    .await;
}
