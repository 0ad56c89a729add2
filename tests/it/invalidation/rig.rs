//! What all interleavings share: the service, its client, the auth center, and how to let them run.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aigc_auth::error::ErrorKind;
use aigc_auth::testing::Clock;
use aigc_auth::webhook::{self, HandlerError, UserEvent, WebhookConfig};
use aigc_auth::{AuthClient, AuthLayer, CurrentUser};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use http::header::AUTHORIZATION;
use http_body_util::BodyExt;
use serde_json::json;
use tokio::sync::oneshot;
use tower::ServiceExt;

use super::center::Center;
use crate::support::tls;

pub(super) const SECRET: &str = "the secret of the webhook";
/// More than there are credentials, so that one is always idle and none need be opened later.
const CONNECTIONS: usize = 6;
/// One accepts, and each connection has one at either end.
pub(super) const TASKS: usize = 1 + 2 * CONNECTIONS;

/// What stays the same for all interleavings, since setting it up takes a while.
pub(super) struct Rig {
    pub(super) center: Center,
    pub(super) client: AuthClient,
    pub(super) clock: Clock,
    pub(super) app: Router,
    pub(super) handling: Handling,
}

/// Handlers that have begun, and wait for the test to decide whether they succeed.
pub(super) type Handling = Arc<Mutex<Vec<oneshot::Sender<bool>>>>;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Outcome {
    /// The user, in this version.
    User(usize),
    Refused,
    Unavailable,
}

impl Rig {
    pub(super) async fn start() -> Self {
        let center = Center::start().await;
        let clock = Clock::held();
        let long = Duration::from_secs(60);
        let client = AuthClient::builder("app", "app-secret", format!("http://{}", center.address))
            .http_client(http_client())
            .clock(clock.clone())
            .timeout(long)
            .build()
            .unwrap();
        let handling = Handling::default();
        let begun = handling.clone();
        let handler = move |_: UserEvent| {
            let (end, ended) = oneshot::channel();
            begun.lock().unwrap().push(end);
            async move {
                match ended.await {
                    Ok(true) => Ok(json!({ "success": true })),
                    _ => Err(HandlerError::from("not this time")),
                }
            }
        };
        let config = WebhookConfig::new(SECRET).unwrap().clock(clock.clone()).invalidate(client.clone());
        let app = Router::new()
            .route(
                "/",
                get(|user: CurrentUser| async move { user.nickname().unwrap_or_default().to_owned() }),
            )
            .layer(AuthLayer::new(client.clone()).verify_timeout(long))
            .merge(webhook::router(config.handler_timeout(long), handler));
        let rig = Self { center, client, clock, app, handling };
        rig.open_connections().await;
        rig
    }

    async fn open_connections(&self) {
        let unknown = (0..CONNECTIONS).map(|n| {
            let client = self.client.clone();
            tokio::spawn(async move { client.user_info(&format!("unknown-{n}")).await })
        });
        let unknown: Vec<_> = unknown.collect();
        self.turn_until(|| self.center.state().held.len() == CONNECTIONS).await;
        self.center.state().held.drain(..).for_each(|held| held.release());
        for request in unknown {
            assert!(request.await.unwrap().is_err());
        }
        self.turn_until(|| alive() == TASKS).await;
    }

    /// Lets all other tasks run until it is so.
    pub(super) async fn turn_until(&self, so: impl Fn() -> bool) {
        let started = Instant::now();
        loop {
            // Gives way to all tasks that are ready, and to the sockets.
            tokio::task::yield_now().await;
            if so() {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{} tasks hang", alive());
        }
    }
}

impl Outcome {
    fn user(nickname: &str) -> Self {
        Self::User(nickname.strip_prefix('v').and_then(|version| version.parse().ok()).expect("a version"))
    }
}

pub(super) fn alive() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// As the client makes its own, but for connections that stay open however long they are idle.
fn http_client() -> reqwest::Client {
    let builder = tls::http_client(rustls::RootCertStore::empty()).pool_idle_timeout(None);
    builder.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

pub(super) async fn ask_service(app: Router, credential: &str) -> Outcome {
    let authorization = format!("Bearer {credential}");
    let request = Request::get("/").header(AUTHORIZATION, authorization).body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    match response.status().as_u16() {
        200 => {
            let body = response.into_body().collect().await.unwrap().to_bytes();
            Outcome::user(std::str::from_utf8(&body).unwrap())
        }
        401 | 403 => Outcome::Refused,
        503 => Outcome::Unavailable,
        status => panic!("{status}"),
    }
}

pub(super) async fn ask_client(client: AuthClient, credential: &str) -> Outcome {
    let answer = if credential.starts_with("ak_") {
        client.access_key_user(credential).await
    } else {
        client.user_info(credential).await
    };
    match answer.map_err(|error| error.kind()) {
        Ok(user) => Outcome::user(user.nickname().unwrap_or_default()),
        Err(ErrorKind::InvalidCredential | ErrorKind::Denied) => Outcome::Refused,
        Err(ErrorKind::Unavailable) => Outcome::Unavailable,
        Err(kind) => panic!("{kind:?}"),
    }
}
