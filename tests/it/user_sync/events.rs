//! What the auth center's events do to a legacy system.

use std::time::Duration;

use aigc_auth::Secret;
use aigc_auth::user_sync::{
    Direction, FieldMapping, PasswordPolicy, SyncConfig, SyncErrorKind, SyncMode, UserSync,
};
use aigc_auth::webhook::{self, EventUser, UserEvent, WebhookConfig};
use axum::Router;
use axum::body::Body;
use futures_util::future::join_all;
use http::Request;
use serde_json::{Map, Value, json};
use tower::ServiceExt;

use crate::user_sync::support::{Store, alone, config, mappings};
use crate::webhook::support::{SECRET, refused, report, serve_hook};

fn map(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("no object: {value}") };
    map
}

/// The answer to an event, or the kind and text of the error.
pub(crate) async fn handle(
    sync: &UserSync,
    event: &str,
    data: Value,
) -> Result<Value, (SyncErrorKind, String)> {
    let answer = sync.handle_event(event, Some(&map(data))).await;
    answer.map_err(|error| (error.kind(), error.to_string()))
}

pub(super) fn done(message: &str) -> Value {
    json!({"success": true, "message": message, "created": message == "User created"})
}

/// As the documentation has it.
pub(crate) fn hook(sync: &UserSync) -> impl webhook::Handler + use<> {
    let sync = sync.clone();
    move |event: UserEvent| {
        let sync = sync.clone();
        async move { sync.handle_event(event.name(), event.user().map(EventUser::raw)).await }
    }
}

