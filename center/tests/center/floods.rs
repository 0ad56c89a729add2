//! What is sent in excess. The memory of a process is read as Linux tells it.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::until_async;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::Center;

const MIB: usize = 1024 * 1024;

/// Of the process, in MiB.
fn resident(center: &Center) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", center.example.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1024
}

async fn call(center: &Center, endpoint: &str, body: &Value) -> (u16, Value) {
    let request = center.http.post(format!("{}/aigc-auth/sdk{endpoint}", center.url)).json(body);
    let request = request.header("x-app-id", "42").header("x-app-secret", "test-secret").bearer_auth("token");
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// 180 MiB of usage records and as much of requests: what is kept is the latest.
#[tokio::test]
async fn records_and_requests_beyond_the_room_push_the_oldest_out() {
    let center = Center::start("").await;
    let record = |at: usize| json!({"api_path": format!("/{at}"), "error_message": "x".repeat(MIB)});
    for round in 0..30 {
        let stats: Vec<_> = (0..6).map(|at| record(round * 6 + at)).collect();
        assert_eq!(call(&center, "/stats/report/batch", &json!({ "stats": stats })).await.0, 200);
    }
    let (_, usage) = center.api("GET", "/api/usage", None).await;
    let usage = usage.as_array().unwrap();
    assert_eq!(usage.last().unwrap()["record"]["api_path"], "/179");
    assert!((60..=64).contains(&usage.len()), "{}", usage.len());
    // 64 MiB of records, 16 of requests, and what a request takes while it is read.
    let resident = resident(&center);
    assert!(resident < 250, "{resident} MiB");
}

/// Bodies that never end: each is small, and together they are no more than 32 MiB.
#[tokio::test]
async fn bodies_that_do_not_end_share_their_room() {
    let center = Center::start("").await;
    let head = format!(
        "POST /aigc-auth/sdk/user/info HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n",
        center.example.address,
        7 * MIB
    );
    let mut open = Vec::new();
    for _ in 0..60 {
        let mut stream = TcpStream::connect(center.example.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // Those beyond are answered before they have sent it all.
        let _ = stream.write_all(&vec![b' '; MIB]).await;
        open.push(stream);
    }
    let mut refused = 0;
    for stream in &mut open {
        let mut answer = [0; 12];
        if let Ok(Ok(_)) = timeout(Duration::from_millis(20), stream.read_exact(&mut answer)).await {
            assert_eq!(&answer, b"HTTP/1.1 503");
            refused += 1;
        }
    }
    assert!((25..=30).contains(&refused), "{refused} of 60");
    let resident = resident(&center);
    assert!(resident < 150, "{resident} MiB");
    drop(open);
    let is_served = async || call(&center, "/user/info", &json!({"token": "token"})).await.0 == 200;
    until_async("their room is free again", is_served).await;
}

/// A thousand calls, a hundred at a time, and none is lost to the console.
#[tokio::test]
async fn calls_at_once_are_all_told() {
    let center = Center::start("").await;
    for _ in 0..10 {
        let body = json!({"token": "token"});
        let calls = (0..100).map(|_| call(&center, "/user/info", &body));
        for (status, answer) in futures_util::future::join_all(calls).await {
            assert_eq!((status, &answer["code"]), (200, &json!(0)));
        }
    }
    let told = async || {
        let (mut after, mut told) = (0, 0);
        while told < 1_000 {
            let events = center.events(after).await;
            after = events.last().unwrap()["id"].as_u64().unwrap();
            told += events.iter().filter(|event| event["type"] == "call").count();
        }
        told
    };
    assert_eq!(told().await, 1_000);
}

/// Each costs up to a message of a thousand events, and the time to write it, ten times a second.
#[tokio::test]
async fn readers_of_events_are_bounded() {
    let center = Center::start("").await;
    let open = async || {
        let request = center.api_request("GET", "/api/events?after=0").bearer_auth(center.token());
        request.send().await.unwrap()
    };
    let mut readers = Vec::new();
    for _ in 0..32 {
        let reader = open().await;
        assert_eq!(reader.status(), 200);
        readers.push(reader);
    }
    let refused = open().await;
    assert_eq!(refused.status(), 503);
    assert!(refused.text().await.unwrap().contains("too many pages"));
    // None of them reads on: calls are answered, and the memory is bounded.
    let body = json!({"token": "token"});
    for _ in 0..20 {
        let calls = (0..100).map(|_| call(&center, "/user/info", &body));
        for (status, _) in futures_util::future::join_all(calls).await {
            assert_eq!(status, 200);
        }
    }
    let resident = resident(&center);
    assert!(resident < 150, "{resident} MiB");
    readers.pop();
    until_async("the next one has room", async || open().await.status() == 200).await;
}
