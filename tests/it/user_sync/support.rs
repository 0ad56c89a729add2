//! A legacy system in memory that can fail and hang, and an endpoint that takes users in place of the auth center.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aigc_auth::AuthClient;
use aigc_auth::user_sync::{
    AllUsers, FieldMapping, LegacyStore, LegacyUser, NewPassword, PasswordPolicy, StoreError, SyncConfig,
    SyncMode, UserSync,
};
use axum::Router;
use axum::body::Bytes;
use futures_util::{StreamExt, stream};
use http::StatusCode;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use crate::support::{App, serve};

/// The column that no two rows share.
const UNIQUE: &str = "login";

/// A table of users. Clones are the same table.
#[derive(Clone)]
pub(crate) struct Store(Arc<Inner>);

struct Inner {
    /// In the order they came, each with its password.
    rows: Mutex<Vec<(LegacyUser, String)>>,
    /// Instead of the rows: makes the user of this number, up to the last.
    generated: Option<(u64, Box<Generate>)>,
    calls: Mutex<Vec<String>>,
    read: AtomicU64,
    /// What fails: a call as it is noted, such as `create bob`, or any of a kind, such as `create`.
    failing: Mutex<Option<String>>,
    held: watch::Sender<bool>,
    /// Enters this row on the next `create`, as another process might, just before.
    quicker: Mutex<Option<LegacyUser>>,
}

type Generate = dyn Fn(u64) -> Result<LegacyUser, StoreError> + Send + Sync;

impl Store {
    pub(crate) fn new() -> Self {
        Self::of([])
    }

    /// With these rows, whose passwords are `old`.
    pub(crate) fn of(rows: impl IntoIterator<Item = Value>) -> Self {
        Self::with(rows, None)
    }

    /// With the users 1 to `last`, each made when it is read.
    pub(crate) fn generated(
        last: u64,
        make: impl Fn(u64) -> Result<LegacyUser, StoreError> + Send + Sync + 'static,
    ) -> Self {
        Self::with([], Some((last, Box::new(make))))
    }

    fn with(rows: impl IntoIterator<Item = Value>, generated: Option<(u64, Box<Generate>)>) -> Self {
        let rows = rows.into_iter().map(|columns| (row(columns), "old".to_owned())).collect();
        Self(Arc::new(Inner {
            rows: Mutex::new(rows),
            generated,
            calls: Mutex::default(),
            read: AtomicU64::new(0),
            failing: Mutex::default(),
            held: watch::Sender::new(false),
            quicker: Mutex::default(),
        }))
    }

    pub(crate) fn fail(&self, call: &str) {
        *self.0.failing.lock().unwrap() = Some(call.to_owned());
    }

    pub(crate) fn recover(&self) {
        *self.0.failing.lock().unwrap() = None;
    }

    /// Keeps every call back, until let go.
    pub(crate) fn hold(&self) {
        self.0.held.send_replace(true);
    }

    pub(crate) fn let_go(&self) {
        self.0.held.send_replace(false);
    }

    pub(crate) fn be_beaten_by(&self, columns: Value) {
        *self.0.quicker.lock().unwrap() = Some(row(columns));
    }

    /// The calls so far, such as `find bob`, those that were kept back or failed included.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.0.calls.lock().unwrap().clone()
    }

    /// How many hold this table: this clone, and each `UserSync` that is alive in any task.
    pub(crate) fn held_by(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// How many users `all` has given.
    pub(crate) fn read(&self) -> u64 {
        self.0.read.load(Ordering::SeqCst)
    }

    /// The rows, each with its password as `password`.
    pub(crate) fn rows(&self) -> Value {
        let rows = self.0.rows.lock().unwrap();
        rows.iter()
            .map(|(row, password)| {
                let mut row = Map::from(row.clone());
                row.insert("password".to_owned(), json!(password));
                Value::from(row)
            })
            .collect()
    }

    async fn enter(&self, call: &str, key: &Value) -> Result<(), StoreError> {
        let noted = format!("{call} {}", key.as_str().map_or_else(|| key.to_string(), str::to_owned));
        self.0.calls.lock().unwrap().push(noted.clone());
        self.0.held.subscribe().wait_for(|held| !held).await?;
        // As a database would, so that others may come in between.
        tokio::task::yield_now().await;
        let failing = self.0.failing.lock().unwrap();
        if failing.as_ref().is_some_and(|failing| *failing == noted || failing == call) {
            return Err(format!("the table is broken at `{noted}`").into());
        }
        Ok(())
    }
}

