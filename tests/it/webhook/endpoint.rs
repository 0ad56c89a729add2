//! What the endpoint answers: which deliveries it accepts, and in which order it checks them.

use std::time::Duration;

use aigc_auth::testing::Clock;
use aigc_auth::webhook::{self, WebhookConfig};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream::{self, StreamExt};
use http::Request;
use serde_json::json;
use tower::ServiceExt;

use crate::support::{self, auth, center, exchange, get_as, head, post, request, serve};
use crate::webhook::support::{
    CHANGE, Notes, SECRET, config, deliver, doubly, refused, report, run, serve_hook, signed, standard,
    standard_signature,
};

const LARGEST: usize = 256 * 1024;

/// A right event of this length.
fn event_of(length: usize) -> String {
    let (head, tail) = (r#"{"event": "team.created", "data": ""#, r#""}"#);
    let filling = "x".repeat(length - head.len() - tail.len());
    format!("{head}{filling}{tail}")
}

/// A body in chunks of this length, as it goes over the wire.
fn chunked(body: &[u8], length: usize) -> Vec<u8> {
    let mut wire = Vec::new();
    for chunk in body.chunks(length) {
        wire.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        wire.extend([chunk, b"\r\n"].concat());
    }
    wire.extend(b"0\r\n\r\n");
    wire
}

#[tokio::test]
async fn signed_event_reaches_handler_and_returns_its_json() {
    let notes = Notes::default();
    let app = serve_hook(config(), notes.clone()).await;
    let answer = report(&app, CHANGE).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"run": 1})));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let [event] = &notes.take()[..] else { panic!("not one event") };
    assert_eq!(event.name(), "user.updated");
    assert_eq!(event.updated_fields(), ["email"]);
    assert_eq!(event.user().and_then(|user| user.username()), Some("alice"));

    // A header that names the event is not signed, and decides nothing.
    let body = "{ \"event\":\"team.created\",\r\n\t\"data\":[\"团队 🎉\"] }\n";
    let headers = [signed(body), vec![("x-webhook-event", "user.deleted".to_owned())]].concat();
    assert_eq!(deliver(&app, &headers, body).await.status, 200);
    assert_eq!(notes.take()[0].name(), "team.created");
}

#[tokio::test]
async fn invalid_signature_is_401() {
    let notes = Notes::default();
    let app = serve_hook(config(), notes.clone()).await;
    let right = webhook::sign(CHANGE.as_bytes(), &SECRET.into());
    let cut = &right[..63];
    let last_changed = format!("{cut}{}", if right.ends_with('0') { '1' } else { '0' });
    let name = "x-webhook-signature";
    let one = |value: &str| vec![(name, value.as_bytes().to_vec())];
    for (what, headers) in [
        ("none", vec![]),
        ("another header", vec![("x-signature", right.clone().into_bytes())]),
        ("empty", one("")),
        ("not hex", one("no signature at all")),
        ("of another body", one(&webhook::sign(b"{}", &SECRET.into()))),
        ("of another secret", one(&webhook::sign(CHANGE.as_bytes(), &"the secret of these tests ".into()))),
        ("with its last digit changed", one(&last_changed)),
        ("in upper case", one(&right.to_uppercase())),
        ("cut", one(cut)),
        ("cut to whole bytes", one(&right[..62])),
        ("too long", one(&format!("{right}00"))),
        ("twice in one", one(&format!("{right},{right}"))),
        ("twice", [one(&right), one(&right)].concat()),
        ("wrong, and then right", [one(&right.to_uppercase()), one(&right)].concat()),
        ("with a prefix", one(&format!("sha256={right}"))),
        ("in UTF-8", one(&format!("{cut}é"))),
        ("in other bytes", vec![(name, [cut.as_bytes(), &[0xff]].concat())]),
    ] {
        let answer = post(app.address, "/webhook/auth", &headers, CHANGE).await;
        refused(&answer, 401);
        assert_eq!(notes.runs(), 0, "{what}");
    }
    assert_eq!(post(app.address, "/webhook/auth", &one(&right), CHANGE).await.status, 200);
    assert_eq!(notes.runs(), 1);
}

