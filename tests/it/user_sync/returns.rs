//! Users who were removed, and come back.

use aigc_auth::testing;
use aigc_auth::user_sync::{FieldMapping, PushOptions};
use serde_json::json;

use crate::user_sync::events::{done, handle};
use crate::user_sync::support::{Desk, Store, all_created, alone, config, mappings};

#[tokio::test]
async fn created_again_or_logged_in_is_restored() {
    let gone = json!({"login": "zoe", "mail": "old@x", "is_active": true, "gone": true});
    for (event, extra, mail, is_gone, message) in [
        // Who is created has all of their fields.
        ("user.created", json!({}), "new@x", false, "User restored"),
        ("user.login", json!({}), "old@x", false, "User restored"),
        ("user.login", json!({"updatedFields": ["email"]}), "new@x", false, "User restored"),
        // It may be older than the removal.
        ("user.updated", json!({"updatedFields": ["email"]}), "new@x", true, "User updated"),
        ("user.updated", json!({}), "old@x", true, "User unchanged"),
    ] {
        // All the same where updates change no other fields than they name.
        for config in [config(), config().only_updated_fields()] {
            let store = Store::of([gone.clone()]);
            let mut data = json!({"username": "zoe", "email": "new@x", "status": "active"});
            data.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            assert_eq!(
                handle(&alone(&store, config), event, data.clone()).await,
                Ok(done(message)),
                "{event} {data}"
            );
            let row =
                json!({"login": "zoe", "mail": mail, "is_active": true, "gone": is_gone, "password": "old"});
            assert_eq!(store.rows(), json!([row]), "{event} {data}");
        }
    }
}

#[tokio::test]
async fn verified_login_restores_row() {
    let store = Store::of([json!({"login": "zoe", "gone": true})]);
    let sync = alone(&store, config().await_login());
    sync.on_login(testing::user("zoe").build()).await;
    assert_eq!(store.rows(), json!([{"login": "zoe", "gone": false, "password": "old"}]));
}

/// The column that says who was removed is also that of a field: the field decides.
#[tokio::test]
async fn mapped_column_follows_its_field() {
    let flag = FieldMapping::new("status", "gone").flag("disabled", "active");
    let mappings = || [FieldMapping::new("username", "login").required(), flag.clone()];
    for (status, is_gone, message) in
        [("active", false, "User restored"), ("disabled", true, "User unchanged")]
    {
        let store = Store::of([json!({"login": "zoe", "gone": true})]);
        let data = json!({"username": "zoe", "status": status});
        let sync = alone(&store, config().mappings(mappings()));
        assert_eq!(handle(&sync, "user.created", data).await, Ok(done(message)), "{status}");
        assert_eq!(store.rows(), json!([{"login": "zoe", "gone": is_gone, "password": "old"}]), "{status}");
    }
    let desk = Desk::start(all_created).await;
    let store = Store::of([json!({"login": "zoe", "gone": true}), json!({"login": "ann", "gone": false})]);
    let pushed =
        desk.sync(&store, config().mappings(mappings())).push_all(PushOptions::new()).finish().await.unwrap();
    assert_eq!((pushed.created, pushed.removed), (2, 0));
    let statuses: Vec<_> = desk.batches().concat().iter().map(|user| user["status"].clone()).collect();
    assert_eq!(statuses, ["disabled", "active"]);
}

#[tokio::test]
async fn push_leaves_out_who_was_removed() {
    let desk = Desk::start(all_created).await;
    let store = Store::of([
        json!({"login": "ann"}),
        json!({"login": "zoe", "gone": true}),
        json!({"login": "bob", "gone": false}),
    ]);
    let sync = desk.sync(&store, config().mappings(mappings()));
    let pushed = sync.push_all(PushOptions::new()).finish().await.unwrap();
    assert_eq!((pushed.total, pushed.created, pushed.removed, pushed.failed), (3, 2, 1, 0));
    let names: Vec<_> = desk.batches().concat().iter().map(|user| user["username"].clone()).collect();
    assert_eq!(names, ["ann", "bob"]);
}

/// Without an update, too: who is disabled at the auth center is not let in here by a login.
#[tokio::test]
async fn login_of_a_disabled_user_restores_nothing() {
    let flag = FieldMapping::new("status", "gone").flag("disabled", "active");
    for (status, is_gone, message) in
        [("active", false, "User restored"), ("disabled", true, "User unchanged")]
    {
        let store = Store::of([json!({"login": "zoe", "mail": "old@x", "gone": true})]);
        let mappings = [
            FieldMapping::new("username", "login").required(),
            FieldMapping::new("email", "mail"),
            flag.clone(),
        ];
        let data = json!({"username": "zoe", "email": "new@x", "status": status});
        let sync = alone(&store, config().mappings(mappings));
        assert_eq!(handle(&sync, "user.login", data).await, Ok(done(message)), "{status}");
        let row = json!({"login": "zoe", "mail": "old@x", "gone": is_gone, "password": "old"});
        assert_eq!(store.rows(), json!([row]), "{status}");
    }
}
