//! The calls that SDK 1.1.54 and later brought: what they send, how their answers are read, what never leaves.

use std::time::{Duration, SystemTime};

use aigc_auth::AuthError;
use aigc_auth::client::{
    AppToken, FeishuMessage, FeishuTokenRequest, FeishuUser, NewAccessKey, NewFeishuUser,
};
use aigc_auth::error::ErrorKind;
use aigc_auth::testing::Fault;
use aigc_auth::user::{FeishuIds, UserGroup};
use serde_json::{Value, json};

use crate::support::rig::{Rig, Seen, TOKEN};
use crate::support::{Canned, Log};

/// The only request that arrived.
fn only(center: &Canned) -> Value {
    let requests = center.requests();
    assert_eq!(requests.len(), 1);
    requests[0].1.clone()
}

#[tokio::test]
async fn groups_are_read_from_items_and_bare_lists() {
    let ops = UserGroup::new("ops").with_id(3).with_name("Ops").with_description("runs it");
    for (data, expected) in [
        (
            json!({"items": [{"id": 3, "name": "Ops", "code": "ops", "description": "runs it"}]}),
            Ok(vec![ops.clone()]),
        ),
        (json!([{"id": 3, "name": "Ops", "code": "ops", "description": "runs it"}]), Ok(vec![ops])),
        (json!(["ops"]), Ok(vec!["ops".into()])),
        (json!([]), Ok(vec![])),
        (json!({}), Err(-1)),
        (json!(null), Err(-1)),
        (json!([[3, "Ops", "ops"]]), Err(-1)),
    ] {
        let center = Canned::with_data(data.clone()).await;
        let groups = center.client(|builder| builder).list_groups().await;
        assert_eq!(groups.map_err(|error| error.code()), expected, "{data}");
        assert_eq!(only(&center), json!({}));
    }
}

#[tokio::test]
async fn access_key_is_created_with_trimmed_name() {
    for (key, expected) in [
        (NewAccessKey::new(), json!({"token": TOKEN})),
        (NewAccessKey::new().name("  ").description("\n"), json!({"token": TOKEN})),
        (NewAccessKey::new().name(" my key "), json!({"token": TOKEN, "name": "my key"})),
        (NewAccessKey::new().description("d"), json!({"token": TOKEN, "description": "d"})),
    ] {
        let center = Canned::with_data(json!({
            "keyId": 3, "key": "ak_hunter2", "keyPrefix": "ak_hun", "keyType": "user", "userId": 7, "name": "n",
            "createdAt": "2027-01-15T08:00:00",
        }))
        .await;
        let created = center.client(|builder| builder).create_access_key(TOKEN, &key).await.unwrap();
        assert_eq!(only(&center), expected);
        assert_eq!(created.key.expose(), "ak_hunter2");
        assert_eq!((created.key_id, created.user_id), (Some(3.into()), Some(7.into())));
        assert_eq!(created.created_at, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)));
    }
    let snake =
        json!({"key_id": 3, "key": "ak_hunter2", "key_prefix": "ak_hun", "key_type": "user", "user_id": 7});
    let center = Canned::with_data(snake).await;
    let created =
        center.client(|builder| builder).create_access_key(TOKEN, &NewAccessKey::new()).await.unwrap();
    assert_eq!((created.key_prefix.as_deref(), created.key_type.as_deref()), (Some("ak_hun"), Some("user")));
    assert!(!format!("{created:?}").contains("hunter2"));

    // Nothing beside the key may lose it.
    let odd =
        json!({"key": "ak_hunter2", "keyId": 1.5, "name": 7, "userId": [], "keyType": {}, "createdAt": true});
    let center = Canned::with_data(odd).await;
    let created =
        center.client(|builder| builder).create_access_key(TOKEN, &NewAccessKey::new()).await.unwrap();
    assert_eq!((created.key.expose(), created.key_id, created.name), ("ak_hunter2", None, None));
    for without_key in [json!({"keyId": 3}), json!({"key": ""}), json!({"key": null}), json!(["ak_hunter2"])]
    {
        let center = Canned::with_data(without_key.clone()).await;
        let client = center.client(|builder| builder);
        let error = client.create_access_key(TOKEN, &NewAccessKey::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{without_key}");
    }
}

