//! Ten thousand usage records and a thousand calls a second: the page stays responsive, and its memory bounded.

use std::time::{Duration, Instant};

use serde_json::json;
use test_support::browser::Page;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::open_page::open;
use crate::support::Center;

/// Calls a second, for this long.
const RATE: usize = 1_000;
const SECONDS: usize = 5;

/// Sends calls over one connection, as many as there should have been by then, in bundles.
async fn flood(center: &Center) -> usize {
    let body = json!({"token": "token"}).to_string();
    let call = format!(
        "POST /aigc-auth/sdk/user/info HTTP/1.1\r\nHost: {}\r\nX-App-Id: 42\r\nX-App-Secret: test-secret\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        center.example.address,
        body.len()
    );
    let (mut read, mut write) = TcpStream::connect(center.example.address).await.unwrap().into_split();
    let reader = tokio::spawn(async move {
        let mut buffer = vec![0; 65_536];
        while read.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
    });
    let (start, mut sent) = (Instant::now(), 0);
    while sent < RATE * SECONDS {
        let due = start.elapsed().as_millis() as usize * RATE / 1_000;
        let bundle = call.repeat(due.saturating_sub(sent).min(RATE));
        write.write_all(bundle.as_bytes()).await.unwrap();
        sent = sent.max(due);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    reader.abort();
    sent
}

async fn heap(page: &mut Page) -> f64 {
    page.call("HeapProfiler.collectGarbage", json!({})).await;
    page.call("Runtime.getHeapUsage", json!({})).await["usedSize"].as_f64().unwrap() / 1024.0 / 1024.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_stays_responsive_and_its_memory_bounded() {
    let center = Center::start("").await;
    let Some(mut page) = open(&center).await else { return };
    for round in 0..20 {
        let record = |at: usize| {
            json!({"api_path": format!("/{}", round * 500 + at), "api_method": "GET", "status_code": 200,
            "response_time": 0.1, "response_headers": {"x-match-cost": "0.0035"}, "request_params": {"headers": {"X-Match-Username": format!("user-{at}")}}})
        };
        let stats: Vec<_> = (0..500).map(record).collect();
        let url = format!("{}/aigc-auth/sdk/stats/report/batch", center.url);
        let request = center
            .http
            .post(url)
            .header("x-app-id", "42")
            .header("x-app-secret", "test-secret")
            .bearer_auth("of a job");
        assert_eq!(request.json(&json!({ "stats": stats })).send().await.unwrap().status(), 200);
    }
    // 500 users, 20 records each.
    page.run("await section('usage'); await says('10,000'); await until('the sum', () => [...document.querySelectorAll('tr')].some((row) => row.innerText.includes('Total') && row.innerText.includes('35.0000')));").await;
    let rows = page.run("return document.querySelectorAll('tr').length").await;
    assert!(rows.as_u64().unwrap() < 200, "{rows}");

    let (mut longest, mut used) = (vec![], vec![]);
    for _ in 0..2 {
        page.run("await section('calls');").await;
        page.begin_tasks().await;
        let sent = flood(&center).await;
        assert!(sent >= RATE * SECONDS);
        page.run("await section('overview'); await section('users'); await section('calls'); await until('calls', () => document.querySelectorAll('tbody tr').length === 50);").await;
        page.run("await new Promise((resolve) => setTimeout(resolve, 300));").await;
        longest.push(page.longest_task().await);
        used.push(heap(&mut page).await);
    }
    eprintln!("longest tasks (of the thread, by the clock): {longest:?} ms; heap: {used:?} MiB");
    // By the time that the page itself has run: by the clock, a task is as long as the machine is busy with other things.
    assert!(longest.iter().all(|(own, _)| *own < 200.0), "{longest:?}");
    assert!(used.last().unwrap() - used.first().unwrap() < 8.0 && *used.last().unwrap() < 64.0, "{used:?}");
    let calls = page.run("await section('overview'); return Number(document.querySelector('.tile dd').innerText.replaceAll(',', ''))").await;
    assert!(calls.as_u64().unwrap() as usize >= RATE * SECONDS, "none was lost: {calls}");
}
