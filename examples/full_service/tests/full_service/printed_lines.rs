//! The lines that it prints, as a newcomer runs them.

use serde_json::{Value, json};
use test_support::http;
use test_support::process::PATIENCE;
use tokio::process::Command;
use tokio::time::timeout;

use crate::{WEBHOOK_SECRET, start};

/// The lines it prints in embedded mode, tried as they are.
#[tokio::test]
async fn every_curl_line_that_it_prints_works() {
    let mut app = start("banner", &[]).await;
    let mut statuses = vec![];
    while statuses.len() < 15 {
        let line = timeout(PATIENCE, app.lines.next_line()).await.unwrap().unwrap().unwrap();
        let Some(line) = line.trim().strip_prefix("curl ") else { continue };
        let quoted: Vec<&str> = line.split('\'').skip(1).step_by(2).collect();
        let headers: Vec<_> = quoted.iter().map(|header| header.split_once(": ").unwrap()).collect();
        let url = line.rsplit(' ').next().unwrap();
        let path = url.strip_prefix(&format!("http://{}", app.address)).expect(url);
        let method = if line.contains("-X POST") { "POST" } else { "GET" };
        statuses.push((path.to_owned(), http::request(app.address, method, path, &headers).await.status));
    }
    let expected = [
        ("/me", 401),
        ("/me", 200),
        ("/reports", 200),
        ("/reports", 403),
        ("/admin", 200),
        ("/act-as", 200),
        ("/org", 200),
        ("/org/name", 403),
        ("/relay", 200),
        ("/top-up", 200),
        ("/credits", 403),
        ("/.well-known/jwks.json", 200),
        ("/context", 200),
        ("/maybe", 200),
        ("/public/hello", 200),
    ];
    assert_eq!(statuses, expected.map(|(path, status)| (path.to_owned(), status)));
}

/// Signed by `openssl` and sent by `curl`, as a newcomer does with the printed line.
#[cfg(unix)]
#[tokio::test]
async fn the_printed_event_is_signed_and_taken_once() {
    let mut app = start("webhook", &[WEBHOOK_SECRET]).await;
    let line = app.line_with("openssl").await;
    let deliver = || async {
        let mut shell = Command::new("sh");
        let output =
            shell.args(["-c", &format!("{line} -s")]).env(WEBHOOK_SECRET.0, WEBHOOK_SECRET.1).output();
        let output = timeout(PATIENCE, output).await.unwrap().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{line}: {complaint}"))
    };
    assert_eq!(deliver().await, json!({ "success": true }), "{line}");
    assert_eq!(deliver().await["message"], "handled before");
    let unsigned = http::request(app.address, "POST", "/webhook/auth", &[]).await;
    assert_eq!((unsigned.status, unsigned.json()["code"].clone()), (401, json!(401)));
}

#[tokio::test]
async fn without_a_good_secret_there_is_no_webhook_and_it_says_so() {
    for (variables, complaint) in [
        (&[][..], "AIGC_AUTH_WEBHOOK_SECRET is not set"),
        (&[("AIGC_AUTH_WEBHOOK_SECRET", "hunter2")], "has 7 bytes and needs at least 16"),
    ] {
        let mut app = start("no-webhook", variables).await;
        let line = app.line_with("without /webhook/auth").await;
        assert!(line.contains(complaint) && !line.contains("hunter2"), "{line}");
        let answer = http::request(app.address, "POST", "/webhook/auth", &[]).await;
        assert_eq!(answer.status, 401, "as every unknown path answers unauthenticated requests");
        let headers = [("authorization", "Bearer alice-token")];
        assert_eq!(http::request(app.address, "POST", "/webhook/auth", &headers).await.status, 404);
    }
}
