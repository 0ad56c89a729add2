//! Rows that are found by another field than the unique one.

use aigc_auth::AuthClient;
use aigc_auth::user_sync::{FieldMapping, SyncConfig, UserSync};
use serde_json::json;

use crate::user_sync::events::{done, handle};
use crate::user_sync::support::{Store, alone, config};

fn linked() -> SyncConfig {
    let mappings = [
        FieldMapping::new("id", "auth_id").to_legacy_only(),
        FieldMapping::new("username", "login").required(),
        FieldMapping::new("email", "mail"),
    ];
    config().mappings(mappings).unique_field("id").link_by("username")
}

#[tokio::test]
async fn user_is_linked_once_and_followed_through_renames() {
    let store = Store::of([
        json!({"login": "alice.smith", "mail": "as@x", "auth_id": null}),
        json!({"login": "bob", "mail": "b@x", "auth_id": 8}),
    ]);
    let sync = alone(&store, linked());
    for (event, data, message, row) in [
        (
            "user.login",
            json!({"id": 7, "username": "alice.smith", "email": "new@x"}),
            "User linked",
            json!({"login": "alice.smith", "mail": "as@x", "auth_id": 7, "password": "old"}),
        ),
        (
            "user.updated",
            json!({"id": 7, "username": "alice.jones", "email": "aj@x", "updatedFields": ["username", "email"]}),
            "User updated",
            json!({"login": "alice.jones", "mail": "aj@x", "auth_id": 7, "password": "old"}),
        ),
        (
            "user.login",
            json!({"id": 7, "username": "alice.jones"}),
            "User unchanged",
            json!({"login": "alice.jones", "mail": "aj@x", "auth_id": 7, "password": "old"}),
        ),
    ] {
        assert_eq!(handle(&sync, event, data.clone()).await, Ok(done(message)), "{data}");
        assert_eq!(store.rows()[0], row, "{data}");
    }
    // Bob's row is another user's: it is not taken over.
    let error = handle(&sync, "user.login", json!({"id": 9, "username": "bob"})).await.unwrap_err();
    assert!(error.1.contains("the legacy system failed"), "{error:?}");
    assert_eq!(store.rows()[1], json!({"login": "bob", "mail": "b@x", "auth_id": 8, "password": "old"}));
    let created = handle(&sync, "user.created", json!({"id": 10, "username": "carol"})).await;
    assert_eq!(created, Ok(done("User created")));
    assert_eq!(store.rows()[2], json!({"login": "carol", "auth_id": 10, "password": "plain first"}));
}

#[tokio::test]
async fn update_links_and_changes_at_once() {
    let store = Store::of([json!({"login": "ann", "mail": "a@x", "auth_id": ""})]);
    let data = json!({"id": 7, "username": "ann", "email": "new@x", "updatedFields": ["email"]});
    assert_eq!(handle(&alone(&store, linked()), "user.updated", data).await, Ok(done("User linked")));
    assert_eq!(store.rows(), json!([{"login": "ann", "mail": "new@x", "auth_id": 7, "password": "old"}]));
    assert_eq!(store.calls(), ["find 7", "find ann", "update ann"]);
}

#[tokio::test]
async fn removal_finds_row_that_is_not_linked_yet() {
    let store = Store::of([json!({"login": "ann", "auth_id": null}), json!({"login": "bob", "auth_id": 8})]);
    let sync = alone(&store, linked());
    for (data, message) in [
        (json!({"id": 9, "username": "bob"}), "There is no such user"),
        (json!({"id": 7, "username": "ann"}), "User removed"),
        (json!({"id": 8, "username": "bob"}), "User removed"),
    ] {
        assert_eq!(handle(&sync, "user.deleted", data.clone()).await, Ok(done(message)), "{data}");
    }
    assert_eq!(store.rows(), json!([]));
}

#[test]
fn linking_field_requires_mapping() {
    let client = AuthClient::builder("a", "b", "http://127.0.0.1:9").build().unwrap();
    let error = UserSync::new(client, Store::new(), config().link_by("phone")).unwrap_err().to_string();
    let expected = "no field mapping to the legacy system names the field `phone` (SyncConfig::link_by)";
    assert!(error.contains(expected), "{error}");
}
