//! The configuration in a file, for a start while the auth center is down.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aigc_auth::registry::{RegistrationBuilder, RegistrationState};
use aigc_auth::testing::{AuthCenter, Fault};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::registry::support::{Directory, PATIENCE, heartbeats_until, is, online, orders, pass};
use crate::support::{Log, client, until};

fn kept(path: &Path) -> Option<Value> {
    Some(serde_json::from_slice(&std::fs::read(path).ok()?).unwrap())
}

fn file(directory: &Directory) -> PathBuf {
    directory.0.join("config.json")
}

fn of_orders(config: &Value, version: u64) -> Value {
    json!({ "name": "orders", "environment": "pro", "config": config, "config_version": version })
}

#[tokio::test]
async fn restart_during_outage_loads_last_config() {
    let directory = Directory::new("restart");
    let path = file(&directory);
    let registration = || orders().config_file(&path);
    let center = AuthCenter::start().await;
    center.set_config("orders", json!({ "LIMIT": 7 }));
    let handle = online(registration(), &center).await;
    until("it is written", || kept(&path) == Some(of_orders(&json!({ "LIMIT": 7 }), 2))).await;
    center.set_config("orders", json!({ "LIMIT": 8 }));
    let latest = of_orders(&json!({ "LIMIT": 8 }), 3);
    heartbeats_until("the change is written", || kept(&path).as_ref() == Some(&latest)).await;
    handle.shutdown(PATIENCE).await.unwrap();
    let names: Vec<_> =
        std::fs::read_dir(&directory.0).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["config.json"], "nothing else is left");

    center.inject_fault(Fault::Refuse);
    let handle = registration().start(&client(&center)).unwrap();
    assert_eq!(
        (handle.config().value, handle.config().version),
        (json!({ "LIMIT": 8 }), json!(3)),
        "at once"
    );
    let mut changes = handle.config_changes();
    timeout(PATIENCE, changes.changed()).await.expect("the configuration of the file is published").unwrap();
    assert_eq!(changes.borrow_and_update().value, json!({ "LIMIT": 8 }));
    is(&handle, RegistrationState::Retrying).await;
    assert_eq!(handle.config().value, json!({ "LIMIT": 8 }));

    center.clear_faults();
    pass(Duration::from_secs(2)).await;
    is(&handle, RegistrationState::Online).await;
    assert!(!changes.has_changed().unwrap(), "it is still the same");
    center.set_config("orders", json!({ "LIMIT": 9 }));
    heartbeats_until("the next one is written", || kept(&path) == Some(of_orders(&json!({ "LIMIT": 9 }), 4)))
        .await;
}

#[cfg(unix)]
#[tokio::test]
async fn file_is_readable_by_owner_only() {
    use std::os::unix::fs::PermissionsExt;

    let directory = Directory::new("permissions");
    let path = file(&directory);
    std::fs::write(&path, of_orders(&json!({ "LIMIT": 7 }), 1).to_string()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let center = AuthCenter::start().await;
    let _handle = online(orders().config_file(&path), &center).await;
    until("it is written", || kept(&path) == Some(of_orders(&json!({}), 1))).await;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn damaged_file_is_ignored_with_warning() {
    let log = Log::start();
    let directory = Directory::new("damaged");
    let path = file(&directory);
    let center = AuthCenter::start().await;
    center.set_config("orders", json!({ "LIMIT": 7 }));
    for damaged in
        [&b""[..], b"{\"name\": \"orders\", \"environment\": \"pro\", \"con", b"[]", b"{}", b"\xff hunter2"]
    {
        std::fs::write(&path, damaged).unwrap();
        let handle = orders().config_file(&path).start(&client(&center)).unwrap();
        assert_eq!(handle.config().value, Value::Null);
        let logged = log.take();
        assert!(
            logged.contains("WARN") && logged.contains("config.json") && logged.contains("damaged"),
            "{logged}"
        );
        assert!(!logged.contains("hunter2"), "{logged}");
        until("it is mended", || kept_if_whole(&path) == Some(of_orders(&json!({ "LIMIT": 7 }), 2))).await;
    }
}

fn kept_if_whole(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

#[tokio::test]
async fn file_of_other_service_is_rejected() {
    let directory = Directory::new("another");
    let path = file(&directory);
    let client = client(&AuthCenter::start().await);
    for (name, environment) in [("bills", "pro"), ("orders", "test")] {
        let of_another = json!({
            "name": name, "environment": environment, "config": { "API_KEY": "hunter2" }, "config_version": 2,
        });
        std::fs::write(&path, of_another.to_string()).unwrap();
        let error = orders().config_file(&path).start(&client).unwrap_err().to_string();
        assert!(error.contains(&format!("belongs to `{name}` in `{environment}`")), "{error}");
        assert!(error.contains("config.json") && !error.contains("hunter2"), "{error}");
        assert_eq!(kept(&path).unwrap(), of_another);
    }
    // What is no file at all is a mistake, too.
    let error = orders().config_file(&directory.0).start(&client).unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
}

#[tokio::test]
async fn unwritable_file_warns_once() {
    let log = Log::start();
    let directory = Directory::new("unwritable");
    let center = AuthCenter::start().await;
    center.set_config("orders", json!({ "LIMIT": 7 }));
    let registration: RegistrationBuilder = orders().config_file(directory.0.join("none/config.json"));
    let handle = online(registration, &center).await;
    let mut logged = String::new();
    until("it is warned of", || {
        logged += &log.take();
        logged.contains("cannot be saved to its file")
    })
    .await;
    for beats in 1..3 {
        heartbeats_until("heartbeats go on", || center.calls("/service/heartbeat") >= beats).await;
        is(&handle, RegistrationState::Online).await;
    }
    handle.shutdown(PATIENCE).await.unwrap();
    logged += &log.take();
    assert_eq!(logged.matches("cannot be saved to its file").count(), 1, "{logged}");
}
