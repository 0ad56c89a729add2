//! What mappings write, when, and in which direction.

use aigc_auth::AuthClient;
use aigc_auth::user_sync::{FieldMapping, LegacyField, PushOptions, SyncConfig, SyncMode, UserSync};
use serde_json::{Value, json};

use crate::user_sync::events::{done, handle};
use crate::user_sync::support::{Desk, Store, all_created, alone, config};

fn username() -> FieldMapping {
    FieldMapping::new("username", "login").required()
}

/// The row of ann after an event that changes her, and what a push sends of it.
async fn changed(mapping: FieldMapping, before: Value, data: Value) -> (Value, Value) {
    let mut row = json!({"login": "ann"});
    row.as_object_mut().unwrap().extend(before.as_object().unwrap().clone());
    let store = Store::of([row]);
    let desk = Desk::start(all_created).await;
    let sync = desk.sync(&store, config().mappings([username(), mapping]));
    let mut event = json!({"username": "ann", "updatedFields": ["x"]});
    event.as_object_mut().unwrap().extend(data.as_object().unwrap().clone());
    handle(&sync, "user.updated", event).await.unwrap();
    sync.push_all(PushOptions::new()).finish().await.unwrap();
    let mut row = store.rows()[0].clone();
    let mut sent = desk.batches()[0][0].clone();
    row.as_object_mut().unwrap().retain(|name, _| !["login", "password"].contains(&&**name));
    sent.as_object_mut().unwrap().retain(|name, _| !["username", "password"].contains(&&**name));
    (row, sent)
}

#[tokio::test]
async fn update_writes_and_push_sends_what_the_mapping_is_for() {
    let x = || FieldMapping::new("x", "y");
    let (old, new) = (json!({"y": 1}), json!({"x": 2}));
    for (case, mapping, before, data, row, sent) in [
        ("both ways", x(), old.clone(), new.clone(), json!({"y": 2}), json!({"x": 2})),
        ("to legacy only", x().to_legacy_only(), old.clone(), new.clone(), json!({"y": 2}), json!({})),
        ("to auth only", x().to_auth_only(), old.clone(), new.clone(), json!({"y": 1}), json!({"x": 1})),
        ("on create only", x().on_create_only(), old.clone(), new.clone(), json!({"y": 1}), json!({"x": 1})),
        ("null", x(), old.clone(), json!({"x": null}), json!({"y": null}), json!({})),
        ("null, required", x().required(), old.clone(), json!({"x": null}), json!({"y": 1}), json!({"x": 1})),
        (
            "null, default",
            x().default_legacy(""),
            old.clone(),
            json!({"x": null}),
            json!({"y": ""}),
            json!({"x": ""}),
        ),
        (
            "null, computed default",
            x().default_legacy_with(|_| json!(7)),
            old.clone(),
            json!({"x": null}),
            json!({"y": 1}),
            json!({"x": 1}),
        ),
        (
            "null, flag",
            x().flag(2, 3).default_legacy(true),
            json!({"y": false}),
            json!({"x": null}),
            json!({"y": false}),
            json!({"x": 3}),
        ),
        ("flag", x().flag(2, 3), json!({"y": false}), new.clone(), json!({"y": true}), json!({"x": 2})),
        ("absent", x().default_legacy(7), old.clone(), json!({}), json!({"y": 1}), json!({"x": 1})),
    ] {
        assert_eq!(changed(mapping, before, data).await, (row, sent), "{case}");
    }
}

#[tokio::test]
async fn new_row_has_defaults() {
    let store = Store::new();
    let mappings = [
        username(),
        FieldMapping::new("key", "key")
            .default_legacy_with(|user| json!(format!("k-{}", user["username"].as_str().unwrap()))),
        // Of a user without a company.
        FieldMapping::new("theme", "theme").default_legacy_with(|user| user["company"].clone()),
        FieldMapping::new("id", "id").on_create_only(),
        FieldMapping::new("email", "mail").to_auth_only(),
        FieldMapping::new("nickname", "nick").default_legacy("none"),
    ];
    let sync = alone(&store, config().mappings(mappings));
    let data = json!({"username": "ann", "id": 7, "email": "a@x", "nickname": null});
    assert_eq!(handle(&sync, "user.created", data).await, Ok(done("User created")));
    let row = json!({
        "login": "ann", "key": "k-ann", "theme": null, "id": 7, "nick": "none", "password": "plain first"
    });
    assert_eq!(store.rows(), json!([row]));
}

