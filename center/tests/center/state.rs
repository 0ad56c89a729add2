//! The state file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{ConnectOptions, Connection, Executor};
use test_support::process::{Directory, Program};

use crate::support::{Center, PROGRAM, complaint, directory};

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

/// Whatever was answered is there after a kill in the middle of writes, and the file opens again.
#[cfg(unix)]
#[tokio::test]
async fn nothing_that_was_answered_is_lost_by_a_kill() {
    let kept = Directory::new("kept");
    let state = format!("--state {}", kept.0.join("state").display());
    let (mut users, mut records) = (Vec::new(), 0);
    for round in 0..3 {
        let center = Center::start(&state).await;
        let by_console = async {
            let mut answered = Vec::new();
            for at in 0.. {
                let name = format!("console-{round}-{at}");
                let body = json!({"nickname": "x".repeat(500)});
                let request = center.api_request("POST", &format!("/api/users/{name}")).json(&body);
                match request.bearer_auth(center.token()).send().await {
                    Ok(response) => assert_eq!(response.status(), 201),
                    Err(_) => break,
                }
                answered.push(name);
            }
            answered
        };
        let by_service = async {
            let mut answered = Vec::new();
            for at in 0.. {
                let name = format!("service-{round}-{at}");
                match call(&center, "/sync/user", &json!({"username": name, "password": "p"})).await {
                    Ok(status) => assert_eq!(status, 200),
                    Err(_) => break,
                }
                answered.push(name);
            }
            answered
        };
        let usage = async {
            let stats: Vec<_> = (0..50).map(|at| json!({"api_path": format!("/{round}/{at}")})).collect();
            let mut answered = 0;
            while call(&center, "/stats/report/batch", &json!({ "stats": stats })).await.is_ok() {
                answered += stats.len();
            }
            answered
        };
        let kill = async {
            tokio::time::sleep(Duration::from_millis(400 + 130 * round)).await;
            center.example.signal("KILL");
        };
        let (console, service, reported, ()) = tokio::join!(by_console, by_service, usage, kill);
        assert!(!console.is_empty() && !service.is_empty() && reported > 0);
        users.extend(console.into_iter().chain(service));
        records += reported;

        let again = Center::start(&state).await;
        let known = tables(&again).await["users"].to_string();
        let lost: Vec<_> = users.iter().filter(|user| !known.contains(&format!("\"{user}\""))).collect();
        assert!(lost.is_empty(), "round {round}: {} of {} users are lost: {lost:?}", lost.len(), users.len());
        let mut found = 0;
        loop {
            let (_, page) = again.api("GET", &format!("/api/usage?after={found}"), None).await;
            match page.as_array().unwrap().last() {
                Some(record) => found = record["number"].as_u64().unwrap(),
                None => break,
            }
        }
        assert!(found as usize >= records, "round {round}: {found} of {records} usage records");
        records = found as usize;
    }
}

/// Calls the center as a service does. Returns the status, if there was an answer.
async fn call(center: &Center, endpoint: &str, body: &Value) -> reqwest::Result<u16> {
    let request = center.http.post(format!("{}/aigc-auth/sdk{endpoint}", center.url)).json(body);
    let request = request.header("x-app-id", "42").header("x-app-secret", "test-secret").bearer_auth("token");
    Ok(request.send().await?.status().as_u16())
}

/// A kill in the middle of a save leaves a file that is half of what it was and half of what it was to be, and a journal.
#[cfg(unix)]
#[tokio::test]
async fn save_that_was_cut_is_taken_back() {
    let kept = Directory::new("kept");
    let path = left(&kept.0).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut connection = options.connect().await.unwrap();
    let rows = "INSERT INTO entry WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
                SELECT 'users', 'cut-' || i, printf('%500d', i) FROM n";
    for sql in ["PRAGMA cache_size = 5", "BEGIN", "DELETE FROM entry WHERE name = 'apps'", rows] {
        connection.execute(sql).await.unwrap();
    }
    let cut = kept.0.join("cut");
    for suffix in ["", "-journal"] {
        let copy = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        std::fs::copy(copy(&path), copy(&cut)).unwrap();
    }
    connection.execute("ROLLBACK").await.unwrap();
    assert!(cut.metadata().unwrap().len() > 2 * path.metadata().unwrap().len(), "it was written to");
    let center = Center::start(&format!("--state {}", cut.display())).await;
    let tables = tables(&center).await;
    assert_eq!(tables["apps"].as_array().unwrap().len(), 2);
    assert!(!tables["users"].to_string().contains("cut-"));
}

