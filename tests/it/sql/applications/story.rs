//! The life of users in the table of an application, which is asked after each step whom it lets in.

use std::fmt::Debug;
use std::time::Duration;

use aigc_auth::testing::AuthCenter;
use aigc_auth::user_sync::{
    LegacyStore, PasswordPolicy, PushOptions, SqlStore, SyncConfig, SyncMode, UserSync,
};
use serde_json::{Map, Value, json};
use test_support::expectations;

use crate::support;

/// An application with a table of its own, in which there is ann, whose password is `secret of ann`.
pub(crate) trait Application {
    /// What it is called in reports.
    fn name(&self) -> &str;

    /// What its own log-in says of `NAME@example.com`: `yes`, `no` or an error.
    async fn lets_in(&self, name: &str, password: &str) -> String;
}

/// How ann comes back who was removed.
#[derive(Clone, Copy)]
pub(crate) enum ComesBack {
    /// Their row was marked, and is theirs again, with their password.
    Restored,
    /// Their row was deleted, and there is a new one, with the first password.
    AsNew,
}

/// The password of new users.
pub(crate) const FIRST: &str = "first password";

/// An auth center and the table of an application, which `UserSync` keeps in step.
pub(crate) struct Story<'a, A> {
    application: &'a A,
    store: &'a SqlStore,
    config: SyncConfig,
    center: AuthCenter,
    sync: UserSync,
}

impl<'a, A: Application> Story<'a, A> {
    pub(crate) async fn begin(application: &'a A, config: SyncConfig, store: &'a SqlStore) -> Self {
        let center = AuthCenter::start().await;
        // The hash of an application takes seconds on a machine that is busy with other things.
        let config = config.mode(SyncMode::Bidirectional).timeout(Duration::from_secs(60));
        let first = config.clone().password_policy(PasswordPolicy::unified(FIRST));
        let sync = UserSync::new(support::client(&center), store.clone(), first).unwrap();
        Self { application, store, config, center, sync }
    }

    /// Panics if it is not what was expected.
    #[track_caller]
    pub(crate) fn expect<T: Debug + PartialEq + ?Sized>(&self, what: &str, found: &T, expected: &T) {
        expectations::expect(self.application.name(), what, found, expected);
    }

    /// Asks the application whether it lets in `NAME@example.com`.
    pub(crate) async fn signs_in(&self, name: &str, when: &str, password: &str, expected: &str) {
        let said = self.application.lets_in(name, password).await;
        self.expect(&format!("{name}, {when}, signs in with {password:?}"), &*said, expected);
    }

    /// Handles an event about an active user, with these fields or others, and expects what is done.
    pub(crate) async fn handle(&self, event: &str, name: &str, fields: Value, expected: &str) {
        let done = self.message(event, name, fields).await;
        self.expect(&format!("{event} of {name}"), &*done, expected);
    }

    async fn message(&self, event: &str, name: &str, fields: Value) -> String {
        let data = user(name, fields);
        let answer = self.sync.handle_event(event, Some(&data)).await;
        let answer = answer.unwrap_or_else(|error| panic!("{}, {event}: {error:?}", self.application.name()));
        answer["message"].as_str().unwrap().to_owned()
    }

    /// The row with this value.
    async fn row(&self, field: &str, value: &str) -> Value {
        let row = self.store.find(field, &json!(value)).await.unwrap().expect("a row");
        Value::Object(row.into())
    }

    /// A hash that no password of the auth center's is: ann fails with the format, not the hash.
    pub(crate) async fn push_of_hashes_fails(&self, column: &str, format: &str) {
        let center = AuthCenter::start().await;
        let policy = PasswordPolicy::locked().push_hash(column);
        let config = self.config.clone().password_policy(policy);
        let sync = UserSync::new(support::client(&center), self.store.clone(), config).unwrap();
        let pushed = sync.push_all(PushOptions::new()).finish().await.unwrap();
        self.expect("ann, pushed with the hash: all, failed", &(pushed.total, pushed.failed), &(1, 1));
        assert!(pushed.failures[0].reason.contains(format), "{:?}", pushed.failures);
    }

    /// Pushed, created, updated, disabled, removed and created again. `field` is the column by which users are known.
    pub(crate) async fn live(&self, field: &str, back: ComesBack) {
        let pushed = self.sync.push_all(PushOptions::new()).finish().await.unwrap();
        self.expect("ann, pushed: created, failed", &(pushed.created, pushed.failed), &(1, 0));
        assert_eq!(self.center.users()[0].email(), Some("ann@example.com"));
        self.signs_in("ann", "pushed", "secret of ann", "yes").await;

        self.handle("user.created", "zoe", json!({}), "User created").await;
        self.signs_in("zoe", "created", FIRST, "yes").await;
        self.signs_in("zoe", "created", "another", "no").await;

        // Whom the application made: they keep what identifies them, and their password.
        let ann = if field == "email" { "ann@example.com" } else { "ann" };
        let before = self.row(field, ann).await;
        let nickname = json!({"nickname": "Annie", "updatedFields": ["nickname"]});
        let updated = self.message("user.updated", "ann", nickname).await;
        assert!(["User updated", "User unchanged"].contains(&&*updated), "{updated}");
        self.expect("ann, updated: id", &self.row(field, ann).await.get("id"), &before.get("id"));
        self.signs_in("ann", "updated", "secret of ann", "yes").await;

        // A null beside it keeps nobody enabled.
        for (name, password) in [("ann", "secret of ann"), ("zoe", FIRST)] {
            let disabled =
                json!({"status": "disabled", "nickname": null, "updatedFields": ["status", "nickname"]});
            self.handle("user.updated", name, disabled, "User updated").await;
            self.signs_in(name, "disabled", password, "no").await;
        }
        self.handle("user.updated", "ann", json!({"updatedFields": ["status"]}), "User updated").await;
        self.signs_in("ann", "active again", "secret of ann", "yes").await;

        self.handle("user.deleted", "ann", json!({}), "User removed").await;
        self.signs_in("ann", "removed", "secret of ann", "no").await;
        let (done, password) = match back {
            ComesBack::Restored => ("User restored", "secret of ann"),
            ComesBack::AsNew => ("User created", FIRST),
        };
        self.handle("user.created", "ann", json!({}), done).await;
        self.signs_in("ann", "created again", password, "yes").await;

        self.lock().await;
    }

    /// Nobody knows the password of a user who is locked; the application says no, and nothing breaks.
    async fn lock(&self) {
        let locked = self.config.clone().password_policy(PasswordPolicy::locked());
        let sync = UserSync::new(support::client(&self.center), self.store.clone(), locked).unwrap();
        sync.handle_event("user.created", Some(&user("max", json!({})))).await.unwrap();
        for password in ["", "!", FIRST] {
            self.signs_in("max", "locked", password, "no").await;
        }
    }
}

/// An active user, as events have them, with these fields or others.
fn user(name: &str, fields: Value) -> Map<String, Value> {
    let user = json!({"username": name, "email": format!("{name}@example.com"), "status": "active"});
    let (Value::Object(mut user), Value::Object(fields)) = (user, fields) else { panic!("no object") };
    user.extend(fields);
    user
}

/// A UUID for a new user. Made from the name here, so that the test repeats; an application would take a random one.
pub(crate) fn id_of(user: &Value) -> Value {
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
