//! Tables that applications made themselves, and whether the applications let in the users whom the store writes.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use aigc_auth::testing::AuthCenter;
use aigc_auth::user_sync::{
    FieldMapping, OnDelete, PasswordHash, PasswordPolicy, PushOptions, SqlStore, SyncConfig, SyncMode,
    UserSync,
};
use serde_json::{Value, json};
use test_support::process::Directory;
use tokio::process::Command;
use tokio::time::timeout;

use crate::support;

const PYTHON: &str = "AIGC_AUTH_APPLICATIONS_PYTHON";

/// An application with a database of its own, in which there is ann.
struct Application {
    python: PathBuf,
    script: &'static str,
    database: PathBuf,
    _directory: Directory,
}

impl Application {
    /// `None`, with a note, where it is not installed.
    async fn start(script: &'static str) -> Option<Self> {
        let python = std::env::var_os(PYTHON).map(PathBuf::from);
        if python.is_none() {
            eprintln!("skipped: {PYTHON} is not set; tests/run.sh installs the applications and sets it");
        }
        let directory = Directory::new(script);
        let database = directory.0.join("application.db");
        let application = Self { python: python?, script, database, _directory: directory };
        application.run("create", &[]).await;
        assert_eq!(application.lets_in("ann", "secret of ann").await, "yes", "{script}");
        Some(application)
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.database.display())
    }

    async fn run(&self, command: &str, arguments: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/applications").join(self.script);
        let mut python = Command::new(&self.python);
        python.args(["-s", "-B", "-X", "utf8"]).arg(script).arg(command).arg(&self.database).args(arguments);
        python.env_clear().stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(Duration::from_secs(60), python.output()).await.expect("an end").unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {command}: {errors}", self.script);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What its own log-in says: `yes`, `no` or an error.
    async fn lets_in(&self, name: &str, password: &str) -> String {
        let email = format!("{name}@example.com");
        let name = if self.script == "fastapi_users_app.py" { &email } else { name };
        self.run("login", &[name, password]).await
    }

    /// The row of this user, as the store reads it.
    async fn row(&self, store: &SqlStore, field: &str, name: &str) -> Value {
        use aigc_auth::user_sync::LegacyStore;
        let row = store.find(field, &json!(name)).await.unwrap().expect("a row");
        Value::Object(row.into())
    }
}

