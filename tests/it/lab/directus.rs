//! Directus' users.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use aigc_auth::user_sync::{OnDelete, PasswordHash, SqlStore};
use serde_json::{Value, json};
use test_support::sql::{Database, in_postgres_database};
use tokio::process::Child;

use super::room::{self, Room};
use crate::sql::applications::story::{Application, ComesBack, FIRST, Story};
use crate::sql::frameworks::{directus_config, statements};
use crate::support::{Answer, get, get_as, post};

const PACKAGES: [&str; 1] = ["directus@11.17.4"];

/// A Directus that serves until this is dropped.
struct Directus {
    name: String,
    address: SocketAddr,
    _process: Child,
}

impl Directus {
    async fn start(name: String, room: &Room, database: &Database) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let command = |command: &str| {
            let mut node = room.node();
            node.args(["node_modules/directus/cli.js", command]).envs([
                ("DB_CLIENT", "pg"),
                ("DB_CONNECTION_STRING", database.url()),
                ("SECRET", "of this test, and long enough for it"),
                ("ADMIN_EMAIL", "root@example.com"),
                ("ADMIN_PASSWORD", "secret of root"),
                ("HOST", "127.0.0.1"),
                ("PORT", &free.port().to_string()),
                ("TELEMETRY", "false"),
                // Half a second of each log-in, by default.
                ("LOGIN_STALL_TIME", "1"),
            ]);
            node
        };
        room::run(&mut command("bootstrap"), Duration::from_secs(120)).await;
        Self { name, address: free, _process: room.serve(&mut command("start"), free).await }
    }

    async fn post(&self, target: &str, token: Option<&str>, body: Value) -> Answer {
        let token = token.map(|token| ("authorization", format!("Bearer {token}")));
        let headers = [("content-type", "application/json".to_owned())].into_iter().chain(token);
        post(self.address, target, &headers.collect::<Vec<_>>(), body.to_string()).await
    }

    /// What a log-in answers; `mode` is `json` or `session`.
    async fn login(&self, name: &str, password: &str, mode: &str) -> Answer {
        let body = json!({"email": format!("{name}@example.com"), "password": password, "mode": mode});
        self.post("/auth/login", None, body).await
    }

    /// What the API creates, as the administrator.
    async fn create(&self, token: &str, target: &str, item: Value) -> Value {
        let answer = self.post(target, Some(token), item).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["data"].take()
    }
}

impl Application for Directus {
    fn name(&self) -> &str {
        &self.name
    }

    async fn lets_in(&self, name: &str, password: &str) -> String {
        let answer = self.login(name, password, "json").await;
        match answer.status {
            200 => "yes".to_owned(),
            401 => "no".to_owned(),
            // It wants one that is not empty.
            400 if password.is_empty() => "no".to_owned(),
            _ => format!("error: {answer:?}"),
        }
    }
}

fn token(login: &Answer, name: &str) -> String {
    login.json()["data"][name].as_str().unwrap_or_else(|| panic!("{login:?}")).to_owned()
}

#[tokio::test]
async fn directus() {
    let Some(room) = Room::of("directus") else { return };
    let name = room.npm(&PACKAGES).await;
    // Native code, which only its flows run.
    room.write("node_modules/isolated-vm/isolated-vm.js", "module.exports = {}\n");
    let ran = in_postgres_database(|database| async move {
        let name = format!("{name}, PostgreSQL {}", database.postgres_version().await);
        let directus = Directus::start(name, &room, &database).await;
        let root = token(&directus.login("root", "secret of root", "json").await, "access_token");
        let role = directus.create(&root, "/roles", json!({"name": "Member"})).await;
        let role = role["id"].as_str().unwrap();
        let ann = json!({"email": "Ann@example.com", "password": "secret of ann", "role": role});
        directus.create(&root, "/users", ann).await;
        database.run(statements("Directus")).await;

        let config = directus_config(role.to_owned());
        let store = SqlStore::builder("directus_users")
            .columns(config.legacy_fields())
            .password_column("password")
            .hash(PasswordHash::argon2())
            .on_delete(OnDelete::set("status", "archived").restore("active"))
            // The administrator stays Directus' own.
            .except("email", "root@example.com")
            .connect(database.url())
            .await
            .unwrap();
        let story = Story::begin(&directus, config, &store).await;
        story.push_of_hashes_fails("password", "Argon2").await;
        story.live("email", ComesBack::Restored).await;
        story_of_eve(&directus, &story, &root, role).await;
    });
    assert!(ran.await, "the laboratory has a PostgreSQL");
}

/// What is Directus' own: roles, sessions, emails without regard to case.
async fn story_of_eve(directus: &Directus, story: &Story<'_, Directus>, root: &str, role: &str) {
    let spelled = json!({"email": "Eve@Example.com", "updatedFields": ["email"]});
    story.handle("user.created", "eve", spelled.clone(), "User created").await;
    story.signs_in("eve", "created as Eve", FIRST, "yes").await;
    story.signs_in("Eve", "created as Eve", FIRST, "yes").await;
    story.handle("user.updated", "eve", spelled, "User unchanged").await;

    let login = directus.login("eve", FIRST, "json").await;
    let found = "/users?fields=role&filter[email][_eq]=eve@example.com";
    let found = get_as(directus.address, root, found).await;
    story.expect("eve, created: role", &found.json()["data"], &json!([{"role": role}]));

    // One of the Data Studio's, by a cookie; and one of an API's client, by a refresh token.
    let cookie = directus.login("eve", FIRST, "session").await;
    let cookie = cookie.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let session = async || get(directus.address, "/users/me", &[("cookie", &cookie)]).await.status;
    story.expect("eve, signed in: session", &session().await, &200);
    story
        .handle(
            "user.updated",
            "eve",
            json!({"nickname": "Eve", "updatedFields": ["nickname"]}),
            "User updated",
        )
        .await;
    story.expect("eve, updated: session", &session().await, &200);
    let disabled = json!({"status": "disabled", "updatedFields": ["status"]});
    story.handle("user.updated", "eve", disabled, "User updated").await;
    story.expect("eve, disabled: session", &session().await, &401);
    let refresh = json!({"refresh_token": token(&login, "refresh_token"), "mode": "json"});
    let refreshed = directus.post("/auth/refresh", None, refresh).await;
    story.expect("eve, disabled: refresh", &refreshed.status, &401);
    story.handle("user.updated", "eve", json!({"updatedFields": ["status"]}), "User updated").await;
    story.signs_in("eve", "active again", FIRST, "yes").await;
    story.expect("eve, active again: session from before", &session().await, &401);
}
