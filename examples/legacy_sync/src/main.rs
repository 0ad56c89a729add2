//! A service with a table of users of its own, joined to an auth center without a change to the table.
//!
//! `cargo run -p legacy_sync -- init` pushes the table's users to the auth center; `--resume` goes on where the last
//! push ended, and `--dry-run` sends nothing. `cargo run -p legacy_sync -- serve` runs an app whose logins and
//! webhooks keep the table in step.
//!
//! `DATABASE_URL` is the database, `sqlite://legacy_sync.db` by default; `postgres://…` and `mysql://…` work the same. The
//! table `users` is made with a few rows when it is missing. With `AIGC_AUTH_APP_ID`, `AIGC_AUTH_APP_SECRET` and
//! `AIGC_AUTH_BASE_URL` set, in the environment or in `.env`, it talks to that auth center, without them to one in the
//! process. With `AIGC_AUTH_WEBHOOK_SECRET` set, it takes events at `/webhook/auth`. `BIND` is the address to listen on,
//! `127.0.0.1:3000` by default.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use aigc_auth::testing::{self, AuthCenter};
use aigc_auth::user_sync::{
    FieldMapping, OnDelete, PasswordPolicy, PushEvent, PushOptions, SqlStore, SyncConfig, SyncMode, UserSync,
};
use aigc_auth::webhook::{self, EventUser, UserEvent, WebhookConfig};
use aigc_auth::{AuthClient, AuthLayer, CurrentUser, UserInfo};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::TryStreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};

type Failure = Box<dyn Error + Send + Sync>;

const CHECKPOINT: &str = "legacy_sync.checkpoint.json";

/// As in the manual of the Python client: `status` is `is_active` here, and of `roles` there is one.
fn config() -> SyncConfig {
    let mappings = [
        FieldMapping::new("username", "username").required(),
        FieldMapping::new("email", "email"),
        FieldMapping::new("nickname", "nickname"),
        FieldMapping::new("status", "is_active").flag("active", "disabled").default_legacy(true),
        FieldMapping::new("roles", "role")
            .to_legacy(|roles| Ok(roles.get(0).cloned().unwrap_or(json!("viewer"))))
            .to_auth(|role| Ok(json!([role])))
            .default_legacy("viewer")
            .default_auth(json!(["viewer"])),
    ];
    // The auth center takes over the bcrypt hashes of the rows. Its users log in there: their row gets a hash that no
    // password matches.
    let passwords = PasswordPolicy::locked().push_hash("hashed_password");
    SyncConfig::new().mode(SyncMode::Bidirectional).mappings(mappings).password_policy(passwords)
}

async fn store(url: &str, config: &SyncConfig) -> Result<SqlStore, Failure> {
    Ok(SqlStore::builder("users")
        .columns(config.legacy_fields())
        .password_column("hashed_password")
        .on_delete(OnDelete::set("is_active", false))
        .connect(url)
        .await?)
}

/// Pushes all users, and says what became of them.
async fn init(sync: &UserSync, resume: bool, dry_run: bool) -> Result<(), Failure> {
    let mut options = PushOptions::new().checkpoint(CHECKPOINT);
    if resume {
        options = options.resume();
    }
    if dry_run {
        options = options.dry_run();
    }
    let bar = ProgressBar::new(sync.count().await?.unwrap_or_default());
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} users, {per_sec}, {eta} left")?);
    let mut push = sync.push_all(options);
    let mut summary = None;
    while let Some(event) = push.try_next().await? {
        match event {
            PushEvent::Resumed(so_far) => {
                bar.suspend(|| println!("goes on after {} users", so_far.total));
                bar.set_position(so_far.total);
                summary = Some(so_far);
            }
            PushEvent::Progress(so_far) => {
                bar.set_position(so_far.total);
                summary = Some(so_far);
            }
            PushEvent::Failed(failure) => bar.suspend(|| println!("failed: {failure}")),
            _ => {}
        }
    }
    bar.finish();
    let summary = summary.unwrap_or_default();
    let created = if dry_run { "would be sent" } else { "created" };
    println!(
        "total {}, {created} {}, skipped {}, failed {}",
        summary.total, summary.created, summary.skipped, summary.failed
    );
    for failure in &summary.failures {
        println!("  {failure}");
    }
    Ok(())
}

async fn me(user: CurrentUser) -> Json<UserInfo> {
    Json(user.into_inner())
}

