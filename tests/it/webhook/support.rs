//! Signed deliveries, valid and not, and handlers that keep their events.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use aigc_auth::UserId;
use aigc_auth::invalidate::{Invalidate, Invalidation};
use aigc_auth::webhook::{self, Handler, HandlerError, UserEvent, WebhookConfig};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{Answer, App, Guard, Signal, post, serve};

pub(crate) const SECRET: &str = "the secret of these tests";
/// An event: alice was updated, who is `testing::user("alice").id(7)`.
pub(crate) const CHANGE: &str =
    r#"{"event": "user.updated", "data": {"id": 7, "username": "alice", "updatedFields": ["email"]}}"#;

pub(crate) fn config() -> WebhookConfig {
    WebhookConfig::new(SECRET).unwrap()
}

pub(crate) async fn serve_hook(config: WebhookConfig, handler: impl Handler) -> App {
    serve(webhook::router(config, handler)).await
}

pub(crate) type Headers = Vec<(&'static str, String)>;

/// Signed as the auth center does.
pub(crate) fn signed(body: impl AsRef<[u8]>) -> Headers {
    vec![("x-webhook-signature", webhook::sign(body.as_ref(), &SECRET.into()))]
}

/// Signed as Standard Webhooks say, so many seconds from now.
pub(crate) fn standard(id: &str, from_now: i64, body: impl AsRef<[u8]>) -> Headers {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let timestamp = now.checked_add_signed(from_now).unwrap().to_string();
    let signature = standard_signature(SECRET.as_bytes(), id, &timestamp, body.as_ref());
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", format!("v1,{signature}")),
    ]
}

/// Signed both ways.
pub(crate) fn doubly(id: &str, body: &str) -> Headers {
    [signed(body), standard(id, 0, body)].concat()
}

/// Not by the crate's own code, which it is to check.
pub(crate) fn standard_signature(key: &[u8], id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        mac.update(part);
    }
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Delivers a body with these headers.
pub(crate) async fn deliver(app: &App, headers: &Headers, body: impl AsRef<[u8]>) -> Answer {
    post(app.address, "/webhook/auth", headers, body).await
}

/// Delivers a body as the auth center does.
pub(crate) async fn report(app: &App, body: impl AsRef<[u8]>) -> Answer {
    deliver(app, &signed(&body), body).await
}

/// The message of a refusal, which is the protocol's envelope and nothing else.
#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16) -> String {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let message = answer.json()["message"].as_str().map(str::to_owned).unwrap_or_default();
    assert!(!message.is_empty(), "{answer:?}");
    assert_eq!(answer.json(), json!({"code": status, "message": message, "data": null}));
    message
}

/// Which run of its handler an answer comes from; `None` if it was acknowledged without one.
#[track_caller]
pub(crate) fn run(answer: &Answer) -> Option<u64> {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let run = answer.json()["run"].as_u64();
    let handled_before = json!({"code": 0, "message": "handled before", "data": null});
    assert!(run.is_some() || answer.json() == handled_before, "{answer:?}");
    run
}

/// A handler that keeps its events, and answers their number.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<UserEvent>>>);

impl Notes {
    pub(crate) fn runs(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub(crate) fn take(&self) -> Vec<UserEvent> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn note(&self, event: UserEvent) -> Value {
        let mut events = self.0.lock().unwrap();
        events.push(event);
        json!({ "run": events.len() })
    }
}

impl Handler for Notes {
    async fn handle(&self, event: UserEvent) -> Result<Value, HandlerError> {
        Ok(self.note(event))
    }
}

/// A handler that waits for a go, and signals its start and its end.
#[derive(Clone)]
pub(crate) struct Gated {
    pub(crate) notes: Notes,
    started: Signal,
    go: Signal,
    gone: Signal,
}

impl Gated {
    pub(crate) fn new() -> Self {
        let [started, go, gone] = [(); 3].map(|()| Signal::default());
        Self { notes: Notes::default(), started, go, gone }
    }

    /// Waits until it was started once more.
    pub(crate) async fn started(&self) {
        self.started.wait("the handler starts").await;
    }

    /// Waits until a run has ended once more, or was dropped.
    pub(crate) async fn gone(&self) {
        self.gone.wait("the handler is gone").await;
    }

    /// Whether a run has ended, or was dropped, that no call waited for.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.0.available_permits() > 0
    }

    /// Lets one run go on.
    pub(crate) fn go(&self) {
        self.go.give();
    }
}

impl Handler for Gated {
    async fn handle(&self, event: UserEvent) -> Result<Value, HandlerError> {
        let _guard = Guard(self.gone.clone());
        self.started.give();
        self.go.0.acquire().await.unwrap().forget();
        Ok(self.notes.note(event))
    }
}

/// A user as an event names them: by id and username.
type Named = (Option<UserId>, Option<String>);

/// A cache that keeps its invalidations.
#[derive(Clone, Default)]
pub(crate) struct InvalidationLog {
    users: Arc<Mutex<Vec<Named>>>,
    invalidated: Signal,
}

impl InvalidationLog {
    /// Waits for one more invalidation: an event has been accepted, and its handling is decided by then.
    pub(crate) async fn invalidated(&self) {
        self.invalidated.wait("the cache is invalidated").await;
    }

    pub(crate) fn take(&self) -> Vec<Named> {
        std::mem::take(&mut self.users.lock().unwrap())
    }
}

impl Invalidate for InvalidationLog {
    fn apply(&self, invalidation: &Invalidation) {
        let (id, username) = match invalidation {
            Invalidation::User { id, username } => (id.clone(), username.as_deref().map(str::to_owned)),
            _ => (None, None),
        };
        self.users.lock().unwrap().push((id, username));
        self.invalidated.give();
    }
}
