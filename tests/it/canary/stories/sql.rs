//! A table of users from before.

use std::time::Duration;

use aigc_auth::permissions;
use aigc_auth::tenant::{MemberTable, SqlMemberships};
use aigc_auth::user_sync::{
    FieldMapping, LegacyStore, LegacyUser, NewPassword, OnDelete, PasswordHash, PasswordPolicy, PushEvent,
    PushOptions, SqlStore, SyncConfig, SyncMode, UserSync,
};
use futures_util::StreamExt;
use serde_json::json;
use tokio::time::timeout;

use crate::canary::echo::{Echo, MODES, Mode};
use crate::canary::flight::{Flight, TABLES};
use crate::sql::support::{in_each, user};

permissions! {
    pub(super) Read = "orders:read";
}

const TABLE: &str = "CREATE TABLE users (id SERIAL, login varchar(50) NOT NULL UNIQUE, mail text, \
                     is_active boolean NOT NULL, hashed_password varchar(100))";

fn config(flight: &Flight) -> SyncConfig {
    let policy = PasswordPolicy::unified(flight.secret("first password")).push_hash("hashed_password");
    flight.show(&policy);
    let mapping = FieldMapping::new("status", "is_active").flag("active", "disabled").default_legacy(true);
    flight.show(&mapping);
    let names = [FieldMapping::new("username", "login").required(), FieldMapping::new("email", "mail")];
    let config = SyncConfig::new().mode(SyncMode::Bidirectional).trust_event_order();
    let config = config.mappings(names.into_iter().chain([mapping])).password_policy(policy);
    flight.show(&config);
    config
}

pub(super) async fn story(flight: &Flight) {
    let row =
        LegacyUser::from(serde_json::Map::from_iter([("mail".to_owned(), json!(flight.secret("e-mail")))]));
    flight.show(&row);
    let flight = flight.clone();
    in_each(move |database| {
        let flight = flight.clone();
        async move {
            database.run(TABLE).await;
            let echo = Echo::start().await;
            let builder = SqlStore::builder("users")
                .columns(config(&flight).legacy_fields())
                .password_column("hashed_password")
                .hash(PasswordHash::bcrypt(4))
                .on_delete(OnDelete::set("is_active", false));
            flight.show(&builder);
            let store = flight.outcome(builder.connect(database.url()).await).unwrap();
            let client = || echo.client(&flight.secret("app secret")).observer(flight.clone()).build().unwrap();
            let sync = flight.outcome(UserSync::new(client(), store.clone(), config(&flight))).unwrap();
            let (email, long) = (flight.secret("e-mail"), "long".repeat(50));
            for (event, data) in [
                ("user.created", json!({ "id": 7, "username": "carol", "email": email, "status": "active" })),
                ("user.created", json!({ "id": 8, "username": long, "email": email, "status": "active" })),
                ("user.updated", json!({ "id": 7, "username": "carol", "email": [email], "updatedFields": ["email"] })),
                ("user.updated", json!({ "id": 7, "username": "carol", "email": format!("{email}\0"), "updatedFields": ["email"] })),
                ("user.updated", json!({ "username": "carol", "email": email, "status": email, "updatedFields": ["status"] })),
                ("user.login", json!({ "username": "carol", "email": email })),
            ] {
                flight.outcome(sync.handle_event(event, data.as_object()).await);
            }
            for n in 0..4 {
                let columns = ["login", "mail", "hashed_password"];
                for column in columns {
                    let from = format!("users WHERE id = {n}");
                    if database.count(&from).await == 1 && column != "mail" {
                        flight.put(TABLES, database.text(column, &from).await.unwrap_or_default());
                    }
                }
            }
            let hash = NewPassword::Hashed(flight.secret("password hash").into());
            flight.show(&hash);
            let row = json!({ "login": "erin", "mail": email, "is_active": true });
            store.create(user(row), hash).await.unwrap();
            for mode in MODES.into_iter().filter(|mode| !matches!(mode, Mode::Hang)) {
                echo.say(mode);
                let sync = UserSync::new(client(), store.clone(), config(&flight)).unwrap();
                let options = PushOptions::new();
                flight.show(&options);
                let mut push = sync.push_all(options);
                flight.show(&push);
                // What may succeed later is tried again, for longer than this takes.
                while let Ok(Some(event)) = timeout(Duration::from_millis(200), push.next()).await {
                    if let Some(PushEvent::Failed(failure)) = flight.outcome(event) {
                        flight.show(&failure);
                    }
                }
                flight.show(&sync.snapshot());
            }
            // No such table; one that is not as it was said.
            database.run("DROP TABLE users").await;
            flight.outcome(sync.handle_event("user.login", json!({ "username": "dave", "email": email }).as_object()).await);
            let builder = SqlMemberships::builder(MemberTable::new("members"));
            flight.show(&builder);
            flight.outcome(builder.connect(database.url()).await);
            let planted = Flight::plant(TABLES);
            database.run(&format!("CREATE TABLE planted (word text); INSERT INTO planted VALUES ('{planted}')")).await;
            flight.put(TABLES, database.text("word", "planted").await.unwrap());
        }
    })
    .await;
}
