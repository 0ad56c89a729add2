//! What each dialect of the auth center has, and how it writes it.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{data, request, send, with_alice_in};
use crate::testing::{AuthCenter, Dialect, TestKey, user};
use crate::types::user::{FeishuIds, UserGroup};

const ALL: [Dialect; 3] = [Dialect::V1_1_53, Dialect::V1_1_54, Dialect::V1_1_59];

/// A center with a user who has every field.
async fn with_complete_user(dialect: Dialect) -> AuthCenter {
    let center = AuthCenter::builder().dialect(dialect).start().await;
    let ids = FeishuIds::new().with_user_id("fu").with_open_id("ou").with_union_id("on").with_tenant_key("t");
    let group = UserGroup::new("ops").with_id(3).with_name("Ops").with_description("not of the user");
    let alice = user("alice").id(7).nickname("Al").email("e").phone("p").avatar("a").roles(["r"]);
    let alice = alice.permissions(["x"]).groups([group]).department("d").company("c").feishu(ids);
    center.add_user(alice.admin(true).status("active"));
    center.add_token("alice-token", "alice");
    center.add_access_key("ak_alice", TestKey::user("alice").name("laptop"));
    center.add_access_key("ak_app", TestKey::app(42).name("ci"));
    center
}

/// The fields that all dialects share, and these.
fn complete_user(others: &Value) -> Value {
    let mut all = json!({
        "id": 7, "username": "alice", "nickname": "Al", "email": "e", "phone": "p", "avatar": "a", "roles": ["r"],
        "permissions": ["x"], "department": "d", "company": "c", "status": "active",
    });
    for (name, value) in others.as_object().unwrap() {
        all[name] = value.clone();
    }
    all
}

#[tokio::test]
async fn endpoints_exist_since_their_dialect() {
    let first = Dialect::V1_1_53;
    for (endpoint, since) in [
        ("/token/verify", first),
        ("/user/info", first),
        ("/permission/check", first),
        ("/access-key/verify", first),
        ("/users/batch", first),
        ("/users/batch-by-ids", first),
        ("/users/list", first),
        ("/sync/user", first),
        ("/sync/batch", first),
        ("/webhook/register", first),
        ("/webhook/unregister", first),
        ("/service/register", first),
        ("/service/heartbeat", first),
        ("/service/unregister", first),
        ("/stats/report/batch", first),
        ("/groups/list", Dialect::V1_1_54),
        ("/access-key/create", Dialect::V1_1_59),
        ("/users/compare-identity", Dialect::V1_1_59),
        ("/users/authorize-by-token", Dialect::V1_1_59),
        ("/feishu/message", Dialect::V1_1_59),
        ("/feishu/identity/users/sync", Dialect::V1_1_59),
        ("/feishu/identity/users/token", Dialect::V1_1_59),
    ] {
        for dialect in ALL {
            let center = with_alice_in(dialect).await;
            let (status, _) = send(&center, &request(&center, endpoint, "{}")).await;
            assert_eq!(status, if dialect >= since { 200 } else { 404 }, "{endpoint} {dialect:?}");
        }
    }
}

#[tokio::test]
async fn users_are_written_in_each_dialect() {
    let groups = json!([{"id": 3, "name": "Ops", "code": "ops"}]);
    let feishu = |admin: &str| {
        complete_user(&json!({
            admin: true, "groups": groups, "feishuUserId": "fu", "feishuOpenId": "ou", "feishuUnionId": "on",
            "feishuTenantKey": "t",
        }))
    };
    let oldest = complete_user(&json!({"is_admin": true}));
    let older = complete_user(&json!({"is_admin": true, "groups": groups}));
    for (dialect, list, of_token, found) in [
        (Dialect::V1_1_53, "/users/0", oldest.clone(), oldest),
        (Dialect::V1_1_54, "/items/0", older.clone(), older),
        (Dialect::V1_1_59, "/0", feishu("isAdmin"), feishu("is_admin")),
    ] {
        let center = with_complete_user(dialect).await;
        let token = json!({"token": "alice-token"});
        assert_eq!(data(&center, "/user/info", token).await, of_token, "{dialect:?}");
        for (endpoint, body, at) in [
            ("/users/batch", json!({"usernames": ["alice"]}), list),
            ("/users/batch-by-ids", json!({"userIds": [7], "user_ids": [7]}), list),
            ("/users/list", json!({}), "/items/0"),
        ] {
            let users = data(&center, endpoint, body).await;
            assert_eq!(users.pointer(at), Some(&found), "{dialect:?} {endpoint}");
        }
    }
}