#[tokio::test]
async fn users_of_two_apps_are_compared() {
    let (source, target) = (AppToken::new(7, "source"), AppToken::new(42, "target"));
    for (data, expected) in [
        (json!({"sameUser": true}), Ok(true)),
        (json!({"sameUser": false}), Ok(false)),
        (json!({"same_user": true}), Ok(true)),
        (json!({"sameUser": false, "same_user": true}), Ok(false)),
        // Neither is an answer.
        (json!({"sameUser": null, "same_user": true}), Err(-1)),
        (json!({"sameUser": "yes"}), Err(-1)),
        (json!({}), Err(-1)),
        (json!([true]), Err(-1)),
    ] {
        let center = Canned::with_data(data.clone()).await;
        let same = center.client(|builder| builder).compare_users(source, target).await;
        assert_eq!(same.map_err(|error| error.code()), expected, "{data}");
        let body = json!({
            "sourceAppId": 7, "sourceToken": "source", "targetAppId": 42, "targetToken": "target",
        });
        assert_eq!(only(&center), body);
    }
    let center = Canned::with_data(json!({"sameUser": true})).await;
    let client = center.client(|builder| builder);
    for (source, target, kind) in [
        (AppToken::new(0, "source"), target, ErrorKind::InvalidRequest),
        (source, AppToken::new(0, "target"), ErrorKind::InvalidRequest),
        (AppToken::new(7, ""), target, ErrorKind::InvalidCredential),
        (source, AppToken::new(42, "two words"), ErrorKind::InvalidCredential),
    ] {
        assert_eq!(client.compare_users(source, target).await.unwrap_err().kind(), kind);
    }
    assert!(center.requests().is_empty());
    assert!(!format!("{source:?}").contains("source\""));
}

/// A token that was rejected here is accepted at once after its user was authorized, whatever became of the call.
#[tokio::test]
async fn authorization_invalidates_what_is_cached_for_the_token() {
    for (fault, kind) in [(None, None), (Some(Fault::code(500, "no")), Some(ErrorKind::Rejected))] {
        let rig = Rig::new().await;
        assert_eq!(rig.ask("theirs").await, Seen::invalid_token());
        rig.center.add_token("theirs", "alice");
        assert_eq!(rig.ask("theirs").await, Seen::invalid_token(), "cached");
        let user = json!({"id": 7, "username": "alice", "isAdmin": true});
        let answer = fault.unwrap_or(Fault::data(user));
        rig.center.inject_fault_on("/users/authorize-by-token", answer);
        let authorized = rig.client.authorize_user_by_token(AppToken::new(7, "theirs")).await;
        assert_eq!(authorized.as_ref().err().map(AuthError::kind), kind);
        if let Ok(user) = authorized {
            assert!(user.is_admin());
        }
        let body = json!({"sourceAppId": 7, "sourceToken": "theirs"});
        assert_eq!(rig.center.requests().pop().unwrap().body, body);
        assert_eq!(rig.ask("theirs").await, Seen::user("alice"));
    }
}

#[tokio::test]
async fn feishu_messages_name_recipient_and_type() {
    let text = FeishuMessage::text("hi");
    let post = FeishuMessage::post(json!({"zh_cn": {"title": "t"}}));
    let card = FeishuMessage::interactive(json!({"elements": []}));
    for (recipient, message, expected) in [
        (FeishuUser::id(7), &text, json!(["auth_user_id", 7, "text", {"text": "hi"}])),
        (FeishuUser::id("u-7"), &text, json!(["auth_user_id", "u-7", "text", {"text": "hi"}])),
        (
            FeishuUser::username("alice"),
            &post,
            json!(["username", "alice", "post", {"zh_cn": {"title": "t"}}]),
        ),
        (
            FeishuUser::feishu_user_id("fu"),
            &card,
            json!(["feishu_user_id", "fu", "interactive", {"elements": []}]),
        ),
        (FeishuUser::open_id("ou"), &text, json!(["feishu_open_id", "ou", "text", {"text": "hi"}])),
        (FeishuUser::union_id("on"), &text, json!(["feishu_union_id", "on", "text", {"text": "hi"}])),
    ] {
        let center =
            Canned::with_data(json!({"message_id": "om_1", "status": "sent", "root_id": null})).await;
        let client = center.client(|builder| builder);
        let sent = client.send_feishu_message("cli_9f2b", &recipient, message).await.unwrap();
        assert_eq!((sent.message_id.as_str(), sent.status.as_deref()), ("om_1", Some("sent")));
        let body = json!({
            "botAppId": "cli_9f2b", "recipientType": expected[0], "recipient": expected[1],
            "messageType": expected[2], "content": expected[3],
        });
        assert_eq!(only(&center), body);
    }
    let center = Canned::with_data(json!({"message_id": "om_1"})).await;
    let client = center.client(|builder| builder);
    for (bot, recipient, message) in [
        (" ", FeishuUser::username("alice"), &text),
        ("cli_9f2b", FeishuUser::username(" "), &text),
        ("cli_9f2b", FeishuUser::id(""), &text),
        ("cli_9f2b", FeishuUser::id(0), &text),
        ("cli_9f2b", FeishuUser::username("alice"), &FeishuMessage::post(json!({}))),
        ("cli_9f2b", FeishuUser::username("alice"), &FeishuMessage::post(json!(["t"]))),
        ("cli_9f2b", FeishuUser::username("alice"), &FeishuMessage::interactive(json!(null))),
    ] {
        let error = client.send_feishu_message(bot, &recipient, message).await.unwrap_err();
        assert_eq!((error.kind(), error.status().as_u16()), (ErrorKind::InvalidRequest, 400));
        assert!(error.detail().is_some_and(|detail| detail.starts_with("expected ")), "{error}");
    }
    assert!(center.requests().is_empty());
}