#[tokio::test]
async fn altered_body_is_401() {
    let notes = Notes::default();
    let app = serve_hook(config(), notes.clone()).await;
    let headers = signed(CHANGE);
    for at in 0..CHANGE.len() {
        let mut body = CHANGE.as_bytes().to_vec();
        body[at] ^= 1 << (at % 8);
        assert_eq!(deliver(&app, &headers, body).await.status, 401, "byte {at}");
    }
    for body in [&CHANGE[..CHANGE.len() - 1], &format!("{CHANGE}\n"), &format!(" {CHANGE}"), ""] {
        assert_eq!(deliver(&app, &headers, body).await.status, 401, "{body:?}");
    }
    assert_eq!(notes.runs(), 0);
}

#[tokio::test]
async fn malformed_event_is_400_with_location() {
    let notes = Notes::default();
    let app = serve_hook(config(), notes.clone()).await;
    for (body, expected) in [
        (&b""[..], "line 1, column 0"),
        (b"{\n \"event\": hunter2}", "line 2, column 11"),
        (b"{\"event\": \"\xff\"}", "line 1, column 12"),
        (b"{\"event\": \"user.login\", \"data\": {}", "line 1, column 34"),
        (b"[]", "The body must be a JSON object"),
        (b"{}", "`event` must be a string"),
        (b"{\"event\": null}", "`event` must be a string"),
        (b"{\"event\": \"user.login\"}", "`data` must be an object"),
        (b"{\"event\": \"user.login\", \"data\": {\"id\": [\"hunter2\"]}}", "`data.id` must be an integer"),
        (
            b"{\"event\": \"user.updated\", \"data\": {\"email\": {\"hunter2\": 1}}}",
            "`data.email` must be a string",
        ),
        (
            b"{\"event\": \"user.updated\", \"data\": {\"updatedFields\": \"hunter2\"}}",
            "`data.updatedFields` must be",
        ),
    ] {
        let message = refused(&report(&app, body).await, 400);
        let body = String::from_utf8_lossy(body);
        assert!(message.contains(expected), "{body}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    assert_eq!(notes.runs(), 0);
}

#[tokio::test]
async fn signature_is_checked_before_body() {
    let app = serve_hook(config(), Notes::default()).await;
    let too_large = event_of(LARGEST + 1);
    for (what, headers, body, status) in [
        ("no JSON, unsigned", vec![], "{", 401),
        ("no JSON, signed wrong", signed("another"), "{", 401),
        ("no JSON, signed right", signed("{"), "{", 400),
        ("no event, signed wrong", signed("another"), "{}", 401),
        ("an unsigned heap", vec![], &too_large, 401),
        // Whether the signature is valid would need the whole body.
        ("a heap that says it is signed", signed("another"), &too_large, 413),
    ] {
        let answer = deliver(&app, &headers, body).await;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        refused(&answer, status);
    }
}

#[tokio::test]
async fn request_without_possible_signature_is_rejected_without_reading_body() {
    let app = serve_hook(config(), Notes::default()).await;
    let (hex, base64) = (webhook::sign(b"", &SECRET.into()), STANDARD.encode([0; 32]));
    let (upper, cut, base64) = (hex.to_uppercase(), &hex[1..], &*format!("v1,{base64}"));
    let now = &*standard("", 0, "")[1].1;
    let (plain, signature) = ("x-webhook-signature", "webhook-signature");
    let with_id = |signed: &'static str, text| {
        vec![("webhook-id", "msg_1"), ("webhook-timestamp", now), (signed, text)]
    };
    for length in [("content-length", "100"), ("transfer-encoding", "chunked")] {
        for headers in [
            vec![("x-trace-id", "")],
            vec![("webhook-id", "msg_1")],
            vec![(plain, "")],
            vec![(plain, "junk")],
            vec![(plain, &*upper)],
            vec![(plain, cut)],
            vec![(plain, base64)],
            // The id and the timestamp are missing.
            vec![(signature, base64)],
            with_id(signature, "junk"),
            with_id(signature, "v1,AAAA"),
            with_id(signature, &base64[3..]),
            with_id(signature, &hex),
            // It decides, whatever else there is.
            [with_id(signature, "junk"), vec![(plain, &*hex)]].concat(),
        ] {
            // The body never comes, and the connection stays open: waiting for it would end in a 408.
            let sent = [vec![length], headers].concat();
            let start = std::time::Instant::now();
            refused(&exchange(app.address, &head("POST", "/webhook/auth", &sent)).await, 401);
            assert!(start.elapsed() < Duration::from_secs(5), "{sent:?}");
        }
    }
}

#[tokio::test]
async fn oversized_content_length_is_rejected_early() {
    let app = serve_hook(config(), Notes::default()).await;
    let signature = signed("another").remove(0).1;
    let headers = [("content-length", "262145"), ("x-webhook-signature", &*signature)];
    refused(&exchange(app.address, &head("POST", "/webhook/auth", &headers)).await, 413);
}

#[tokio::test]
async fn body_limit_is_256_kib() {
    let notes = Notes::default();
    let app = serve_hook(config().replay_window(Duration::ZERO), notes.clone()).await;
    for (length, status) in [(LARGEST - 1, 200), (LARGEST, 200), (LARGEST + 1, 413), (10 * LARGEST, 413)] {
        let body = event_of(length);
        assert_eq!(body.len(), length);
        let announced = report(&app, &body).await;
        let headers = [signed(&body), vec![("transfer-encoding", "chunked".to_owned())]].concat();
        let body = chunked(body.as_bytes(), 10_000);
        let unannounced =
            exchange(app.address, &[head("POST", "/webhook/auth", &headers), body].concat()).await;
        for answer in [announced, unannounced] {
            match status {
                200 => assert_eq!(answer.status, 200, "{length}: {answer:?}"),
                _ => assert_eq!(refused(&answer, status), "The body is over 256 KiB"),
            }
        }
    }
    assert_eq!(notes.runs(), 4);
}

#[tokio::test(start_paused = true)]
async fn broken_or_endless_body_is_rejected() {
    let half = |rest: stream::BoxStream<'static, std::io::Result<Bytes>>| {
        let body = Body::from_stream(stream::iter([Ok(Bytes::from_static(b"{\"event\":"))]).chain(rest));
        let signature = webhook::sign(CHANGE.as_bytes(), &SECRET.into());
        Request::post("/webhook/auth").header("x-webhook-signature", signature).body(body).unwrap()
    };
    let broken = stream::iter([Err(std::io::Error::other("reset"))]).boxed();
    let start = tokio::time::Instant::now();
    for (rest, status, seconds) in [(broken, 400, 0), (stream::pending().boxed(), 408, 10)] {
        let app: Router = webhook::router(config(), Notes::default());
        let answer = app.oneshot(half(rest)).await.unwrap();
        assert_eq!((answer.status().as_u16(), start.elapsed().as_secs()), (status, seconds));
    }
}

