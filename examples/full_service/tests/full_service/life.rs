//! Its settings, its start and its end.

use aigc_auth::testing::AuthCenter;
use serde_json::json;
use test_support::http::{self, center, get_as};
use test_support::process::{Directory, Example, PATIENCE, settings};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

use crate::{FULL_SERVICE, WEBHOOK_SECRET, seen, start};

async fn talks_to(center: &AuthCenter, app: Example, how: &str) {
    center.clear_requests();
    center.add_token("only-here", "bob");
    assert_eq!(get_as(app.address, "only-here", "/me").await.json()["username"], "bob", "{how}");
    assert_eq!(get_as(app.address, "only-here", "/reports").await.status, 403, "{how}");
    assert_eq!(center.calls("/user/info"), 1, "{how}");
    assert_eq!(get_as(app.address, "ak_alice", "/me").await.json()["username"], "alice", "{how}");
    assert_eq!(center.calls("/access-key/verify"), 1, "{how}");
}

#[tokio::test]
async fn with_three_variables_it_talks_to_that_center() {
    let center = center().await;
    let settings = settings(&center);
    let variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    talks_to(&center, start("variables", &variables).await, "by the environment").await;

    let directory = Directory::new("file");
    let lines = settings.each_ref().map(|(name, value)| format!("{name}='{value}'\n"));
    std::fs::write(directory.0.join(".env"), lines.concat()).unwrap();
    talks_to(&center, FULL_SERVICE.start_in("", directory, &[]).await, "by .env").await;

    let directory = Directory::new("mixed");
    std::fs::write(directory.0.join(".env"), "AIGC_AUTH_APP_ID=another\nAIGC_AUTH_APP_SECRET=test-secret\n")
        .unwrap();
    talks_to(&center, FULL_SERVICE.start_in("", directory, &[variables[0], variables[2]]).await, "by both")
        .await;
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named_at_the_start() {
    let id = ("AIGC_AUTH_APP_ID", "my-app");
    let secret = ("AIGC_AUTH_APP_SECRET", "hunter2");
    let url = |url| ("AIGC_AUTH_BASE_URL", url);
    for (what, file, variables, named) in [
        ("only the id", None, &[id][..], "AIGC_AUTH_APP_SECRET is not set"),
        ("only the secret", None, &[secret], "AIGC_AUTH_APP_ID is not set"),
        ("no URL", None, &[id, secret], "AIGC_AUTH_BASE_URL is not set"),
        ("an empty URL", None, &[id, secret, url("  ")], "AIGC_AUTH_BASE_URL is not set"),
        ("only the id, in .env", Some("AIGC_AUTH_APP_ID=my-app\n"), &[], "AIGC_AUTH_APP_SECRET is not set"),
        ("no URL at all", None, &[id, secret, url("auth.example.com")], "base URL"),
        ("another protocol", None, &[id, secret, url("ftp://auth.example.com")], "base URL"),
        (
            "a proxy without the length of its network",
            None,
            &[("TRUSTED_PROXIES", "10.1.2.3")],
            "TRUSTED_PROXIES=10.1.2.3: expected networks",
        ),
        ("a file that is none", Some("AIGC_AUTH_APP_SECRET='hunter2"), &[], ".env"),
        (
            "an id that no header carries",
            None,
            &[("AIGC_AUTH_APP_ID", "a\nb"), secret, url("http://x")],
            "app id",
        ),
    ] {
        let directory = Directory::new("bad");
        if let Some(file) = file {
            std::fs::write(directory.0.join(".env"), file).unwrap();
        }
        let error = FULL_SERVICE.fails(&directory, variables).await;
        assert!(error.contains(named), "{what}: {error}");
        if named.ends_with("is not set") {
            let looked = directory.0.canonicalize().unwrap().join(".env").display().to_string();
            assert!(error.contains("the environment") && error.contains(&looked), "{what}: {error}");
            assert_eq!(error.contains("does not exist"), file.is_none(), "{what}: {error}");
        }
        assert!(!error.contains("hunter2"), "{what}: {error}");
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let directory = Directory::new("taken");
    let error = FULL_SERVICE.fails(&directory, &[("BIND", &address)]).await;
    assert!(error.contains(&format!("BIND={address}")), "{error}");
}

#[tokio::test]
async fn rust_log_is_honoured_and_shows_no_credential() {
    for (level, refused, detailed) in [("debug", true, true), ("off", false, false)] {
        let directory = Directory::new(level);
        let mut process = FULL_SERVICE.command("", &directory, &[("RUST_LOG", level)]).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let address = first.strip_prefix("listening on http://").unwrap().parse().unwrap();
        assert_eq!(get_as(address, "hunter2", "/me").await.status, 401);
        assert_eq!(get_as(address, "bob-token", "/reports").await.status, 403);
        process.start_kill().unwrap();
        let output = timeout(PATIENCE, process.wait_with_output()).await.unwrap().unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(log.contains("request refused"), refused, "{level}: {log}");
        assert_eq!(log.contains("needs report:read"), detailed, "{level}: {log}");
        for secret in ["hunter2", "bob-token", "test-secret"] {
            assert!(!log.contains(secret), "{level}: {log}");
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn with_a_url_it_is_subscribed_while_it_runs() {
    let center = center().await;
    let url = "https://full-service.example.com/webhook/auth";
    let settings = settings(&center);
    let mut variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    variables.extend([WEBHOOK_SECRET, ("AIGC_AUTH_WEBHOOK_URL", url)]);
    let app = start("subscribed", &variables).await;
    let subscribed = async {
        while center.webhooks().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, subscribed).await.expect("it subscribes");
    let webhook = center.webhooks().remove(0);
    assert_eq!((webhook["url"].as_str(), webhook["secret"].as_str()), (Some(url), Some(WEBHOOK_SECRET.1)));
    assert_eq!(webhook["events"], json!(aigc_auth::webhook::EVENTS));
    // Once it serves, it handles signals.
    assert_eq!(http::get(app.address, "/health", &[]).await.status, 200);
    app.signal("TERM");
    let (_, status) = app.ended().await;
    assert_eq!(status.code(), Some(0));
    assert!(center.webhooks().is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_and_ctrl_c_drain_and_end_well() {
    let center = center().await;
    let settings = settings(&center);
    let variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    for signal in ["TERM", "INT"] {
        let app = start(&format!("sig-{signal}"), &variables).await;
        let address = app.address;
        center.clear_requests();
        let slow = tokio::spawn(async move { get_as(address, "alice-token", "/slow").await });
        // The center's being asked tells that the request has arrived.
        while center.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        app.signal(signal);
        let slow = slow.await.unwrap();
        assert_eq!(seen(&slow), (200, "at last\n"), "{signal}: what was under way is finished");
        let (printed, status) = app.ended().await;
        assert!(printed.contains("drained"), "{signal}: {printed}");
        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "{signal}: the port is closed");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn usage_records_are_flushed_when_it_ends_unless_they_are_off() {
    let center = center().await;
    let settings = settings(&center);
    for (stats, recorded) in [("", 3), ("off", 0), ("OFF", 0)] {
        center.clear_requests();
        let before = center.stats().len();
        let mut variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
        variables.push(("AIGC_AUTH_STATS", stats));
        let app = start("stats", &variables).await;
        for path in ["/me", "/reports", "/moved", "/health", "/boom"] {
            get_as(app.address, "alice-token", path).await;
        }
        http::get(app.address, "/me", &[]).await;
        app.signal("TERM");
        let (printed, status) = app.ended().await;
        assert_eq!(status.code(), Some(0));
        let records = center.stats().split_off(before);
        let seen: Vec<_> =
            records.iter().map(|record| (record["api_path"].as_str(), &record["status_code"])).collect();
        let expected =
            [(Some("/me"), &json!(200)), (Some("/reports"), &json!(200)), (Some("/boom"), &json!(500))];
        assert_eq!(seen, expected[..recorded], "{stats}");
        assert_eq!(printed.contains("usage records: 3 delivered, 0 lost"), recorded > 0, "{printed}");
    }
}
