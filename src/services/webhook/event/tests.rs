use serde_json::{Value, json};

use super::raw_event::RawEvent;
use super::user_event::{CREATED, DELETED, INIT_SYNC, LOGIN, UPDATED, UserEvent};
use crate::ports::invalidation::Invalidation;
use crate::types::user::{FeishuIds, UserGroup, UserId};

fn event(name: &str, data: Value) -> Result<UserEvent, String> {
    let body = Value::from_iter([("event", name.into()), ("data", data)]).to_string();
    UserEvent::from_json(body.as_bytes()).map_err(|rejection| rejection.to_string())
}

#[test]
fn all_fields_are_typed_and_unknown_fields_kept() {
    let data = json!({
        "id": "u-1", "username": "alice", "nickname": "爱丽丝 🎉", "email": "a@x", "phone": "1", "avatar": "http://a",
        "roles": ["r"], "permissions": [], "department": "d", "company": "c", "is_admin": false,
        "status": "disabled", "updatedFields": ["status", "email"], "something_new": [1],
    });
    for name in [CREATED, UPDATED, LOGIN, DELETED] {
        let event = event(name, data.clone()).unwrap();
        assert_eq!(event.name(), name);
        assert_eq!(event.updated_fields(), ["status", "email"]);
        let user = event.user().unwrap();
        assert_eq!(user.id(), Some("u-1".into()));
        assert_eq!(
            [user.username(), user.nickname(), user.email(), user.phone(), user.avatar()],
            ["alice", "爱丽丝 🎉", "a@x", "1", "http://a"].map(Some)
        );
        assert_eq!([user.department(), user.company(), user.status()], ["d", "c", "disabled"].map(Some));
        assert_eq!((user.is_admin(), user.is_disabled()), (Some(false), true));
        assert_eq!((user.roles(), user.permissions()), (Some(vec!["r"]), Some(vec![])));
        assert_eq!(Value::Object(user.raw().clone()), data);
    }
}

#[test]
fn fields_are_read_in_either_spelling() {
    for (data, is_admin, open_id) in [
        (json!({"isAdmin": true, "feishuOpenId": "ou"}), Some(true), Some("ou")),
        (json!({"is_admin": true, "feishu_open_id": "ou"}), Some(true), Some("ou")),
        (json!({"isAdmin": false, "is_admin": true, "feishu_open_id": "ou"}), Some(false), Some("ou")),
        (
            json!({"isAdmin": null, "is_admin": true, "feishuOpenId": null, "feishu_open_id": "ou"}),
            None,
            None,
        ),
        (json!({}), None, None),
    ] {
        let event = event(UPDATED, data.clone()).unwrap();
        let user = event.user().unwrap();
        assert_eq!(user.is_admin(), is_admin, "{data}");
        assert_eq!(user.feishu().as_ref().and_then(FeishuIds::open_id), open_id, "{data}");
        assert_eq!(Value::Object(user.raw().clone()), data);
    }
    for (groups, expected) in [
        (json!(["ops", null]), Some(vec![UserGroup::new("ops")])),
        (json!([{"id": "3", "code": "ops"}]), Some(vec![UserGroup::new("ops").with_id("3")])),
        (json!([7, ["ops"], {"code": "ops", "id": 1.5}]), Some(vec![UserGroup::new("ops")])),
        (json!([]), Some(vec![])),
        (json!("ops"), None),
        (json!(null), None),
    ] {
        let event = event(UPDATED, json!({"groups": groups})).unwrap();
        assert_eq!(event.user().unwrap().groups(), expected.as_deref(), "{groups}");
    }
    let old = event(UPDATED, json!({"updated_fields": ["email"]})).unwrap();
    assert_eq!(old.updated_fields(), ["email"]);
}

#[test]
fn fields_may_be_missing_or_null() {
    let nulls = json!({
        "id": null, "username": null, "email": null, "roles": null, "permissions": null, "is_admin": null,
        "status": null, "updatedFields": null,
    });
    for data in [json!({}), nulls] {
        let event = event(UPDATED, data).unwrap();
        let user = event.user().unwrap();
        assert_eq!((user.id(), user.username(), user.status()), (None, None, None));
        assert_eq!((user.is_admin(), user.roles(), user.is_disabled()), (None, None, false));
        assert!(event.updated_fields().is_empty());
    }
}

