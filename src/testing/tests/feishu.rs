use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{call, data, rejection};
use crate::testing::timestamp::iso_8601;
use crate::testing::{AuthCenter, user};
use crate::types::user::FeishuIds;

const SYNC: &str = "/feishu/identity/users/sync";
const TOKEN: &str = "/feishu/identity/users/token";

async fn with_alice() -> AuthCenter {
    let center = AuthCenter::start().await;
    let ids = FeishuIds::new().with_user_id("fu").with_open_id("ou").with_union_id("on").with_tenant_key("t");
    center.add_user(user("alice").id(7).nickname("Al").feishu(ids));
    center
}

fn message(recipient_type: &str, recipient: impl Into<Value>) -> Value {
    json!({
        "botAppId": "cli_1", "recipientType": recipient_type, "recipient": recipient.into(), "messageType": "text",
        "content": {"text": "done"},
    })
}

#[tokio::test]
async fn messages_reach_known_recipients() {
    let center = with_alice().await;
    let mut sent = vec![];
    for (recipient_type, recipient) in [
        ("auth_user_id", json!(7)),
        ("auth_user_id", json!("7")),
        ("username", json!("alice")),
        ("feishu_user_id", json!("fu")),
        ("feishu_open_id", json!("ou")),
        ("feishu_union_id", json!("on")),
    ] {
        sent.push(message(recipient_type, recipient));
        let answer = data(&center, "/feishu/message", sent.last().unwrap().clone()).await;
        assert_eq!(answer, json!({"message_id": format!("om_{}", sent.len()), "status": "sent"}));
    }
    for message_type in ["post", "interactive"] {
        sent.push(message("username", "alice"));
        sent.last_mut().unwrap()["messageType"] = json!(message_type);
        data(&center, "/feishu/message", sent.last().unwrap().clone()).await;
    }
    assert_eq!(center.feishu_messages(), sent);
}

#[tokio::test]
async fn messages_to_unknown_recipients_are_rejected_with_the_code_of_feishu() {
    let center = with_alice().await;
    center.add_user(user("dave"));
    center.disable_user("dave");
    for (recipient_type, recipient) in [
        ("auth_user_id", json!(8)),
        ("username", json!("bob")),
        ("username", json!("dave")),
        ("feishu_user_id", json!("ou")),
        ("feishu_open_id", json!("alice")),
        ("feishu_union_id", json!(7)),
    ] {
        let envelope = call(&center, "/feishu/message", message(recipient_type, recipient.clone())).await;
        assert!(envelope["message"].as_str().unwrap().contains("230013"), "{recipient_type} {recipient}");
        assert!(envelope["code"] != 0 && envelope["data"].is_null());
    }
    assert!(center.feishu_messages().is_empty());
}

#[tokio::test]
async fn malformed_messages_are_rejected() {
    let center = with_alice().await;
    for (field, value) in [
        ("botAppId", json!("")),
        ("botAppId", json!(null)),
        ("recipientType", json!("email")),
        ("recipient", json!("")),
        ("recipient", json!(null)),
        ("recipient", json!(["alice"])),
        ("messageType", json!("image")),
        ("content", json!({})),
        ("content", json!("done")),
    ] {
        let mut body = message("username", "alice");
        body[field] = value.clone();
        let envelope = call(&center, "/feishu/message", body).await;
        assert_eq!(envelope["code"], 400, "{field} {value}");
        assert!(!envelope["message"].as_str().unwrap().contains("230013"), "{field} {value}");
    }
    assert!(center.feishu_messages().is_empty());
}

#[tokio::test]
async fn synced_identity_is_created_once() {
    let center = AuthCenter::start().await;
    let body = json!({
        "username": "bob", "nickname": "Bob", "department": "d", "company": "c", "email": "e", "phone": "p",
        "avatar": "a", "status": "active", "feishuUserId": "fu", "feishuOpenId": "ou", "feishuUnionId": "on",
        "feishuTenantKey": "t",
    });
    let bob = json!({
        "id": user("bob").build().id(), "username": "bob", "nickname": "Bob", "email": "e", "phone": "p",
        "avatar": "a", "roles": [], "permissions": [], "groups": [], "department": "d", "company": "c",
        "feishuUserId": "fu", "feishuOpenId": "ou", "feishuUnionId": "on", "feishuTenantKey": "t",
        "isAdmin": false, "status": "active", "created": true,
    });
    assert_eq!(data(&center, SYNC, body).await, bob);
    let mut again = bob.clone();
    again["created"] = json!(false);
    for by in ["username", "feishuUserId", "feishuOpenId", "feishuUnionId"] {
        let body = json!({by: bob[by], "nickname": "changed", "email": "changed", "status": "disabled"});
        assert_eq!(data(&center, SYNC, body).await, again, "{by}");
    }
    assert_eq!(center.users().len(), 1);
}