/// The file is made before the ports are tried.
#[cfg(unix)]
#[tokio::test]
async fn seed_is_not_lost_by_a_port_in_use() {
    let other = Center::start("").await;
    let port = other.example.address.port();
    let kept = Directory::new("kept");
    let state = format!("--state {}", kept.0.join("state").display());
    for ports in [format!("--port {port}"), format!("--port 0 --console-port {port}")] {
        let seed = directory("seed.toml", crate::support::SEED);
        let said = complaint(&format!("{ports} --seed seed.toml {state}"), &seed).await;
        assert!(said.contains("is in use"), "{said}");
    }
    let center = Center::start(&state).await;
    assert!(center.client().user_info("token").await.unwrap().has_permission("report:read"));
}

/// A file that must not grow is a disk that is full. What was answered by 201 is there afterwards, and what could not be saved was
/// not answered by it.
#[cfg(unix)]
#[tokio::test]
async fn full_disk_is_told_and_loses_nothing_that_was_answered() {
    let kept = Directory::new("kept");
    let path = left(&kept.0).await;
    let limited = format!("trap '' XFSZ\nulimit -f 128\nexec {} \"$@\"\n", PROGRAM.0);
    let script = directory("limited.sh", &limited);
    let arguments = format!("limited.sh --port 0 --state {}", path.display());
    let center = Center::of(Program("/bin/sh").start_in(&arguments, script, &[]).await).await;
    let (mut saved, mut unsaved) = (Vec::new(), 0);
    for at in 0.. {
        let body = json!({"nickname": "x".repeat(4_000)});
        let (status, answer) = center.api("POST", &format!("/api/users/user-{at}"), Some(body)).await;
        match status {
            201 => saved.push(format!("\"user-{at}\"")),
            507 => {
                assert!(answer["error"].as_str().unwrap().contains("not saved"), "{answer}");
                unsaved += 1;
            }
            _ => panic!("{status} {answer}"),
        }
        if unsaved == 5 {
            break;
        }
    }
    assert!(saved.len() > 3, "{saved:?}");
    assert_eq!(
        call(&center, "/sync/user", &json!({"username": "more", "password": "p"})).await.unwrap(),
        507
    );
    assert_eq!(
        call(&center, "/user/info", &json!({"token": "token"})).await.unwrap(),
        200,
        "questions are answered"
    );
    // Nobody is told again and again of a change that cannot be saved.
    let told = || async { center.api("GET", "/api/state", None).await.1["last_event"].clone() };
    let before = told().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(told().await, before);
    center.example.signal("TERM");
    let (_, status) = center.example.ended().await;
    assert!(!status.success(), "it says that the file is not up to date");
    let again = Center::start(&format!("--state {}", path.display())).await;
    let known = tables(&again).await["users"].to_string();
    let lost: Vec<_> = saved.iter().filter(|user| !known.contains(*user)).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// To SQLite, `:memory:` is no file.
#[cfg(unix)]
#[tokio::test]
async fn state_file_is_the_file_of_its_name() {
    let kept = Directory::new("kept");
    for name in [":memory:", "file:x?mode=memory", "a%20b"] {
        let seed = format!("--seed {}", kept.0.join("seed.toml").display());
        std::fs::write(kept.0.join("seed.toml"), crate::support::SEED).unwrap();
        let center = Center::start_in(&format!("{seed} --state {name}"), Directory(kept.0.clone())).await;
        center.change("POST", "/api/users/dave", json!({})).await;
        assert!(kept.0.join(name).metadata().unwrap().len() > 8_192, "{name}");
        drop(center);
        std::fs::create_dir_all(&kept.0).unwrap();
    }
    let said = complaint(&format!("--port 0 --state {}", kept.0.display()), &kept).await;
    assert!(said.contains("expected a file, found a directory"), "{said}");
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
    let cases: [(&str, Damage); 9] = [
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
        ("is damaged: the table of apps cannot be read", sql("DELETE FROM entry WHERE name = 'apps'")),
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
