//! The audit of impersonation: every attempt is recorded before it takes effect.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aigc_auth::error::ErrorKind;
use aigc_auth::impersonation::ActAsPolicy;
use aigc_auth::layer::TrustedProxies;
use aigc_auth::{ActAsUser, AuthLayer, UserInfo};
use axum::Router;
use axum::routing::{any, get};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tower::ServiceExt;

use crate::impersonation::support::{FakeDirectory, HEADER, Mood, Sink, TokenVerifier, act_as, request, who};
use crate::support::{self, App, Log, exchange_bytes, head, serve, until, verdict};

const ROOT: (&str, &str) = ("authorization", "Bearer root-token");

fn policy() -> ActAsPolicy {
    ActAsPolicy::new().directory(FakeDirectory::new())
}

fn layer(policy: ActAsPolicy) -> AuthLayer {
    AuthLayer::tokens_only(TokenVerifier::new()).act_as(policy).trusted_proxies(TrustedProxies::private())
}

/// Notes in the log that the handler runs.
fn app(policy: ActAsPolicy) -> Router {
    let handler = |user: ActAsUser| async move {
        tracing::info!("the handler runs");
        who(user).await
    };
    let inner = Router::new().route("/orders/{id}", any(handler));
    Router::new().route("/", any(handler)).nest("/api", inner).layer(layer(policy))
}

/// The log lines of the audit and of handlers, without the time.
fn audit_lines(log: &Log) -> Vec<String> {
    let lines = log.take();
    let written =
        lines.lines().filter(|line| line.contains("aigc_auth::audit") || line.contains("handler runs"));
    written.map(|line| line.split_once("Z ").map_or(line, |(_, line)| line.trim_start()).to_owned()).collect()
}