#[tokio::test]
async fn feishu_code_and_diagnostics_are_readable() {
    let center = Canned::start(|_, _| {
        json!({
            "code": 502, "message": "feishu 230013: Bot has NO availability\r\nto this user",
            "data": {"log_id": "2026110512"},
        })
    })
    .await;
    let client = center.client(|builder| builder);
    let log = Log::start();
    let message = FeishuMessage::text("hi");
    let error =
        client.send_feishu_message("cli_9f2b", &FeishuUser::username("alice"), &message).await.unwrap_err();
    assert_eq!((error.kind(), error.code(), error.feishu_code()), (ErrorKind::Rejected, 502, Some(230_013)));
    assert_eq!(error.data(), Some(&json!({"log_id": "2026110512"})));
    let detail = error.detail().unwrap();
    assert!(detail.contains("availability\u{fffd}\u{fffd}to"), "{detail:?}");
    assert!(!format!("{error:?} {error}").contains("2026110512"));
    let log = log.take();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("2026110512")).collect();
    assert!(lines.len() == 1 && lines[0].contains("DEBUG"), "{log}");
}

#[tokio::test]
async fn feishu_users_are_synchronized_by_any_of_their_ids() {
    let account = json!({"id": 7, "username": "alice", "feishu_open_id": "ou", "feishuOpenId": null, "a_b": {"c_d": 1}});
    let center = Canned::with_data(account.clone()).await;
    let client = center.client(|builder| builder);
    let ids = FeishuIds::new().with_open_id("ou").with_tenant_key("t");
    let user = NewFeishuUser::new().ids(&ids).nickname("爱丽丝").email("a@example.com").status("disabled");
    let fields = client.sync_feishu_user(&user).await.unwrap();
    assert_eq!(Value::Object(fields), account, "as it came");
    assert_eq!(
        only(&center),
        json!({
            "feishuOpenId": "ou", "feishuTenantKey": "t", "nickname": "爱丽丝", "email": "a@example.com",
            "status": "disabled",
        })
    );
    client.sync_feishu_user(&NewFeishuUser::new().username("alice")).await.unwrap();
    assert_eq!(center.requests()[1].1, json!({"username": "alice", "status": "active"}));

    for nobody in [
        NewFeishuUser::new(),
        NewFeishuUser::new().nickname("Alice").email("a@example.com"),
        NewFeishuUser::new().username(" "),
        NewFeishuUser::new().ids(&FeishuIds::new().with_tenant_key("t")),
    ] {
        assert_eq!(client.sync_feishu_user(&nobody).await.unwrap_err().kind(), ErrorKind::InvalidRequest);
    }
    assert_eq!(center.requests().len(), 2);
}

