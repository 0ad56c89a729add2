//! What a program needs that serves a center for days.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};

use super::{call, connect, data, exchange, rejection, request, send, split, status, with_alice};
use crate::testing::{AuthCenter, Fault, ObservedCall, SeenState, TestKey, user};

/// The same call by another app.
fn as_app(request: &str, id: &str, secret: &str) -> String {
    request.replace("test-app", id).replace("test-secret", secret)
}

#[tokio::test]
async fn apps_accept_their_own_tokens_and_share_users() {
    let center = with_alice().await;
    center.add_app("9", "secret of nine");
    center.add_token_of("9", "nine-token", "alice", None);
    let asked = |token: &str| request(&center, "/user/info", &json!({ "token": token }).to_string());
    let at_nine = |token: &str| as_app(&asked(token), "9", "secret of nine");
    for (request, status_and_code) in [
        (asked("alice-token"), (200, 0)),
        (asked("nine-token"), (200, 401)),
        (at_nine("nine-token"), (200, 0)),
        (at_nine("alice-token"), (200, 401)),
        (as_app(&asked("nine-token"), "9", "test-secret"), (401, 401)),
    ] {
        let (status, envelope) = send(&center, &request).await;
        assert_eq!((status, envelope["code"].as_i64().unwrap()), status_and_code, "{request}");
    }
    let authorized = json!({"sourceAppId": 9, "sourceToken": "nine-token"});
    assert_eq!(data(&center, "/users/authorize-by-token", authorized).await["username"], "alice");
    assert_eq!(send(&center, &asked("nine-token")).await.1["code"], 0);
}

