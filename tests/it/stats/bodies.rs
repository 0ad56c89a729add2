//! Request bodies in records, where a layer captures them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use aigc_auth::layer::CaptureBodyLayer;
use aigc_auth::layer::GuardLayer;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::routing::post;
use futures_util::stream::{self, StreamExt};
use http::{HeaderMap, HeaderValue};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::stats::support::{Rig, post as post_to};
use crate::support::{exchange_bytes, parse, serve};

const LONGEST: usize = 10 * 1024;

/// Answers what it was sent.
async fn echo(body: Bytes) -> Bytes {
    body
}

fn routes() -> Router {
    Router::new()
        .route("/echo", post(echo))
        .route("/unread", post(|| async { "not a byte" }))
        .route("/half", post(half))
        .route("/guarded", post(echo).layer(GuardLayer::permission("report:write")))
}

/// Reads the first frame only.
async fn half(request: Request) -> String {
    let mut body = request.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    String::from_utf8(first.to_vec()).unwrap()
}

/// What a record says of the body: as such, and as a form.
fn kept(record: &Value) -> (Value, Value) {
    let params = &record["request_params"];
    (params["request_body"].clone(), params["form_params"].clone())
}

fn nothing() -> (Value, Value) {
    (Value::Null, json!({}))
}

/// As `post_to`, in chunks.
async fn post_chunked(address: SocketAddr, target: &str, content_type: &str, chunks: &[&[u8]]) -> String {
    let head = format!(
        "POST {target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nauthorization: Bearer alice-token\r\n\
         content-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let mut request = head.into_bytes();
    for chunk in chunks {
        request.extend(format!("{:x}\r\n", chunk.len()).bytes());
        request.extend([chunk, &b"\r\n"[..]].concat());
    }
    request.extend(b"0\r\n\r\n");
    parse(&exchange_bytes(address, &request).await).unwrap().body
}

#[tokio::test]
async fn body_is_captured_only_by_outer_capture_layer() {
    let rig = Rig::new().await;
    let body = br#"{"name": "x", "secret": "hunter2"}"#;
    let keep = CaptureBodyLayer::new;
    let expected = (json!({"name": "x", "secret": "***"}), json!({}));
    for (what, router, expected) in [
        ("not at all", routes().layer(rig.auth()), nothing()),
        ("within", routes().layer(keep()).layer(rig.auth()), nothing()),
        ("around", routes().layer(rig.auth()).layer(keep()), expected.clone()),
        ("twice", routes().layer(rig.auth()).layer(keep()).layer(keep()), expected),
    ] {
        let app = serve(router).await;
        let answer = post_to(app.address, "/echo", "application/json", body).await;
        assert_eq!(answer.body.as_bytes(), body, "{what}");
        assert_eq!(kept(&rig.one().await), expected, "{what}");
    }
}

#[tokio::test]
async fn captured_body_depends_on_content_type() {
    let rig = Rig::new().await;
    let app = serve(routes().layer(rig.auth()).layer(CaptureBodyLayer::new())).await;
    let object = r#"{"user": {"name": "爱", "password": "hunter2"}, "list": [{"apiKey": 7}, 1, null]}"#;
    let masked = json!({"user": {"name": "爱", "password": "***"}, "list": [{"apiKey": "***"}, 1, null]});
    let form = "name=a+b&tag=1&tag=2&pass%77ord=hunter2&Client-Secret=hunter2";
    let fields = json!({"name": "a b", "tag": ["1", "2"], "password": "***", "Client-Secret": "***"});
    let json = |value: Value| (value, json!({}));
    for (content_type, body, expected) in [
        ("application/json", object, json(masked.clone())),
        ("application/json; charset=utf-8", object, json(masked.clone())),
        ("Application/JSON;charset=\"UTF-8\"", object, json(masked.clone())),
        ("application/problem+json", object, json(masked.clone())),
        ("application/vnd.api+json; version=1", object, json(masked)),
        ("application/json", "[]", json(json!([]))),
        ("application/json", "\"text\"", json(json!("text"))),
        ("application/json", r#"{"broken": "hunter2"#, nothing()),
        ("application/json", r#"{"two": 1} {"objects": 2}"#, nothing()),
        ("application/json", "", nothing()),
        ("application/x-www-form-urlencoded", form, (Value::Null, fields.clone())),
        ("application/x-www-form-urlencoded; charset=UTF-8", form, (Value::Null, fields)),
        ("application/x-www-form-urlencoded", "", nothing()),
        ("text/plain", "爱, \"plain\"", json(json!("爱, \"plain\""))),
        ("text/csv; header=present", "a,b", json(json!("a,b"))),
        ("multipart/form-data; boundary=x", "--x\r\n\r\nhunter2\r\n--x--", nothing()),
        ("application/octet-stream", "hunter2", nothing()),
        ("application/x-ndjson", "{}\n{}", nothing()),
        ("application/jsonp", "hunter2", nothing()),
        ("image/svg+xml", "<svg/>", nothing()),
        ("image/png", "hunter2", nothing()),
        ("json", "{}", nothing()),
        ("", "hunter2", nothing()),
    ] {
        let answer = post_to(app.address, "/echo", content_type, body.as_bytes()).await;
        assert_eq!((answer.status, &*answer.body), (200, body), "{content_type}");
        let record = rig.one().await;
        assert_eq!(kept(&record), expected, "{content_type} {body}");
        assert_eq!(record["request_params"]["headers"]["content-type"], content_type);
        assert!(!record.to_string().contains("hunter2"), "{record}");
    }
}

#[tokio::test]
async fn invalid_utf8_body_is_replaced_or_dropped() {
    let rig = Rig::new().await;
    let app = serve(routes().layer(rig.auth()).layer(CaptureBodyLayer::new())).await;
    for (content_type, expected) in [
        ("text/plain; charset=gbk", (json!("\u{fffd}\u{fffd}"), json!({}))),
        ("application/json", nothing()),
        ("application/x-www-form-urlencoded", (Value::Null, json!({"\u{fffd}\u{fffd}": ""}))),
    ] {
        post_to(app.address, "/echo", content_type, b"\xb0\xae").await;
        assert_eq!(kept(&rig.one().await), expected, "{content_type}");
    }
}

#[tokio::test]
async fn body_is_captured_up_to_10_kib() {
    let rig = Rig::new().await;
    let app = serve(routes().layer(rig.auth()).layer(CaptureBodyLayer::new())).await;
    for (length, is_kept) in [(LONGEST - 1, true), (LONGEST, true), (LONGEST + 1, false), (100_000, false)] {
        let expected = |text: String| if is_kept { (Value::String(text), json!({})) } else { nothing() };
        let text = "x".repeat(length);
        let answer = post_to(app.address, "/echo", "text/plain", text.as_bytes()).await;
        assert_eq!(answer.body, text);
        assert_eq!(kept(&rig.one().await), expected(text.clone()), "{length} bytes");
        let (first, second) = text.as_bytes().split_at(4_000);
        let answer = post_chunked(app.address, "/echo", "text/plain", &[first, second]).await;
        assert_eq!(answer, text);
        assert_eq!(kept(&rig.one().await), expected(text), "{length} bytes in chunks");
    }
}

#[tokio::test]
async fn unread_body_is_not_captured() {
    let rig = Rig::new().await;
    let layer = rig.auth().allow_anonymous();
    let app = serve(routes().layer(layer).layer(CaptureBodyLayer::new())).await;
    let text = "x".repeat(8_000);
    let half = post_chunked(app.address, "/half", "text/plain", &[b"first", b"second"]).await;
    assert_eq!((&*half, kept(&rig.one().await)), ("first", nothing()));
    for (path, status) in [("/unread", 200), ("/guarded", 403), ("/none", 404)] {
        assert_eq!(post_to(app.address, path, "text/plain", text.as_bytes()).await.status, status);
        assert_eq!(kept(&rig.one().await), nothing(), "{path}");
    }
    let chunks = post_chunked(app.address, "/echo", "application/json", &[b"{\"a\"", b": ", b"1}"]).await;
    assert_eq!((&*chunks, kept(&rig.one().await)), ("{\"a\": 1}", (json!({"a": 1}), json!({}))));
}

/// A request of alice's as it is inside of a service, for bodies that no socket would carry unchanged.
fn request(body: Body) -> Request {
    let request = Request::post("/").header("authorization", "Bearer alice-token");
    request.header("content-type", "text/plain").body(body).unwrap()
}

#[tokio::test]
async fn captured_body_reaches_handler_unchanged() {
    async fn handler(request: Request) -> String {
        let mut body = request.into_body();
        let hint = http_body::Body::size_hint(&body);
        let mut frames = vec![];
        while let Some(frame) = body.frame().await {
            frames.push(match frame {
                Ok(frame) if frame.is_data() => format!("{:?}", frame.into_data().unwrap()),
                Ok(frame) => format!("{:?}", frame.into_trailers().unwrap()),
                Err(error) => error.to_string(),
            });
        }
        format!("{}-{:?} {}", hint.lower(), hint.upper(), frames.join(" "))
    }
    let rig = Rig::new().await;
    let app = Router::new().route("/", post(handler));
    let app: Router = app.layer(rig.auth()).layer(CaptureBodyLayer::new());
    let trailers = HeaderMap::from_iter([(http::header::EXPIRES, HeaderValue::from_static("never"))]);
    let frames = [Frame::data(Bytes::from("a")), Frame::data(Bytes::from("b")), Frame::trailers(trailers)];
    let frames = StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>)));
    let breaks = stream::iter([Ok("a"), Err(std::io::Error::other("out of paper"))]);
    for (body, seen, expected) in [
        (Body::from("whole"), "5-Some(5) b\"whole\"", json!("whole")),
        (Body::empty(), "0-Some(0) ", Value::Null),
        (Body::new(frames), "0-None b\"a\" b\"b\" {\"expires\": \"never\"}", json!("ab")),
        (Body::from_stream(breaks), "0-None b\"a\" out of paper", Value::Null),
    ] {
        let answer = app.clone().oneshot(request(body)).await.unwrap();
        assert_eq!(to_bytes(answer.into_body(), 1_000).await.unwrap(), seen);
        assert_eq!(rig.one().await["request_params"]["request_body"], expected, "{seen}");
    }
}

