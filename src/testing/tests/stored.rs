//! What a program needs that stores the state of a center.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use super::{data, request, send, with_alice};
use crate::testing::{AuthCenter, TestKey, user};
use crate::types::user::UserGroup;

#[tokio::test]
async fn call_that_changes_something_is_answered_when_it_is_stored() {
    let (stored, works) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
    let store = (Arc::clone(&stored), Arc::clone(&works));
    let center = AuthCenter::builder().stored_by(move || {
        let (stored, works) = store.clone();
        async move {
            tokio::task::yield_now().await;
            stored.fetch_add(1, Ordering::Relaxed);
            works.load(Ordering::Relaxed)
        }
    });
    let center = center.start().await;
    center.add_user(user("alice"));
    center.add_token("alice-token", "alice");
    for (endpoint, body, expected) in [
        ("/user/info", json!({"token": "alice-token"}), 0),
        ("/users/list", json!({"page": 1}), 0),
        ("/sync/user", json!({"username": "bob", "password": "p"}), 1),
        ("/stats/report/batch", json!({"stats": [{"a": 1}]}), 1),
        ("/access-key/create", json!({"token": "alice-token"}), 1),
        ("/webhook/register", json!({"url": "http://me", "events": []}), 1),
        ("/service/register", json!({"name": "a", "environment": "b", "instanceId": "c"}), 1),
        ("/service/heartbeat", json!({"name": "a", "environment": "b", "instanceId": "c"}), 1),
        ("/sync/user", json!({"username": "", "password": "p"}), 0),
    ] {
        let (before, version) = (stored.load(Ordering::Relaxed), center.state_version());
        assert_eq!(send(&center, &request(&center, endpoint, &body.to_string())).await.0, 200, "{endpoint}");
        assert_eq!(stored.load(Ordering::Relaxed) - before, expected, "{endpoint}");
        assert_eq!(center.state_version() > version, expected == 1, "{endpoint}");
    }
    works.store(false, Ordering::Relaxed);
    let unstored = request(&center, "/sync/user", r#"{"username": "carol", "password": "p"}"#);
    let (status, envelope) = send(&center, &unstored).await;
    assert_eq!((status, &envelope["code"]), (507, &json!(507)), "{envelope}");
    assert_eq!(data(&center, "/user/info", json!({"token": "alice-token"})).await["username"], "alice");
}

#[tokio::test]
async fn users_are_changed_in_one_step() {
    let center = with_alice().await;
    let alice = center.user("alice");
    assert!(!center.try_add_user(user("alice").nickname("Another")));
    assert_eq!(center.user("alice"), alice, "they stay as they are");
    assert!(center.try_add_user(user("bob")));
    let bob = center.try_update_user("bob", |bob| bob.nickname("Bob")).unwrap();
    assert_eq!((bob.nickname(), center.user("bob")), (Some("Bob"), Some(bob.clone())));
    assert!(center.try_update_user("nobody", |user| user).is_none());
}

#[tokio::test]
async fn what_is_removed_was_there() {
    let center = with_alice().await;
    center.add_access_key("ak_alice", TestKey::user("alice"));
    center.add_group("ops");
    for expected in [true, false] {
        assert_eq!(center.revoke_token("alice-token"), expected);
        assert_eq!(center.revoke_access_key("ak_alice"), expected);
        assert_eq!(center.remove_group("ops"), expected);
        assert!(!center.remove_webhook(7));
    }
}

#[tokio::test]
async fn room_is_that_of_a_bounded_center() {
    let center = AuthCenter::builder().bounded().start().await;
    for at in 0..1_000 {
        assert!(center.has_room("groups"));
        center.add_group(UserGroup::new(format!("g{at}")));
    }
    assert!(!center.has_room("groups") && center.has_room("users") && center.has_room("configs"));
    assert!(with_alice().await.has_room("groups"), "a test decides itself");
}

#[tokio::test]
async fn groups_of_one_id_are_both_stored_and_in_order() {
    let center = with_alice().await;
    for (code, id) in [("c", 10), ("a", 3), ("b", 3)] {
        center.add_group(UserGroup::new(code).with_id(id));
    }
    let tables = center.changed_tables(&mut Default::default());
    let groups = tables.into_iter().find(|table| table.name == "groups").unwrap();
    let keys: std::collections::BTreeMap<_, _> = groups.rows.into_iter().collect();
    let restored = AuthCenter::start().await;
    for (key, value) in keys {
        restored.restore_row("groups", &key, value).unwrap();
    }
    assert_eq!(restored.groups(), center.groups());
}
