use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{AuthCenter, connect, exchange, request, send, split, status, with_alice};
use crate::testing::{Fault, user};

const SOON: Duration = Duration::from_millis(30);

fn ask(center: &AuthCenter) -> String {
    request(center, "/user/info", r#"{"token": "alice-token"}"#)
}

#[tokio::test]
async fn refuse_ends_and_refuses_connections_until_it_behaves() {
    let center = with_alice().await;
    let url = center.url();
    let mut kept = connect(&center).await.unwrap();
    kept.write_all(ask(&center).as_bytes()).await.unwrap();
    assert!(kept.read(&mut [0; 16]).await.unwrap() > 0);

    for _ in 0..2 {
        center.misbehave(Fault::Refuse);
        assert_eq!(connect(&center).await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
    let _ = kept.write_all(ask(&center).as_bytes()).await;
    let mut rest = Vec::new();
    let _ = kept.read_to_end(&mut rest).await;
    assert!(!rest.windows(8).any(|part| part == b"HTTP/1.1"), "a second answer came");
    assert_eq!(center.calls("/user/info"), 1);

    center.behave();
    assert_eq!(center.url(), url);
    assert_eq!(send(&center, &ask(&center)).await.0, 200);

    center.misbehave(Fault::Refuse);
    center.misbehave(Fault::status(500));
    assert_eq!(send(&center, &ask(&center)).await.0, 500, "another fault opens again");
}

#[tokio::test]
async fn hang_reads_and_is_silent() {
    let center = with_alice().await;
    center.misbehave(Fault::Hang);
    assert!(tokio::time::timeout(SOON, exchange(&center, &ask(&center))).await.is_err());
    assert_eq!(center.calls("/user/info"), 1);
}

#[tokio::test]
async fn slow_bytes_take_their_time_and_are_right() {
    let center = with_alice().await;
    let right = send(&center, &ask(&center)).await;
    center.misbehave(Fault::SlowBytes(Duration::from_micros(10)));
    assert_eq!(send(&center, &ask(&center)).await, right);

    center.misbehave(Fault::SlowBytes(Duration::from_millis(5)));
    let start = Instant::now();
    let mut stream = connect(&center).await.unwrap();
    stream.write_all(ask(&center).as_bytes()).await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with("{\"c") {
        answer.push(char::from(stream.read_u8().await.unwrap()));
    }
    assert!(start.elapsed() >= Duration::from_millis(15));
}

#[tokio::test]
async fn reset_comes_before_an_answer() {
    let center = with_alice().await;
    center.misbehave(Fault::Reset);
    let error = exchange(&center, &ask(&center)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    center.behave();
    center.misbehave_on("/user/info", Fault::Refuse);
    assert_eq!(exchange(&center, &ask(&center)).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn half_an_answer_then_a_reset_or_the_end() {
    let center = with_alice().await;
    for (fault, end) in [(Fault::ResetMidBody, Some(ErrorKind::ConnectionReset)), (Fault::Truncated, None)] {
        center.misbehave(fault);
        let mut stream = connect(&center).await.unwrap();
        stream.write_all(ask(&center).as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        assert_eq!(stream.read_to_end(&mut answer).await.map_err(|error| error.kind()).err(), end);
        let (head, body) = split(&answer);
        let announced = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        assert_eq!(announced.parse::<usize>().unwrap() / 2, body.len());
        assert!(body.starts_with(r#"{"code":0,"#));
    }
}

#[tokio::test]
async fn statuses_and_headers() {
    let center = with_alice().await;
    for (fault, expected, header) in [
        (Fault::status(503), 503, ""),
        (Fault::too_many_requests(7), 429, "retry-after: 7"),
        (Fault::Redirect("http://elsewhere.test/x".to_owned()), 307, "location: http://elsewhere.test/x"),
        (Fault::Redirect("\n".to_owned()), 500, ""),
        (Fault::Html, 200, "content-type: text/html"),
        (Fault::NotJson, 200, "content-type: application/json"),
    ] {
        center.misbehave(fault);
        let answer = exchange(&center, &ask(&center)).await.unwrap();
        let (head, body) = split(&answer);
        assert_eq!(status(head), expected);
        assert!(head.contains(header), "{head}");
        assert!(serde_json::from_str::<Value>(body).is_err());
    }
}

#[tokio::test]
async fn wrong_envelopes() {
    let center = with_alice().await;
    for (fault, expected) in [
        (Fault::WrongShape, json!({"code": 0, "message": "success", "data": "not an object"})),
        (Fault::code(403, "no"), json!({"code": 403, "message": "no", "data": null})),
    ] {
        center.misbehave(fault);
        assert_eq!(send(&center, &ask(&center)).await, (200, expected));
    }
    center.misbehave(Fault::MissingId);
    let data = &send(&center, &ask(&center)).await.1["data"];
    assert!(data.get("id").is_none() && data["username"] == "alice");
}

#[tokio::test]
async fn huge_is_right_but_for_its_size() {
    let center = with_alice().await;
    center.misbehave(Fault::Huge);
    let mut answer = exchange(&center, &ask(&center)).await.unwrap();
    assert!(answer.len() > 40 * 1024 * 1024);
    let tail = answer.split_off(answer.len() - 512);
    let tail = std::str::from_utf8(&tail).unwrap();
    assert!(tail.contains(r#"","#) && tail.contains(r#""code":0"#) && tail.contains("alice"), "{tail}");
    let head = std::str::from_utf8(&answer[..256]).unwrap();
    assert!(!head.contains("content-length") && head.contains(r#"{"padding":"#), "{head}");
}

#[tokio::test]
async fn flapping_fails_every_second_request() {
    let center = with_alice().await;
    center.misbehave(Fault::Flapping);
    for expected in [200, 500, 200, 500] {
        assert_eq!(send(&center, &ask(&center)).await.0, expected);
    }
}

#[tokio::test]
async fn only_faults_that_give_the_right_answer_let_a_call_take_effect() {
    let center = AuthCenter::start().await;
    for (fault, takes_effect) in [
        (Fault::Reset, false),
        (Fault::status(503), false),
        (Fault::Html, false),
        (Fault::WrongShape, false),
        (Fault::code(500, "no"), false),
        (Fault::Truncated, true),
        (Fault::ResetMidBody, true),
        (Fault::MissingId, true),
        (Fault::SlowBytes(Duration::ZERO), true),
    ] {
        let name = format!("{fault:?}");
        center.misbehave(fault);
        let body = r#"{"username": "bob", "password": "p"}"#;
        let _ = exchange(&center, &request(&center, "/sync/user", body)).await;
        let expected = if takes_effect { vec![user("bob").build()] } else { vec![] };
        assert_eq!(center.users(), expected, "{name}");
        center.remove_user("bob");
    }
}
