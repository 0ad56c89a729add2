//! Introspection (RFC 7662) against an endpoint on this machine, and its faults.

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use aigc_auth::cached::Cached;
use aigc_auth::claims::{ClaimsMapping, TokenKind};
use aigc_auth::error::ErrorKind::{self, Expired, InvalidCredential, Unavailable};
use aigc_auth::introspection::{Introspection, IntrospectionBuilder};
use aigc_auth::jwt::Claims;
use aigc_auth::testing::Clock;
use aigc_auth::{AuthError, AuthLayer, UserInfo, Verify};
use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};

use crate::jwt::support::{now, with};
use crate::support::{self, App, Log, serve, verdict};
use crate::verifiers::support::{kind, token};

const SECRET: &str = "hunter2: the client's";

/// An endpoint whose answers a test sets, and which keeps what it was asked.
struct Endpoint {
    app: App,
    answer: Arc<Mutex<(u16, &'static str, Vec<u8>)>>,
    asked: Arc<Mutex<Vec<(HeaderMap, String)>>>,
}

/// Never answered.
const HANG: u16 = 0;

impl Endpoint {
    async fn start() -> Self {
        let answer = Arc::new(Mutex::new((200, "application/json", active().to_string().into_bytes())));
        let asked: Arc<Mutex<Vec<_>>> = Arc::default();
        let (answers, journal) = (answer.clone(), asked.clone());
        let handler = move |headers: HeaderMap, body: Bytes| {
            journal.lock().unwrap().push((headers, String::from_utf8(body.to_vec()).unwrap()));
            let (status, kind, body) = answers.lock().unwrap().clone();
            async move {
                if status == HANG {
                    std::future::pending::<()>().await;
                }
                let response = Response::builder().status(StatusCode::from_u16(status).unwrap());
                let response = response.header("content-type", kind).header("location", "/elsewhere");
                response.body(axum::body::Body::from(body)).unwrap()
            }
        };
        Self { app: serve(Router::new().fallback(handler)).await, answer, asked }
    }

    fn say(&self, status: u16, kind: &'static str, body: impl Into<Vec<u8>>) {
        *self.answer.lock().unwrap() = (status, kind, body.into());
    }

