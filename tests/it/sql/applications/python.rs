//! Applications in Python, each in a database of SQLite.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use aigc_auth::user_sync::{FieldMapping, OnDelete, PasswordHash, SqlStore, SyncConfig};
use serde_json::{Value, json};
use test_support::process::Directory;
use test_support::python;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::story::{Application, ComesBack, Story, id_of};

/// The first answer waits for libraries to be compiled, on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(120);

const PYTHON: &str = "AIGC_AUTH_APPLICATIONS_PYTHON";

/// An application with a database of its own. It runs until this is dropped: its libraries take longer to load than a log-in.
struct InPython {
    script: &'static str,
    database: PathBuf,
    answers: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
    _process: Child,
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
        let mut python = python::command(&python?);
        python
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/applications").join(script))
            .arg(&database);
        // What it complains of shows beside the test's own output.
        python.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = python.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let answers = Mutex::new((process.stdin.take().unwrap(), lines));
        let application = Self { script, database, answers, _process: process, _directory: directory };
        assert_eq!(application.lets_in("ann", "secret of ann").await, "yes", "{script}");
        Some(application)
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.database.display())
    }
}

impl Application for InPython {
    fn name(&self) -> &str {
        self.script
    }

    async fn lets_in(&self, name: &str, password: &str) -> String {
        let email = format!("{name}@example.com");
        let name = if self.script == "fastapi_users_app.py" { &email } else { name };
        let question = format!("{}\n", json!([name, password]));
        let mut answers = self.answers.lock().await;
        let (stdin, lines) = &mut *answers;
        stdin.write_all(question.as_bytes()).await.expect(self.script);
        let line = timeout(PATIENCE, lines.next_line()).await.expect("an answer").unwrap();
        line.unwrap_or_else(|| panic!("{} ended", self.script))
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
