//! Test the auth center over real sockets, with requests written by hand: an HTTP client would hide details.

use std::io;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{AuthCenter, Dialect};

mod control;
mod credentials;
mod dialects;
mod faults;
mod feishu;
mod groups;
mod other_apps;
mod program;
mod pushed;
mod registry;
mod stored;
mod users;

/// Formats a valid request.
fn request(center: &AuthCenter, endpoint: &str, body: &str) -> String {
    let (id, secret, length) = (center.app_id(), center.app_secret(), body.len());
    format!(
        "POST /aigc-auth/sdk{endpoint} HTTP/1.1\r\nHost: center\r\nX-App-ID: {id}\r\n\
         X-App-Secret: {secret}\r\nAuthorization: Bearer some-token\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

async fn connect(center: &AuthCenter) -> io::Result<TcpStream> {
    TcpStream::connect(center.url().strip_prefix("http://").unwrap().split_once('/').unwrap().0).await
}

/// Sends a request, and reads until the connection ends.
async fn exchange(center: &AuthCenter, request: &str) -> io::Result<Vec<u8>> {
    let request = request.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    let mut stream = connect(center).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).await?;
    Ok(response)
}

/// Splits a response into head and body.
fn split(response: &[u8]) -> (&str, &str) {
    std::str::from_utf8(response).unwrap().split_once("\r\n\r\n").unwrap()
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Sends a request. Returns the status, and the body if it is JSON.
async fn send(center: &AuthCenter, request: &str) -> (u16, Value) {
    let response = exchange(center, request).await.unwrap();
    let (head, body) = split(&response);
    (status(head), serde_json::from_str(body).unwrap_or_default())
}

/// Calls an endpoint. Returns the envelope.
async fn call(center: &AuthCenter, endpoint: &str, body: Value) -> Value {
    let (status, envelope) = send(center, &request(center, endpoint, &body.to_string())).await;
    assert_eq!(status, 200, "{endpoint}");
    envelope
}

/// Calls an endpoint that succeeds. Returns the data.
async fn data(center: &AuthCenter, endpoint: &str, body: Value) -> Value {
    let mut envelope = call(center, endpoint, body).await;
    assert_eq!((&envelope["code"], &envelope["message"]), (&json!(0), &json!("success")), "{envelope}");
    envelope["data"].take()
}

/// Calls an endpoint that rejects the call. Returns the code.
async fn rejection(center: &AuthCenter, endpoint: &str, body: Value) -> i64 {
    let envelope = call(center, endpoint, body).await;
    assert!(envelope["data"].is_null() && !envelope["message"].as_str().unwrap().is_empty(), "{envelope}");
    envelope["code"].as_i64().unwrap()
}

/// Starts an auth center with the user `alice` and the token `alice-token`.
async fn with_alice() -> AuthCenter {
    with_alice_in(Dialect::default()).await
}

/// Starts the same of this dialect.
async fn with_alice_in(dialect: Dialect) -> AuthCenter {
    let center = AuthCenter::builder().dialect(dialect).start().await;
    center.add_user(super::user("alice").nickname("Al").permissions(["report:read"]).admin(true));
    center.add_token("alice-token", "alice");
    center
}