    fn say_json(&self, answer: &Value) {
        self.say(200, "application/json", answer.to_string());
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn builder(&self) -> IntrospectionBuilder {
        let url = format!("http://{}/introspect?tenant=hidden", self.app.address);
        Introspection::builder(url, "my:service", SECRET).audience("api")
    }
}

fn active() -> Value {
    json!({
        "active": true, "sub": "u-7", "username": "alice", "scope": "report:read report:write", "aud": "api",
        "exp": now() + 3600, "nbf": now() - 10, "iss": "https://issuer.example", "client_id": "app", "token_type": "Bearer",
    })
}

#[tokio::test]
async fn active_token_is_its_user() {
    let endpoint = Endpoint::start().await;
    let verifier = endpoint.builder().issuer("https://issuer.example").build().unwrap();
    let user = verifier.verify(token("2YotnFZFEjr1zCsicMWpAA==")).await.unwrap();
    assert_eq!((user.id().as_str(), user.username(), user.is_admin()), (Some("u-7"), "alice", false));
    assert!(user.has_all_permissions(["report:read", "report:write"]));
    let end = user.valid_until().unwrap().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!((now() + 3590..=now() + 3600).contains(&end));
    let (headers, body) = endpoint.asked.lock().unwrap().pop().unwrap();
    assert_eq!(body, "token=2YotnFZFEjr1zCsicMWpAA%3D%3D&token_type_hint=access_token");
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(headers["accept"], "application/json");
    let basic = STANDARD.encode("my%3Aservice:hunter2%3A%20the%20client%27s");
    assert_eq!(headers["authorization"], format!("Basic {basic}"));
    let app = serve(Router::new().route("/", get(async || "in")).layer(AuthLayer::new(verifier))).await;
    let answer = support::get(app.address, "/", &[("authorization", "Bearer ak_1")]).await;
    assert_eq!((verdict(&answer), endpoint.asked()), (Err(401), 0), "access keys are not introspected");
}

#[tokio::test]
async fn answers_are_verdicts_only_where_they_are_clear() {
    let endpoint = Endpoint::start().await;
    let clock = Clock::held();
    let verifier = endpoint.builder().issuer("https://issuer.example").clock(clock).build().unwrap();
    for (name, value, expected) in [
        ("active", json!(false), Some(InvalidCredential)),
        ("active", json!("true"), Some(Unavailable)),
        ("active", json!("false"), Some(Unavailable)),
        ("active", json!(1), Some(Unavailable)),
        ("active", Value::Null, Some(Unavailable)),
        ("exp", json!(now() - 20), None),
        ("exp", json!(now() - 31), Some(Expired)),
        ("exp", json!(0), Some(Expired)),
        ("exp", json!(-5), Some(Expired)),
        ("exp", json!(now() as f64 + 0.5), None),
        ("exp", Value::Null, None),
        ("exp", json!("tomorrow"), Some(Unavailable)),
        ("exp", json!(now() * 1_000), Some(Unavailable)),
        ("nbf", json!(now() + 20), None),
        ("nbf", json!(now() + 40), Some(InvalidCredential)),
        ("nbf", json!([1]), Some(Unavailable)),
        ("aud", json!(["other", "api"]), None),
        ("aud", json!(["other"]), Some(InvalidCredential)),
        ("aud", json!("API"), Some(InvalidCredential)),
        ("aud", json!([]), Some(InvalidCredential)),
        ("aud", json!([["api"]]), Some(InvalidCredential)),
        ("aud", json!({"api": 1}), Some(InvalidCredential)),
        ("aud", Value::Null, Some(InvalidCredential)),
        ("iss", json!("https://issuer.example/"), Some(InvalidCredential)),
        ("iss", Value::Null, Some(InvalidCredential)),
        ("token_type", json!("bearer"), None),
        ("token_type", json!("DPoP"), Some(InvalidCredential)),
        ("token_type", json!("refresh_token"), Some(InvalidCredential)),
        ("typ", json!("Refresh"), Some(InvalidCredential)),
        ("cnf", json!({"x5t#S256": "x"}), Some(InvalidCredential)),
        ("sub", Value::Null, Some(InvalidCredential)),
        ("sub", json!(7), None),
        ("username", Value::Null, None),
    ] {
        endpoint.say_json(&with(active(), name, value.clone()));
        let outcome = verifier.verify(token("opaque")).await;
        assert_eq!(kind(&outcome), expected, "{name}: {value}: {outcome:?}");
    }
    for name in ["active", "aud", "iss", "sub"] {
        let mut answer = active();
        answer.as_object_mut().unwrap().remove(name);
        endpoint.say_json(&answer);
        let expected = if name == "active" { Unavailable } else { InvalidCredential };
        assert_eq!(kind(&verifier.verify(token("opaque")).await), Some(expected), "without {name}");
    }
    // Twice: another reader takes the other.
    for member in [
        r#""active":false"#,
        r#""active":true"#,
        r#""\u0061ctive":false"#,
        r#""sub":"root""#,
        r#""aud":"api""#,
    ] {
        let text = active().to_string();
        for answer in [
            text.replacen('{', &format!("{{{member},"), 1),
            format!("{},{member}}}", &text[..text.len() - 1]),
        ] {
            endpoint.say(200, "application/json", answer.clone());
            assert_eq!(kind(&verifier.verify(token("opaque")).await), Some(Unavailable), "{answer}");
        }
    }
}

#[tokio::test]
async fn faults_of_the_endpoint_are_503_and_show_no_secret() {
    let log = Log::start();
    let endpoint = Endpoint::start().await;
    let verifier = endpoint.builder().timeout(Duration::from_millis(300)).build().unwrap();
    let json = "application/json";
    let echo = format!("{{\"active\": \"opaque-token {SECRET}\"}}");
    let huge = format!("{{\"active\": true, \"sub\": \"{}\"}}", "x".repeat(10 * 1024 * 1024));
    for (status, kind, body, said) in [
        (500, json, active().to_string(), "500"),
        (502, json, String::new(), "502"),
        (401, json, echo.clone(), "check the client's id and secret"),
        (403, json, String::new(), "check the client's id and secret"),
        (404, "text/html", "<html>".into(), "check the URL"),
        (429, json, String::new(), "rate limited"),
        (302, json, active().to_string(), "redirects are not followed"),
        (307, json, active().to_string(), "redirects are not followed"),
        (204, json, String::new(), "expected the status 200"),
        (200, "text/html", "<html>Log in</html>".into(), "expected a JSON object"),
        (200, json, String::new(), "expected a JSON object"),
        (200, json, "[true]".into(), "expected a JSON object"),
        (200, json, echo, "`active`"),
        (200, json, huge, "over 1 MiB"),
        (HANG, json, String::new(), "no answer in time"),
    ] {
        endpoint.say(status, kind, body);
        let before = endpoint.asked();
        let error = verifier.verify(token("opaque-token")).await.unwrap_err();
        let all = format!("{error} {error:?} {verifier:?}");
        assert_eq!(error.kind(), Unavailable, "{status}: {all}");
        assert!(error.detail().unwrap().contains(said), "{status}: {all}");
        assert_eq!(endpoint.asked(), before + 1, "{status}: asked once, and nowhere else");
        for secret in ["opaque-token", "hunter2", "tenant=hidden"] {
            assert!(!all.contains(secret), "{status}: {all}");
        }
    }
    let address = endpoint.app.address;
    let builder = endpoint.builder();
    assert!(!format!("{builder:?}").contains("hunter2"));
    let gone = builder.build().unwrap();
    drop(endpoint);
    support::until("the port is closed", || std::net::TcpStream::connect(address).is_err()).await;
    let error = gone.verify(token("opaque-token")).await.unwrap_err();
    assert_eq!(error.kind(), Unavailable);
    assert!(error.detail().unwrap().contains("cannot connect"), "{error}");
    assert!(!log.take().contains("opaque-token"));
}

#[tokio::test]
async fn bad_answers_open_no_breaker_and_outages_do() {
    for (status, opens) in [(500, false), (200, false), (503, true), (429, true)] {
        let endpoint = Endpoint::start().await;
        endpoint.say(status, "application/json", "{}");
        let verifier = Cached::builder(endpoint.builder().build().unwrap()).clock(Clock::held()).build();
        for n in 0..8 {
            assert!(verifier.verify(token(&format!("token-{n}"))).await.is_err());
        }
        assert_eq!(endpoint.asked(), if opens { 5 } else { 8 }, "{status}");
    }
}

#[tokio::test]
async fn cached_introspection_asks_once_until_the_end() {
    let endpoint = Endpoint::start().await;
    endpoint.say_json(&with(active(), "exp", now() + 60));
    let clock = Clock::held();
    let introspection = endpoint.builder().clock(clock.clone()).build().unwrap();
    let cached = Cached::builder(introspection).clock(clock.clone()).build();
    let greet =
        |Claims(claims): Claims<Value>| async move { claims["client_id"].as_str().unwrap().to_owned() };
    let app = serve(Router::new().route("/", get(greet)).layer(AuthLayer::new(cached))).await;
    let ask = |credential: &'static str| {
        let address = app.address;
        async move { support::get(address, "/", &[("authorization", credential)]).await }
    };
    for _ in 0..3 {
        assert_eq!(verdict(&ask("Bearer opaque").await), Ok("app"));
    }
    assert_eq!(endpoint.asked(), 1);
    assert_eq!(verdict(&ask("Bearer ak_1").await), Err(401), "access keys are not introspected");
    assert_eq!(endpoint.asked(), 1);
    // Not even while the endpoint is away.
    clock.advance(Duration::from_secs(61));
    endpoint.say(503, "text/plain", "");
    assert_eq!(verdict(&ask("Bearer opaque").await), Err(503));
    clock.advance(Duration::from_secs(5));
    endpoint.say_json(&json!({"active": false}));
    assert_eq!(verdict(&ask("Bearer opaque").await), Err(401));
    let asked = endpoint.asked();
    assert_eq!(verdict(&ask("Bearer opaque").await), Err(401));
    assert_eq!(endpoint.asked(), asked, "the negative TTL");
}

#[tokio::test]
async fn settings_change_what_is_accepted() {
    type Set = fn(IntrospectionBuilder) -> IntrospectionBuilder;
    let refused: Result<&str, ErrorKind> = Err(InvalidCredential);
    let rows: [(&str, Set, Value, Result<&str, ErrorKind>); 6] = [
        (
            "any audience",
            |builder| builder.insecure_any_audience(),
            json!({"active": true, "sub": "a"}),
            Ok("a"),
        ),
        ("audiences", |builder| builder.audiences(["x", "y"]), with(active(), "aud", "y"), Ok("u-7")),
        ("no audiences", |builder| builder.audiences([""; 0]), active(), refused),
        (
            "a client",
            |builder| builder.mapping(ClaimsMapping::new().subject_claim("client_id")),
            active(),
            Ok("app"),
        ),
        (
            "a kind",
            |builder| builder.accept_kind(TokenKind::Refresh),
            with(active(), "typ", "Refresh"),
            Ok("u-7"),
        ),
        ("leeway", |builder| builder.leeway(Duration::ZERO), with(active(), "exp", now() - 1), Err(Expired)),
    ];
    for (what, set, answer, expected) in rows {
        let endpoint = Endpoint::start().await;
        endpoint.say_json(&answer);
        let outcome: Result<UserInfo, AuthError> =
            set(endpoint.builder()).build().unwrap().verify(token("opaque")).await;
        let id = outcome.as_ref().map(|user| user.id().to_string()).map_err(AuthError::kind);
        assert_eq!(id, expected.map(str::to_owned), "{what}");
    }
}

#[test]
fn settings_that_cannot_be_right_are_refused() {
    let of =
        |url: &str, id: &str, secret: &str| Introspection::builder(url, id, secret).audience("api").build();
    let good = "https://login.example.com/introspect";
    assert!(of(good, "id", "secret").is_ok());
    assert!(of("http://127.0.0.1:1/introspect", "id", "secret").is_ok());
    for (error, said) in [
        (of("login.example.com", "id", "secret"), "cannot parse"),
        (of("ftp://login.example.com", "id", "secret"), "https://"),
        (of("http://login.example.com", "id", "secret"), "insecure_plain_http"),
        (of("https://id:secret@login.example.com", "id", "secret"), "user name or password"),
        (of(good, "", "secret"), "must not be empty"),
        (of(good, "id", ""), "must not be empty"),
        (of(good, "id\n", "secret"), "client id of the introspection starts or ends with white space"),
        (of(good, "id", "secret\n"), "client secret of the introspection starts or ends with white space"),
        (Introspection::builder(good, "id", "secret").build(), "insecure_any_audience"),
    ] {
        let error = error.unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}
