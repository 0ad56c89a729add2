//! The API of the console.

use serde_json::json;
use test_support::until_async;

use crate::support::Center;

#[tokio::test]
async fn nothing_is_told_or_changed_without_the_token() {
    let center = Center::start("").await;
    for (method, path) in [
        ("GET", "/api/state"),
        ("GET", "/api/events"),
        ("GET", "/api/usage"),
        ("POST", "/api/users/mallory"),
        ("DELETE", "/api/users/alice"),
        ("POST", "/api/tokens"),
        ("POST", "/api/faults"),
    ] {
        let bare = center.api_request(method, path).json(&json!({}));
        let wrong = center.api_request(method, path).bearer_auth("x".repeat(32)).json(&json!({}));
        for request in [bare, wrong] {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 401, "{method} {path}");
        }
    }
    let rebound =
        center.api_request("GET", "/api/state").header("host", "evil.example:8601").send().await.unwrap();
    assert_eq!(rebound.status(), 421);
    for path in ["/api/users/alice", "/api/tokens", "/api/faults", "/api/dialect"] {
        assert_eq!(center.api("GET", path, None).await.0, 405, "nothing is changed by GET: {path}");
    }
    assert!(center.client().user_info("token").await.is_ok());
}

#[tokio::test]
async fn wrong_commands_say_what_is_wrong() {
    let center = Center::start("").await;
    for (method, path, body, status, text) in [
        ("PATCH", "/api/users/nobody", json!({}), 404, "no such user"),
        ("PATCH", "/api/users/alice", json!({"permissions": [" a"]}), 400, "no spaces at their ends"),
        ("POST", "/api/users/alice", json!({}), 400, "there is a user `alice` already"),
        ("POST", "/api/tokens", json!({"user": "nobody"}), 404, "no such user"),
        ("POST", "/api/tokens", json!({"user": "alice", "app": "x"}), 404, "no such app"),
        ("POST", "/api/access-keys", json!({"type": "user", "user": "nobody"}), 404, "no such user"),
        ("PUT", "/api/dialect", json!({"dialect": "2"}), 400, "expected 1.1.53 to 1.1.62"),
        (
            "POST",
            "/api/faults",
            json!({"endpoint": "x", "fault": {"kind": "hang"}}),
            400,
            "expected an endpoint",
        ),
        (
            "POST",
            "/api/faults",
            json!({"endpoint": "*", "fault": {"kind": "status", "status": 99}}),
            400,
            "200 to 599",
        ),
        ("POST", "/api/faults/clear", json!({"endpoint": "*"}), 404, "no such fault"),
    ] {
        let (found, answer) = center.api(method, path, Some(body)).await;
        assert_eq!(found, status, "{method} {path}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(text), "{method} {path}: {answer}");
    }
    let (status, _) = center.api("PATCH", "/api/users/alice", Some(json!({"permisions": []}))).await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn calls_are_streamed_as_they_arrive() {
    let center = Center::start("").await;
    let (_, state) = center.api("GET", "/api/state", None).await;
    let before = state["last_event"].as_u64().unwrap();
    center.client().user_info("token").await.unwrap();
    center.client().user_info("unknown").await.unwrap_err();
    let calls = async || {
        let events = center.events(before).await.into_iter();
        events.filter(|event| event["type"] == "call").collect::<Vec<_>>()
    };
    until_async("both calls", async || calls().await.len() == 2).await;
    let calls = calls().await;
    let expected = [(json!("alice"), json!(0)), (json!(null), json!(401))];
    for (call, (username, code)) in calls.iter().zip(expected) {
        assert_eq!(
            (&call["username"], &call["code"], &call["status"]),
            (&username, &code, &json!(200)),
            "{call}"
        );
        assert_eq!((&call["endpoint"], &call["app_id"]), (&json!("/user/info"), &json!("42")));
        assert_eq!((&call["dialect"], &call["is_faulty"]), (&json!("1.1.59"), &json!(false)));
        assert!(
            call["latency_ms"].as_f64().unwrap() > 0.0 && call["at"].as_u64().unwrap() > 1_700_000_000_000
        );
    }
    let text = format!("{calls:?}");
    assert!(!text.contains("test-secret") && !text.contains("unknown"), "no secrets: {text}");
}

#[tokio::test]
async fn tokens_and_keys_are_issued_and_revoked() {
    let center = Center::start("").await;
    let issued = center.change("POST", "/api/tokens", json!({"user": "bob", "expires_in": 60})).await;
    let token = issued["token"].as_str().unwrap();
    assert_eq!(center.client().user_info(token).await.unwrap().username(), "bob");
    center.change("POST", "/api/tokens/revoke", json!({ "token": token })).await;
    assert!(center.client().user_info(token).await.is_err());
    let issued = center.change("POST", "/api/access-keys", json!({"type": "global", "name": "all"})).await;
    let key = issued["key"].as_str().unwrap();
    assert!(center.client().verify_access_key(key).await.unwrap().valid);
    center.change("POST", "/api/access-keys/revoke", json!({ "key": key })).await;
    assert!(!center.client().verify_access_key(key).await.unwrap().valid);
    center.change("PUT", "/api/groups/staff", json!({"name": "Staff"})).await;
    center.change("PATCH", "/api/users/bob", json!({"groups": ["staff"]})).await;
    let bob = center.client().user_info("bob-token").await.unwrap();
    assert_eq!(bob.groups()[0].name(), Some("Staff"));
    center.change("DELETE", "/api/groups/staff", json!(null)).await;
    assert_eq!(center.client().list_groups().await.unwrap().len(), 1);
}
