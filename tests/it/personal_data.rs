//! What reaches a log by `{:?}`: no value that is somebody's.

use std::fmt::Debug;

use aigc_auth::client::{AccessKeyInfo, FeishuMessage, NewFeishuUser, SyncUser};
use aigc_auth::user::FeishuIds;
use aigc_auth::webhook::{Delivery, EVENTS, SignedBody, UserEvent};
use aigc_auth::{CurrentUser, UserInfo};
use serde_json::json;

use crate::webhook::receiver::{Receiver, sender};

/// Is in every value here that is personal.
const MARK: &str = "hunter2";

#[track_caller]
fn shows(shown: &impl Debug, parts: &[&str]) {
    for text in [format!("{shown:?}"), format!("{shown:#?}")] {
        assert!(!text.contains(MARK), "{text}");
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}

#[test]
fn event_shows_its_name_the_id_and_the_names_of_fields() {
    let data = json!({
        "id": 7, "username": MARK, "nickname": MARK, "email": format!("{MARK}@example.com"), "phone": MARK,
        "avatar": MARK, "department": MARK, "company": MARK, "status": MARK, "roles": [MARK], "feishuOpenId": MARK,
        "groups": [{ "code": MARK, "name": MARK }], "homeAddress": { "street": MARK }, "updatedFields": ["email"],
    });
    for name in EVENTS.into_iter().chain(["team.created"]) {
        let body = json!({ "event": name, "data": data }).to_string();
        let event = UserEvent::from_json(body.as_bytes()).unwrap();
        shows(&event, &[name]);
        if let Some(user) = event.user() {
            shows(user, &["7", "email", "phone", "homeAddress", "updatedFields"]);
            shows(&event, &["7", "email", "phone", "homeAddress"]);
        }
        shows(&SignedBody(body.clone().into()), &[&body.len().to_string()]);
    }
}

#[test]
fn user_shows_the_id_what_they_may_do_and_the_names_of_fields() {
    let user = UserInfo::builder(7, MARK)
        .nickname(MARK)
        .email(MARK)
        .phone(MARK)
        .department(MARK)
        .company(MARK)
        .feishu(FeishuIds::new().with_open_id(MARK))
        .roles(["editor"])
        .permissions(["report:read"])
        .status("active")
        .build();
    let parts = ["7", "editor", "report:read", "active", "email", "phone", "department", "company", "feishu"];
    shows(&user, &parts);
    shows(&CurrentUser(user.clone()), &parts);
    shows(&Some(user), &parts);
    let bare = format!("{:?}", UserInfo::builder(7, MARK).build());
    assert!(!bare.contains("email") && !bare.contains("feishu"), "{bare}");
}

#[tokio::test]
async fn what_is_sent_and_answered_shows_no_data_of_users() {
    let new =
        NewFeishuUser::new().username(MARK).email(MARK).phone(MARK).ids(&FeishuIds::new().with_open_id(MARK));
    shows(&new, &["active", "username", "email", "phone", "feishu_open_id"]);
    shows(&FeishuMessage::text(MARK), &["text"]);
    shows(&FeishuMessage::interactive(json!({ "to": MARK })), &["interactive"]);
    let sync = SyncUser::with_password("alice", MARK).field("email", MARK).field("roles", json!([MARK]));
    shows(&sync, &["alice", "email", "roles"]);
    let key: AccessKeyInfo = serde_json::from_value(json!({
        "valid": true, "keyType": "user", "keyName": "nightly", "userId": 7, "username": MARK, "nickname": MARK,
        "email": MARK, "phone": MARK, "avatar": MARK,
    }))
    .unwrap();
    shows(&key, &["user", "nightly", "7", "email", "avatar"]);

    let receiver = Receiver::start(|_| MARK).await;
    let delivery: Delivery = sender(receiver.url()).send("user.updated", &json!({ "id": 7 })).await.unwrap();
    assert_eq!(delivery.answer, MARK);
    shows(&delivery, &["200", "answer_bytes: 7"]);
}