#[tokio::test]
async fn every_attempt_is_logged_before_handler_runs() {
    let log = Log::start();
    let app = serve(app(policy().read_only())).await;
    let by_root = r#"actor_id="1" actor_email="root@example.com""#;
    let rest = r#"method=GET path="/" client_ip=127.0.0.1"#;
    let runs = format!("INFO {}: the handler runs", module_path!());
    let granted =
        |fields: &str| vec![format!("INFO aigc_auth::audit: acting as another user {fields}"), runs.clone()];
    let refused =
        |fields: &str| vec![format!("WARN aigc_auth::audit: acting as another user was refused {fields}")];
    for (method, target, headers, expected) in [
        ("GET", "/", &[ROOT][..], vec![runs.clone()]),
        ("GET", "/", &[ROOT, (HEADER, "1")], vec![runs.clone()]),
        ("GET", "/", &[ROOT, (HEADER, "7")], granted(&format!(r#"{by_root} target_id="7" {rest}"#))),
        (
            "OPTIONS",
            "/api/orders/%37?access_token=hunter2",
            &[
                ROOT,
                (HEADER, "u-8"),
                ("x-trace-id", "t-1"),
                ("x-forwarded-for", "8.8.4.4"),
                ("cookie", "sid=hunter2"),
            ],
            granted(&format!(
                r#"{by_root} target_id="u-8" method=OPTIONS path="/api/orders/%37" client_ip=8.8.4.4 trace_id="t-1""#
            )),
        ),
        (
            "GET",
            "http://root:hunter2@elsewhere.test/?hunter2",
            &[ROOT, (HEADER, "7")],
            granted(&format!(r#"{by_root} target_id="7" {rest}"#)),
        ),
        (
            "GET",
            "/",
            &[ROOT, (HEADER, "2")],
            refused(&format!(
                r#"{by_root} target_id="2" {rest} refusal=Access is denied: admins do not act as other admins here"#
            )),
        ),
        (
            "GET",
            "/",
            &[ROOT, (HEADER, "9")],
            refused(&format!(r#"{by_root} target_id="9" {rest} refusal=There is no such user"#)),
        ),
        (
            "DELETE",
            "/",
            &[ROOT, (HEADER, "7")],
            refused(&format!(
                "{by_root} target_id=\"7\" {} refusal=Access is denied: acting as another user is read-only here",
                rest.replace("GET", "DELETE")
            )),
        ),
        (
            "GET",
            "/",
            &[ROOT, (HEADER, "7"), (HEADER, "8")],
            refused(&format!(
                "{by_root} {rest} refusal=The request is invalid: more than one X-Act-As-User-Id header"
            )),
        ),
        (
            "GET",
            "/",
            &[ROOT, (HEADER, "\u{85}a\u{85}b")],
            refused(&format!(
                "{by_root} {rest} refusal=The request is invalid: the X-Act-As-User-Id header is over 256 bytes long, \
                 or has control characters"
            )),
        ),
        (
            "GET",
            "/",
            &[("authorization", "Bearer bob-token"), (HEADER, "7")],
            refused(&format!(
                r#"actor_id="u-8" target_id="7" {rest} refusal=Permission is missing (needs the admin flag)"#
            )),
        ),
        ("GET", "/", &[("authorization", "Bearer unknown"), (HEADER, "7")], vec![]),
    ] {
        support::request(app.address, method, target, headers).await;
        assert_eq!(audit_lines(&log), expected, "{method} {target} {headers:?}");
    }
}

#[tokio::test]
async fn refusal_by_only_if_rule_is_logged() {
    let log = Log::start();
    let app = serve(app(policy().only_if(|_| false))).await;
    assert_eq!(act_as(app.address, "root-token", "7").await.status, 403);
    let written = audit_lines(&log);
    assert!(
        written.len() == 1
            && written[0].ends_with("Access is denied: the condition of `ActAsPolicy::only_if` is not met"),
        "{written:?}"
    );
}

#[tokio::test]
async fn sink_receives_full_attempt_before_handler_runs() {
    let sink = Sink::new(Mood::Well);
    let seen = sink.clone();
    let handler = move |user: ActAsUser| async move {
        let attempts = seen.take();
        assert!(attempts.len() == 1 && attempts[0].refusal.is_none(), "{attempts:?}");
        let attempt = &attempts[0];
        let names = [Some(attempt.actor.username()), attempt.target.as_ref().map(UserInfo::username)];
        format!("{} after {attempt:?} of {names:?}", user.user_id())
    };
    let inner = Router::new().route("/orders/{id}", get(handler));
    let app = Router::new().nest("/api", inner).layer(layer(policy().audit(sink.clone())));
    let app = serve(app).await;
    for (credential, target, kind) in [
        ("root-token", "7", None),
        ("root-token", "2", Some(ErrorKind::Denied)),
        ("root-token", "9", Some(ErrorKind::UnknownUser)),
        ("alice-token", "9", Some(ErrorKind::MissingPermission)),
        ("alice-token", "a\u{85}b", Some(ErrorKind::InvalidRequest)),
    ] {
        let credential = format!("Bearer {credential}");
        let headers = [("authorization", &*credential), (HEADER, target), ("x-trace-id", "t-1")];
        let answer = support::get(app.address, "/api/orders/7?token=hunter2", &headers).await;
        let Some(kind) = kind else {
            assert_eq!(answer.status, 200, "{answer:?}");
            for part in [
                "7 after ActAsAttempt",
                "actor: UserInfo { id: Int(1)",
                "target_id: Some(Int(7))",
                "target: Some(UserInfo { id: Int(7)",
                r#"of [Some("root"), Some("alice")]"#,
                "method: GET",
                r#"path: "/api/orders/7""#,
                "client_ip: Some(127.0.0.1)",
                r#"trace_id: Some("t-1")"#,
                "refusal: None",
            ] {
                assert!(answer.body.contains(part), "{part}: {}", answer.body);
            }
            assert!(
                !answer.body.contains("hunter2") && !answer.body.contains("root-token"),
                "{}",
                answer.body
            );
            continue;
        };
        let attempts = sink.take();
        let [attempt] = &attempts[..] else { panic!("{target}: {attempts:?}") };
        let refusal = attempt.refusal.as_ref().unwrap();
        assert_eq!((refusal.kind(), refusal.status().as_u16()), (kind, answer.status), "{target}");
        assert_eq!(attempt.target_id.is_none(), kind == ErrorKind::InvalidRequest, "{target}");
        assert_eq!(attempt.target.is_some(), kind == ErrorKind::Denied, "{target}");
        assert_eq!((&*attempt.path, attempt.trace_id.as_deref()), ("/api/orders/7", Some("t-1")));
    }
}

/// A service that counts how often its handler runs.
async fn counting(policy: ActAsPolicy) -> (App, Arc<AtomicUsize>) {
    let runs = Arc::<AtomicUsize>::default();
    let counted = runs.clone();
    let handler = move |user: ActAsUser| {
        counted.fetch_add(1, Ordering::SeqCst);
        who(user)
    };
    (serve(Router::new().route("/", get(handler)).layer(layer(policy))).await, runs)
}

#[tokio::test]
async fn failing_sink_rejects_impersonation() {
    let log = Log::start();
    let sink = Sink::new(Mood::Failing);
    let (app, runs) = counting(policy().audit(sink.clone())).await;
    for (target, status) in [("7", 503), ("2", 403), ("9", 404), ("a\u{85}b", 400)] {
        let answer = act_as(app.address, "root-token", target).await;
        // A refusal stays what it is.
        assert_eq!((answer.status, answer.header("retry-after")), (status, (status == 503).then_some("1")));
        assert!(!answer.body.contains("audit"), "not disclosed to the caller: {answer:?}");
        let lines = log.take();
        assert!(lines.contains("ERROR aigc_auth::request::impersonation: the audit sink failed"), "{lines}");
        assert!(lines.contains("the disk of the audit is full"), "{lines}");
        assert!(lines.contains(" WARN aigc_auth::audit: acting as another user was refused"), "{lines}");
        assert_eq!(lines.contains("verified right now: the audit sink failed"), status == 503, "{lines}");
    }
    assert_eq!((runs.load(Ordering::SeqCst), sink.take().len()), (0, 4));
    // Without a target there is nothing to record.
    assert_eq!(verdict(&act_as(app.address, "root-token", "").await), Ok("1 root"));
    sink.turn(Mood::Well);
    assert_eq!(verdict(&act_as(app.address, "root-token", "7").await), Ok("7 alice by root"));
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn hanging_sink_times_out_after_5_s() {
    let log = Log::start();
    let sink = Sink::new(Mood::Hanging);
    let app = app(policy().audit(sink.clone()));
    for (target, status) in [("7", 503), ("2", 403)] {
        let start = tokio::time::Instant::now();
        let answer = app.clone().oneshot(request("root-token", Some(target))).await.unwrap();
        assert_eq!((answer.status().as_u16(), start.elapsed().as_secs()), (status, 5), "{target}");
        let lines = log.take();
        assert!(
            lines.contains("ERROR aigc_auth::request::impersonation: the audit sink took over 5 s"),
            "{lines}"
        );
        assert!(lines.contains(" WARN aigc_auth::audit") && !lines.contains("the handler runs"), "{lines}");
    }
}

#[tokio::test]
async fn panicking_sink_fails_one_request() {
    let sink = Sink::new(Mood::Panicking);
    let (app, runs) = counting(policy().audit(sink.clone())).await;
    let cut_off = head("GET", "/", &[ROOT, (HEADER, "7")]);
    assert_eq!(exchange_bytes(app.address, &cut_off).await, b"");
    assert_eq!(verdict(&act_as(app.address, "root-token", "").await), Ok("1 root"));
    sink.turn(Mood::Well);
    assert_eq!(verdict(&act_as(app.address, "root-token", "7").await), Ok("7 alice by root"));
    assert_eq!((runs.load(Ordering::SeqCst), sink.take().len()), (2, 2));
}

#[tokio::test]
async fn disconnect_during_audit_skips_handler() {
    let sink = Sink::new(Mood::Hanging);
    let (app, runs) = counting(policy().audit(sink.clone())).await;
    let mut stream = TcpStream::connect(app.address).await.unwrap();
    stream.write_all(&head("GET", "/", &[ROOT, (HEADER, "7")])).await.unwrap();
    sink.started.wait("the sink starts").await;
    drop(stream);
    sink.dropped.wait("the request is given up").await;
    sink.turn(Mood::Well);
    assert_eq!(verdict(&act_as(app.address, "root-token", "").await), Ok("1 root"));
    until("only the second ran", || runs.load(Ordering::SeqCst) == 1).await;
}

/// What a header says is one field of one line, however it is written.
#[tokio::test]
async fn header_values_cannot_forge_audit_lines() {
    let log = Log::start();
    let app = serve(app(policy())).await;
    for target in [
        r#"9 method=DELETE path="/harmless" client_ip=8.8.4.4"#,
        r#"9" actor_id="2"#,
        "9\u{2028}2030-01-01T00:00:00Z  INFO aigc_auth::audit: acting as another user",
        "9\u{202e}drawkcab",
        "9\u{feff}",
        r"9\n",
    ] {
        let trace_id = r#"t"path="x"#;
        let headers = [ROOT, (HEADER, target), ("x-trace-id", trace_id)];
        assert_eq!(support::get(app.address, "/", &headers).await.status, 404, "{target:?}");
        let written = audit_lines(&log);
        assert_eq!(written.len(), 1, "{written:?}");
        let field = format!(r#" actor_email="root@example.com" target_id={target:?} method=GET path="/" "#);
        assert!(
            written[0].contains(&field) && written[0].contains(&format!("trace_id={trace_id:?}")),
            "{written:?}"
        );
    }
}