fn app(client: AuthClient, sync: UserSync, webhooks: Option<WebhookConfig>) -> Router {
    let logins = sync.clone();
    let auth =
        AuthLayer::new(client.clone()).exclude_path("/health").on_verified(move |user| logins.on_login(user));
    let app = Router::new().route("/me", get(me)).route("/health", get(|| async { "ok\n" })).layer(auth);
    let Some(webhooks) = webhooks else { return app };
    app.merge(webhook::router(webhooks.invalidate(client), move |event: UserEvent| {
        let sync = sync.clone();
        async move { sync.handle_event(event.name(), event.user().map(EventUser::raw)).await }
    }))
}

async fn serve(client: AuthClient, sync: UserSync, has_own_center: bool) -> Result<(), Failure> {
    // From here on, signals are caught: before the address is printed, which others wait for.
    let shutdown = example_support::shutdown_signal();
    let (listener, address) = example_support::listen().await?;
    if has_own_center {
        println!("no AIGC_AUTH_* is set, so the auth center is one in this process. A log-in makes a row:");
        println!("  curl -H 'Authorization: Bearer dora-token' http://{address}/me");
    }
    let webhooks = WebhookConfig::from_env();
    if let Err(error) = &webhooks {
        println!("without /webhook/auth, for {error}");
    }
    let app = app(client, sync.clone(), webhooks.ok());
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(shutdown).await?;
    let undone = sync.shutdown(Duration::from_secs(5)).await;
    println!("drained, {undone} log-ins left undone, good-bye");
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    example_support::start_logging();

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let known = ["--resume", "--dry-run"];
    let command = arguments.first().map(String::as_str);
    let is_known =
        arguments.iter().skip(1).all(|argument| command == Some("init") && known.contains(&&**argument));
    if !matches!(command, Some("init" | "serve")) || !is_known {
        eprintln!("usage: legacy_sync init [--resume] [--dry-run] | serve");
        std::process::exit(2);
    }

    let url = std::env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite://legacy_sync.db?mode=rwc".to_owned());
    make_table(&url).await?;
    let (client, center) = example_support::connect(add_users).await?;
    let config = config();
    let store = store(&url, &config).await?;
    let sync = UserSync::new(client.clone(), store, config)?;
    match command {
        Some("init") => init(&sync, has("--resume"), has("--dry-run")).await,
        _ => serve(client, sync, center.is_some()).await,
    }
}

/// The table as it was before anybody thought of an auth center, if it is missing.
async fn make_table(url: &str) -> Result<(), Failure> {
    sqlx::any::install_default_drivers();
    // Its error may show the URL, and that the password.
    let mut database = AnyConnection::connect(url).await.map_err(|_| "cannot connect to DATABASE_URL")?;
    if database.execute("SELECT 1 FROM users").await.is_ok() {
        return Ok(());
    }
    let id = match url.split(':').next() {
        Some("postgres" | "postgresql") => "BIGSERIAL PRIMARY KEY",
        Some("mysql" | "mariadb") => "BIGINT PRIMARY KEY AUTO_INCREMENT",
        _ => "INTEGER PRIMARY KEY",
    };
    let table = format!(
        "CREATE TABLE users (id {id}, username VARCHAR(100) NOT NULL UNIQUE, email VARCHAR(200), \
         nickname VARCHAR(100), is_active BOOLEAN NOT NULL, role VARCHAR(50) NOT NULL, \
         hashed_password VARCHAR(200) NOT NULL)"
    );
    database.execute(AssertSqlSafe(table)).await?;
    for (name, nickname, active, role) in [
        ("alice", "Alice", "TRUE", "editor"),
        ("bob", "Bob", "TRUE", "viewer"),
        ("carol", "Carol", "FALSE", "admin"),
    ] {
        let hash = bcrypt::hash(format!("{name}'s first password"), 8)?;
        let row = format!(
            "INSERT INTO users (username, email, nickname, is_active, role, hashed_password) \
             VALUES ('{name}', '{name}@example.com', '{nickname}', {active}, '{role}', '{hash}')"
        );
        database.execute(AssertSqlSafe(row)).await?;
    }
    println!("made the table users, with alice, bob and carol");
    Ok(database.close().await?)
}

fn add_users(center: &AuthCenter) {
    center.add_user(testing::user("dora").nickname("Dora").email("dora@example.com").roles(["editor"]));
    center.add_token("dora-token", "dora");
}
