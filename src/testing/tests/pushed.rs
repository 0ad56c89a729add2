//! Data that services push: users and stats records.

use serde_json::json;

use super::{call, data, rejection, request, send};
use crate::testing::{AuthCenter, user};

#[tokio::test]
async fn synced_user_is_created_then_updated() {
    let center = AuthCenter::start().await;
    let id = json!(user("alice").build().id());
    let fields = json!({"id": 5, "username": "alice", "password": "p", "nickname": "Al", "legacy_field": 1});
    assert_eq!(
        data(&center, "/sync/user", fields).await,
        json!({"success": true, "created": true, "user_id": id, "message": "created"})
    );
    let fields =
        json!({"username": "alice", "password_hashed": "$2b$", "password": null, "email": "a@example.com"});
    assert_eq!(
        data(&center, "/sync/user", fields).await,
        json!({"success": true, "created": false, "user_id": id, "message": "updated"})
    );
    let alice = user("alice").nickname("Al").email("a@example.com").build();
    assert_eq!(center.users(), [alice]);
}

#[tokio::test]
async fn synced_user_without_name_or_exactly_one_password_is_rejected() {
    let center = AuthCenter::start().await;
    for fields in [
        json!({"password": "p"}),
        json!({"username": "", "password": "p"}),
        json!({"username": "alice"}),
        json!({"username": "alice", "password": "p", "password_hashed": "$2b$"}),
        json!({"username": "alice", "password": "p", "nickname": 7}),
        json!([]),
    ] {
        assert_eq!(rejection(&center, "/sync/user", fields).await, 400);
    }
    assert!(center.users().is_empty());
}

#[tokio::test]
async fn batch_skips_existing_users_and_lists_failures() {
    let center = AuthCenter::start().await;
    center.add_user(user("alice").nickname("Al"));
    let users = json!([
        {"username": "alice", "password": "p", "nickname": "changed"},
        {"username": "bob", "password": "p"},
        {"username": "carol"},
    ]);
    let outcome = data(&center, "/sync/batch", json!({ "users": users })).await;
    assert_eq!(
        outcome,
        json!({
            "total": 3, "success": 1, "failed": 1, "skipped": 1,
            "errors": [{"user": "carol", "error": "expected either `password` or `password_hashed`"}],
        })
    );
    assert_eq!(center.users(), [user("alice").nickname("Al").build(), user("bob").build()]);
}

#[tokio::test]
async fn stats_without_a_token_are_rejected() {
    let center = AuthCenter::start().await;
    assert_eq!(data(&center, "/stats/report/batch", json!({"stats": [{"a": 1}, {"a": 2}]})).await, json!({}));
    let unattributed = request(&center, "/stats/report/batch", r#"{"stats": [{"a": 3}]}"#)
        .replace("Authorization: Bearer some-token\r\n", "");
    assert_eq!(send(&center, &unattributed).await.1["code"], 401);
    assert_eq!(call(&center, "/stats/report/batch", json!({"stats": {}})).await["code"], 400);
    assert_eq!(center.stats(), [json!({"a": 1}), json!({"a": 2})]);
}
