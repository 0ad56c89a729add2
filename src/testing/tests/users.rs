use serde_json::{Value, json};

use super::{data, rejection};
use crate::testing::{AuthCenter, user};
use crate::types::user::UserId;

async fn with_three() -> AuthCenter {
    let center = AuthCenter::start().await;
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
async fn batch_by_names_lists_unknown_names() {
    let center = with_three().await;
    let found = data(&center, "/users/batch", json!({"usernames": ["bob", "nobody", "alice"]})).await;
    assert_eq!((names(&found["users"]), &found["not_found"]), (vec!["bob", "alice"], &json!(["nobody"])));
    assert_eq!(rejection(&center, "/users/batch", json!({"usernames": vec!["x"; 101]})).await, 400);
    assert_eq!(rejection(&center, "/users/batch", json!({})).await, 400);
}

#[tokio::test]
async fn batch_by_ids_keeps_order_with_placeholders() {
    let center = with_three().await;
    let found = data(&center, "/users/batch-by-ids", json!({"userIds": ["b-1", 99, 10, "10"]})).await;
    assert_eq!(names(&found["users"]), ["bob", "未知用户", "alice", "未知用户"]);
    assert_eq!((&found["users"][1]["id"], &found["users"][3]["id"]), (&json!(99), &json!("10")));
    assert_eq!(rejection(&center, "/users/batch-by-ids", json!({"userIds": vec![1; 101]})).await, 400);
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