#[test]
fn other_events_keep_their_data() {
    assert_eq!(event(INIT_SYNC, json!({"all": true})), Ok(UserEvent::InitSync(json!({"all": true}))));
    let body = br#"{"event": "user.init_sync_auth"}"#;
    assert_eq!(UserEvent::from_json(body), Ok(UserEvent::InitSync(Value::Null)));
    for data in [json!(null), json!([1]), json!("x")] {
        let other = UserEvent::Other { name: "team.created".to_owned(), data: data.clone() };
        assert_eq!(event("team.created", data), Ok(other));
    }
}

#[test]
fn malformed_event_error_names_the_field_without_its_value() {
    for (body, expected) in [
        ("", "The body is not JSON: line 1, column 0"),
        ("{\n  \"event\": hunter2}", "The body is not JSON: line 2, column 12"),
        (r#"{"event": "x"} hunter2"#, "The body is not JSON: line 1, column 16"),
        ("[\"hunter2\"]", "The body must be a JSON object"),
        ("null", "The body must be a JSON object"),
        (r#"{"data": {}}"#, "`event` must be a string"),
        (r#"{"event": 7, "data": {}}"#, "`event` must be a string"),
        (r#"{"event": "user.updated"}"#, "`data` must be an object"),
        (r#"{"event": "user.updated", "data": "hunter2"}"#, "`data` must be an object"),
        (r#"{"event": "user.updated", "data": {"id": 1.5}}"#, "`data.id` must be an integer or a string"),
        (r#"{"event": "user.updated", "data": {"id": true}}"#, "`data.id` must be an integer or a string"),
        (r#"{"event": "user.created", "data": {"email": 1}}"#, "`data.email` must be a string"),
        (r#"{"event": "user.login", "data": {"is_admin": 1}}"#, "`data.isAdmin` must be true or false"),
        (r#"{"event": "user.deleted", "data": {"roles": "r"}}"#, "`data.roles` must be a list of strings"),
        (
            r#"{"event": "user.updated", "data": {"updatedFields": [1]}}"#,
            "`data.updatedFields` must be a list of strings",
        ),
    ] {
        let rejection = UserEvent::from_json(body.as_bytes()).unwrap_err();
        assert_eq!(rejection.status().as_u16(), 400, "{body}");
        assert_eq!(rejection.to_string(), expected, "{body}");
    }
    let deep = "[".repeat(100_000);
    assert!(UserEvent::from_json(deep.as_bytes()).is_err());
}

#[test]
fn invalidation_by_event_and_data() {
    let alice = json!({"id": 7, "username": "alice"});
    let both = Some((Some(UserId::from(7)), Some("alice")));
    let with_status = |status: &str| json!({"id": 7, "username": "alice", "status": status});
    for (name, data, expected) in [
        (UPDATED, alice.clone(), both.clone()),
        (DELETED, alice.clone(), both.clone()),
        (CREATED, alice.clone(), None),
        (LOGIN, alice.clone(), None),
        (LOGIN, with_status("active"), None),
        (LOGIN, with_status("Active"), None),
        (LOGIN, with_status("disabled"), both.clone()),
        (CREATED, with_status("locked"), both.clone()),
        (LOGIN, json!({"id": 7, "username": "alice", "updatedFields": ["email"]}), both.clone()),
        (LOGIN, json!({"id": 7, "username": "alice", "updatedFields": []}), None),
        (LOGIN, json!({"id": 7, "username": "alice", "status": null}), None),
        (LOGIN, json!({"id": 7, "username": "alice", "status": 0}), both.clone()),
        (DELETED, json!({"id": 7, "username": "alice", "email": 5}), both.clone()),
        (DELETED, json!({"id": 1.5, "username": 5}), Some((None, None))),
        (DELETED, json!("alice"), Some((None, None))),
        (UPDATED, json!({"id": "7"}), Some((Some(UserId::from("7")), None))),
        (DELETED, json!({"username": "alice"}), Some((None, Some("alice")))),
        (DELETED, json!({}), Some((None, None))),
        (DELETED, json!({"id": "", "username": ""}), Some((None, None))),
        (UPDATED, json!({"id": "", "username": "alice"}), Some((None, Some("alice")))),
        ("user.disabled", json!({"id": 7, "username": ""}), Some((Some(UserId::from(7)), None))),
        ("user.disabled", alice.clone(), both),
        ("user.disabled", json!("alice"), Some((None, None))),
        ("team.disabled", alice, None),
        (INIT_SYNC, json!({}), None),
    ] {
        let event = RawEvent { name: name.to_owned(), data: data.clone() };
        let expected = expected.map(|(id, username)| Invalidation::of(id, username));
        assert_eq!(event.invalidation(), expected, "{name} {data}");
    }
}