impl LegacyStore for Store {
    async fn find(&self, field: &str, value: &Value) -> Result<Option<LegacyUser>, StoreError> {
        self.enter("find", value).await?;
        let rows = self.0.rows.lock().unwrap();
        Ok(rows.iter().find(|(row, _)| is(row, field, value)).map(|(row, _)| marked(row)))
    }

    async fn create(&self, user: LegacyUser, password: NewPassword) -> Result<(), StoreError> {
        self.enter("create", user.get(UNIQUE).unwrap_or(&Value::Null)).await?;
        let mut rows = self.0.rows.lock().unwrap();
        if let Some(quicker) = self.0.quicker.lock().unwrap().take() {
            rows.push((quicker, "theirs".to_owned()));
        }
        if rows.iter().any(|(row, _)| row.get(UNIQUE) == user.get(UNIQUE)) {
            return Err("there is one of this name".into());
        }
        let password = match password {
            NewPassword::Plain(password) => format!("plain {}", password.expose()),
            NewPassword::Hashed(hash) => format!("hash {}", hash.expose()),
        };
        rows.push((user, password));
        Ok(())
    }

    async fn update(&self, field: &str, value: &Value, changes: LegacyUser) -> Result<bool, StoreError> {
        self.enter("update", value).await?;
        let mut rows = self.0.rows.lock().unwrap();
        let Some((row, _)) = rows.iter_mut().find(|(row, _)| is(row, field, value)) else {
            return Ok(false);
        };
        row.extend(Map::from(changes));
        Ok(true)
    }

    async fn remove(&self, field: &str, value: &Value) -> Result<bool, StoreError> {
        self.enter("remove", value).await?;
        let mut rows = self.0.rows.lock().unwrap();
        let before = rows.len();
        rows.retain(|(row, _)| !is(row, field, value));
        Ok(rows.len() < before)
    }

    fn all(&self, after: Option<Value>) -> AllUsers {
        let first = after.and_then(|after| after.as_u64()).unwrap_or_default() + 1;
        let inner = self.0.clone();
        let last = match &inner.generated {
            Some((last, _)) => *last,
            None => inner.rows.lock().unwrap().len() as u64,
        };
        let user = move |place: u64| {
            let user = match &inner.generated {
                Some((_, make)) => make(place)?,
                None => marked(&inner.rows.lock().unwrap()[usize::try_from(place - 1)?].0),
            };
            inner.read.fetch_add(1, Ordering::SeqCst);
            Ok((json!(place), user))
        };
        stream::iter(first..=last).map(user).boxed()
    }
}

/// As databases do that ignore case.
fn is(row: &LegacyUser, field: &str, value: &Value) -> bool {
    match (row.get(field), value) {
        (Some(Value::String(text)), Value::String(wanted)) => text.eq_ignore_ascii_case(wanted),
        (found, wanted) => found == Some(wanted),
    }
}

/// Rows that are `gone` are those of users who were removed.
fn marked(row: &LegacyUser) -> LegacyUser {
    let row = row.clone();
    if row.get("gone") == Some(&json!(true)) { row.removed_by("gone", Some(json!(false))) } else { row }
}

#[track_caller]
pub(crate) fn row(columns: Value) -> LegacyUser {
    let Value::Object(columns) = columns else { panic!("no row: {columns}") };
    columns.into()
}

/// The user of this number.
pub(crate) fn numbered(number: u64) -> Result<LegacyUser, StoreError> {
    Ok(row(json!({ "login": format!("user-{number}"), "mail": format!("{number}@example.com") })))
}

