//! Events that are late, come twice, or come in another order than the changes.

use std::time::Duration;

use aigc_auth::testing::{self, AuthCenter, Fault};
use aigc_auth::user_sync::{FieldMapping, SyncConfig, SyncErrorKind, UserSync};
use serde_json::{Value, json};

use crate::support::{client, until, until_async};
use crate::user_sync::events::{done, handle};
use crate::user_sync::support::{Store, config_that_asks, mappings};

/// What the tests look at, with the first answer of the auth center believed.
fn config() -> SyncConfig {
    config_that_asks().recheck_after(Duration::ZERO)
}

fn sync_of(center: &AuthCenter, store: &Store, config: SyncConfig) -> UserSync {
    UserSync::new(client(center), store.clone(), config).unwrap()
}

/// An auth center that has alice and, disabled, dora.
async fn center() -> AuthCenter {
    let center = AuthCenter::start().await;
    center.add_user(testing::user("alice").id(7).email("new@x"));
    center.add_user(testing::user("dora").id(8).email("dora@x").status("disabled"));
    center
}

#[tokio::test]
async fn late_event_does_not_bring_deleted_user_back() {
    let center = center().await;
    let mallory = |fields: Value| {
        let mut data = json!({"id": 9, "username": "mallory", "email": "m@x", "status": "active"});
        data["updatedFields"] = fields;
        data
    };
    for (event, fields) in [
        ("user.updated", json!(["email"])),
        ("user.updated", json!([])),
        ("user.created", json!([])),
        ("user.login", json!([])),
    ] {
        // Deleted, or marked so.
        for before in [json!([]), json!([{"login": "mallory", "is_active": false, "gone": true}])] {
            let rows = before.as_array().unwrap().clone();
            let (store, changes_row) = (Store::of(rows), fields != json!([]) || event != "user.updated");
            let rows = store.rows();
            let answer = handle(&sync_of(&center, &store, config()), event, mallory(fields.clone())).await;
            let message = if before == json!([]) || changes_row {
                "There is no such user at the auth center"
            } else {
                "User unchanged"
            };
            assert_eq!((answer, store.rows()), (Ok(done(message)), rows), "{event} {fields} {before}");
        }
    }
}

#[tokio::test]
async fn row_gets_what_auth_center_has_now() {
    let center = center().await;
    let row = |mail: &str, active: bool| json!({"login": "alice", "mail": mail, "is_active": active});
    for (what, event, before, data, message, after) in [
        (
            "an older update",
            "user.updated",
            json!([row("new@x", true)]),
            json!({"email": "old@x", "updatedFields": ["email"]}),
            "User unchanged",
            row("new@x", true),
        ),
        (
            "an older state",
            "user.updated",
            json!([row("new@x", true)]),
            json!({"status": "disabled", "updatedFields": ["status"]}),
            "User unchanged",
            row("new@x", true),
        ),
        (
            "a newer one has not come yet",
            "user.updated",
            json!([row("old@x", true)]),
            json!({"email": "older@x", "updatedFields": ["email"]}),
            "User updated",
            row("new@x", true),
        ),
        (
            "a field that the event does not have stays",
            "user.updated",
            json!([row("local@x", false)]),
            json!({"status": "active", "updatedFields": ["status"]}),
            "User updated",
            row("local@x", true),
        ),
        (
            "a new row has all fields",
            "user.login",
            json!([]),
            json!({"email": "old@x"}),
            "User created",
            json!({"login": "alice", "mail": "new@x", "is_active": true}),
        ),
        (
            "an older deletion",
            "user.deleted",
            json!([row("new@x", true)]),
            json!({}),
            "The user is at the auth center",
            row("new@x", true),
        ),
        (
            "a deletion of one who had the same name",
            "user.deleted",
            json!([row("new@x", true)]),
            json!({"id": 3}),
            "The user is at the auth center",
            row("new@x", true),
        ),
    ] {
        let store = Store::of(before.as_array().unwrap().clone());
        let mut user = json!({"id": 7, "username": "alice"});
        user.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
        let answer = handle(&sync_of(&center, &store, config()), event, user).await;
        assert_eq!(answer, Ok(done(message)), "{what}");
        let mut rows = store.rows();
        rows[0].as_object_mut().unwrap().remove("password");
        rows[0].as_object_mut().unwrap().remove("nick");
        assert_eq!(rows, json!([after]), "{what}");
    }
    // Some auth centers keep who was deleted, as not active; or have another user of that name.
    for (id, message) in [(8, "User removed"), (4, "The user is at the auth center")] {
        let store = Store::of([json!({"login": "dora"})]);
        let deleted = json!({"id": id, "username": "dora"});
        let answer = handle(&sync_of(&center, &store, config()), "user.deleted", deleted).await;
        assert_eq!(answer, Ok(done(message)));
    }
    // Who is disabled does not get back what marks them as removed.
    let store = Store::of([json!({"login": "dora", "gone": true})]);
    let created = json!({"id": 8, "username": "dora"});
    let answer = handle(&sync_of(&center, &store, config()), "user.created", created).await;
    assert_eq!((answer, &store.rows()[0]["gone"]), (Ok(done("User unchanged")), &json!(true)));
}