#[tokio::test]
async fn flag_is_read_from_booleans_numbers_and_texts() {
    let flag = || FieldMapping::new("status", "flag").flag("active", "disabled");
    for (value, status) in [
        (json!(true), "active"),
        (json!(1), "active"),
        (json!(-1), "active"),
        (json!("1"), "active"),
        (json!("T"), "active"),
        (json!("yes"), "active"),
        (json!(false), "disabled"),
        (json!(0), "disabled"),
        (json!(0.0), "disabled"),
        (json!("0"), "disabled"),
        (json!("false"), "disabled"),
        (json!(""), "disabled"),
        (json!([true]), "disabled"),
    ] {
        let (_, sent) = changed(flag(), json!({"flag": value}), json!({})).await;
        assert_eq!(sent, json!({"status": status}), "{value}");
    }
}

/// What the user has changed in the legacy application alone stays.
#[tokio::test]
async fn only_updated_fields_are_changed_if_asked() {
    let data = json!({"username": "ann", "email": "new@x", "phone_number": "2", "nickname": "Center", "updatedFields": ["email", "phoneNumber"]});
    for (config, nick) in [(config(), "Center"), (config().only_updated_fields(), "Local")] {
        let store = Store::of([json!({"login": "ann", "mail": "old@x", "nick": "Local", "phone": "1"})]);
        let mappings = [
            username(),
            FieldMapping::new("email", "mail"),
            FieldMapping::new("nickname", "nick"),
            FieldMapping::new("phone_number", "phone"),
        ];
        let sync = alone(&store, config.mappings(mappings));
        assert_eq!(handle(&sync, "user.updated", data.clone()).await, Ok(done("User updated")));
        let row = json!({"login": "ann", "mail": "new@x", "nick": nick, "phone": "2", "password": "old"});
        assert_eq!(store.rows(), json!([row]));
    }
}

#[test]
fn two_mappings_of_one_direction_have_no_common_target() {
    let client = AuthClient::builder("a", "b", "http://127.0.0.1:9").build().unwrap();
    let first_name = || FieldMapping::new("username", "first_name");
    for (case, mappings, refused) in [
        (
            "one field, two columns",
            vec![first_name()],
            Some("two field mappings write the field of the auth center `username`"),
        ),
        ("one of them to legacy only", vec![first_name().to_legacy_only()], None),
        (
            "one column, two fields",
            vec![FieldMapping::new("email", "x"), FieldMapping::new("phone", "x")],
            Some("two field mappings write the column `x`"),
        ),
        (
            "one column, a direction each",
            vec![
                FieldMapping::new("email", "x").to_legacy_only(),
                FieldMapping::new("phone", "x").to_auth_only(),
            ],
            None,
        ),
        (
            "two spellings of one field",
            vec![FieldMapping::new("last_login", "a"), FieldMapping::new("lastLogin", "b")],
            Some("two field mappings write the field of the auth center `lastLogin`"),
        ),
        (
            "two spellings of two columns",
            vec![FieldMapping::new("a", "x_y"), FieldMapping::new("b", "xY")],
            None,
        ),
    ] {
        let config = config().mappings([vec![username()], mappings].concat());
        let error = UserSync::new(client.clone(), Store::new(), config).err().map(|error| error.to_string());
        match refused {
            Some(refused) => {
                assert!(error.as_ref().is_some_and(|error| error.contains(refused)), "{case}: {error:?}");
            }
            None => assert_eq!(error, None, "{case}"),
        }
    }
}

#[test]
fn legacy_fields_say_when_they_are_written() {
    let config = SyncConfig::new().trust_event_order().mappings([
        username(),
        FieldMapping::new("id", "id").on_create_only(),
        FieldMapping::new("email", "mail").to_auth_only(),
        FieldMapping::new("company", "note").to_auth_only(),
        FieldMapping::new("department", "note").to_legacy_only(),
    ]);
    let field = |name: &str| LegacyField::from(name);
    let expected = [field("login"), field("id").on_create_only(), field("mail").read_only(), field("note")];
    assert_eq!(config.legacy_fields().collect::<Vec<_>>(), expected);
}

#[test]
fn no_column_is_written_by_a_config_that_only_pushes() {
    let config = |mode| {
        SyncConfig::new().mode(mode).mappings([username(), FieldMapping::new("x", "y").on_create_only()])
    };
    for (mode, fields) in [
        (SyncMode::AuthToLegacy, [LegacyField::from("login"), LegacyField::from("y").on_create_only()]),
        (SyncMode::Bidirectional, [LegacyField::from("login"), LegacyField::from("y").on_create_only()]),
        (
            SyncMode::LegacyToAuth,
            [LegacyField::from("login").read_only(), LegacyField::from("y").read_only()],
        ),
        (SyncMode::Off, [LegacyField::from("login").read_only(), LegacyField::from("y").read_only()]),
    ] {
        assert_eq!(config(mode).legacy_fields().collect::<Vec<_>>(), fields, "{mode:?}");
    }
}