#[tokio::test]
async fn only_post_is_allowed() {
    let notes = Notes::default();
    let app = serve_hook(config(), notes.clone()).await;
    let headers = signed("");
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer = request(app.address, method, "/webhook/auth", &headers).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
    }
    assert_eq!(notes.runs(), 0);
}

#[tokio::test]
async fn prefix_sets_endpoint_path() {
    for (prefix, path) in [
        (None, "/webhook/auth"),
        (Some("/hooks"), "/hooks/auth"),
        (Some("/hooks/"), "/hooks/auth"),
        (Some("hooks"), "/hooks/auth"),
        (Some("/api/v1/hooks"), "/api/v1/hooks/auth"),
        (Some(""), "/auth"),
        (Some("/"), "/auth"),
    ] {
        let config = match prefix {
            Some(prefix) => config().prefix(prefix),
            None => config(),
        };
        let app = serve_hook(config, Notes::default()).await;
        for other in ["/webhook/auth", "/hooks/auth", "/api/v1/hooks/auth", "/auth", "/", "/auth/"] {
            let answer = post(app.address, other, &signed(CHANGE), CHANGE).await;
            assert_eq!(answer.status, if other == path { 200 } else { 404 }, "{prefix:?} {other}");
        }
    }
}

#[tokio::test]
async fn router_merged_after_layer_needs_no_token() {
    async fn greet(State(greeting): State<String>) -> String {
        greeting
    }
    let center = center().await;
    let notes = Notes::default();
    let app: Router<String> = Router::new()
        .route("/", get(greet))
        .layer(auth(&center))
        .merge(webhook::router(config(), notes.clone()));
    let app = serve(app.with_state("hello".to_owned())).await;
    assert_eq!(support::get(app.address, "/", &[]).await.status, 401);
    assert_eq!(get_as(app.address, "alice-token", "/").await.body, "hello");
    assert_eq!(report(&app, CHANGE).await.status, 200);
    assert_eq!(notes.runs(), 1);
    // A token is no signature.
    let token = [("authorization", "Bearer root-token")];
    refused(&post(app.address, "/webhook/auth", &token, CHANGE).await, 401);
}

