//! Each fault, as it is seen from outside.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::until_async;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::support::Center;

/// What came of a request within the time.
#[derive(Debug)]
struct Seen {
    text: String,
    /// Whether the connection was closed or broken; `None` if nothing had come of it yet.
    end: Option<Result<(), ErrorKind>>,
}

impl Seen {
    fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    fn announced(&self) -> usize {
        let length = self.text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        length.parse().unwrap()
    }
}

async fn ask(center: &Center, path: &str, time: Duration) -> Seen {
    let body = json!({"token": "token"}).to_string();
    let method = if path.starts_with("/aigc-auth") { "POST" } else { "GET" };
    let address = center.example.address;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nX-App-Id: 42\r\nX-App-Secret: test-secret\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (mut bytes, until) = (Vec::new(), Instant::now() + time);
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        while stream.read_buf(&mut bytes).await? > 0 {}
        Ok(())
    };
    let end = tokio::time::timeout_at(until, exchange).await.ok();
    let end = end.map(|end: std::io::Result<()>| end.map_err(|error| error.kind()));
    Seen { text: String::from_utf8(bytes).unwrap(), end }
}

#[tokio::test]
async fn each_fault_is_what_it_says() {
    let center = Center::start("").await;
    let [call, route] = ["/aigc-auth/sdk/user/info", "/oauth/jwks"];
    for (endpoint, path) in [("*", call), ("/user/info", call), ("*", route), ("/oauth/jwks", route)] {
        let whole = ask(&center, path, Duration::from_secs(10)).await;
        assert!(
            whole.text.starts_with("HTTP/1.1 200") && whole.body().len() == whole.announced(),
            "{whole:?}"
        );
        for (kind, more) in [
            ("refuse", json!({})),
            ("hang", json!({})),
            ("slow", json!({})),
            ("reset", json!({})),
            ("truncated", json!({})),
            ("html", json!({})),
            ("not_json", json!({})),
            ("status", json!({"status": 429})),
            ("code", json!({"code": 7, "message": "no"})),
        ] {
            let mut fault = more;
            fault["kind"] = json!(kind);
            center.change("POST", "/api/faults", json!({"endpoint": endpoint, "fault": fault})).await;
            let time = Duration::from_millis(if matches!(kind, "hang" | "slow") { 600 } else { 10_000 });
            let seen = ask(&center, path, time).await;
            let is_so = match kind {
                "refuse" if endpoint == "*" => seen.end == Some(Err(ErrorKind::ConnectionRefused)),
                "refuse" | "reset" => {
                    seen.text.is_empty() && seen.end == Some(Err(ErrorKind::ConnectionReset))
                }
                "hang" => seen.text.is_empty() && seen.end.is_none(),
                // A byte each 100 ms.
                "slow" => {
                    seen.end.is_none()
                        && (1..=7).contains(&seen.body().len())
                        && seen.announced() == whole.announced()
                        && whole.body().starts_with(seen.body())
                }
                "truncated" => {
                    seen.end == Some(Ok(()))
                        && seen.body().len() == whole.announced() / 2
                        && seen.announced() == whole.announced()
                }
                "html" => seen.text.contains("content-type: text/html") && seen.body().contains("<title>"),
                "not_json" => {
                    seen.text.contains("content-type: application/json")
                        && serde_json::from_str::<Value>(seen.body()).is_err()
                }
                "status" => seen.text.starts_with("HTTP/1.1 429") && seen.body().is_empty(),
                _ => serde_json::from_str::<Value>(seen.body()).unwrap()["code"] == 7,
            };
            assert!(is_so, "{kind} at {endpoint}: {seen:?}");
            center.change("POST", "/api/faults/clear", json!({"endpoint": endpoint})).await;
        }
    }
}

/// And one that is cleared while a caller hangs lets the next ones through.
#[tokio::test]
async fn faults_end_by_time_and_by_hand() {
    let center = Center::start("").await;
    let path = "/aigc-auth/sdk/user/info";
    for fault in ["refuse", "hang"] {
        let start = std::time::Instant::now();
        center
            .change("POST", "/api/faults", json!({"endpoint": "*", "fault": {"kind": fault}, "seconds": 1}))
            .await;
        let is_answered =
            async || ask(&center, path, Duration::from_millis(200)).await.text.starts_with("HTTP/1.1 200");
        assert!(!is_answered().await, "{fault}");
        until_async("the fault is over", is_answered).await;
        assert!(start.elapsed() >= Duration::from_secs(1), "{fault}: {:?}", start.elapsed());
    }
    center.change("POST", "/api/faults", json!({"endpoint": "*", "fault": {"kind": "hang"}})).await;
    let hanging = ask(&center, path, Duration::from_secs(2));
    let others = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        center.change("POST", "/api/faults/clear", json!({"endpoint": "*"})).await;
        ask(&center, path, Duration::from_secs(10)).await
    };
    let (hanging, next) = tokio::join!(hanging, others);
    assert!(
        hanging.end.is_none() && hanging.text.is_empty(),
        "a response in flight keeps its fault: {hanging:?}"
    );
    assert!(next.text.starts_with("HTTP/1.1 200"), "{next:?}");
}