#[tokio::test]
async fn sync_adds_missing_feishu_ids_only() {
    let center = AuthCenter::start().await;
    center.add_user(user("bob").nickname("Bob").feishu(FeishuIds::new().with_open_id("ou")));
    let body =
        json!({"username": "bob", "feishuOpenId": "other", "feishuUserId": "fu", "nickname": "changed"});
    let synced = data(&center, SYNC, body).await;
    assert_eq!((&synced["feishuOpenId"], &synced["feishuUserId"]), (&json!("ou"), &json!("fu")));
    let ids = FeishuIds::new().with_open_id("ou").with_user_id("fu");
    assert_eq!(center.users(), [user("bob").nickname("Bob").feishu(ids).build()]);
}

#[tokio::test]
async fn sync_without_a_username_makes_one_for_each_tenant() {
    let center = AuthCenter::start().await;
    let sync = |tenant| data(&center, SYNC, json!({"feishuUserId": "fu", "feishuTenantKey": tenant}));
    let (first, other) = (sync("t").await, sync("u").await);
    assert_eq!((&first["created"], &other["created"]), (&json!(true), &json!(true)));
    assert_ne!(first["username"], other["username"]);
    assert_eq!(sync("t").await["username"], first["username"]);
    assert_eq!(sync("u").await["created"], false);
}

#[tokio::test]
async fn unusable_identities_are_not_synced() {
    let center = with_alice().await;
    center.add_user(user("bob"));
    for (body, code) in [
        (json!({}), 400),
        (json!({"nickname": "Al", "feishuTenantKey": "t"}), 400),
        (json!({"username": "", "feishuOpenId": null}), 400),
        (json!({"username": 7}), 400),
        (json!({"username": "carol", "nickname": 7}), 400),
        (json!({"username": "bob", "feishuOpenId": "ou"}), 409),
    ] {
        assert_eq!(rejection(&center, SYNC, body.clone()).await, code, "{body}");
    }
    assert_eq!(center.users().len(), 2);
}

/// Moves the end of all tokens to the past. Returns them.
fn expire_tokens(center: &AuthCenter) -> Vec<String> {
    let tokens = &mut center.server.dispatcher().state.accounts.tokens;
    for token in tokens.values_mut() {
        token.expires_at = token.expires_at.map(|end| end - Duration::from_secs(604_801));
    }
    tokens.keys().cloned().collect()
}

#[tokio::test]
async fn issued_token_is_accepted_until_its_end() {
    let center = with_alice().await;
    for by in [
        json!({"userId": 7}),
        json!({"username": "alice"}),
        json!({"feishuUserId": "fu"}),
        json!({"feishuOpenId": "ou", "feishuTenantKey": "t"}),
        json!({"feishuUnionId": "on", "username": "alice"}),
    ] {
        for (expires_in, seconds) in [(None, 86_400), (Some(1_000), 1_000), (Some(604_800), 604_800)] {
            let mut body = by.clone();
            body["expiresIn"] = json!(expires_in);
            let end = || iso_8601(SystemTime::now() + Duration::from_secs(seconds));
            let earliest = end();
            let issued = data(&center, TOKEN, body).await;
            let expires_at = issued["expiresAt"].as_str().unwrap();
            assert!((earliest.as_str()..=end().as_str()).contains(&expires_at), "{expires_at}");
            let found = data(&center, "/user/info", json!({"token": issued["accessToken"]})).await;
            assert_eq!((&found["username"], &found["expiresAt"]), (&json!("alice"), &issued["expiresAt"]));
        }
    }
    let tokens = expire_tokens(&center);
    assert_eq!(tokens.len(), 15, "each is a new one");
    for token in tokens {
        assert_eq!(rejection(&center, "/user/info", json!({ "token": token })).await, 401);
    }
}

#[tokio::test]
async fn token_of_unknown_or_unclear_identity_is_not_issued() {
    let center = with_alice().await;
    center.add_user(user("dave"));
    center.disable_user("dave");
    for (body, code) in [
        (json!({}), 400),
        (json!({"feishuTenantKey": "t"}), 400),
        (json!({"username": "alice", "expiresIn": 0}), 400),
        (json!({"username": "alice", "expiresIn": 604_801}), 400),
        (json!({"username": "alice", "expiresIn": -5}), 400),
        (json!({"username": "alice", "expiresIn": "60"}), 400),
        (json!({"username": "nobody"}), 40401),
        (json!({"userId": 8}), 40401),
        (json!({"userId": 7, "username": "dave"}), 40401),
        (json!({"feishuUserId": "fu", "feishuTenantKey": "other"}), 40401),
        (json!({"username": "dave"}), 403),
    ] {
        assert_eq!(rejection(&center, TOKEN, body.clone()).await, code, "{body}");
    }
    assert_eq!(data(&center, SYNC, json!({"username": "nobody"})).await["created"], true);
    assert!(data(&center, TOKEN, json!({"username": "nobody"})).await["accessToken"].is_string());
}