#[tokio::test]
async fn every_accepted_secret_verifies() {
    let (new, old, standards) =
        ("the new secret of the tests", "the old secret of the tests", "whsec_MDEyMzQ1Njc4OWFiY2RlZg==");
    let config = WebhookConfig::new(new).unwrap().also_accept(old).unwrap().also_accept(standards).unwrap();
    let app = serve_hook(config.replay_window(Duration::ZERO), Notes::default()).await;
    let decoded = STANDARD.decode("MDEyMzQ1Njc4OWFiY2RlZg==").unwrap();
    let timestamp = &standard("msg_1", 0, "")[1].1;
    for (what, plain, key, plain_status, standard_status) in [
        ("the first", new, new.as_bytes(), 200, 200),
        ("the second", old, old.as_bytes(), 200, 200),
        // The auth center signs with the secret as it is written, Standard Webhooks with what it stands for.
        ("the third", standards, &decoded, 200, 200),
        ("the third without decoding", standards, standards.as_bytes(), 200, 401),
        ("the third without its prefix", &standards[6..], &decoded[1..], 401, 401),
        ("neither", SECRET, SECRET.as_bytes(), 401, 401),
        ("two of them", &[new, old].concat(), &[new, old].concat().into_bytes(), 401, 401),
        ("an empty one", "", b"", 401, 401),
    ] {
        let plain = vec![("x-webhook-signature", webhook::sign(CHANGE.as_bytes(), &plain.into()))];
        let signature = standard_signature(key, "msg_1", timestamp, CHANGE.as_bytes());
        let mut message = standard("msg_1", 0, CHANGE);
        (message[1].1, message[2].1) = (timestamp.clone(), format!("v1,{signature}"));
        assert_eq!(deliver(&app, &plain, CHANGE).await.status, plain_status, "{what}");
        assert_eq!(deliver(&app, &message, CHANGE).await.status, standard_status, "{what}");
    }
}