#[tokio::test]
async fn bounded_center_rejects_what_it_has_no_room_for() {
    let center = AuthCenter::builder().bounded().start().await;
    let large = json!({"url": "x".repeat(20_000), "events": []}).to_string();
    let large = request(&center, "/webhook/register", &large);
    assert_eq!(send(&center, &large).await.0, 413);
    let user = json!({"username": "x".repeat(20_000), "password": "p"});
    let outcome = data(&center, "/sync/batch", json!({"users": [user, {"username": "a", "password": "p"}]}));
    assert_eq!(outcome.await["failed"], 1);

    let users: Vec<_> =
        (0..10_050).map(|at| json!({"username": format!("u{at}"), "password": "p"})).collect();
    let outcome = data(&center, "/sync/batch", json!({ "users": users })).await;
    assert_eq!((&outcome["success"], &outcome["failed"]), (&json!(9_999), &json!(51)));
    let (status, envelope) =
        send(&center, &request(&center, "/sync/user", r#"{"username": "more", "password": "p"}"#)).await;
    assert_eq!((status, &envelope["code"]), (507, &json!(507)), "{envelope}");

    let service = |at: usize| json!({"name": "a", "environment": "test", "instanceId": "1", format!("x{at}"): "x".repeat(9_000)});
    data(&center, "/service/register", service(0)).await;
    let status_of =
        async |body: Value| send(&center, &request(&center, "/service/heartbeat", &body.to_string())).await.0;
    assert_eq!(status_of(service(0)).await, 200, "as it was");
    assert_eq!(status_of(service(1)).await, 413, "with an attribute more");

    let too_long = format!("{{\"token\": \"{}\"}}", "x".repeat(8 * 1024 * 1024));
    assert_eq!(send(&center, &request(&center, "/user/info", &too_long)).await.0, 413);
    let records: Vec<_> = (0..20_010).collect();
    data(&center, "/stats/report/batch", json!({ "stats": records })).await;
    let kept = center.usage_after(0, usize::MAX);
    assert_eq!((kept.len(), kept[0].number, &*kept[0].record), (20_000, 11, &json!(10)));
}

#[tokio::test]
async fn usage_names_the_report_that_it_came_with() {
    let center = AuthCenter::start().await;
    for header in ["Idempotency-Key: k-1\r\n", "Idempotency-Key: k-1\r\n", ""] {
        let report =
            request(&center, "/stats/report/batch", r#"{"stats": [{"api_path": "/a"}, {"api_path": "/b"}]}"#);
        let report = report.replacen("\r\n", &format!("\r\n{header}"), 1);
        assert_eq!(send(&center, &report).await.0, 200);
    }
    let kept = center.usage_after(0, 10);
    let keys: Vec<_> = kept.iter().map(|usage| usage.idempotency_key.as_deref()).collect();
    // A report that comes again is kept again: what it is worth is for whoever reads it.
    assert_eq!(keys, [Some("k-1"), Some("k-1"), Some("k-1"), Some("k-1"), None, None]);
}

#[tokio::test]
async fn calls_are_observed_with_their_outcome() {
    let seen: Arc<Mutex<Vec<ObservedCall>>> = Arc::default();
    let calls = Arc::clone(&seen);
    let center =
        AuthCenter::builder().on_call(move |call| calls.lock().unwrap().push(call.clone())).start().await;
    center.add_user(user("alice"));
    center.add_token("alice-token", "alice");
    let traced = request(&center, "/user/info", r#"{"token": "alice-token"}"#).replacen(
        "\r\n",
        "\r\nX-Trace-ID: trace-7\r\n",
        1,
    );
    send(&center, &traced).await;
    rejection(&center, "/user/info", json!({"token": "unknown"})).await;
    center.inject_fault_times(1, Fault::status(503));
    send(&center, &traced).await;
    center.inject_fault_times(1, Fault::Hang);
    let gave_up = tokio::time::timeout(Duration::from_millis(20), send(&center, &traced)).await;
    assert!(gave_up.is_err());
    let start = std::time::Instant::now();
    while seen.lock().unwrap().len() < 4 {
        assert!(start.elapsed() < Duration::from_secs(10), "the caller has gone");
        tokio::task::yield_now().await;
    }
    let seen = seen.lock().unwrap();
    let outcomes = seen.iter().map(|call| {
        let status = call.status.map(|status| status.as_u16());
        (call.username.as_deref(), status, call.code, call.is_faulty, call.trace_id.as_deref())
    });
    let (alice, trace) = (Some("alice"), Some("trace-7"));
    assert_eq!(
        outcomes.collect::<Vec<_>>(),
        [
            (alice, Some(200), Some(0), false, trace),
            (None, Some(200), Some(401), false, None),
            (alice, Some(503), None, true, trace),
            (alice, None, None, true, trace),
        ]
    );
    assert!(
        seen.iter().all(|call| call.endpoint == "/user/info" && call.app_id.as_deref() == Some("test-app"))
    );
    assert!(seen[3].latency >= Duration::from_millis(10), "{:?}", seen[3].latency);
}

#[tokio::test]
async fn further_routes_share_the_port_and_its_faults() {
    let routes = Router::new().route("/page", get(|| async { "a page of some length" }));
    let center = AuthCenter::builder().routes(routes).start().await;
    let page = "GET /page HTTP/1.1\r\nHost: center\r\n\r\n";
    let body = async || {
        let answer = exchange(&center, page).await?;
        Ok::<_, std::io::Error>(String::from_utf8(answer).unwrap())
    };
    assert!(body().await.unwrap().ends_with("a page of some length"));
    assert_eq!(rejection(&center, "/user/info", json!({"token": "x"})).await, 401);
    for (fault, expected) in [
        (Fault::status(503), "HTTP/1.1 503"),
        (Fault::Truncated, "content-length: 21"),
        (Fault::SlowBytes(Duration::from_millis(1)), "a page of some length"),
        (Fault::code(7, "no"), r#""code":7"#),
    ] {
        center.inject_fault_on("/page", fault.clone());
        let found = body().await.unwrap();
        assert!(found.contains(expected), "{fault:?}: {found}");
        assert_eq!(rejection(&center, "/user/info", json!({"token": "x"})).await, 401);
    }
    center.inject_fault_on("/page", Fault::Reset);
    assert!(body().await.is_err());
    center.clear_fault_on("/page");
    assert!(body().await.unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn state_is_handed_out_by_changes_and_taken_back() {
    let center = with_alice().await;
    let mut seen = SeenState::default();
    assert_eq!(center.changed_tables(&mut seen).len(), 8);
    assert!(center.changed_tables(&mut seen).is_empty());
    let changed = |seen: &mut SeenState| {
        center.changed_tables(seen).into_iter().map(|table| table.name).collect::<Vec<_>>()
    };
    data(&center, "/user/info", json!({"token": "alice-token"})).await;
    assert!(changed(&mut seen).is_empty(), "a question changes nothing");
    center.add_access_key("ak_alice", TestKey::user("alice").name("laptop"));
    center.add_access_key("ak_app", TestKey::app("a text"));
    assert_eq!(changed(&mut seen), ["access_keys"]);
    center.add_group("ops");
    center.add_token_expiring("old", "alice", SystemTime::UNIX_EPOCH);
    center.add_app_token(9, "theirs", "alice");
    data(&center, "/users/authorize-by-token", json!({"sourceAppId": 9, "sourceToken": "theirs"})).await;
    let service = json!({"name": "orders", "environment": "test", "instanceId": "1"});
    data(&center, "/service/register", service.clone()).await;
    center.set_config("orders", json!({"limit": 5}));
    data(&center, "/webhook/register", json!({"url": "http://me", "events": ["user.updated"]})).await;
    data(&center, "/stats/report/batch", json!({"stats": [{"a": 1}]})).await;

    let restored = AuthCenter::start().await;
    let mut all = SeenState::default();
    for table in center.changed_tables(&mut all) {
        for (key, value) in table.rows {
            restored.restore_row(table.name, &key, value).unwrap();
        }
    }
    for record in center.usage_after(0, 100) {
        restored.restore_usage(record);
    }
    assert_eq!(restored.users(), center.users());
    assert_eq!(restored.services(), center.services());
    assert_eq!(restored.webhooks(), center.webhooks());
    assert_eq!(restored.stats(), center.stats());
    for (endpoint, body) in [
        ("/user/info", json!({"token": "alice-token"})),
        ("/user/info", json!({"token": "old"})),
        ("/user/info", json!({"token": "theirs"})),
        ("/access-key/verify", json!({"accessKey": "ak_alice"})),
        ("/access-key/verify", json!({"accessKey": "ak_app"})),
        ("/groups/list", json!({})),
        ("/service/heartbeat", service),
    ] {
        assert_eq!(call(&restored, endpoint, body.clone()).await, call(&center, endpoint, body).await);
    }
    for (table, key, value) in [
        ("users", "x", json!({"id": 7})),
        ("tokens", "x", json!({"username": 7})),
        ("webhooks", "x", json!({})),
        ("instances", "[]", json!({})),
        ("others", "x", json!({})),
    ] {
        assert!(restored.restore_row(table, key, value).is_err(), "{table}");
    }
}

#[tokio::test]
async fn paused_center_answers_when_it_is_resumed() {
    let center = AuthCenter::builder().paused().start().await;
    let early = call(&center, "/user/info", json!({"token": "alice-token"}));
    let prepare = async {
        tokio::task::yield_now().await;
        center.add_user(user("alice"));
        center.add_token("alice-token", "alice");
        center.resume();
    };
    assert_eq!(tokio::join!(early, prepare).0["data"]["username"], "alice");
}

#[tokio::test]
async fn address_in_use_is_an_error() {
    let center = AuthCenter::start().await;
    let address = center.server.address;
    let error = AuthCenter::builder().address(address).try_start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    drop(center);
    let again = AuthCenter::builder().address(address).try_start().await.unwrap();
    assert_eq!(again.url(), format!("http://{address}/aigc-auth"));
}

#[tokio::test]
async fn shutdown_answers_what_has_arrived() {
    let center = with_alice().await;
    let (address, idle) = (center.address(), connect(&center).await.unwrap());
    center.delay(Duration::from_millis(50));
    let asked = request(&center, "/user/info", r#"{"token": "alice-token"}"#);
    let server = Arc::clone(&center.server);
    let asking = async {
        let mut stream = connect(&center).await.unwrap();
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        stream.write_all(asked.as_bytes()).await.unwrap();
        while server.dispatcher().log.requests().count() == 0 {
            tokio::task::yield_now().await;
        }
        center.drain(Duration::from_secs(10)).await;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let answer = asking.await;
    assert_eq!(status(split(&answer).0), 200);
    let error = tokio::net::TcpStream::connect(address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    drop(idle);
}