/// `username` is `login`, `email` is `mail`, `nickname` is `nick`, and `status` is `is_active`, which is true by default.
pub(crate) fn mappings() -> [FieldMapping; 4] {
    [
        FieldMapping::new("username", UNIQUE).required(),
        FieldMapping::new("email", "mail"),
        FieldMapping::new("nickname", "nick"),
        FieldMapping::new("status", "is_active")
            .to_legacy(|status| match status.as_str() {
                Some("active") => Ok(json!(true)),
                Some("disabled") => Ok(json!(false)),
                _ => Err("neither active nor disabled".into()),
            })
            .to_auth(|active| Ok(json!(if *active == json!(true) { "active" } else { "disabled" })))
            .default_legacy(true),
    ]
}

/// In both directions, and each new user's password is `first`.
pub(crate) fn config_that_asks() -> SyncConfig {
    let config = SyncConfig::new().mode(SyncMode::Bidirectional).mappings(mappings());
    config.password_policy(PasswordPolicy::unified("first"))
}

/// The same, without asking the auth center about events: `order` is about that, and most tests here do without one.
pub(crate) fn config() -> SyncConfig {
    config_that_asks().trust_event_order()
}

/// For what does not reach the auth center.
pub(crate) fn alone(store: &Store, config: SyncConfig) -> UserSync {
    let client = AuthClient::builder("test-app", "test-secret", "http://127.0.0.1:9").build().unwrap();
    UserSync::new(client, store.clone(), config).unwrap()
}

/// In the auth center's place: takes batches of users, and answers as the test says.
pub(crate) struct Desk {
    app: App,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    batches: Mutex<Vec<Vec<Value>>>,
    open: AtomicUsize,
    most_open: AtomicUsize,
}

impl Desk {
    /// Answers each batch with a status and a body.
    pub(crate) async fn start(
        answer: impl Fn(&[Value]) -> (u16, Value) + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::behind(answer, || async {}).await
    }

    /// The same, once `gate` lets the call through.
    pub(crate) async fn behind<F>(
        answer: impl Fn(&[Value]) -> (u16, Value) + Clone + Send + Sync + 'static,
        gate: impl Fn() -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send,
    {
        let seen = Arc::<Seen>::default();
        let journal = seen.clone();
        let router = Router::new().fallback(move |uri: http::Uri, body: Bytes| {
            let (answer, gate, seen) = (answer.clone(), gate.clone(), journal.clone());
            async move {
                assert_eq!(uri.path(), "/sdk/sync/batch");
                let body: Value = serde_json::from_slice(&body).unwrap();
                let users = body["users"].as_array().unwrap().clone();
                let open = seen.open.fetch_add(1, Ordering::SeqCst) + 1;
                seen.most_open.fetch_max(open, Ordering::SeqCst);
                gate().await;
                seen.open.fetch_sub(1, Ordering::SeqCst);
                let (status, said) = answer(&users);
                seen.batches.lock().unwrap().push(users);
                (StatusCode::from_u16(status).unwrap(), axum::Json(said))
            }
        });
        Self { app: serve(router.layer(axum::extract::DefaultBodyLimit::disable())).await, seen }
    }

    /// What was answered, in this order.
    pub(crate) fn batches(&self) -> Vec<Vec<Value>> {
        self.seen.batches.lock().unwrap().clone()
    }

    /// How many calls were open at once, at most.
    pub(crate) fn most_open(&self) -> usize {
        self.seen.most_open.load(Ordering::SeqCst)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.app.address)
    }

    pub(crate) fn sync(&self, store: &Store, config: SyncConfig) -> UserSync {
        let client = AuthClient::builder("test-app", "test-secret", self.url()).build().unwrap();
        UserSync::new(client, store.clone(), config).unwrap()
    }
}

/// The answer of a center that creates all these users.
pub(crate) fn all_created(users: &[Value]) -> (u16, Value) {
    (200, json!({"code": 0, "message": "success", "data": {"total": users.len(), "success": users.len()}}))
}
