//! Log-outs, by the caller and by the issuer, in one process and in several.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use test_support::http::{self, center, get_as};
use test_support::process::{Directory, Example, PATIENCE, Program, settings};
use test_support::{redis, until_async};
use tokio::process::Command;
use tokio::time::timeout;

const FULL_SERVICE: Program = Program(env!("CARGO_BIN_EXE_full_service"));

/// Starts it with an issuer of its own, which is at the second address.
async fn start(name: &str, variables: &[(&str, &str)]) -> (Example, SocketAddr) {
    let mut app = FULL_SERVICE.start(name, variables).await;
    let line = app.line_with("an issuer is in this process").await;
    let url = line.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
    let issuer = url.trim_end_matches('.').parse().unwrap();
    (app, issuer)
}

async fn token_of(issuer: SocketAddr, what: &str) -> String {
    let answer = http::request(issuer, "POST", what, &[]).await;
    assert_eq!(answer.status, 200, "{what}: {}", answer.body);
    answer.body
}

async fn session(app: &Example, token: &str) -> u16 {
    get_as(app.address, token, "/session").await.status
}

async fn log_out_here(app: &Example, token: &str) -> u16 {
    let authorization = format!("Bearer {token}");
    http::request(app.address, "POST", "/revoke", &[("authorization", &*authorization)]).await.status
}

async fn log_out_by_issuer(app: &Example, log_out_token: &str) -> u16 {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("logout_token={log_out_token}");
    http::post(app.address, "/backchannel-logout", &form, body.as_bytes()).await.status
}

#[tokio::test]
async fn caller_and_issuer_end_sessions() {
    let (app, issuer) = start("sessions", &[]).await;
    let [mine, other] = [token_of(issuer, "/log-in/alice").await, token_of(issuer, "/log-in/alice").await];
    let bob = token_of(issuer, "/log-in/bob").await;
    let shown = get_as(app.address, &mine, "/session").await.json();
    assert_eq!((&shown["user"], &shown["minutes_left"]), (&"alice".into(), &59.into()), "{shown}");

    // By the caller: this session alone.
    assert_eq!(log_out_here(&app, &mine).await, 204);
    assert_eq!([session(&app, &mine).await, session(&app, &other).await], [401, 200]);
    assert_eq!(log_out_here(&app, &mine).await, 401);

    // By the issuer: all of the user's.
    let log_out = token_of(issuer, "/log-out/alice").await;
    assert_eq!(log_out_by_issuer(&app, &log_out).await, 200);
    assert_eq!([session(&app, &other).await, session(&app, &bob).await], [401, 200]);
    assert_eq!(log_out_by_issuer(&app, &log_out).await, 400, "applied once");

    // Each token is for its own place.
    assert_eq!(log_out_by_issuer(&app, &bob).await, 400);
    assert_eq!(session(&app, &token_of(issuer, "/log-out/bob").await).await, 401);
    assert_eq!(session(&app, "alice-token").await, 401, "the auth center's");
    assert_eq!(get_as(app.address, &bob, "/me").await.status, 401, "the issuer's");
    assert_eq!(http::request(app.address, "POST", "/revoke", &[]).await.status, 401);
}

#[tokio::test]
async fn replicas_share_log_outs_by_redis() {
    let directory = Directory::new("redis");
    let _redis = match redis::spawn(&directory, &[]) {
        Ok(redis) => redis,
        Err(error) => return redis::skipped(&error),
    };
    let at_redis = ("AIGC_AUTH_REDIS_URL", &*redis::url(&directory));
    let (one, issuer) = start("one", &[at_redis]).await;
    let of_the_first = format!("http://{issuer}");
    let another = FULL_SERVICE.start("another", &[at_redis, ("ISSUER", &of_the_first)]).await;
    let alone = FULL_SERVICE.start("alone", &[("ISSUER", &of_the_first)]).await;
    for by_issuer in [false, true] {
        let token = token_of(issuer, "/log-in/alice").await;
        for app in [&one, &another, &alone] {
            assert_eq!(session(app, &token).await, 200, "by the issuer: {by_issuer}");
        }
        match by_issuer {
            false => assert_eq!(log_out_here(&one, &token).await, 204),
            true => {
                let log_out = token_of(issuer, "/log-out/alice").await;
                assert_eq!(log_out_by_issuer(&one, &log_out).await, 200);
            }
        }
        assert_eq!(session(&one, &token).await, 401);
        until_async("the other replica hears of it", async || session(&another, &token).await == 401).await;
        assert_eq!(session(&alone, &token).await, 200, "whose list is in memory");
    }
}

/// With an auth center elsewhere, an issuer in the process would be a way in for everybody.
#[tokio::test]
async fn issuer_of_its_own_comes_with_an_auth_center_of_its_own() {
    let center = center().await;
    let settings = settings(&center);
    let variables: Vec<_> = settings.iter().map(|(name, value)| (*name, &**value)).collect();
    let mut app = FULL_SERVICE.start("elsewhere", &variables).await;
    let line = app.line_with("ISSUER is not set").await;
    assert!(line.starts_with("without /session, /revoke and /backchannel-logout"), "{line}");
    assert_eq!(get_as(app.address, "alice-token", "/session").await.status, 404);
}

#[tokio::test]
async fn settings_that_are_wrong_are_named_at_the_start() {
    for (variable, named) in [
        (("ISSUER", "http://login.example.com"), "issuer"),
        (("AIGC_AUTH_REDIS_URL", "http://redis.example.com"), "Redis"),
    ] {
        let error = FULL_SERVICE.fails(&Directory::new("bad"), &[variable]).await;
        assert!(error.contains(named), "{variable:?}: {error}");
    }
}

/// The lines that it prints about sessions, as they are, in one shell.
#[cfg(unix)]
#[tokio::test]
async fn every_line_about_sessions_that_it_prints_works() {
    let (mut app, _) = start("lines", &[]).await;
    let mut script = String::new();
    loop {
        let line = timeout(PATIENCE, app.lines.next_line()).await.unwrap().unwrap().unwrap();
        let Some(line) = line.strip_prefix("  ") else { break };
        script += line;
        script += if line.starts_with("curl ") { " -s -o out -w '%{http_code} '\n" } else { "\n" };
    }
    let directory = Directory::new("shell");
    let output = Command::new("sh").args(["-c", &script]).current_dir(&directory.0).output();
    let output = timeout(PATIENCE, output).await.unwrap().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "200 204 401 200 200 401 ", "{script}{complaint}");
}