#[tokio::test]
async fn capture_reads_no_more_than_handler() {
    let rig = Rig::new().await;
    let taken = Arc::new(Semaphore::new(0));
    let parts = {
        let taken = taken.clone();
        stream::repeat("part").map(move |part| {
            taken.add_permits(1);
            Ok::<_, Infallible>(part)
        })
    };
    let handler = {
        let taken = taken.clone();
        move |request: Request| async move {
            let mut body = request.into_body();
            for n in 0..5 {
                assert_eq!(taken.available_permits(), n);
                body.frame().await.unwrap().unwrap();
            }
        }
    };
    let app: Router = Router::new().route("/", post(handler));
    let app = app.layer(rig.auth()).layer(CaptureBodyLayer::new());
    assert_eq!(app.oneshot(request(Body::from_stream(parts))).await.unwrap().status(), 200);
    assert_eq!((taken.available_permits(), kept(&rig.one().await)), (5, nothing()));
}

#[tokio::test]
async fn body_read_during_response_is_captured_with_time_bodies() {
    let rig = Rig::new().await;
    let app = Router::new().route("/", post(|request: Request| async move { request.into_body() }));
    let app = serve(app.layer(rig.auth().time_bodies()).layer(CaptureBodyLayer::new())).await;
    assert_eq!(post_to(app.address, "/", "text/plain", b"there and back").await.body, "there and back");
    assert_eq!(kept(&rig.one().await), (json!("there and back"), json!({})));
}
