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
        (
            "POST",
            "/api/faults",
            json!({"endpoint": "/user/inf", "fault": {"kind": "hang"}}),
            400,
            "/user/info, ",
        ),
        (
            "POST",
            "/api/faults",
            json!({"endpoint": "*", "fault": {"kind": "explode"}}),
            422,
            "unknown variant",
        ),
        (
            "POST",
            "/api/faults",
            json!({"endpoint": "*", "fault": {"kind": "hang", "x": 1}}),
            422,
            "unknown field",
        ),
        (
            "POST",
            "/api/faults",
            json!({"endpoint": "*", "fault": {"kind": "hang"}, "seconds": -1}),
            422,
            "`-1`",
        ),
        ("POST", "/api/access-keys", json!({"type": "app", "app": "x"}), 404, "no such app"),
        ("POST", "/api/access-keys/revoke", json!({"key": "ak_x"}), 404, "no such access key"),
        ("POST", "/api/tokens/revoke", json!({"token": "x"}), 404, "no such token"),
        ("POST", "/api/tokens", json!({"user": "alice", "expires_in": -1}), 422, "`-1`"),
        ("DELETE", "/api/webhooks/99", json!({}), 404, "no such webhook"),
        ("DELETE", "/api/webhooks/x", json!({}), 400, "Cannot parse"),
        ("DELETE", "/api/groups/nobody", json!({}), 404, "no such group"),
        ("PUT", "/api/groups/%20", json!({}), 400, "without spaces"),
        ("POST", "/api/users/a%0Ab", json!({}), 400, "control characters"),
        ("POST", "/api/users", json!({}), 400, "missing field `name`"),
        ("PATCH", "/api/users/alice", json!({"nickname": "x".repeat(20_000)}), 413, "limit"),
        ("PUT", "/api/services/orders/config", json!({"x": "x".repeat(20_000)}), 413, "limit"),
        ("PATCH", "/api/users/alice", json!({"permisions": []}), 422, "unknown field `permisions`"),
        ("GET", "/api/users/alice", json!({}), 405, "nothing is changed by GET"),
        ("GET", "/api/nowhere", json!({}), 404, "no such path"),
        ("GET", "/api/events?after=x", json!({}), 400, "invalid digit"),
    ] {
        let (found, answer) = center.api(method, path, Some(body)).await;
        assert_eq!(found, status, "{method} {path}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(text), "{method} {path}: {answer}");
    }
    let form = center.api_request("PATCH", "/api/users/alice").bearer_auth(center.token()).body("{}");
    assert_eq!(form.send().await.unwrap().status(), 415);
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

/// A path has no place for the first two: libraries take them for the folder above.
#[tokio::test]
async fn names_of_any_letters_are_reached() {
    let center = Center::start("").await;
    for name in ["..", ".", "a/b", "%2e%2e", "a b", "a?b#c", "甲😀", "<b>"] {
        let query: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("name", name).finish();
        let users = format!("/api/users?{query}");
        center.change("POST", &users, json!({"nickname": name})).await;
        center.change("PATCH", &users, json!({"permissions": ["a:b"]})).await;
        center.change("PUT", &format!("/api/groups?{query}"), json!({})).await;
        center.change("PUT", &format!("/api/services/config?{query}"), json!({"limit": 5})).await;
        let issued = center.change("POST", "/api/tokens", json!({ "user": name })).await;
        let user = center.client().user_info(issued["token"].as_str().unwrap()).await.unwrap();
        assert_eq!((user.username(), user.nickname(), user.has_permission("a:b")), (name, Some(name), true));
        center.change("DELETE", &format!("/api/groups?{query}"), json!(null)).await;
        center.change("DELETE", &users, json!(null)).await;
    }
    let (_, state) = center.api("GET", "/api/state", None).await;
    assert_eq!(state["tables"]["users"].as_array().unwrap().len(), 3);
    assert_eq!(state["tables"]["configs"].as_array().unwrap().len(), 9);
}

#[tokio::test]
async fn edits_at_once_are_all_kept() {
    let center = Center::start("").await;
    let fields = ["nickname", "email", "phone", "avatar", "department", "company"];
    for round in 0..40 {
        let edit = |field: &'static str| {
            let body = json!({field: round.to_string()});
            center.change("PATCH", "/api/users/bob", body)
        };
        futures_util::future::join_all(fields.map(edit)).await;
        let (_, state) = center.api("GET", "/api/state", None).await;
        let users = state["tables"]["users"].as_array().unwrap();
        let bob = &users.iter().find(|user| user["key"] == "bob").unwrap()["value"];
        for field in fields {
            assert_eq!(bob[field], round.to_string(), "{field}");
        }
    }
    let add = |_| center.api("POST", "/api/users/dave", Some(json!({})));
    let added = futures_util::future::join_all((0..8).map(add)).await;
    assert_eq!(added.iter().filter(|(status, _)| *status == 201).count(), 1, "{added:?}");
}

#[tokio::test]
async fn another_user_of_a_name_has_none_of_their_credentials() {
    let center = Center::start("").await;
    center.change("DELETE", "/api/users/alice", json!(null)).await;
    center.change("POST", "/api/users/alice", json!({})).await;
    assert!(center.client().user_info("token").await.is_err());
    assert!(!center.client().verify_access_key("ak_alice").await.unwrap().valid);
}

#[tokio::test]
async fn headers_are_in_any_case_and_receivers_keep_their_secrets() {
    let center = Center::start("").await;
    let secret = aigc_auth::Secret::from("a secret of a receiver");
    center.client().register_webhook("http://127.0.0.1:9/", ["user.updated"], &secret).await.unwrap();
    let port = center.console_origin().rsplit_once(':').unwrap().1.to_owned();
    let request = center.api_request("GET", "/api/state").header("host", format!("LocalHost:{port}"));
    let request = request.header("authorization", format!("bearer {}", center.token()));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    assert!(text.contains("http://127.0.0.1:9/") && !text.contains("a secret of a receiver"), "{text}");
}
