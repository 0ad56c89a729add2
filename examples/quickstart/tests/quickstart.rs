//! The example as a newcomer meets it: its routes, its settings, and how it ends.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

use test_support::http::{self, center, get_as};
use test_support::process::{Directory, Program, settings};
use test_support::until;

const QUICKSTART: Program = Program(env!("CARGO_BIN_EXE_quickstart"));

#[tokio::test]
async fn routes_ask_for_a_token_and_for_the_permission() {
    let app = QUICKSTART.start("routes", &[]).await;
    let at = app.address;
    for (path, nobody, unknown, bob, alice) in [
        ("/me", 401, 401, 200, 200),
        ("/reports", 401, 401, 403, 200),
        ("/health", 200, 200, 200, 200),
        ("/none", 401, 401, 404, 404),
    ] {
        let (no_token, bad, of_bob, of_alice) = tokio::join!(
            http::get(at, path, &[]),
            get_as(at, "unknown", path),
            get_as(at, "bob-token", path),
            get_as(at, "alice-token", path),
        );
        let statuses = [no_token, bad, of_bob, of_alice].map(|answer| answer.status);
        assert_eq!(statuses, [nobody, unknown, bob, alice], "{path}");
    }
    assert_eq!(get_as(at, "alice-token", "/me").await.body, "hello, alice\n");
    assert_eq!(get_as(at, "alice-token", "/reports").await.body, "reports for alice\n");
}

#[tokio::test]
async fn every_printed_curl_line_works() {
    let mut app = QUICKSTART.start("banner", &[]).await;
    let mut statuses = vec![];
    for _ in 0..5 {
        let line = app.line_with("curl ").await;
        let headers: Vec<_> =
            line.split('\'').skip(1).step_by(2).map(|header| header.split_once(": ").unwrap()).collect();
        let url = line.rsplit(' ').next().unwrap();
        let path = url.strip_prefix(&format!("http://{}", app.address)).expect(url);
        statuses.push((path.to_owned(), http::get(app.address, path, &headers).await.status));
    }
    let expected = [("/me", 401), ("/me", 200), ("/reports", 200), ("/reports", 403), ("/health", 200)];
    assert_eq!(statuses, expected.map(|(path, status)| (path.to_owned(), status)));
}

#[tokio::test]
async fn second_service_trusts_the_same_center() {
    let mut first = QUICKSTART.start("first", &[]).await;
    let lines = [first.line_with("AIGC_AUTH_APP_ID=").await, first.line_with("AIGC_AUTH_BASE_URL=").await];
    let settings: Vec<_> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
    let settings: Vec<_> = settings.iter().map(|pair| pair.split_once('=').unwrap()).collect();
    assert_eq!(settings.len(), 3, "{lines:?}");
    let second = QUICKSTART.start("second", &settings).await;
    assert_eq!(get_as(second.address, "alice-token", "/me").await.body, "hello, alice\n");
    assert_eq!(get_as(second.address, "unknown", "/me").await.status, 401);
}

#[tokio::test]
async fn with_settings_it_uses_that_center() {
    let center = center().await;
    center.add_token("only-here", "bob");
    let settings = settings(&center);
    let variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    let app = QUICKSTART.start("settings", &variables).await;
    assert_eq!(get_as(app.address, "only-here", "/me").await.body, "hello, bob\n");
    assert_eq!(center.calls("/user/info"), 1);

    let error = QUICKSTART.fails(&Directory::new("missing"), &variables[..1]).await;
    assert!(error.contains("AIGC_AUTH_APP_SECRET is not set"), "{error}");
}

/// Nothing of the auth center is set by a line that is a comment, or empty.
#[tokio::test]
async fn comments_in_the_env_file_set_nothing() {
    let directory = Directory::new("comments");
    let text = "# AIGC_AUTH_APP_ID=1\n# see AIGC_AUTH_BASE_URL\nAIGC_AUTH_APP_SECRET=\n#AIGC_AUTH_WEBHOOK_SECRET=x\n";
    std::fs::write(directory.0.join(".env"), text).unwrap();
    let app = QUICKSTART.start_in("", directory, &[]).await;
    assert_eq!(get_as(app.address, "alice-token", "/me").await.body, "hello, alice\n");
}

/// As with the lines of `aigc-auth-center`: signed events, and a subscription for as long as it runs.
#[cfg(unix)]
#[tokio::test]
async fn with_a_secret_it_is_told_of_changed_users() {
    let center = center().await;
    let directory = Directory::new("webhook");
    let lines = settings(&center).map(|(name, value)| format!("{name}={value}\n")).concat();
    std::fs::write(directory.0.join(".env"), lines + "AIGC_AUTH_WEBHOOK_SECRET='a secret of webhooks'\n")
        .unwrap();
    let app = QUICKSTART.start_in("", directory, &[]).await;
    until("subscribed", || !center.webhooks().is_empty()).await;
    let webhook = center.webhooks().remove(0);
    assert_eq!(webhook["url"], format!("http://{}/webhook/auth", app.address));
    assert_eq!(webhook["secret"], "a secret of webhooks");
    assert_eq!(
        http::post(app.address, "/webhook/auth", &[("x-webhook-signature", "00")], "{}").await.status,
        401
    );
    app.signal("TERM");
    let (printed, status) = app.ended().await;
    assert!(status.success() && printed.ends_with("drained, good-bye\n"), "{status} {printed}");
    assert_eq!(center.webhooks().len(), 0, "not subscribed any more");
}

/// An auth center elsewhere does not reach this machine's loopback address, and is not asked to.
#[tokio::test]
async fn without_an_address_that_others_reach_it_subscribes_to_nothing() {
    let variables = [
        ("AIGC_AUTH_APP_ID", "1"),
        ("AIGC_AUTH_APP_SECRET", "secret"),
        ("AIGC_AUTH_BASE_URL", "https://auth.example.invalid/aigc-auth"),
        ("AIGC_AUTH_WEBHOOK_SECRET", "a secret of webhooks"),
    ];
    let mut app = QUICKSTART.start("elsewhere", &variables).await;
    let line = app.line_with("not subscribed").await;
    assert!(line.contains("set AIGC_AUTH_WEBHOOK_URL"), "{line}");
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = QUICKSTART.fails(&Directory::new("taken"), &[("BIND", &address)]).await;
    assert!(error.contains(&format!("BIND={address}")), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_and_ctrl_c_end_it_with_status_0() {
    for signal in ["TERM", "INT"] {
        let app = QUICKSTART.start(signal, &[]).await;
        let address = app.address;
        assert_eq!(get_as(address, "alice-token", "/me").await.status, 200);
        app.signal(signal);
        let (printed, status) = app.ended().await;
        assert!(printed.ends_with("drained, good-bye\n"), "{signal}: {printed}");
        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "{signal}: the port is closed");
    }
}
