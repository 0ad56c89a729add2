//! Applications in Python, each in a database of SQLite.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use aigc_auth::user_sync::{FieldMapping, OnDelete, PasswordHash, SqlStore, SyncConfig};
use serde_json::{Value, json};
use test_support::process::Directory;
use test_support::python;
use tokio::time::timeout;

use super::story::{Application, ComesBack, Story, id_of};

const PYTHON: &str = "AIGC_AUTH_APPLICATIONS_PYTHON";

/// An application with a database of its own.
struct InPython {
    python: PathBuf,
    script: &'static str,
    database: PathBuf,
    _directory: Directory,
}

impl InPython {
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
        let mut python = python::command(&self.python);
        python.arg(script).arg(command).arg(&self.database).args(arguments);
        python.env_clear().stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(Duration::from_secs(60), python.output()).await.expect("an end").unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {command}: {errors}", self.script);
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Application for InPython {
    fn name(&self) -> &str {
        self.script
    }

    async fn lets_in(&self, name: &str, password: &str) -> String {
        let email = format!("{name}@example.com");
        let name = if self.script == "fastapi_users_app.py" { &email } else { name };
        self.run("login", &[name, password]).await
    }
}

fn status() -> FieldMapping {
    FieldMapping::new("status", "is_active").flag("active", "disabled").default_legacy(true)
}

fn now() -> Value {
    json!("2026-01-02 03:04:05")
}

#[tokio::test]
async fn django() {
    let Some(application) = InPython::start("django_app.py").await else { return };
    let config = SyncConfig::new().trust_event_order().mappings([
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
    let story = Story::begin(&application, config, &store).await;
    story.push_of_hashes_fails("password", "Django's PBKDF2").await;
    story.live("username", ComesBack::Restored).await;
}

#[tokio::test]
async fn fastapi_users() {
    let Some(application) = InPython::start("fastapi_users_app.py").await else { return };
    let config = SyncConfig::new()
        .trust_event_order()
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
    let story = Story::begin(&application, config, &store).await;
    story.push_of_hashes_fails("hashed_password", "Argon2").await;
    story.live("email", ComesBack::Restored).await;
}

#[tokio::test]
async fn flask_appbuilder() {
    let Some(application) = InPython::start("flask_appbuilder_app.py").await else { return };
    let config = SyncConfig::new().trust_event_order().mappings([
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
    let story = Story::begin(&application, config, &store).await;
    story.push_of_hashes_fails("password", "Werkzeug's scrypt").await;
    story.live("username", ComesBack::Restored).await;
}
