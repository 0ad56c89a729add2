//! The state file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection, Executor};
use test_support::process::Directory;
use test_support::until_async;

use crate::support::{Center, complaint, directory};

/// The tables as the console sees them.
async fn tables(center: &Center) -> BTreeMap<String, Value> {
    let (_, state) = center.api("GET", "/api/state", None).await;
    serde_json::from_value(state["tables"].clone()).unwrap()
}

async fn stop(center: Center) {
    center.example.signal("TERM");
    let (rest, status) = center.example.ended().await;
    assert!(status.success(), "{rest}");
}

async fn run_sql(path: &Path, sql: &'static str) {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    let mut connection = options.connect().await.unwrap();
    connection.execute(sql).await.unwrap();
    connection.close().await.unwrap();
}

/// A state file that a center has left behind.
async fn left(at: &Path) -> PathBuf {
    let path = at.join("state");
    let center = Center::start(&format!("--state {}", path.display())).await;
    stop(center).await;
    path
}

#[cfg(unix)]
#[tokio::test]
async fn state_survives_the_program() {
    let kept = Directory::new("kept");
    let path = kept.0.join("state");
    let state = format!("--state {}", path.display());
    let center = Center::start(&state).await;
    let client = center.client();
    let key =
        client.create_access_key("token", &aigc_auth::client::NewAccessKey::new().name("ci")).await.unwrap();
    center.change("PATCH", "/api/users/alice", json!({"permissions": ["a:b", "c:d"]})).await;
    center.change("POST", "/api/users/dave", json!({"nickname": "Dave"})).await;
    center.change("DELETE", "/api/users/carol", json!(null)).await;
    center.change("POST", "/api/tokens", json!({"user": "dave", "app": "9", "expires_in": 60})).await;
    let reported = center.http.post(format!("{}/aigc-auth/sdk/stats/report/batch", center.url));
    let reported =
        reported.header("x-app-id", "42").header("x-app-secret", "test-secret").bearer_auth("token");
    reported.json(&json!({"stats": [{"api_path": "/a"}, {"api_path": "/b"}]})).send().await.unwrap();
    let (before, usage) = (tables(&center).await, center.api("GET", "/api/usage", None).await);
    assert_eq!(usage.1[1]["username"], "alice");
    stop(center).await;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "it has secrets");
    }

    // Another seed: what is in the file counts.
    let other = directory("seed.toml", "[[users]]\nusername = \"other\"\n");
    let center = Center::start_in(&format!("--seed seed.toml {state}"), other).await;
    assert_eq!(tables(&center).await, before);
    assert_eq!(center.api("GET", "/api/usage", None).await, usage);
    let client = center.client();
    assert!(client.user_info("token").await.unwrap().has_permission("c:d"));
    assert_eq!(client.verify_access_key(key.key.expose()).await.unwrap().username.as_deref(), Some("alice"));
}

/// What has been saved is there after a kill, too: only the last moments are not.
#[cfg(unix)]
#[tokio::test]
async fn a_kill_loses_the_last_moments_alone() {
    let kept = Directory::new("kept");
    let path = kept.0.join("state");
    let state = format!("--state {}", path.display());
    let center = Center::start(&state).await;
    center.change("POST", "/api/users/dave", json!({})).await;
    // No way to look into the file, which is locked: the event of the change comes before it is saved, and the next one after.
    let saved = async |center: &Center, table: &str| {
        center.events(0).await.iter().any(|event| event["table"] == table)
    };
    until_async("the change is noticed", async || saved(&center, "users").await).await;
    center.change("PUT", "/api/groups/later", json!({})).await;
    let count = async || {
        let events = center.events(0).await;
        events.iter().filter(|event| event["table"] == "groups").count()
    };
    until_async("a later one is noticed", async || count().await >= 2).await;
    center.example.signal("KILL");
    let (_, status) = center.example.ended().await;
    assert!(!status.success());
    let again = Center::start(&state).await;
    assert!(tables(&again).await["users"].to_string().contains("dave"));
}

#[cfg(unix)]
#[tokio::test]
async fn state_file_that_is_not_its_own_is_left_as_it_is() {
    type Damage = Box<dyn Fn(PathBuf) -> std::pin::Pin<Box<dyn Future<Output = ()>>>>;
    fn sql(sql: &'static str) -> Damage {
        Box::new(move |path| Box::pin(async move { run_sql(&path, sql).await }))
    }
    fn bytes(change: fn(&mut Vec<u8>)) -> Damage {
        Box::new(move |path| {
            let mut bytes = std::fs::read(&path).unwrap();
            change(&mut bytes);
            std::fs::write(&path, bytes).unwrap();
            Box::pin(async {})
        })
    }
    let cases: [(&str, Damage); 8] = [
        ("is of version 2, and this program reads version 1", sql("PRAGMA user_version = 2")),
        ("is of version 0, and this program reads version 1", sql("PRAGMA user_version = 0")),
        ("is a database of another program", sql("PRAGMA application_id = 7")),
        (
            "is damaged, or no state file",
            bytes(|bytes| *bytes = b"[[users]]\nusername = \"alice\"\n".repeat(100)),
        ),
        ("is damaged", bytes(|bytes| bytes.truncate(bytes.len() / 2))),
        ("is damaged", bytes(|bytes| bytes[4096..8192].fill(0xff))),
        (
            "is damaged: a row of users cannot be read",
            sql("UPDATE entry SET value = '{\"id\": 7}' WHERE name = 'users'"),
        ),
        ("is damaged: a row of apps cannot be read", sql("UPDATE entry SET value = 'x' WHERE name = 'apps'")),
    ];
    for (expected, damage) in cases {
        let kept = Directory::new("kept");
        let path = left(&kept.0).await;
        damage(path.clone()).await;
        let before = std::fs::read(&path).unwrap();
        let said = complaint(&format!("--port 0 --state {}", path.display()), &kept).await;
        assert!(said.contains(expected) && said.contains("is left as it is"), "{expected}: {said}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "{expected}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn state_file_in_use_is_refused() {
    let kept = Directory::new("kept");
    let state = format!("--state {}", kept.0.join("state").display());
    let center = Center::start(&state).await;
    let said = complaint(&format!("--port 0 {state}"), &kept).await;
    assert!(said.contains("is in use by another program"), "{said}");
    center.client().user_info("token").await.unwrap();
}
