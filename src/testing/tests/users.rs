use serde_json::{Value, json};

use super::{data, rejection};
use crate::testing::{AuthCenter, Dialect, user};
use crate::types::user::UserId;

async fn with_three() -> AuthCenter {
    with_three_in(Dialect::default()).await
}

async fn with_three_in(dialect: Dialect) -> AuthCenter {
    let center = AuthCenter::builder().dialect(dialect).start().await;
    center.add_user(user("carol").id(3).nickname("Lady C"));
    center.add_user(user("alice").id(10));
    center.add_user(user("bob").id("b-1"));
    center
}

fn names(users: &Value) -> Vec<&str> {
    users.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap()).collect()
}

#[test]
fn derived_ids_are_stable() {
    assert_eq!(user("alice").build().id(), &UserId::Int(149_266_184));
    assert_eq!(user("").build().id(), &UserId::Int(346_656_038));
    assert_eq!(user("爱丽丝").build().id(), &UserId::Int(853_439_404));
}

#[tokio::test]
async fn batch_by_names_lists_unknown_names_in_the_first_dialect() {
    for (dialect, list, not_found) in [
        (Dialect::V1_1_53, "/users", json!(["nobody"])),
        (Dialect::V1_1_54, "/items", json!(null)),
        (Dialect::V1_1_59, "", json!(null)),
    ] {
        let center = with_three_in(dialect).await;
        let found = data(&center, "/users/batch", json!({"usernames": ["bob", "nobody", "alice"]})).await;
        let users = found.pointer(list).unwrap();
        assert_eq!((names(users), &found["not_found"]), (vec!["bob", "alice"], &not_found), "{dialect:?}");
        assert_eq!(rejection(&center, "/users/batch", json!({"usernames": vec!["x"; 101]})).await, 400);
        assert_eq!(rejection(&center, "/users/batch", json!({})).await, 400);
    }
}

#[tokio::test]
async fn batch_by_ids_keeps_order_with_placeholders() {
    for (dialect, field, other, list) in [
        (Dialect::V1_1_53, "userIds", "user_ids", "/users"),
        (Dialect::V1_1_54, "user_ids", "userIds", "/items"),
        (Dialect::V1_1_59, "user_ids", "userIds", ""),
    ] {
        let center = with_three_in(dialect).await;
        let ids = json!(["b-1", 99, 10, "10"]);
        for body in [json!({field: ids}), json!({field: ids, other: ids}), json!({field: ids, other: "odd"})]
        {
            let found = data(&center, "/users/batch-by-ids", body).await;
            let users = found.pointer(list).unwrap();
            assert_eq!(names(users), ["bob", "未知用户", "alice", "未知用户"], "{dialect:?}");
            assert_eq!((&users[1]["id"], &users[3]["id"]), (&json!(99), &json!("10")));
        }
        for body in [json!({field: vec![1; 101]}), json!({other: ids}), json!({field: null}), json!([])] {
            assert_eq!(rejection(&center, "/users/batch-by-ids", body).await, 400, "{dialect:?}");
        }
    }
}

#[tokio::test]
async fn list_contains_active_users_sorted_by_id() {
    let center = with_three().await;
    center.add_user(user("dave").id(1));
    center.disable_user("dave");
    for (body, expected, total) in [
        (json!({"keyword": null, "page": 1, "pageSize": 100}), vec!["carol", "alice", "bob"], 3),
        (json!({"page": 2, "pageSize": 2}), vec!["bob"], 3),
        (json!({"page": usize::MAX, "pageSize": 2}), vec![], 3),
        (json!({"keyword": "Lady"}), vec!["carol"], 1),
        (json!({"keyword": "b"}), vec!["bob"], 1),
    ] {
        let listed = data(&center, "/users/list", body.clone()).await;
        assert_eq!((names(&listed["items"]), &listed["total"]), (expected, &json!(total)), "{body}");
    }
    for body in [json!({"pageSize": 101}), json!({"pageSize": 0}), json!({"page": 0}), json!({"page": -1})] {
        assert_eq!(rejection(&center, "/users/list", body).await, 400);
    }
}