#[tokio::test]
async fn events_create_update_or_remove_by_direction() {
    let off = "sync from the auth center to the legacy system is off (SyncConfig::mode)";
    let bob = json!([{"login": "bob", "mail": "old@x", "is_active": true, "password": "old"}]);
    let changed = json!([{"login": "bob", "mail": "new@x", "is_active": true, "password": "old"}]);
    let created = json!([{"login": "bob", "mail": "new@x", "is_active": true, "password": "plain first"}]);
    for direction in [SyncMode::AuthToLegacy, SyncMode::Bidirectional, SyncMode::LegacyToAuth, SyncMode::Off]
    {
        let is_on = matches!(direction, SyncMode::AuthToLegacy | SyncMode::Bidirectional);
        for event in ["user.created", "user.updated", "user.login", "user.deleted"] {
            for is_known in [true, false] {
                for fields in [None, Some(json!(null)), Some(json!([])), Some(json!(["email"]))] {
                    let case = format!("{direction:?}, {event}, known: {is_known}, {fields:?}");
                    let before = if is_known { bob.clone() } else { json!([]) };
                    let rows = before.as_array().unwrap().iter().cloned().map(|mut row| {
                        row.as_object_mut().unwrap().remove("password");
                        row
                    });
                    let store = Store::of(rows);
                    let is_update = fields.as_ref().is_some_and(|fields| fields[0] == "email");
                    let mut data = json!({"id": 7, "username": "bob", "email": "new@x"});
                    if let Some(fields) = fields {
                        data["updatedFields"] = fields;
                    }
                    let (message, after) = match (event, is_known) {
                        ("user.deleted", true) => ("User removed", json!([])),
                        ("user.deleted", false) => ("There is no such user", json!([])),
                        (_, false) => ("User created", created.clone()),
                        (_, true) if is_update => ("User updated", changed.clone()),
                        (_, true) => ("User unchanged", bob.clone()),
                    };
                    let answer = handle(&alone(&store, config().mode(direction)), event, data).await;
                    if is_on {
                        assert_eq!((answer, store.rows()), (Ok(done(message)), after), "{case}");
                    } else {
                        let said = json!({"success": false, "message": off});
                        assert_eq!((answer, store.rows()), (Ok(said), before), "{case}");
                        assert_eq!(store.calls(), [""; 0], "{case}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn other_events_are_accepted_and_ignored() {
    for direction in [SyncMode::Bidirectional, SyncMode::Off] {
        let store = Store::new();
        let app =
            serve_hook(WebhookConfig::new(SECRET).unwrap(), hook(&alone(&store, config().mode(direction))))
                .await;
        for body in [
            json!({"event": "user.disabled", "data": {"username": "bob"}}),
            json!({"event": "team.created", "data": [1, 2]}),
            json!({"event": "", "data": null}),
            json!({"event": "user.Created", "data": {"username": "bob"}}),
        ] {
            let answer = report(&app, body.to_string()).await;
            assert_eq!(answer.status, 200, "{body}");
            assert_eq!(answer.json(), json!({"success": true, "message": "Event ignored"}), "{body}");
        }
        assert_eq!((store.calls(), store.rows()), (vec![], json!([])));
    }
}

#[tokio::test]
async fn update_writes_changed_fields_only() {
    let before =
        json!({"login": "bob", "mail": "old@x", "nick": "Bob", "is_active": true, "hashed_password": "$2b$"});
    for (data, message, news) in [
        (json!({"email": "new@x"}), "User updated", json!({"mail": "new@x"})),
        (json!({"email": "old@x", "status": "active"}), "User unchanged", json!({})),
        (json!({"email": null, "nickname": null}), "User updated", json!({"mail": null, "nick": null})),
        // A `null` of what is transformed says nothing.
        (json!({"status": null}), "User unchanged", json!({})),
        (json!({"status": "disabled"}), "User updated", json!({"is_active": false})),
        // Whatever the auth center calls a password, no mapping names it.
        (json!({"password": "p", "hashed_password": "p", "phone": "1"}), "User unchanged", json!({})),
        (
            json!({"email": "'; DROP TABLE users; -- \" 😀"}),
            "User updated",
            json!({"mail": "'; DROP TABLE users; -- \" 😀"}),
        ),
    ] {
        let store = Store::of([before.clone()]);
        let mut data = data;
        data["username"] = json!("bob");
        data["updatedFields"] = json!(["email"]);
        assert_eq!(
            handle(&alone(&store, config()), "user.updated", data.clone()).await,
            Ok(done(message)),
            "{data}"
        );
        let mut after = map(before.clone());
        after.extend(map(news));
        after.insert("password".to_owned(), json!("old"));
        assert_eq!(store.rows(), json!([after]), "{data}");
        let updates = store.calls().iter().filter(|call| call.starts_with("update")).count();
        assert_eq!(updates, usize::from(message == "User updated"), "{data}");
    }
}

#[tokio::test]
async fn new_user_needs_password_from_policy() {
    let no_policy = "no user is created without a password policy (SyncConfig::password_policy)";
    let none = "the password policy has no password for this user";
    let only_bob = |user: &Map<String, Value>, direction: Direction| {
        (direction == Direction::ToLegacy && user["username"] == "bob").then(|| Secret::from("$b"))
    };
    let new = || SyncConfig::new().trust_event_order().mappings(mappings());
    for (config, name, expected) in [
        (new(), "bob", Err(no_policy)),
        (new().password_policy(PasswordPolicy::unified("first")), "bob", Ok("plain first")),
        (new().password_policy(PasswordPolicy::unified("")), "bob", Err(none)),
        (new().password_policy(PasswordPolicy::mapped(only_bob)), "bob", Ok("plain $b")),
        (new().password_policy(PasswordPolicy::mapped(only_bob)), "eve", Err(none)),
        (new().password_policy(PasswordPolicy::mapped(|_, _| Some(Secret::from("")))), "bob", Err(none)),
        (new().password_policy(PasswordPolicy::mapped_hash(only_bob)), "bob", Ok("hash $b")),
        (new().password_policy(PasswordPolicy::mapped_hash(|_, _| None)), "bob", Err(none)),
    ] {
        let shown = format!("{config:?}");
        let store = Store::new();
        let answer = handle(&alone(&store, config.clone()), "user.created", json!({"username": name})).await;
        match expected {
            Ok(password) => {
                assert_eq!(answer, Ok(done("User created")), "{shown}");
                assert_eq!(store.rows()[0]["password"], password, "{shown}");
            }
            Err(why) => {
                assert_eq!(answer, Err((SyncErrorKind::NoPassword, why.to_owned())), "{shown}");
                assert_eq!(store.rows(), json!([]), "{shown}");
            }
        }
        // An existing user needs none, and keeps the old one.
        let store = Store::of([json!({"login": name})]);
        let data = json!({"username": name, "email": "new@x", "updatedFields": ["email"]});
        assert_eq!(handle(&alone(&store, config), "user.updated", data).await, Ok(done("User updated")));
        assert_eq!(store.rows(), json!([{"login": name, "mail": "new@x", "password": "old"}]), "{shown}");
    }
}

#[tokio::test]
async fn unmappable_user_is_error_and_changes_nothing() {
    let by_mail = || config().unique_field("email");
    for (config, data, expected) in [
        (config(), json!({}), "the unique field `username` is missing or empty"),
        (config(), json!({"username": null}), "the unique field `username` is missing or empty"),
        (config(), json!({"username": "  "}), "the unique field `username` is missing or empty"),
        (config(), json!({"username": "bob\0"}), "`username` has a NUL character"),
        (by_mail(), json!({"username": "bob"}), "the unique field `email` is missing or empty"),
        (by_mail(), json!({"email": "new@x"}), "`username` is missing, and required"),
        (
            config(),
            json!({"username": "new", "status": "odd"}),
            "`status` cannot be mapped: neither active nor disabled",
        ),
        (config(), json!({"username": "new", "nickname": "\0"}), "`nickname` has a NUL character"),
        (config(), json!({"username": "new", "nickname": ["\0"]}), "`nickname` has a NUL character"),
    ] {
        let store = Store::of([json!({"login": "bob", "mail": "bob@x"})]);
        let before = store.rows();
        let answer = handle(&alone(&store, config), "user.created", data.clone()).await;
        assert_eq!(answer, Err((SyncErrorKind::Mapping, expected.to_owned())), "{data}");
        assert_eq!(store.rows(), before, "{data}");
    }
    // Where nothing is to be changed, what cannot be mapped does no harm; where it is, it does.
    let store = Store::of([json!({"login": "bob"})]);
    let odd = json!({"username": "bob", "status": "odd", "email": "new@x"});
    assert_eq!(handle(&alone(&store, config()), "user.login", odd.clone()).await, Ok(done("User unchanged")));
    let mut odd = odd;
    odd["updatedFields"] = json!(["email"]);
    assert!(handle(&alone(&store, config()), "user.login", odd).await.is_err());
    assert_eq!(store.rows(), json!([{"login": "bob", "password": "old"}]));
}

#[tokio::test]
async fn unique_field_is_configurable() {
    let by_id = || {
        let mappings = mappings().into_iter().chain([FieldMapping::new("id", "auth_id")]);
        config().mappings(mappings).unique_field("id")
    };
    let store = Store::of([json!({"login": "bob", "auth_id": 7})]);
    let sync = alone(&store, by_id());
    for (event, data, message) in [
        // The user has another name now.
        ("user.updated", json!({"id": 7, "username": "rob", "updatedFields": ["username"]}), "User updated"),
        ("user.created", json!({"id": 8, "username": "bob"}), "User created"),
        ("user.deleted", json!({"id": 9, "username": "rob"}), "There is no such user"),
        ("user.deleted", json!({"id": 8}), "User removed"),
    ] {
        assert_eq!(handle(&sync, event, data).await, Ok(done(message)), "{event}");
    }
    assert_eq!(store.rows(), json!([{"login": "rob", "auth_id": 7, "password": "old"}]));
    // A user with another name there is looked up by that name.
    let mappings = [FieldMapping::new("username", "login")
        .to_legacy(|name| Ok(json!(format!("corp/{}", name.as_str().ok_or("no text")?))))];
    let store = Store::of([json!({"login": "corp/bob"})]);
    let sync = alone(&store, config().mappings(mappings));
    assert_eq!(handle(&sync, "user.login", json!({"username": "bob"})).await, Ok(done("User unchanged")));
    assert_eq!(handle(&sync, "user.deleted", json!({"username": "bob"})).await, Ok(done("User removed")));
}

#[tokio::test]
async fn update_keeps_spelling_of_username() {
    let store = Store::of([json!({"login": "Bob", "mail": "old@x"})]);
    let data = json!({"username": "bob", "email": "new@x", "updatedFields": ["email"]});
    assert_eq!(handle(&alone(&store, config()), "user.updated", data).await, Ok(done("User updated")));
    assert_eq!(store.rows(), json!([{"login": "Bob", "mail": "new@x", "password": "old"}]));
}

#[test]
fn unique_field_requires_mapping() {
    let client = aigc_auth::AuthClient::builder("a", "b", "http://127.0.0.1:9").build().unwrap();
    let error = UserSync::new(client, Store::new(), config().unique_field("id")).unwrap_err();
    assert!(
        error.to_string().contains(
            "no field mapping to the legacy system names the field `id` (SyncConfig::unique_field)"
        ),
        "{error}"
    );
}

#[tokio::test]
async fn failing_store_is_error_and_event_can_be_retried() {
    for (event, known, fails) in [
        ("user.created", false, "find"),
        ("user.created", false, "create"),
        ("user.updated", true, "update"),
        ("user.deleted", true, "remove"),
    ] {
        let store = if known { Store::of([json!({"login": "bob"})]) } else { Store::new() };
        let (sync, before) = (alone(&store, config()), store.rows());
        let app = serve_hook(WebhookConfig::new(SECRET).unwrap(), hook(&sync)).await;
        let data = json!({"username": "bob", "email": "b@x", "updatedFields": ["email"]});
        let body = json!({"event": event, "data": data}).to_string();
        store.fail(fails);
        let expected = format!("the legacy system failed: the table is broken at `{fails} bob`");
        assert_eq!(handle(&sync, event, data).await, Err((SyncErrorKind::Store, expected)), "{fails}");
        let message = refused(&report(&app, &body).await, 500);
        assert!(!message.contains("table"), "{message}");
        assert_eq!(store.rows(), before, "{fails}");
        store.recover();
        assert_eq!(report(&app, &body).await.status, 200, "{fails}");
        assert_ne!(store.rows(), before, "{fails}");
    }
}

#[tokio::test(start_paused = true)]
async fn hanging_store_times_out() {
    for (config, seconds) in [(config(), 10), (config().timeout(Duration::from_secs(3)), 3)] {
        let store = Store::new();
        store.hold();
        let sync = alone(&store, config);
        let start = tokio::time::Instant::now();
        let expected = (SyncErrorKind::Store, "the legacy system failed: no answer in time".to_owned());
        assert_eq!(handle(&sync, "user.created", json!({"username": "bob"})).await, Err(expected));
        assert_eq!(start.elapsed().as_millis() / 10, seconds * 100);

        let body = r#"{"event": "user.created", "data": {"username": "bob"}}"#;
        let signature = webhook::sign(body.as_bytes(), &SECRET.into());
        let request = Request::post("/webhook/auth").header("x-webhook-signature", signature);
        let app: Router = webhook::router(WebhookConfig::new(SECRET).unwrap(), hook(&sync));
        let answer = app.oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 500);
        store.let_go();
        let answer = handle(&sync, "user.created", json!({"username": "bob"})).await;
        assert_eq!(answer, Ok(done("User created")), "nothing is stuck");
    }
}

#[tokio::test]
async fn concurrent_events_create_one_row() {
    let store = Store::new();
    let sync = alone(&store, config());
    let events = (0..50).map(|n| {
        let event = ["user.created", "user.updated", "user.login"][n % 3];
        handle(&sync, event, json!({"username": "bob", "email": format!("{n}@x")}))
    });
    let answers = join_all(events).await;
    let created = answers.iter().filter(|answer| **answer == Ok(done("User created"))).count();
    assert!(created == 1 && answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(store.rows().as_array().unwrap().len(), 1);
    assert_eq!(store.calls().iter().filter(|call| *call == "create bob").count(), 1);
}

#[tokio::test]
async fn user_created_concurrently_is_no_error() {
    for (fields, message, mail) in
        [(json!([]), "User unchanged", "theirs@x"), (json!(["email"]), "User updated", "ours@x")]
    {
        let store = Store::new();
        store.be_beaten_by(json!({"login": "bob", "mail": "theirs@x", "is_active": true}));
        let data = json!({"username": "bob", "email": "ours@x", "updatedFields": fields});
        assert_eq!(handle(&alone(&store, config()), "user.created", data).await, Ok(done(message)));
        let expected = json!([{"login": "bob", "mail": mail, "is_active": true, "password": "theirs"}]);
        assert_eq!(store.rows(), expected);
    }
    // Where it was not that, the first error is returned.
    let store = Store::new();
    store.fail("create");
    let (_, error) =
        handle(&alone(&store, config()), "user.created", json!({"username": "bob"})).await.unwrap_err();
    assert!(error.contains("create bob"), "{error}");
}

/// A mapping, and a policy for passwords, may name a field in either spelling, whichever the auth center sends.
#[tokio::test]
async fn fields_are_mapped_in_either_spelling() {
    let both = |fields: Value| {
        let mut user = map(json!({"username": "bob", "groups": [{"code": "ops"}, {"code": "staff"}]}));
        user.extend(map(fields));
        Value::Object(user)
    };
    let camel = both(json!({"isAdmin": true, "feishuOpenId": "ou", "updatedFields": ["isAdmin"]}));
    let snake = both(json!({"is_admin": true, "feishu_open_id": "ou", "updated_fields": ["is_admin"]}));
    let contradicting = both(json!({
        "isAdmin": true, "is_admin": false, "feishuOpenId": "ou", "feishu_open_id": null, "updatedFields": ["x"],
    }));
    for (admin, open_id) in [("isAdmin", "feishu_open_id"), ("is_admin", "feishuOpenId")] {
        for data in [&camel, &snake, &contradicting] {
            let policy = PasswordPolicy::mapped(|user, _| {
                Some(if user["is_admin"] == user["isAdmin"] { "same".into() } else { Secret::from("other") })
            });
            let mappings = [
                FieldMapping::new("username", "login").required(),
                FieldMapping::new(admin, "is_staff"),
                FieldMapping::new(open_id, "open_id"),
                FieldMapping::new("groups", "groups").to_legacy(|groups| {
                    let groups = groups.as_array().into_iter().flatten();
                    Ok(groups.filter_map(|group| group["code"].as_str()).collect::<Vec<_>>().into())
                }),
            ];
            let store = Store::new();
            let sync = alone(&store, config().mappings(mappings).password_policy(policy));
            let row = json!([{
                "login": "bob", "is_staff": true, "open_id": "ou", "groups": ["ops", "staff"], "password": "plain same",
            }]);
            assert_eq!(handle(&sync, "user.created", data.clone()).await, Ok(done("User created")), "{data}");
            assert_eq!(store.rows(), row, "{admin}: {data}");
            let changed = both(json!({"is_admin": false, "updated_fields": ["is_admin"]}));
            assert_eq!(handle(&sync, "user.updated", changed).await, Ok(done("User updated")), "{data}");
            assert_eq!(store.rows()[0]["is_staff"], false, "{admin}: {data}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn events_of_one_user_do_not_add_up_their_timeouts() {
    let store = Store::new();
    let sync = alone(&store, config());
    store.hold();
    let start = tokio::time::Instant::now();
    let answers = join_all((0..20).map(|_| handle(&sync, "user.created", json!({"username": "zoe"})))).await;
    assert!(start.elapsed() <= Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(answers.iter().all(Result::is_err), "{answers:?}");
    let busy = "the legacy system failed: no answer in time to what came before for the same user";
    assert!(
        answers.iter().flat_map(|answer| answer.as_ref().err()).any(|(_, why)| why == busy),
        "{answers:?}"
    );
}
