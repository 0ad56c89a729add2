use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::{call, data, rejection, with_alice};
use crate::testing::{TestKey, user};

#[tokio::test]
async fn valid_token_returns_its_user() {
    let center = with_alice().await;
    let body = json!({"token": "alice-token"});
    let id = json!(user("alice").build().id());
    assert_eq!(
        data(&center, "/token/verify", body.clone()).await,
        json!({"valid": true, "userId": id, "username": "alice", "expiresAt": null})
    );
    assert_eq!(
        data(&center, "/user/info", body.clone()).await,
        json!({
            "id": id, "username": "alice", "nickname": "Al", "email": null, "phone": null, "avatar": null,
            "roles": [], "permissions": ["report:read"], "groups": [], "department": null, "company": null,
            "feishuUserId": null, "feishuOpenId": null, "feishuUnionId": null, "feishuTenantKey": null,
            "isAdmin": true, "status": null,
        })
    );
    assert_eq!(
        data(
            &center,
            "/permission/check",
            json!({"token": "alice-token", "permissionCodes": ["report:read", "x"]})
        )
        .await,
        json!({"results": {"report:read": true, "x": false}})
    );
}

#[tokio::test]
async fn unknown_revoked_and_expired_tokens_are_rejected() {
    let center = with_alice().await;
    center.add_token_expiring("old", "alice", UNIX_EPOCH);
    center.add_token("revoked", "alice");
    center.revoke_token("revoked");
    for token in ["unknown", "revoked", "old"] {
        let body = json!({"token": token, "permissionCodes": []});
        assert_eq!(data(&center, "/token/verify", body.clone()).await, json!({"valid": false}));
        assert_eq!(rejection(&center, "/user/info", body.clone()).await, 401);
        assert_eq!(rejection(&center, "/permission/check", body).await, 401);
    }
}

#[tokio::test]
async fn token_expiry_is_returned() {
    let center = with_alice().await;
    let expires_at = UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    assert!(SystemTime::now() < expires_at);
    center.add_token_expiring("t", "alice", expires_at);
    let found = data(&center, "/token/verify", json!({"token": "t"})).await;
    assert_eq!((&found["valid"], &found["expiresAt"]), (&json!(true), &json!("9999-12-31T23:59:59Z")));
}

#[tokio::test]
async fn users_are_updated_disabled_and_removed() {
    let center = with_alice().await;
    let body = json!({"token": "alice-token"});
    center.update_user("alice", |alice| alice.email("a@example.com"));
    assert_eq!(data(&center, "/user/info", body.clone()).await["email"], "a@example.com");
    center.disable_user("alice");
    for endpoint in ["/user/info", "/token/verify"] {
        assert_eq!(rejection(&center, endpoint, body.clone()).await, 403);
    }
    center.remove_user("alice");
    for endpoint in ["/user/info", "/token/verify"] {
        assert_eq!(rejection(&center, endpoint, body.clone()).await, 404);
    }
}

#[tokio::test]
async fn access_keys_of_all_types_are_verified() {
    let center = with_alice().await;
    center.add_access_key("ak_user", TestKey::user("alice").name("laptop"));
    center.add_access_key("ak_app", TestKey::app("test-app"));
    center.add_access_key("ak_number", TestKey::app(42));
    center.add_access_key("ak_global", TestKey::global());
    center.add_access_key("ak_odd", TestKey::of_type("robot"));
    let verify = |key: &str| call(&center, "/access-key/verify", json!({ "accessKey": key }));

    let user_key = verify("ak_user").await["data"].take();
    assert_eq!(
        user_key,
        json!({
            "valid": true, "keyType": "user", "keyId": 1, "keyName": "laptop", "appId": null,
            "userId": user("alice").build().id(), "username": "alice", "nickname": "Al", "email": null,
            "isAdmin": true, "phone": null, "avatar": null, "status": null,
        })
    );
    for (key, key_type, app_id) in [
        ("ak_app", "app", json!("test-app")),
        ("ak_number", "app", json!(42)),
        ("ak_global", "global", json!(null)),
        ("ak_odd", "robot", json!(null)),
    ] {
        let found = verify(key).await["data"].take();
        assert_eq!(
            (&found["keyType"], &found["appId"], &found["userId"]),
            (&json!(key_type), &app_id, &json!(null))
        );
    }
    center.revoke_access_key("ak_global");
    for key in ["ak_global", "ak_unknown"] {
        assert_eq!(verify(key).await["data"], json!({"valid": false}));
    }
    center.disable_user("alice");
    assert_eq!(verify("ak_user").await["code"], 403);
    center.remove_user("alice");
    assert_eq!(verify("ak_user").await["code"], 404);
}

#[tokio::test]
async fn created_access_key_is_accepted_until_revoked() {
    let center = with_alice().await;
    let create = |body| data(&center, "/access-key/create", body);
    let mut made = vec![];
    for (body, name) in [
        (json!({"token": "alice-token", "name": "laptop", "description": "of the office"}), "laptop"),
        (json!({"token": "alice-token", "name": null}), "test key"),
    ] {
        let created = create(body).await;
        let key = created["key"].as_str().unwrap().to_owned();
        assert!(
            key.starts_with("ak_") && key.starts_with(created["keyPrefix"].as_str().unwrap()),
            "{created}"
        );
        assert!(created["keyPrefix"].as_str().unwrap().len() < key.len(), "{created}");
        assert!(created["createdAt"].as_str().unwrap().ends_with('Z'), "{created}");
        assert_eq!(created["userId"], json!(user("alice").build().id()));
        assert_eq!((&created["keyType"], &created["name"]), (&json!("user"), &json!(name)));
        let verified = data(&center, "/access-key/verify", json!({ "accessKey": key })).await;
        assert_eq!(
            (&verified["keyId"], &verified["keyName"], &verified["username"]),
            (&created["keyId"], &json!(name), &json!("alice"))
        );
        center.revoke_access_key(&key);
        let body = json!({ "accessKey": key });
        assert_eq!(data(&center, "/access-key/verify", body).await, json!({"valid": false}));
        made.push(key);
    }
    assert_ne!(made[0], made[1], "a revoked key does not come back");
}

#[tokio::test]
async fn access_key_needs_a_valid_token_of_an_active_user() {
    let center = with_alice().await;
    center.add_token("ghost-token", "ghost");
    center.add_token_expiring("old", "alice", UNIX_EPOCH);
    for (body, code) in [
        (json!({"token": "unknown"}), 401),
        (json!({"token": "old"}), 401),
        (json!({"token": "ghost-token"}), 404),
        (json!({"name": "laptop"}), 400),
        (json!({"token": "alice-token", "name": 7}), 400),
    ] {
        assert_eq!(rejection(&center, "/access-key/create", body.clone()).await, code, "{body}");
    }
    center.disable_user("alice");
    assert_eq!(rejection(&center, "/access-key/create", json!({"token": "alice-token"})).await, 403);
}