/// Pushed, created, updated, disabled, removed and created again; the application is asked after each step.
async fn live(application: &Application, config: SyncConfig, store: &SqlStore, field: &str) {
    let script = application.script;
    let center = AuthCenter::start().await;
    let config =
        config.mode(SyncMode::Bidirectional).password_policy(PasswordPolicy::unified("first password"));
    let sync = UserSync::new(support::client(&center), store.clone(), config.clone()).unwrap();
    let pushed = sync.push_all(PushOptions::new()).finish().await.unwrap();
    assert_eq!((pushed.created, pushed.failed), (1, 0), "{script}: {pushed:?}");
    let ann = &center.users()[0];
    assert_eq!(ann.email(), Some("ann@example.com"), "{script}");

    let event = async |name: &str, extra: Value| {
        let mut data = json!({"username": name, "email": format!("{name}@example.com"), "status": "active"});
        data.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        data.as_object().unwrap().clone()
    };
    let handle = async |what: &str, name: &str, extra: Value| {
        let data = event(name, extra).await;
        let answer = sync.handle_event(what, Some(&data)).await;
        let answer = answer.unwrap_or_else(|error| panic!("{script}, {what} {data:?}: {error}"));
        answer["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(handle("user.created", "zoe", json!({})).await, "User created", "{script}");
    assert_eq!(application.lets_in("zoe", "first password").await, "yes", "{script}");
    assert_eq!(application.lets_in("zoe", "another").await, "no", "{script}");

    // Whom the application made: they keep what identifies them, and their password.
    let value = |name: &str| if field == "email" { format!("{name}@example.com") } else { name.to_owned() };
    let before = application.row(store, field, &value("ann")).await;
    let updated =
        handle("user.updated", "ann", json!({"nickname": "Annie", "updatedFields": ["nickname"]})).await;
    assert!(["User updated", "User unchanged"].contains(&&*updated), "{script}: {updated}");
    let after = application.row(store, field, &value("ann")).await;
    assert_eq!(after.get("id"), before.get("id"), "{script}");
    assert_eq!(application.lets_in("ann", "secret of ann").await, "yes", "{script}");

    // A null beside it keeps nobody enabled.
    for name in ["ann", "zoe"] {
        let disabled =
            json!({"status": "disabled", "nickname": null, "updatedFields": ["status", "nickname"]});
        assert_eq!(handle("user.updated", name, disabled).await, "User updated", "{script}");
    }
    assert_eq!(application.lets_in("ann", "secret of ann").await, "no", "{script}");
    assert_eq!(application.lets_in("zoe", "first password").await, "no", "{script}");
    assert_eq!(
        handle("user.updated", "ann", json!({"updatedFields": ["status"]})).await,
        "User updated",
        "{script}"
    );
    assert_eq!(application.lets_in("ann", "secret of ann").await, "yes", "{script}");

    assert_eq!(handle("user.deleted", "ann", json!({})).await, "User removed", "{script}");
    assert_eq!(application.lets_in("ann", "secret of ann").await, "no", "{script}");
    assert_eq!(handle("user.created", "ann", json!({})).await, "User restored", "{script}");
    assert_eq!(application.lets_in("ann", "secret of ann").await, "yes", "{script}");

    // Nobody knows the password of a user who is locked; the application says no, and nothing breaks.
    let locked = config.password_policy(PasswordPolicy::locked());
    let sync = UserSync::new(support::client(&center), store.clone(), locked).unwrap();
    let data = event("max", json!({})).await;
    sync.handle_event("user.created", Some(&data)).await.unwrap();
    for password in ["", "!", "first password"] {
        assert_eq!(application.lets_in("max", password).await, "no", "{script}: {password:?}");
    }
}

/// A hash that no password of the auth center's is: the user fails with the format, not the hash.
async fn push_of_hashes_fails(config: SyncConfig, store: &SqlStore, column: &str, format: &str) {
    let center = AuthCenter::start().await;
    let policy = PasswordPolicy::locked().push_hash(column);
    let config = config.mode(SyncMode::Bidirectional).password_policy(policy);
    let sync = UserSync::new(support::client(&center), store.clone(), config).unwrap();
    let pushed = sync.push_all(PushOptions::new()).finish().await.unwrap();
    assert_eq!((pushed.total, pushed.failed), (1, 1));
    assert!(pushed.failures[0].reason.contains(format), "{:?}", pushed.failures);
}

fn status() -> FieldMapping {
    FieldMapping::new("status", "is_active").flag("active", "disabled").default_legacy(true)
}

fn now() -> Value {
    json!("2026-01-02 03:04:05")
}

#[tokio::test]
async fn django() {
    let Some(application) = Application::start("django_app.py").await else { return };
    let config = SyncConfig::new().mappings([
        FieldMapping::new("username", "username").required(),
        FieldMapping::new("email", "email").default_legacy(""),
        FieldMapping::new("nickname", "first_name").default_legacy(""),
        FieldMapping::new("last_name", "last_name").default_legacy("").to_legacy_only(),
        status(),
        FieldMapping::new("is_staff", "is_staff").default_legacy(false).to_legacy_only(),
        FieldMapping::new("is_superuser", "is_superuser").default_legacy(false).to_legacy_only(),
        FieldMapping::new("joined", "date_joined").default_legacy_with(|_| now()).to_legacy_only(),
    ]);
    let store = SqlStore::builder("auth_user")
        .columns(config.legacy_fields())
        .password_column("password")
        .hash(PasswordHash::django())
        .on_delete(OnDelete::set("is_active", false))
        .connect(application.url())
        .await
        .unwrap();
    push_of_hashes_fails(config.clone(), &store, "password", "Django's PBKDF2").await;
    live(&application, config, &store, "username").await;
}

#[tokio::test]
async fn fastapi_users() {
    let Some(application) = Application::start("fastapi_users_app.py").await else { return };
    let config = SyncConfig::new()
        .mappings([
            FieldMapping::new("email", "email").required(),
            // Its log-in asks for the email; the auth center wants a name.
            FieldMapping::new("username", "email").to_auth_only(),
            // Written once: everything else in its database refers to it.
            FieldMapping::new("uuid", "id").default_legacy_with(id_of).to_legacy_only().on_create_only(),
            status(),
            FieldMapping::new("is_superuser", "is_superuser").default_legacy(false).to_legacy_only(),
            FieldMapping::new("is_verified", "is_verified").default_legacy(true).to_legacy_only(),
        ])
        .unique_field("email");
    let store = SqlStore::builder("user")
        .columns(config.legacy_fields())
        .password_column("hashed_password")
        .hash(PasswordHash::bcrypt(4))
        .on_delete(OnDelete::set("is_active", false))
        .connect(application.url())
        .await
        .unwrap();
    push_of_hashes_fails(config.clone(), &store, "hashed_password", "Argon2").await;
    live(&application, config, &store, "email").await;
}

/// Made from the name here, so that the test repeats; an application would take a random one.
fn id_of(user: &serde_json::Map<String, Value>) -> Value {
    let name = user["username"].as_str().unwrap();
    let digits: String = name.bytes().cycle().take(16).map(|byte| format!("{byte:02x}")).collect();
    json!(format!(
        "{}-{}-{}-{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..]
    ))
}

#[tokio::test]
async fn flask_appbuilder() {
    let Some(application) = Application::start("flask_appbuilder_app.py").await else { return };
    let config = SyncConfig::new().mappings([
        FieldMapping::new("username", "username").required(),
        FieldMapping::new("email", "email").required(),
        FieldMapping::new("nickname", "first_name").default_legacy(""),
        FieldMapping::new("last_name", "last_name").default_legacy("").to_legacy_only(),
        FieldMapping::new("status", "active").flag("active", "disabled").default_legacy(true),
    ]);
    let store = SqlStore::builder("ab_user")
        .columns(config.legacy_fields())
        .password_column("password")
        .hash(PasswordHash::werkzeug())
        .on_delete(OnDelete::set("active", false))
        .connect(application.url())
        .await
        .unwrap();
    push_of_hashes_fails(config.clone(), &store, "password", "Werkzeug's scrypt").await;
    live(&application, config, &store, "username").await;
}
