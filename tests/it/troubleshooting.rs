//! What `docs/troubleshooting.md` says of answers and lines of the log is what they are.

use std::panic::catch_unwind;
use std::time::Duration;

use aigc_auth::credential::BearerToken;
use aigc_auth::stats::StatsCollector;
use aigc_auth::testing::{self, Fault, TestUsers};
use aigc_auth::usage::{ApiRecord, Record};
use aigc_auth::webhook::HandlerError;
use aigc_auth::{
    ActAsUser, AuthClient, AuthError, AuthLayer, CurrentUser, RequirePermission, UserInfo, Verify,
    permissions,
};
use axum::Router;
use axum::routing::{any, get};
use http::StatusCode;
use serde_json::json;

use crate::jwt::support::{HMAC, SECRET, claims, with};
use crate::support::{self, Log, center, serve, test_process, until_async};
use crate::webhook::support::{config, serve_hook};

const PAGE: &str = include_str!("../../docs/troubleshooting.md");

permissions! {
    Purge = "report:purge";
}

/// What was logged, without time, spans and module, as the page has it.
fn logged(log: &Log) -> Vec<String> {
    let bare = |line: &str| {
        let level = line.split_whitespace().nth(1)?;
        // Behind the spans that the line is in.
        let (_, rest) = line.split_once(" aigc_auth::")?;
        let (_, text) = rest.split_once(": ")?;
        Some(format!("{level} {text}"))
    };
    log.take().lines().filter_map(bare).collect()
}

/// Fails unless the page has the last line that starts like this, as it is. The cause of an error is the system's, and may be
/// another.
#[track_caller]
fn is_on_page(lines: &[String], start: &str) {
    let line = lines.iter().rfind(|line| line.starts_with(start));
    let line = line.unwrap_or_else(|| panic!("no line starts with {start:?}: {lines:#?}"));
    let known = |line: &str| line.split(" cause=").next().unwrap_or_default().to_owned();
    assert!(PAGE.lines().any(|said| known(said) == known(line)), "the page does not have this line:\n{line}");
}

/// A verifier without a directory, since it wraps another.
struct Wrapper(TestUsers);

impl Verify<BearerToken> for Wrapper {
    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        self.0.verify(token).await
    }
}

#[tokio::test]
async fn rejections_are_logged_as_the_page_says() {
    let center = center().await;
    let routes = || {
        Router::new()
            .route("/me", any(|_: CurrentUser| async {}))
            .route("/open", any(|_: CurrentUser| async {}))
            .route("/purge", any(|_: RequirePermission<Purge>| async {}))
            .route("/target", any(|_: ActAsUser| async {}))
    };
    let app = serve(routes().layer(support::auth(&center).exclude_path("/open"))).await;
    let bare = serve(routes()).await;
    let root = testing::users([("root-token", testing::user("root").admin(true))]);
    let wrapped = serve(routes().layer(AuthLayer::tokens_only(Wrapper(root)))).await;
    let alice = ("authorization", "Bearer alice-token");
    let preflight = [("origin", "https://app.example.com"), ("access-control-request-method", "GET")];
    let acting = [("authorization", "Bearer root-token"), ("x-act-as-user-id", "7")];
    let log = Log::start();
    for (app, method, path, headers, status, start) in [
        (&app, "GET", "/me", &[][..], 401, "DEBUG request refused"),
        (&app, "GET", "/me", &[("authorization", "t0ken")], 401, "DEBUG request refused"),
        (&app, "GET", "/me", &[("authorization", "Token t0ken")], 401, "DEBUG request refused"),
        (&app, "OPTIONS", "/me", &preflight, 401, "DEBUG request refused"),
        (&app, "GET", "/purge", &[alice], 403, "DEBUG request refused"),
        (&app, "GET", "/open", &[alice], 500, "ERROR request refused"),
        (&bare, "GET", "/me", &[alice], 500, "ERROR request refused"),
        (&wrapped, "GET", "/target", &acting, 500, "ERROR request refused"),
    ] {
        logged(&log);
        let answer = support::request(app.address, method, path, headers).await;
        assert_eq!(answer.status, status, "{path} {headers:?}");
        is_on_page(&logged(&log), start);
    }
}

