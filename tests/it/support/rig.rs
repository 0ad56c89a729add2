//! A service, its client and an auth center of its own, for the tests of the client.

use std::time::Duration;

use aigc_auth::testing::{self, AuthCenter, Clock, Fault, TestKey};
use aigc_auth::{AuthClient, AuthClientBuilder, AuthLayer, CurrentUser};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{client_with, until};

pub(crate) const TOKEN: &str = "alice-token";
pub(crate) const KEY: &str = "ak_alice-key";
pub(crate) const APP_SECRET: &str = "test-secret";

/// A center that knows alice (id 7), a client of it whose clock stands still, and a service behind the layer.
pub(crate) struct Rig {
    pub(crate) center: AuthCenter,
    pub(crate) client: AuthClient,
    pub(crate) clock: Clock,
    app: Router,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    pub(crate) async fn with(configure: impl FnOnce(AuthClientBuilder) -> AuthClientBuilder) -> Self {
        let center = AuthCenter::start().await;
        center.add_user(testing::user("alice").id(7).permissions(["report:read"]));
        center.add_token(TOKEN, "alice");
        center.add_access_key(KEY, TestKey::user("alice"));
        let clock = Clock::held();
        let client = client_with(&center, |builder| configure(builder.clock(clock.clone())));
        Self { app: app(&client), center, client, clock }
    }

    /// What a request with this credential is answered.
    pub(crate) async fn ask(&self, credential: &str) -> Seen {
        ask(&self.app, credential).await
    }

    pub(crate) fn app(&self) -> Router {
        self.app.clone()
    }

    /// How many lookups of either kind arrived.
    pub(crate) fn calls(&self) -> usize {
        self.center.calls("/user/info") + self.center.calls("/access-key/verify")
    }

    /// Waits until so many lookups have arrived.
    pub(crate) async fn arrived(&self, calls: usize) {
        until("the lookups arrive", || self.calls() >= calls).await;
    }

    /// Waits until no lookup is under way, in the background neither.
    pub(crate) async fn settled(&self) {
        settled(&self.client).await;
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// Waits until no lookup of this client is under way.
pub(crate) async fn settled(client: &AuthClient) {
    until("the lookups end", || client.snapshot().lookups == 0).await;
}

/// A service that greets by name.
pub(crate) fn app(client: &AuthClient) -> Router {
    Router::new()
        .route("/", get(|user: CurrentUser| async move { user.username().to_string() }))
        .layer(AuthLayer::new(client.clone()))
}

/// What a caller of the service sees.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) challenge: Option<String>,
    /// The text of a success, the envelope of a refusal.
    pub(crate) body: Value,
}

impl Seen {
    pub(crate) fn user(name: &str) -> Self {
        Self { status: 200, retry_after: None, challenge: None, body: json!(name) }
    }

    pub(crate) fn unavailable(retry_after: u64) -> Self {
        let message = "The credential cannot be verified right now";
        Self {
            status: 503,
            retry_after: Some(retry_after.to_string()),
            challenge: None,
            body: json!({"code": -1, "message": message, "data": null}),
        }
    }

    pub(crate) fn not_accepted(message: &str) -> Self {
        Self {
            status: 401,
            retry_after: None,
            challenge: Some(r#"Bearer error="invalid_token""#.to_owned()),
            body: json!({"code": 401, "message": message, "data": null}),
        }
    }

    pub(crate) fn invalid_token() -> Self {
        Self::not_accepted("The credential is invalid or has expired")
    }

    pub(crate) fn invalid_key() -> Self {
        Self::not_accepted("The access key is invalid or has expired")
    }

    pub(crate) fn denied(message: &str) -> Self {
        let body = json!({"code": 403, "message": message, "data": null});
        Self { status: 403, retry_after: None, challenge: None, body }
    }
}

/// Asks a service with this credential.
pub(crate) async fn ask(app: &Router, credential: &str) -> Seen {
    let request =
        Request::get("/").header(AUTHORIZATION, format!("Bearer {credential}")).body(Body::empty()).unwrap();
    let (head, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let header = |name| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let body = if head.status.is_success() {
        json!(std::str::from_utf8(&body).unwrap())
    } else {
        assert_eq!(header(CONTENT_TYPE).as_deref(), Some("application/json"));
        serde_json::from_slice(&body).unwrap()
    };
    Seen {
        status: head.status.as_u16(),
        retry_after: header(RETRY_AFTER),
        challenge: header(WWW_AUTHENTICATE),
        body,
    }
}

pub(crate) fn status(status: u16, retry_after: Option<&'static str>) -> Fault {
    let value = retry_after.map(HeaderValue::from_static);
    let headers: HeaderMap = value.into_iter().map(|value| (RETRY_AFTER, value)).collect();
    Fault::Status(StatusCode::from_u16(status).unwrap(), headers)
}