/// By the field that identifies rows, if the auth center finds users by that.
#[tokio::test]
async fn user_is_asked_for_by_what_identifies_the_row() {
    let center = center().await;
    let with_id = || {
        let id = FieldMapping::new("id", "auth_id");
        config().mappings(mappings().into_iter().chain([id]))
    };
    let renamed = json!({"id": 7, "username": "alice.smith", "email": "e@x", "updatedFields": ["username"]});
    for (config, endpoint, row, message) in [
        (
            with_id(),
            "/users/batch",
            json!({"login": "alice.smith"}),
            "There is no such user at the auth center",
        ),
        (with_id().unique_field("id"), "/users/batch-by-ids", json!({"auth_id": 7}), "User updated"),
        (
            with_id().unique_field("email"),
            "/users/batch-by-ids",
            json!({"mail": "e@x"}),
            "There is no such user at the auth center",
        ),
    ] {
        center.clear_requests();
        let store = Store::of([row]);
        let answer = handle(&sync_of(&center, &store, config), "user.updated", renamed.clone()).await;
        assert_eq!((answer, center.calls(endpoint)), (Ok(done(message)), 1), "{endpoint}");
        assert_eq!(center.requests().len(), 1);
        if message == "User updated" {
            assert_eq!(store.rows()[0]["login"], "alice", "the name that the user has now");
        }
    }
}

#[tokio::test]
async fn auth_center_is_asked_only_where_row_would_change() {
    let center = center().await;
    let store = Store::of([json!({"login": "alice", "mail": "new@x", "is_active": true})]);
    let sync = sync_of(&center, &store, config());
    for (event, data, calls) in [
        ("user.login", json!({}), 0),
        ("user.created", json!({"email": "other@x"}), 0),
        ("user.updated", json!({"email": "new@x", "updatedFields": ["email"]}), 0),
        ("user.updated", json!({"email": "old@x", "updatedFields": ["email"]}), 1),
        ("user.deleted", json!({}), 1),
    ] {
        center.clear_requests();
        let mut user = json!({"id": 7, "username": "alice"});
        user.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
        handle(&sync, event, user).await.unwrap();
        assert_eq!(center.requests().len(), calls, "{event} {data}");
    }
    // A first login was verified just now, and is not asked about.
    center.clear_requests();
    let store = Store::new();
    sync_of(&center, &store, config().await_login()).on_login(testing::user("eve").build()).await;
    assert_eq!((store.rows().as_array().unwrap().len(), center.requests().len()), (1, 0));
}