#[tokio::test]
async fn failures_of_the_auth_center_are_logged_as_the_page_says() {
    let center = center().await;
    let log = Log::start();
    let wrong_secret = AuthClient::builder(center.app_id(), "\"s3cret\"", center.url()).build().unwrap();
    assert_eq!(wrong_secret.user_info("alice-token").await.unwrap_err().status(), 503);
    is_on_page(&logged(&log), "WARN call to the auth center failed");

    center.inject_fault(Fault::Html);
    assert_eq!(support::client(&center).user_info("alice-token").await.unwrap_err().status(), 503);
    is_on_page(&logged(&log), "WARN call to the auth center failed");

    let _outage = center.outage();
    let client = support::client(&center);
    for at in 0..20 {
        assert_eq!(client.user_info(&format!("t{at}")).await.unwrap_err().status(), 503);
    }
    let lines = logged(&log);
    is_on_page(&lines, "WARN call to the auth center failed");
    is_on_page(&lines, "WARN circuit breaker opened");
}

#[tokio::test]
async fn tokens_webhooks_and_records_are_logged_as_the_page_says() {
    let log = Log::start();
    let verifier =
        aigc_auth::jwt::JwtVerifier::from_secret(SECRET).issuer("https://login.example.com/").build();
    let token = HMAC.issue("HS256", None, &with(claims(), "iss", json!("https://other.example.com/")));
    let refused = verifier.unwrap().verify(BearerToken::new(&token).unwrap()).await.unwrap_err();
    assert_eq!(refused.status(), 401);
    is_on_page(&logged(&log), "WARN JWT rejected");

    let hook =
        serve_hook(config(), |_: aigc_auth::webhook::UserEvent| async { Ok::<_, HandlerError>(json!({})) });
    let hook = hook.await;
    let wrong = [("x-webhook-signature", "0".repeat(64))];
    let answer = support::post(hook.address, "/webhook/auth", &wrong, "{}").await;
    assert_eq!(answer.status, 401);
    is_on_page(&logged(&log), "WARN webhook rejected");

    let center = center().await;
    let outage = center.outage();
    let stats = StatsCollector::builder().queue_capacity(1).flush_interval(Duration::from_millis(1));
    let stats = stats.start(&support::client(&center));
    let record = || {
        let token = aigc_auth::credential::Credential::new("alice-token").unwrap();
        Record::record(&stats, Box::new(ApiRecord::new("GET", "/me").credential(token)));
    };
    (0..2).for_each(|_| record());
    let mut lines = Vec::new();
    until_async("it cannot deliver, and has no room", async || {
        lines.extend(logged(&log));
        ["cannot deliver", "records dropped"].iter().all(|what| lines.iter().any(|line| line.contains(what)))
    })
    .await;
    is_on_page(&lines, "WARN usage records dropped");
    is_on_page(&lines, "WARN cannot deliver usage records");
    drop(outage);
}

/// The table of the page: a single-page app beside its API.
#[tokio::test]
async fn fallback_of_a_page_stands_outside() {
    let users = testing::users([("t", testing::user("alice"))]);
    let api = Router::new()
        .route("/me", get(|| async { "…" }))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(AuthLayer::new(users));
    let app = serve(Router::new().nest("/api", api).fallback(|| async { "index.html" })).await;
    for (path, without, with) in
        [("/api/me", 401, 200), ("/api/misspelt", 401, 404), ("/", 200, 200), ("/orders/7", 200, 200)]
    {
        assert_eq!(support::get(app.address, path, &[]).await.status, without, "{path}");
        let answer = support::get_as(app.address, "t", path).await;
        assert_eq!(answer.status, with, "{path}");
        assert_eq!(answer.body == "index.html", !path.starts_with("/api"), "{path}");
    }
}

/// In a process of its own, for another test may have installed a provider.
#[test]
fn reqwest_of_a_service_panics_as_the_page_says() {
    let output =
        test_process(module_path!(), "child_builds_clients").env("BUILDS_CLIENTS", "yes").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("both were tried"), "{text}");
}

#[test]
fn child_builds_clients() {
    if std::env::var_os("BUILDS_CLIENTS").is_none() {
        return;
    }
    let panic =
        catch_unwind(reqwest::Client::new).expect_err("reqwest has a provider without being given one");
    let text =
        panic.downcast_ref::<&str>().map(ToString::to_string).or(panic.downcast_ref::<String>().cloned());
    let said =
        PAGE.lines().find(|line| line.starts_with("No rustls crypto provider is configured.")).unwrap();
    assert!(text.as_ref().is_some_and(|text| text.starts_with(said)), "{text:?}");
    // This crate's own clients do not need one, and give none to others.
    AuthClient::builder("app", "secret", "https://auth.example.com").build().unwrap();
    assert!(catch_unwind(reqwest::Client::new).is_err());
    // What the page advises.
    let _ = rustls::crypto::ring::default_provider().install_default();
    assert!(catch_unwind(reqwest::Client::new).is_ok() && reqwest::Client::builder().build().is_ok());
    println!("both were tried");
}
