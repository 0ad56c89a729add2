//! Data that services push: users and stats records.

use serde_json::json;

use super::{call, data, rejection, request, send};
use crate::testing::{AuthCenter, user};
use crate::types::user::{FeishuIds, UserGroup};

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
async fn synced_fields_are_taken_in_either_spelling() {
    let ids = || FeishuIds::new().with_open_id("ou").with_tenant_key("t");
    let before = || user("alice").nickname("Al").admin(true).feishu(ids()).groups(["staff"]);
    for (fields, expected) in [
        (json!({"is_admin": false}), before().admin(false)),
        (json!({"isAdmin": false}), before().admin(false)),
        (json!({"isAdmin": false, "is_admin": true}), before().admin(false)),
        (json!({"isAdmin": null}), before().admin(None)),
        (json!({"feishuOpenId": "new"}), before().feishu(ids().with_open_id("new"))),
        (json!({"feishu_open_id": "new"}), before().feishu(ids().with_open_id("new"))),
        (json!({"feishuOpenId": "new", "feishu_open_id": "old"}), before().feishu(ids().with_open_id("new"))),
        (json!({"feishuUserId": "fu", "feishu_union_id": "on"}), {
            before().feishu(ids().with_user_id("fu").with_union_id("on"))
        }),
        (json!({"groups": [{"id": 3, "name": "Ops", "code": "ops"}]}), {
            before().groups([UserGroup::new("ops").with_id(3).with_name("Ops")])
        }),
        (json!({"groups": null}), before().groups([] as [&str; 0])),
    ] {
        let mut body = fields.clone();
        body["username"] = json!("alice");
        body["password"] = json!("p");
        let center = AuthCenter::start().await;
        center.add_user(before());
        data(&center, "/sync/user", body.clone()).await;
        assert_eq!(center.users(), [expected.build()], "{fields}");

        let created = AuthCenter::start().await;
        data(&created, "/sync/batch", json!({"users": [body.clone()]})).await;
        let batch = created.users();
        created.remove_user("alice");
        data(&created, "/sync/user", body).await;
        assert_eq!(batch, created.users(), "{fields}");
    }
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
