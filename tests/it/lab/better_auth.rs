//! better-auth's users, through the view of `docs/frameworks.md`.

use std::time::Duration;

use aigc_auth::Secret;
use aigc_auth::user_sync::{PasswordHash, SqlStore, StoreError};
use serde_json::json;
use test_support::sql::{Database, in_postgres_database};

use super::room::{self, Room};
use crate::sql::applications::story::{Application, ComesBack, FIRST, Story};
use crate::sql::frameworks::{better_auth_config, statements};

const PACKAGES: [&str; 2] = ["better-auth@1.7.25", "pg@8.23.1"];

/// `create`; `login EMAIL PASSWORD`, which prints the cookie of a session; `session COOKIE`.
const SCRIPT: &str = r#"
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { admin } from "better-auth/plugins";
import pg from "pg";

const database = new pg.Pool({ connectionString: process.env.DATABASE });
const auth = betterAuth({
  baseURL: "http://127.0.0.1",
  secret: "of this test, and long enough for it",
  database,
  emailAndPassword: { enabled: true },
  plugins: [admin()],
  logger: { disabled: true },
  telemetry: { enabled: false },
});
const [command, first, password] = process.argv.slice(2);
if (command === "create") {
  await (await getMigrations(auth.options)).runMigrations();
  await auth.api.signUpEmail({ body: { name: "ann", email: "ann@example.com", password: "secret of ann" } });
} else if (command === "login") {
  try {
    const { headers } = await auth.api.signInEmail({ body: { email: first, password }, returnHeaders: true });
    console.log(headers.getSetCookie()[0].split(";")[0]);
  } catch (error) {
    const refused = ["INVALID_EMAIL_OR_PASSWORD", "BANNED_USER"].includes(error.body?.code);
    console.log(refused ? "no" : `error: ${error} ${JSON.stringify(error.body)}`);
  }
} else {
  const session = await auth.api.getSession({ headers: new Headers({ cookie: first }) });
  console.log(session ? "yes" : "no");
}
await database.end();
"#;

struct BetterAuth {
    name: String,
    room: Room,
    database: Database,
}

impl BetterAuth {
    async fn run(&self, arguments: &[&str]) -> String {
        let mut node = self.room.node();
        node.arg("app.mjs").args(arguments).env("DATABASE", self.database.url());
        room::run(&mut node, Duration::from_secs(60)).await
    }

    async fn login(&self, email: &str, password: &str) -> String {
        self.run(&["login", email, password]).await
    }
}

impl Application for BetterAuth {
    fn name(&self) -> &str {
        &self.name
    }

    async fn lets_in(&self, name: &str, password: &str) -> String {
        let said = self.login(&format!("{name}@example.com"), password).await;
        if said.starts_with("better-auth.session_token=") { "yes".to_owned() } else { said }
    }
}

/// better-auth's own form of scrypt, as the guide has it.
fn scrypt(password: &Secret) -> Result<Secret, StoreError> {
    let password = password.expose();
    if !password.is_ascii() {
        return Err("better-auth hashes the NFKC form of a password, which this does not make".into());
    }
    let salt = format!("{:032x}", fastrand::u128(..));
    let mut key = [0; 64];
    scrypt::scrypt(password.as_bytes(), salt.as_bytes(), &scrypt::Params::new(14, 16, 1)?, &mut key)?;
    let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{salt}:{key}").into())
}

#[tokio::test]
async fn better_auth() {
    let Some(room) = Room::of("better-auth") else { return };
    let name = room.npm(&PACKAGES).await;
    room.write("app.mjs", SCRIPT);
    let ran = in_postgres_database(|database| async move {
        let name = format!("{name}, PostgreSQL {}", database.postgres_version().await);
        let application = BetterAuth { name, room, database };
        application.run(&["create"]).await;
        application.database.run(statements("better-auth")).await;
        let config = better_auth_config();
        let store = SqlStore::builder("members")
            .columns(config.legacy_fields())
            .password_column("password")
            .hash(PasswordHash::custom(scrypt))
            .connect(application.database.url())
            .await
            .unwrap();
        let story = Story::begin(&application, config, &store).await;
        story.push_of_hashes_fails("password", "an unknown format").await;
        story.live("email", ComesBack::AsNew).await;
        story_of_eve(&application, &story).await;
    });
    assert!(ran.await, "the laboratory has a PostgreSQL");
}

/// What is better-auth's own: sessions, bans that end, emails in lower case, users without a password.
async fn story_of_eve(application: &BetterAuth, story: &Story<'_, BetterAuth>) {
    let spelled = json!({"email": "Eve@Example.com", "updatedFields": ["email"]});
    story.handle("user.created", "eve", spelled.clone(), "User created").await;
    story.signs_in("eve", "created as Eve", FIRST, "yes").await;
    story.signs_in("Eve", "created as Eve", FIRST, "yes").await;
    story.handle("user.updated", "eve", spelled.clone(), "User unchanged").await;

    let cookie = application.login("eve@example.com", FIRST).await;
    let session = async || application.run(&["session", &cookie]).await;
    story.expect("eve, signed in: session", &*session().await, "yes");
    story
        .handle(
            "user.updated",
            "eve",
            json!({"nickname": "Eve", "updatedFields": ["nickname"]}),
            "User updated",
        )
        .await;
    story.expect("eve, updated: session", &*session().await, "yes");
    let disabled = json!({"status": "disabled", "updatedFields": ["status"]});
    story.handle("user.updated", "eve", disabled.clone(), "User updated").await;
    story.expect("eve, disabled: session", &*session().await, "no");
    story.handle("user.updated", "eve", json!({"updatedFields": ["status"]}), "User updated").await;
    story.signs_in("eve", "active again", FIRST, "yes").await;
    story.expect("eve, active again: session from before", &*session().await, "no");

    // A ban that ends is better-auth's own: no update ends it, and no such end is left to a user who is disabled.
    let ban =
        r#"UPDATE "user" SET banned = true, "banExpires" = now() + interval '1 hour' WHERE name = 'Eve'"#;
    application.database.run(ban).await;
    story.signs_in("eve", "banned for an hour", FIRST, "no").await;
    let named = json!({"nickname": "Evelyn", "updatedFields": ["nickname"]});
    story.handle("user.updated", "eve", named, "User updated").await;
    story.signs_in("eve", "banned for an hour, and updated", FIRST, "no").await;
    story.handle("user.updated", "eve", disabled, "User updated").await;
    let end = application.database.text(r#""banExpires""#, r#""user" WHERE name = 'Evelyn'"#).await;
    story.expect("eve, disabled during a ban: end of the ban", &end, &None);

    // Users of a social provider have no password, and none is made.
    application
        .database
        .run(
            r#"INSERT INTO "user" (id, name, email, "emailVerified") VALUES ('s', 'sam', 'sam@example.com', true);
            INSERT INTO account (id, "accountId", "providerId", "userId", "updatedAt") VALUES ('s', '1', 'github', 's', now())"#,
        )
        .await;
    story
        .handle(
            "user.updated",
            "sam",
            json!({"nickname": "Samuel", "updatedFields": ["nickname"]}),
            "User updated",
        )
        .await;
    story.signs_in("sam", "of another provider", FIRST, "no").await;
    story.handle("user.deleted", "sam", json!({}), "User removed").await;
    let left = application.database.count("account WHERE \"userId\" = 's'").await;
    story.expect("sam, removed: accounts", &left, &0);
}
