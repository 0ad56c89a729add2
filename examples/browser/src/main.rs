//! A page whose scripts open a WebSocket and an `EventSource`, on which browsers let them set no headers: by a protocol, by
//! a cookie, and by a query parameter.
//!
//! `cargo run -p browser` starts it with an auth center of its own; open the address that it prints in a browser. With
//! `AIGC_AUTH_APP_ID`, `AIGC_AUTH_APP_SECRET` and `AIGC_AUTH_BASE_URL` set, in the environment or in `.env`, it talks to
//! that one instead. `BIND` is the address to listen on, `127.0.0.1:3000` by default. `ALLOW_ORIGIN` names the origin of
//! other pages that may use it, cookie included. Usage records are logged at `debug` instead of being reported.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use aigc_auth::layer::CredentialSource;
use aigc_auth::testing::{self, AuthCenter};
use aigc_auth::usage::{Record, Served};
use aigc_auth::{AuthError, AuthLayer, CurrentUser, context, error::ErrorKind};
use axum::Router;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{Message, WebSocket};
use axum::http::header::{
    AUTHORIZATION, CONTENT_SECURITY_POLICY, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get, post};
use example_support::{connect, listen, shutdown_signal, start_logging};
use futures_util::{Stream, stream};
use tower_http::cors::CorsLayer;
use tower_http::trace::TraceLayer;

/// `__Host-`: browsers take it only over HTTPS, and from this very host. They count `http://localhost` and
/// `http://127.0.0.1` as HTTPS.
const COOKIE: &str = "__Host-session";

async fn page() -> impl IntoResponse {
    let headers = [
        // No address of this service goes to others, whatever is in it.
        (REFERRER_POLICY, "no-referrer"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; script-src 'unsafe-inline'; connect-src 'self'"),
    ];
    (headers, Html(include_str!("page.html")))
}

/// Makes a session cookie of the token that the request was verified by: `fetch` can set `Authorization`.
async fn sign_in(user: CurrentUser) -> Result<Response, AuthError> {
    let missing =
        || AuthError::new(ErrorKind::Misconfigured).with_detail("a verified request has a credential");
    let credential = context::credential().ok_or_else(missing)?;
    let cookie = format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax", credential.as_str());
    let mut cookie = HeaderValue::from_str(&cookie)
        .map_err(|error| AuthError::new(ErrorKind::Internal).with_source(error))?;
    // Logs that honour it leave the value out.
    cookie.set_sensitive(true);
    Ok(([(SET_COOKIE, cookie)], format!("{} is signed in\n", user.username())).into_response())
}

async fn sign_out() -> impl IntoResponse {
    (StatusCode::NO_CONTENT, [(SET_COOKIE, format!("{COOKIE}=; Path=/; Secure; HttpOnly; Max-Age=0"))])
}

async fn me(user: CurrentUser) -> String {
    format!("{}\n", user.username())
}

/// `any`: over HTTP/1.1 the handshake is a GET, over HTTP/2 a CONNECT.
async fn socket(user: CurrentUser, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols(["chat"]).on_upgrade(async move |socket| talk(socket, user.username()).await)
}

/// Greets, and then sends back what comes.
async fn talk(mut socket: WebSocket, name: &str) {
    let mut next = Some(Message::Text(format!("hello, {name}").into()));
    while let Some(message) = next {
        if socket.send(message).await.is_err() {
            return;
        }
        next = match socket.recv().await {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => Some(message),
            _ => None,
        };
    }
}

async fn events(user: CurrentUser) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let counts = stream::unfold(0u32, move |count| {
        let event = Event::default().data(format!("hello, {}: {count}", user.username()));
        async move {
            if count > 0 {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Some((Ok(event), count.saturating_add(1)))
        }
    });
    Sse::new(counts).keep_alive(KeepAlive::default())
}

/// What a `StatsCollector` would report.
struct LogRecords;

impl Record for LogRecords {
    fn record(&self, served: Box<dyn Served>) {
        let record = serde_json::to_string(&served.into_record()).unwrap_or_default();
        tracing::debug!(record, "served");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    start_logging();
    // In a service of your own: `AuthClient::from_env()?`.
    let (client, center) = connect(add_users).await?;
    let other = std::env::var("ALLOW_ORIGIN").ok().filter(|origin| !origin.is_empty());
    let cookie = CredentialSource::cookie(COOKIE);
    let auth = AuthLayer::new(client)
        .credentials_from([
            CredentialSource::authorization(),
            CredentialSource::websocket_protocol(),
            match &other {
                Some(origin) => cookie.allow_origin(origin),
                None => cookie,
            },
            CredentialSource::query("access_token"),
        ])
        .with_stats(LogRecords)
        .exclude_path("/");
    let mut app = Router::new()
        .route("/", get(page))
        .route("/session", post(sign_in).delete(sign_out))
        .route("/me", get(me))
        .route("/socket", any(socket))
        .route("/events", get(events))
        // Inside, where URIs have no credential any more.
        .layer(TraceLayer::new_for_http())
        .layer(auth);
    if let Some(origin) = &other {
        // Outside: preflights have no credential, and scripts can read rejections only with CORS headers.
        let cors = CorsLayer::new()
            .allow_origin(origin.parse::<HeaderValue>()?)
            .allow_credentials(true)
            .allow_methods([Method::GET, Method::POST, Method::DELETE])
            .allow_headers([AUTHORIZATION])
            .expose_headers([RETRY_AFTER, WWW_AUTHENTICATE]);
        app = app.layer(cors);
    }

    // From here on, signals are caught: before the address is printed, which others wait for.
    let shutdown = shutdown_signal();
    let (listener, address) = listen().await?;
    if center.is_some() {
        println!(
            "no AIGC_AUTH_* is set, so the auth center is one in this process, with the tokens alice-token and bob-token"
        );
    }
    println!("open http://{address}/ in a browser");
    // With connect info, so that the client's address is known.
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(shutdown).await?;
    println!("drained, good-bye");
    Ok(())
}

fn add_users(center: &AuthCenter) {
    for name in ["alice", "bob"] {
        center.add_user(testing::user(name));
        center.add_token(format!("{name}-token"), name);
    }
}