#[test]
fn missing_or_weak_secret_fails_at_build() {
    for secret in [
        "",
        " ",
        "secret",
        "0123456789abcde",
        "whsec_",
        "whsec_MDEyMzQ1Njc4",
        "whsec_no base64 here",
        "from a file of secrets\n",
    ] {
        let errors = [
            WebhookConfig::new(secret).unwrap_err(),
            WebhookConfig::new(SECRET).unwrap().also_accept(secret).unwrap_err(),
        ];
        for error in errors.map(|error| format!("{error} {error:?}")) {
            assert!(error.contains("AIGC_AUTH_WEBHOOK_SECRET"), "{error}");
            assert!(secret.len() < 8 || !error.contains(secret), "{error}");
        }
    }
}

#[tokio::test]
async fn standard_webhook_timestamp_tolerance_is_5_min() {
    let clock = Clock::held();
    let app = serve_hook(config().clock(clock.clone()), Notes::default()).await;
    let no_plain: fn(&str) -> Vec<_> = |_| vec![];
    for (n, (from_now, status)) in
        [(0, 200), (-290, 200), (290, 200), (-310, 401), (310, 401)].into_iter().enumerate()
    {
        for plain in [no_plain, |body| signed(body)] {
            let id = format!("msg_{n}");
            let headers = [plain(CHANGE), standard(&id, from_now, CHANGE)].concat();
            let answer = deliver(&app, &headers, CHANGE).await;
            assert_eq!(answer.status, status, "{from_now} s: {answer:?}");
        }
    }
    // The message is the same; the time is another.
    let headers = standard("msg_later", 590, CHANGE);
    refused(&deliver(&app, &headers, CHANGE).await, 401);
    clock.advance(Duration::from_secs(580));
    assert_eq!(deliver(&app, &headers, CHANGE).await.status, 200);
    clock.advance(Duration::from_secs(320));
    refused(&deliver(&app, &headers, CHANGE).await, 401);
}

#[tokio::test]
async fn invalid_standard_signature_is_not_excused_by_plain_one() {
    let notes = Notes::default();
    let app = serve_hook(config(), notes.clone()).await;
    let with = |name: &str, value: &str| {
        let mut headers = doubly("msg_1", CHANGE);
        headers.iter_mut().filter(|(other, _)| *other == name).for_each(|header| header.1 = value.to_owned());
        headers
    };
    let without = |name: &str| {
        let mut headers = doubly("msg_1", CHANGE);
        headers.retain(|(other, _)| *other != name);
        headers
    };
    let old = standard("msg_1", -310, CHANGE)[1].1.clone();
    for (what, headers) in [
        ("another id", with("webhook-id", "msg_2")),
        ("no id", without("webhook-id")),
        ("an old time", with("webhook-timestamp", &old)),
        ("no time", without("webhook-timestamp")),
        ("a time that is none", with("webhook-timestamp", "yesterday")),
        ("a wrong signature", with("webhook-signature", &format!("v1,{}=", "A".repeat(43)))),
        ("an empty signature", with("webhook-signature", "")),
        ("old in all", [signed(CHANGE), standard("msg_1", -310, CHANGE)].concat()),
        ("an unsigned old time", [signed(CHANGE), vec![("webhook-timestamp", old.clone())]].concat()),
    ] {
        let answer = deliver(&app, &headers, CHANGE).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        refused(&answer, 401);
    }
    assert_eq!(notes.runs(), 0);
    assert_eq!(deliver(&app, &doubly("msg_1", CHANGE), CHANGE).await.status, 200);
}

#[tokio::test]
async fn require_timestamp_rejects_plain_signature() {
    let app = serve_hook(config().require_timestamp(), Notes::default()).await;
    let now = standard("msg_1", 0, CHANGE)[1].clone();
    for headers in [signed(CHANGE), [signed(CHANGE), vec![now]].concat(), vec![]] {
        let message = refused(&deliver(&app, &headers, CHANGE).await, 401);
        assert!(message.contains("(webhook-signature) is missing"), "{message}");
    }
    for headers in [standard("msg_1", 0, CHANGE), doubly("msg_2", CHANGE)] {
        assert!(run(&deliver(&app, &headers, CHANGE).await).is_some());
    }
}