#[tokio::test]
async fn access_keys_are_written_in_each_dialect() {
    let texts = json!({"username": "alice", "nickname": "Al", "email": "e"});
    for (dialect, spelled, others, owner) in [
        (
            Dialect::V1_1_53,
            ["keyType", "keyId", "keyName", "appId", "userId", "isAdmin"],
            json!({}),
            texts.clone(),
        ),
        (
            Dialect::V1_1_54,
            ["key_type", "key_id", "key_name", "app_id", "user_id", "is_admin"],
            json!({}),
            texts.clone(),
        ),
        (
            Dialect::V1_1_59,
            ["keyType", "keyId", "keyName", "appId", "userId", "isAdmin"],
            json!({"phone": "p", "avatar": "a", "status": "active"}),
            texts,
        ),
    ] {
        let center = with_complete_user(dialect).await;
        let key = |values: [Value; 6], others: &[&Value]| {
            let mut fields = json!({"valid": true});
            for (name, value) in spelled.into_iter().zip(values) {
                fields[name] = value;
            }
            for (name, value) in others.iter().flat_map(|others| others.as_object().unwrap()) {
                fields[name] = value.clone();
            }
            fields
        };
        let alices = key(
            [json!("user"), json!(1), json!("laptop"), json!(null), json!(7), json!(true)],
            &[&owner, &others],
        );
        let none = json!({"username": null, "nickname": null, "email": null});
        let apps = key([json!("app"), json!(2), json!("ci"), json!(42), json!(null), json!(null)], &[&none]);
        for (text, expected) in [("ak_alice", alices), ("ak_app", apps), ("ak_no", json!({"valid": false}))] {
            let found = data(&center, "/access-key/verify", json!({ "accessKey": text })).await;
            assert_eq!(found, expected, "{dialect:?}");
        }
    }
}

#[tokio::test]
async fn unknown_admin_flag_is_left_out() {
    for dialect in ALL {
        let center = with_complete_user(dialect).await;
        center.update_user("alice", |alice| alice.admin(None));
        for (endpoint, body) in [
            ("/user/info", json!({"token": "alice-token"})),
            ("/access-key/verify", json!({"accessKey": "ak_alice"})),
            ("/users/list", json!({})),
        ] {
            let written = data(&center, endpoint, body).await.to_string();
            assert!(written.contains("alice"), "{written}");
            assert!(!written.contains("is_admin") && !written.contains("isAdmin"), "{written}");
        }
    }
}

#[tokio::test]
async fn end_of_a_token_comes_with_its_user() {
    for dialect in ALL {
        let center = with_alice_in(dialect).await;
        let ends = UNIX_EPOCH + Duration::from_secs(253_402_300_799);
        center.add_token_expiring("short", "alice", ends);
        let found = data(&center, "/user/info", json!({"token": "short"})).await;
        assert_eq!(found["expiresAt"], "9999-12-31T23:59:59Z", "{dialect:?}");
        let found = data(&center, "/user/info", json!({"token": "alice-token"})).await;
        assert!(found.get("expiresAt").is_none(), "{dialect:?}");
    }
}

#[tokio::test]
async fn dialect_changes_while_the_center_runs() {
    let center = with_alice_in(Dialect::V1_1_53).await;
    for (dialect, admin_field) in [
        (Dialect::V1_1_53, "is_admin"),
        (Dialect::V1_1_54, "is_admin"),
        (Dialect::V1_1_59, "isAdmin"),
        (Dialect::V1_1_53, "is_admin"),
    ] {
        center.set_dialect(dialect);
        let found = data(&center, "/user/info", json!({"token": "alice-token"})).await;
        assert_eq!(found[admin_field], true, "{dialect:?}");
    }
    assert_eq!(Dialect::default(), Dialect::V1_1_59);
}
