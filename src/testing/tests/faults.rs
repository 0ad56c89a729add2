use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{AuthCenter, connect, exchange, request, send, split, status, with_alice};
use crate::testing::{Fault, user};

const SOON: Duration = Duration::from_millis(30);

fn user_info(center: &AuthCenter) -> String {
    request(center, "/user/info", r#"{"token": "alice-token"}"#)
}

#[tokio::test]
async fn refuse_closes_and_refuses_connections_until_cleared() {
    let center = with_alice().await;
    let url = center.url();
    let mut kept = connect(&center).await.unwrap();
    kept.write_all(user_info(&center).as_bytes()).await.unwrap();
    assert!(kept.read(&mut [0; 16]).await.unwrap() > 0);

    for _ in 0..2 {
        center.inject_fault(Fault::Refuse);
        assert_eq!(connect(&center).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
    let _ = kept.write_all(user_info(&center).as_bytes()).await;
    let mut rest = Vec::new();
    let _ = kept.read_to_end(&mut rest).await;
    assert!(!rest.windows(8).any(|part| part == b"HTTP/1.1"), "a second response arrived");
    assert_eq!(center.calls("/user/info"), 1);

    center.clear_faults();
    assert_eq!(center.url(), url);
    assert_eq!(send(&center, &user_info(&center)).await.0, 200);

    center.inject_fault(Fault::Refuse);
    center.inject_fault(Fault::status(500));
    assert_eq!(send(&center, &user_info(&center)).await.0, 500, "another fault reopens the port");
}

#[tokio::test]
async fn hang_reads_and_never_responds() {
    let center = with_alice().await;
    center.inject_fault(Fault::Hang);
    assert!(tokio::time::timeout(SOON, exchange(&center, &user_info(&center))).await.is_err());
    assert_eq!(center.calls("/user/info"), 1);
}

#[tokio::test]
async fn slow_bytes_delay_a_correct_response() {
    let center = with_alice().await;
    let correct = send(&center, &user_info(&center)).await;
    center.inject_fault(Fault::SlowBytes(Duration::from_micros(10)));
    assert_eq!(send(&center, &user_info(&center)).await, correct);

    center.inject_fault(Fault::SlowBytes(Duration::from_millis(5)));
    let start = Instant::now();
    let mut stream = connect(&center).await.unwrap();
    stream.write_all(user_info(&center).as_bytes()).await.unwrap();
    let mut response = String::new();
    while !response.ends_with("{\"c") {
        response.push(char::from(stream.read_u8().await.unwrap()));
    }
    assert!(start.elapsed() >= Duration::from_millis(15));
}

#[tokio::test]
async fn reset_precedes_any_response() {
    let center = with_alice().await;
    center.inject_fault(Fault::Reset);
    let error = exchange(&center, &user_info(&center)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    center.clear_faults();
    center.inject_fault_on("/user/info", Fault::Refuse);
    assert_eq!(exchange(&center, &user_info(&center)).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn partial_response_ends_in_reset_or_close() {
    let center = with_alice().await;
    for (fault, end) in [(Fault::ResetMidBody, Some(ErrorKind::ConnectionReset)), (Fault::Truncated, None)] {
        center.inject_fault(fault);
        let mut stream = connect(&center).await.unwrap();
        stream.write_all(user_info(&center).as_bytes()).await.unwrap();
        let mut response = Vec::new();
        assert_eq!(stream.read_to_end(&mut response).await.map_err(|error| error.kind()).err(), end);
        let (head, body) = split(&response);
        let content_length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        assert_eq!(content_length.parse::<usize>().unwrap() / 2, body.len());
        assert!(body.starts_with(r#"{"code":0,"#));
    }
}

#[tokio::test]
async fn faults_have_their_status_and_headers() {
    let center = with_alice().await;
    for (fault, expected, header) in [
        (Fault::status(503), 503, ""),
        (Fault::too_many_requests(7), 429, "retry-after: 7"),
        (Fault::Redirect("http://elsewhere.test/x".to_owned()), 307, "location: http://elsewhere.test/x"),
        (Fault::Redirect("\n".to_owned()), 500, ""),
        (Fault::Html, 200, "content-type: text/html"),
        (Fault::NotJson, 200, "content-type: application/json"),
    ] {
        center.inject_fault(fault);
        let response = exchange(&center, &user_info(&center)).await.unwrap();
        let (head, body) = split(&response);
        assert_eq!(status(head), expected);
        assert!(head.contains(header), "{head}");
        assert!(serde_json::from_str::<Value>(body).is_err());
    }
}

#[tokio::test]
async fn faults_change_the_envelope() {
    let center = with_alice().await;
    for (fault, expected) in [
        (Fault::WrongShape, json!({"code": 0, "message": "success", "data": "not an object"})),
        (Fault::code(403, "no"), json!({"code": 403, "message": "no", "data": null})),
        (
            Fault::code_with_data(403, "no", json!({"missing": ["a"]})),
            json!({"code": 403, "message": "no", "data": {"missing": ["a"]}}),
        ),
        (Fault::data(json!([{"id": 7}])), json!({"code": 0, "message": "success", "data": [{"id": 7}]})),
        (Fault::data(json!(null)), json!({"code": 0, "message": "success", "data": null})),
    ] {
        center.inject_fault(fault);
        assert_eq!(send(&center, &user_info(&center)).await, (200, expected));
    }
    center.inject_fault(Fault::MissingId);
    let data = &send(&center, &user_info(&center)).await.1["data"];
    assert!(data.get("id").is_none() && data["username"] == "alice");
}

#[tokio::test]
async fn huge_pads_a_correct_response() {
    let center = with_alice().await;
    center.inject_fault(Fault::Huge);
    let mut response = exchange(&center, &user_info(&center)).await.unwrap();
    assert!(response.len() > 40 * 1024 * 1024);
    let tail = response.split_off(response.len() - 512);
    let tail = std::str::from_utf8(&tail).unwrap();
    assert!(tail.contains(r#"","#) && tail.contains(r#""code":0"#) && tail.contains("alice"), "{tail}");
    let head = std::str::from_utf8(&response[..256]).unwrap();
    assert!(!head.contains("content-length") && head.contains(r#"{"padding":"#), "{head}");
}

#[tokio::test]
async fn flapping_fails_every_second_request() {
    let center = with_alice().await;
    center.inject_fault(Fault::Flapping);
    for expected in [200, 500, 200, 500] {
        assert_eq!(send(&center, &user_info(&center)).await.0, expected);
    }
}

#[tokio::test]
async fn only_faults_with_a_correct_response_let_a_call_take_effect() {
    let center = AuthCenter::start().await;
    for (fault, takes_effect) in [
        (Fault::Reset, false),
        (Fault::status(503), false),
        (Fault::Html, false),
        (Fault::WrongShape, false),
        (Fault::code(500, "no"), false),
        (Fault::data(json!({})), false),
        (Fault::Truncated, true),
        (Fault::ResetMidBody, true),
        (Fault::MissingId, true),
        (Fault::SlowBytes(Duration::ZERO), true),
    ] {
        let name = format!("{fault:?}");
        center.inject_fault(fault);
        let body = r#"{"username": "bob", "password": "p"}"#;
        let _ = exchange(&center, &request(&center, "/sync/user", body)).await;
        let expected = if takes_effect { vec![user("bob").build()] } else { vec![] };
        assert_eq!(center.users(), expected, "{name}");
        center.remove_user("bob");
    }
}