/// It waits for its turn, or its token was verified by a signature.
#[tokio::test]
async fn login_older_than_deletion_creates_no_row() {
    let center = AuthCenter::start().await;
    let sync = sync_of(&center, &Store::new(), config());
    let deleted = json!({"id": 1, "username": "zoe"});
    assert_eq!(handle(&sync, "user.deleted", deleted).await, Ok(done("There is no such user")));
    let zoe = || testing::user("zoe").id(1).build();
    for (is_there, rows) in [(false, 0), (true, 1)] {
        let store = Store::new();
        let sync = sync_of(&center, &store, config().await_login());
        handle(&sync, "user.deleted", json!({"id": 1, "username": "zoe"})).await.unwrap();
        if is_there {
            center.add_user(zoe());
        }
        sync.on_login(zoe()).await;
        assert_eq!(store.rows().as_array().unwrap().len(), rows, "at the auth center: {is_there}");
    }
    // A row that is marked as removed says the same, in each process.
    for (is_there, is_gone) in [(true, false), (false, true)] {
        if !is_there {
            center.remove_user("zoe");
        }
        let store = Store::of([json!({"login": "zoe", "gone": true})]);
        sync_of(&center, &store, config().await_login()).on_login(zoe()).await;
        assert_eq!(store.rows()[0]["gone"], is_gone);
    }
}

/// An event may be sent before its change is stored: the auth center is asked again.
#[tokio::test]
async fn early_event_is_not_lost() {
    for (event, expected) in [
        ("user.created", json!([{"login": "eve", "mail": "e@x"}])),
        ("user.updated", json!([{"login": "eve", "mail": "e@x"}])),
        ("user.deleted", json!([])),
    ] {
        let center = AuthCenter::start().await;
        let eve = || testing::user("eve").id(5);
        let store = match event {
            "user.created" => Store::new(),
            _ => {
                center.add_user(eve().email("old@x"));
                Store::of([json!({"login": "eve", "mail": "old@x"})])
            }
        };
        let sync = sync_of(&center, &store, config_that_asks().recheck_after(Duration::from_millis(300)));
        let data = json!({"id": 5, "username": "eve", "email": "e@x", "updatedFields": ["email"]});
        let change = async {
            until("the auth center is asked", || center.requests().len() == 1).await;
            // The user is not locked meanwhile.
            let other = json!({"id": 5, "username": "eve"});
            if event == "user.updated" {
                assert_eq!(handle(&sync, "user.login", other).await, Ok(done("User unchanged")));
            }
            match event {
                "user.deleted" => center.remove_user("eve"),
                _ => center.add_user(eve().email("e@x")),
            }
        };
        let (answer, ()) = tokio::join!(handle(&sync, event, data), change);
        assert!(answer.is_ok(), "{answer:?}");
        let mut rows = store.rows();
        for row in rows.as_array_mut().unwrap() {
            row.as_object_mut().unwrap().retain(|name, _| name == "login" || name == "mail");
        }
        assert_eq!(rows, expected, "{event}");
        assert_eq!(center.requests().len(), 2, "{event}");
    }
}

#[tokio::test]
async fn event_comes_again_where_auth_center_cannot_be_asked() {
    let center = center().await;
    let store = Store::new();
    let sync = sync_of(&center, &store, config());
    let data = || json!({"id": 7, "username": "alice", "updatedFields": ["email"]});
    for event in ["user.created", "user.updated", "user.deleted"] {
        center.inject_fault(Fault::status(500));
        let (kind, text) = handle(&sync, event, data()).await.unwrap_err();
        assert_eq!(kind, SyncErrorKind::AuthCenter);
        assert!(text.starts_with("the auth center could not be asked for the user of an event"), "{text}");
        center.clear_faults();
    }
    assert_eq!(store.rows(), json!([]));
    until_async("the circuit breaker lets calls through", async || {
        handle(&sync, "user.created", data()).await == Ok(done("User created"))
    })
    .await;
}
