//! What it costs to receive an event of 1 KiB, from the request to the answer: `cargo bench -p aigc-auth-benches --bench webhook`.
//!
//! Valgrind's processor has no instructions for SHA-256, so that what it counts is that of a machine without.

mod support;

use std::hint::black_box;

use aigc_auth::webhook::{self, HandlerError, UserEvent, WebhookConfig, sign, verify_signature};
use aigc_auth::{AuthClient, Secret};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::post;
use bytes::Bytes;
use http::HeaderValue;
use serde_json::{Value, json};
use support::{Case, measure};
use tokio::runtime::Runtime;
use tower::Service;

const SIZE: usize = 1024;

fn secret() -> Secret {
    "0123456789abcdef0123456789abcdef".into()
}

/// A usual `user.updated`, with this number in it.
fn event(number: u64) -> Bytes {
    let mut event = json!({
        "event": "user.updated",
        "data": {
            "id": 7,
            "username": "alice",
            "nickname": "爱丽丝",
            "email": "alice@example.com",
            "phone": "13800000000",
            "avatar": "https://cdn.example.com/avatars/7.png",
            "roles": ["editor", "reviewer"],
            "permissions": ["report:read", "report:write", "article:read", "article:write", "article:publish"],
            "department": "Editorial",
            "company": "Example",
            "is_admin": false,
            "status": "active",
            "updatedFields": ["email", "permissions"],
            "number": format!("{number:020}"),
            "remark": "",
        },
    });
    let length = event.to_string().len();
    event["data"]["remark"] = json!("r".repeat(SIZE - length));
    let event = Bytes::from(event.to_string());
    assert_eq!(event.len(), SIZE);
    event
}

/// A body of which every copy differs from the others, without writing its JSON anew.
struct Distinct {
    body: Vec<u8>,
    at: usize,
    number: u64,
}

impl Distinct {
    fn new() -> Self {
        let (body, digits) = (event(0).to_vec(), [b'0'; 20]);
        let at = body.windows(20).position(|window| window == digits).expect("a number");
        Self { body, at, number: 0 }
    }

    fn next(&mut self, secret: &Secret) -> Request {
        self.number += 1;
        let digits = format!("{:020}", self.number);
        self.body[self.at..self.at + 20].copy_from_slice(digits.as_bytes());
        request(Bytes::copy_from_slice(&self.body), &signature(&self.body, secret))
    }
}

fn signature(body: &[u8], secret: &Secret) -> HeaderValue {
    sign(body, secret).try_into().expect("a header")
}

fn request(body: Bytes, signature: &HeaderValue) -> Request {
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = http::Uri::from_static("/webhook/auth");
    request.headers_mut().insert("x-webhook-signature", signature.clone());
    request
}

fn router() -> Router {
    let client = AuthClient::builder("app", "secret", "http://127.0.0.1:9").build().expect("a client");
    let config = WebhookConfig::new(secret()).expect("a secret").invalidate(client);
    webhook::router(config, |event: UserEvent| async move {
        black_box(event);
        Ok::<Value, HandlerError>(json!({ "success": true }))
    })
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// Sends what is made each time to the router.
fn case(
    name: &'static str,
    mut router: Router,
    mut make: impl FnMut() -> Request + 'static,
    status: u16,
) -> Case {
    let runtime = runtime();
    Case::new(name, move || {
        let request = black_box(make());
        let response = runtime.block_on(router.call(request)).unwrap_or_else(|never| match never {});
        assert_eq!(response.status(), status);
        black_box(response);
    })
}

const BARE: &str = "bare route that reads the body";
const MADE: &str = "a request made";
const SIGNED: &str = "a request made and signed";

fn main() {
    let (body, secret) = (event(0), secret());
    let right = signature(&body, &secret);
    let wrong = signature(b"", &secret);
    let with = |signature: &HeaderValue| {
        let (body, signature) = (body.clone(), signature.clone());
        move || request(body.clone(), &signature)
    };
    let fresh = |secret: &Secret| {
        let (mut distinct, secret) = (Distinct::new(), secret.clone());
        move || distinct.next(&secret)
    };
    let bare = Router::new().route(
        "/webhook/auth",
        post(|body: Bytes| async move {
            black_box(body);
        }),
    );
    let cases = vec![
        Case::new("sign", {
            let (body, secret) = (body.clone(), secret.clone());
            move || drop(black_box(sign(black_box(&body), &secret)))
        }),
        Case::new("verify_signature", {
            let (body, secret) = (body.clone(), secret.clone());
            let right = sign(&body, &secret);
            move || assert!(verify_signature(black_box(&body), &right, &secret))
        }),
        Case::new("UserEvent::from_json", {
            let body = body.clone();
            move || drop(black_box(UserEvent::from_json(black_box(&body)).expect("an event")))
        }),
        Case::new(MADE, {
            let make = with(&right);
            move || drop(black_box(make()))
        }),
        Case::new(SIGNED, {
            let mut make = fresh(&secret);
            move || drop(black_box(make()))
        }),
        case(BARE, bare, with(&right), 200),
        case("event that was handled before", router(), with(&right), 200),
        case("bad signature", router(), with(&wrong), 401),
        case("fresh event", router(), fresh(&secret), 200),
    ];
    measure(cases, |name| match name {
        BARE => Some(MADE),
        "event that was handled before" | "bad signature" => Some(BARE),
        "fresh event" => Some(SIGNED),
        _ => None,
    });
}