#[tokio::test]
async fn feishu_tokens_are_issued_for_at_most_seven_days() {
    let day = Duration::from_secs(24 * 60 * 60);
    for (request, expected) in [
        (FeishuTokenRequest::new(FeishuUser::id(7)), json!({"userId": 7, "expiresIn": 86_400})),
        (
            FeishuTokenRequest::new(FeishuUser::username("alice")).expires_in(7 * day),
            json!({"username": "alice", "expiresIn": 604_800}),
        ),
        (
            FeishuTokenRequest::new(FeishuUser::feishu_user_id("fu")).expires_in(Duration::from_secs(1)),
            json!({"feishuUserId": "fu", "expiresIn": 1}),
        ),
        (
            FeishuTokenRequest::new(FeishuUser::open_id("ou")).tenant_key("t"),
            json!({"feishuOpenId": "ou", "feishuTenantKey": "t", "expiresIn": 86_400}),
        ),
        (
            FeishuTokenRequest::new(FeishuUser::union_id("on")),
            json!({"feishuUnionId": "on", "expiresIn": 86_400}),
        ),
    ] {
        let center =
            Canned::with_data(json!({"accessToken": "hunter2", "expires_at": "2027-01-15T08:00:00Z"})).await;
        let token = center.client(|builder| builder).issue_feishu_user_token(&request).await.unwrap();
        assert_eq!(only(&center), expected);
        assert_eq!(token.access_token.expose(), "hunter2");
        assert_eq!(token.expires_at, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)));
        assert!(!format!("{token:?}").contains("hunter2"));
    }

    let center = Canned::start(|_, _| json!({"code": 40401, "message": "no such user"})).await;
    let client = center.client(|builder| builder);
    let alice = FeishuTokenRequest::new(FeishuUser::username("alice"));
    for request in [
        alice.clone().expires_in(7 * day + Duration::from_nanos(1)),
        alice.clone().expires_in(Duration::from_millis(999)),
        alice.clone().expires_in(Duration::MAX),
        FeishuTokenRequest::new(FeishuUser::open_id("")),
    ] {
        let error = client.issue_feishu_user_token(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    }
    assert!(center.requests().is_empty());
    let error = client.issue_feishu_user_token(&alice).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.status().as_u16(), error.detail()),
        (ErrorKind::UnknownUser, 40_401, 404, Some("no such user"))
    );
}

/// What may have taken effect is not sent again; what changes nothing when repeated is.
#[tokio::test]
async fn calls_with_effects_are_not_retried() {
    for fault in [Fault::Reset, Fault::status(502)] {
        let Rig { center, client, .. } = Rig::new().await;
        center.inject_fault(fault);
        let message = FeishuMessage::text("hi");
        let app_token = AppToken::new(7, "theirs");
        client.create_access_key(TOKEN, &NewAccessKey::new()).await.unwrap_err();
        client.send_feishu_message("cli", &FeishuUser::id(7), &message).await.unwrap_err();
        client.issue_feishu_user_token(&FeishuTokenRequest::new(FeishuUser::id(7))).await.unwrap_err();
        client.compare_users(app_token, app_token).await.unwrap_err();
        client.authorize_user_by_token(app_token).await.unwrap_err();
        let calls = [
            "/access-key/create",
            "/feishu/message",
            "/feishu/identity/users/token",
            "/users/compare-identity",
            "/users/authorize-by-token",
        ];
        assert_eq!(calls.map(|endpoint| center.calls(endpoint)), [1, 1, 1, 2, 2]);
    }
}

/// No log line, at any level, and no error repeats a token, a key or the app's secret.
#[tokio::test]
async fn secrets_are_in_no_log_and_no_error() {
    let secrets = ["hunter-source", "hunter-target", "ak_hunter", "hunter-issued"];
    for answer in [
        json!({"code": 0, "data": {
            "key": "ak_hunter", "sameUser": true, "accessToken": "hunter-issued", "id": 7, "username": "alice",
        }}),
        json!({"code": 0, "data": ["ak_hunter", "hunter-issued"]}),
        json!({"code": 401, "message": "hunter-source is unknown", "data": {"hunter-source": [1]}}),
    ] {
        let said = answer.clone();
        let center = Canned::start(move |_, _| said.clone()).await;
        let client = center.client(|builder| builder);
        let log = Log::start();
        let (source, target) = (AppToken::new(7, "hunter-source"), AppToken::new(42, "hunter-target"));
        let token = FeishuTokenRequest::new(FeishuUser::id(7));
        let shown = [
            format!("{:?}", client.create_access_key("hunter-source", &NewAccessKey::new()).await),
            format!("{:?}", client.compare_users(source, target).await),
            format!("{:?}", client.authorize_user_by_token(source).await),
            // A center that repeats a token to a call that was not made with it gives it away itself.
            match answer["code"] == 0 {
                true => format!("{:?}", client.issue_feishu_user_token(&token).await),
                false => String::new(),
            },
            log.take(),
        ];
        for secret in secrets {
            for shown in &shown {
                assert!(!shown.contains(secret), "{secret}: {shown}");
            }
        }
    }
}
