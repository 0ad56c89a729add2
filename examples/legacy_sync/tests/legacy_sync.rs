//! The example of a service that has users of its own, in every database that is there.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

use std::process::Output;

use aigc_auth::testing::{self, AuthCenter};
use aigc_auth::webhook::sign;
use serde_json::{Value, json};
use test_support::http::{self, get_as};
use test_support::process::{self, Directory, Example, PATIENCE, Program};
use test_support::sql::{Database, in_each};
use tokio::time::timeout;

const LEGACY_SYNC: Program = Program(env!("CARGO_BIN_EXE_legacy_sync"));
const SECRET: &str = "0123456789abcdef";

/// What it prints and complains of, and whether it succeeds.
async fn run(arguments: &str, directory: &Directory, variables: &[(&str, &str)]) -> (String, String, bool) {
    let output = LEGACY_SYNC.command(arguments, directory, variables).output();
    let Output { status, stdout, stderr } = timeout(PATIENCE, output).await.unwrap().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&stdout), text(&stderr), status.success())
}

/// The settings of this auth center, and of this database for the users.
struct Settings([(&'static str, String); 5]);

impl Settings {
    fn new(center: &AuthCenter, database: &Database) -> Self {
        let [id, secret, url] = process::settings(center);
        let database = ("DATABASE_URL", database.url().to_owned());
        Self([database, id, secret, url, ("AIGC_AUTH_WEBHOOK_SECRET", SECRET.to_owned())])
    }

    fn variables(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, &**value)).collect()
    }
}

async fn report(app: &Example, event: Value) -> Value {
    let body = event.to_string();
    let signature = sign(body.as_bytes(), &SECRET.into());
    let headers = [("x-webhook-signature", signature)];
    let answer = http::post(app.address, "/webhook/auth", &headers, body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

#[tokio::test]
async fn its_users_arrive_and_its_table_follows() {
    in_each(|database| async move {
        let center = AuthCenter::start().await;
        center.add_user(testing::user("dora").email("dora@example.com").roles(["editor"]).status("active"));
        center.add_token("dora-token", "dora");
        let settings = Settings::new(&center, &database);
        let (variables, directory) = (settings.variables(), Directory::new(&format!("legacy_sync-{}", database.choose("sqlite", "postgres", "mysql"))));

        let (said, _, good) = run("init --dry-run", &directory, &variables).await;
        assert!(good && said.contains("made the table users"), "{said}");
        assert!(said.contains("total 3, would be sent 3, skipped 0, failed 0"), "{said}");
        assert_eq!(center.calls("/sync/batch"), 0);
        let (said, _, good) = run("init", &directory, &variables).await;
        assert!(good && said.contains("total 3, created 3, skipped 0, failed 0"), "{said}");
        let (said, _, good) = run("init", &directory, &variables).await;
        assert!(good && said.contains("total 3, created 0, skipped 3, failed 0"), "{said}");
        let (said, _, good) = run("init --resume", &directory, &variables).await;
        assert!(good && said.contains("goes on after 3 users"), "{said}");
        let users = center.users();
        let carol = users.iter().find(|user| *user.username() == *"carol").unwrap();
        assert_eq!((carol.status(), carol.roles().iter().next()), (Some("disabled"), Some("admin")));

        let app = LEGACY_SYNC.start_in("serve", directory, &variables).await;
        assert_eq!(http::get(app.address, "/health", &[]).await.body, "ok\n");
        assert_eq!(http::get(app.address, "/me", &[]).await.status, 401);
        assert_eq!(get_as(app.address, "dora-token", "/me").await.json()["username"], "dora");
        // What the events say is so at the auth center, which is asked.
        center.update_user("alice", |alice| alice.email("new@example.com").roles(["boss"]));
        center.remove_user("bob");
        let changed = json!({"username": "alice", "email": "new@example.com", "roles": ["boss"], "updatedFields": ["email"]});
        assert_eq!(
            report(&app, json!({"event": "user.updated", "data": changed})).await["message"],
            "User updated"
        );
        let gone = json!({"event": "user.deleted", "data": {"username": "bob"}});
        assert_eq!(report(&app, gone).await["message"], "User removed");
        #[cfg(unix)]
        app.signal("TERM");
        #[cfg(unix)]
        {
            let (rest, status) = app.ended().await;
            assert!(status.success() && rest.contains("0 log-ins left undone"), "{rest}");
        }

        // The login was handled before the end.
        assert_eq!(database.count("users").await, 4);
        for (name, email, role, active, hash) in [
            ("alice", "new@example.com", "boss", true, "$2b$"),
            ("bob", "bob@example.com", "viewer", false, "$2b$"),
            ("carol", "carol@example.com", "admin", false, "$2b$"),
            ("dora", "dora@example.com", "editor", true, "$2b$"),
        ] {
            let from = format!("users WHERE username = '{name}'");
            let column = async |column: &str| database.text(column, &from).await.unwrap();
            assert_eq!((column("email").await, column("role").await), (email.to_owned(), role.to_owned()));
            let is_active = ["1", "true"].contains(&&*column("is_active").await);
            assert_eq!(is_active, active, "{name}");
            assert!(column("hashed_password").await.starts_with(hash), "a password is never touched: {name}");
        }
    })
    .await;
}

#[tokio::test]
async fn it_says_how_it_is_used() {
    let directory = Directory::new("legacy_sync-usage");
    for line in ["", "push", "init --fast", "serve --resume"] {
        let (_, said, good) = run(line, &directory, &[]).await;
        assert!(!good && said.contains("usage: legacy_sync init"), "{line}: {said}");
    }
    let url = "postgres://user:hunter2@127.0.0.1:1/none";
    let (said, complaint, good) = run("init", &directory, &[("DATABASE_URL", url)]).await;
    assert!(!good && complaint.contains("DATABASE_URL"), "{complaint}");
    assert!(!format!("{said}{complaint}").contains("hunter2"));
}
