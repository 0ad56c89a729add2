//! The calls of the reference client, in its versions, against the test center in each dialect; and ours beside them.

use std::collections::BTreeMap;
use std::time::Duration;

use aigc_auth::client::{
    AppToken, FeishuMessage, FeishuTokenRequest, FeishuUser, NewAccessKey, NewFeishuUser, SyncUser,
};
use aigc_auth::error::ErrorKind;
use aigc_auth::testing::{self, AuthCenter, Dialect, TestKey};
use aigc_auth::user::{FeishuIds, UserGroup};
use aigc_auth::{AuthClient, AuthError, Secret};
use http::HeaderMap;
use serde_json::{Value, json};

use crate::support::{Reference, client};

const DIALECTS: [Dialect; 3] = [Dialect::V1_1_53, Dialect::V1_1_54, Dialect::V1_1_59];

async fn center(dialect: Dialect) -> AuthCenter {
    let center = AuthCenter::builder().app_id("42").dialect(dialect).start().await;
    let ids = FeishuIds::new().with_open_id("ou_alice");
    let alice = testing::user("alice").id(7).permissions(["report:read"]).groups(["ops"]).feishu(ids);
    center.add_user(alice.admin(true).phone("138").status("active"));
    center.add_user(testing::user("bob").id(8));
    center.add_group(UserGroup::new("ops").with_name("Operations"));
    center.add_token("token", "alice");
    center.add_access_key("ak_alice", TestKey::user("alice"));
    center.add_app_token(9, "theirs", "alice");
    center
}

/// A call, and what it comes to: with each version of the reference client, for each dialect of the center.
struct Row {
    call: Value,
    outcome: fn(&Value) -> Value,
    expected: [[&'static str; 3]; 3],
}

fn row(
    method: &str,
    [args, named]: [Value; 2],
    outcome: fn(&Value) -> Value,
    expected: [[&'static str; 3]; 3],
) -> Row {
    Row { call: json!({"method": method, "args": args, "named": named}), outcome, expected }
}

/// What the reference client makes of a user: their name, admin flag, and the numbers of their groups and ids at Feishu.
fn user(user: &Value) -> Value {
    let admin =
        user["is_admin"].as_bool().map_or("unknown", |is_admin| if is_admin { "admin" } else { "plain" });
    let groups = user["groups"].as_array().map_or(0, Vec::len);
    let feishu = if user["feishu_open_id"] == "ou_alice" || user["feishuOpenId"] == "ou_alice" {
        " feishu"
    } else {
        ""
    };
    let groups = if groups == 0 { "" } else { " ops" };
    json!(format!("{} {admin}{groups}{feishu}", user["username"].as_str().unwrap_or("nobody")))
}

/// The users of a list, in each of the shapes that a version returns.
fn users(list: &Value) -> Value {
    let users = [&list["users"], &list["items"], list].into_iter().find_map(Value::as_array).unwrap();
    let known = users.iter().filter(|user| user["username"] != "未知用户");
    let known: Vec<_> = known.map(|one| user(one).as_str().unwrap().to_owned()).collect();
    json!(known.join(", "))
}

fn whole(value: &Value) -> Value {
    value.clone()
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Newer calls are missing in older versions, and unknown to older centers: HTTP 404 is the code -1 over there.
const fn since_54(right: &'static str) -> [[&'static str; 3]; 3] {
    [["missing"; 3], ["-1", right, right], ["-1", right, right]]
}

const fn since_62(right: &'static str) -> [[&'static str; 3]; 3] {
    [["missing"; 3], ["missing"; 3], ["-1", "-1", right]]
}

fn rows() -> Vec<Row> {
    let service = json!({"name": "orders", "ips": ["10.0.0.1"], "instance_id": "orders-1"});
    let args = |args: Value| [args, json!({})];
    vec![
        row("verify_token", args(json!(["token"])), |status| status["user_id"].clone(), [["7"; 3]; 3]),
        row(
            "get_user_info",
            args(json!(["token"])),
            user,
            [
                // Those before 1.1.59 do not know the flag of newer centers.
                ["alice admin", "alice admin", "alice unknown"],
                ["alice admin", "alice admin ops", "alice unknown ops"],
                ["alice admin", "alice admin ops", "alice admin ops feishu"],
            ],
        ),
        row(
            "check_permissions",
            args(json!(["token", ["report:read", "nothing"]])),
            whole,
            [[r#"{"nothing":false,"report:read":true}"#; 3], ["true"; 3], ["true"; 3]],
        ),
        row(
            "verify_access_key",
            args(json!(["ak_alice"])),
            |key| json!(format!("{} {} {}", key["key_type"], key["user_id"], key["is_admin"])),
            [
                [r#""user" 7 true"#, "null null null", r#""user" 7 true"#],
                ["null null null", r#""user" 7 true"#, "null null null"],
                [r#""user" 7 true"#; 3],
            ],
        ),
        row(
            "batch_get_users",
            args(json!([["alice", "nobody"]])),
            users,
            [
                ["alice admin", "alice admin ops", "alice admin ops feishu"],
                // `{users}` is an empty list to them, without an error.
                ["", "alice admin ops", "alice admin ops"],
                ["", "alice admin ops", "alice admin ops feishu"],
            ],
        ),
        row(
            "batch_get_users_by_ids",
            args(json!([[7, 999]])),
            users,
            [
                // Each reads one name of the ids only.
                ["alice admin", "400", "400"],
                ["400", "alice admin ops", "alice admin ops"],
                ["400", "alice admin ops", "alice admin ops feishu"],
            ],
        ),
        row(
            "list_users",
            args(json!(["ali", 1, 20])),
            users,
            [["alice admin", "alice admin ops", "alice admin ops feishu"]; 3],
        ),
        row(
            "sync_user_to_auth",
            args(json!([{"username": "carol", "password": "first", "nickname": "Carol"}])),
            |outcome| outcome["created"].clone(),
            [["true"; 3]; 3],
        ),
        row(
            "batch_sync_users_to_auth",
            args(
                json!([[{"username": "dave", "password_hashed": "$2b$12$x"}, {"username": "bob", "password": "p"}]]),
            ),
            |report| json!([report["success"], report["skipped"]]),
            [["[1,1]"; 3]; 3],
        ),
        row(
            "register_webhook",
            args(json!(["https://me/hook", ["user.updated"], "a secret of 16 b"])),
            |webhook| webhook["webhook_id"].clone(),
            [["1"; 3]; 3],
        ),
        row("unregister_webhook", args(json!(["1"])), |_| json!("done"), [["done"; 3]; 3]),
        row(
            "register_service",
            [json!([]), service],
            |result| result["instance_id"].clone(),
            [["orders-1"; 3]; 3],
        ),
        row(
            "service_heartbeat",
            args(json!(["orders", "pro", "orders-1"])),
            |_| json!("done"),
            [["done"; 3]; 3],
        ),
        row(
            "unregister_service",
            args(json!(["orders", "pro", "orders-1"])),
            |_| json!("done"),
            [["done"; 3]; 3],
        ),
        row("list_groups", args(json!([])), |groups| groups[0]["code"].clone(), since_54("ops")),
        row(
            "create_access_key",
            args(json!(["token", " ci ", " "])),
            |key| json!(format!("{} {}", key["user_id"], key["key"].as_str().unwrap().starts_with("ak_"))),
            since_62("7 true"),
        ),
        row("compare_users", args(json!([42, 9, "token", "theirs"])), whole, since_62("true")),
        row("authorize_user_by_token", args(json!([9, "theirs"])), user, since_62("alice admin ops feishu")),
        row(
            "send_feishu_message",
            args(json!(["cli_9f2b", "username", "alice", "text", {"text": "hi"}])),
            |sent| sent["status"].clone(),
            since_62("sent"),
        ),
        row(
            "sync_feishu_user",
            [json!([]), json!({"nickname": "Erin", "feishu_open_id": "ou_erin", "feishu_tenant_key": "t"})],
            |_| json!("done"),
            since_62("done"),
        ),
        row(
            "issue_feishu_user_token",
            [json!([]), json!({"username": "alice", "expires_in": 60})],
            |token| json!(token["accessToken"].is_string()),
            since_62("true"),
        ),
        row(
            "issue_feishu_user_token",
            [json!([]), json!({"feishu_union_id": "on_nobody"})],
            whole,
            since_62("40401"),
        ),
    ]
}

#[tokio::test]
async fn reference_versions_are_served_in_every_dialect() {
    for (at, reference) in Reference::all_versions().iter().enumerate() {
        for (dialect_at, dialect) in DIALECTS.into_iter().enumerate() {
            let center = center(dialect).await;
            let url = center.url();
            let calls: Value = rows().into_iter().map(|row| row.call).collect();
            let variables = [("APP_ID", "42"), ("AUTH_CENTER_URL", &*url)];
            let returned = reference.run("call_methods.py", &variables, &calls).await;
            let returned = returned.as_array().unwrap();
            assert_eq!(returned.len(), rows().len());
            for (row, returned) in rows().into_iter().zip(returned) {
                let seen = match (returned.get("ok"), returned.get("code")) {
                    (Some(value), _) => text((row.outcome)(value)),
                    (None, Some(code)) => code.to_string(),
                    _ => text(returned.clone()),
                };
                let what = format!("{} against {dialect:?}: {}", reference.version, row.call);
                assert_eq!(seen, row.expected[at][dialect_at], "{what}: {returned}");
            }
        }
    }
}

/// The calls of [`rows`], by our client. Those that the center does not have fail as an outage does.
async fn our_calls(client: &AuthClient, dialect: Dialect) -> Result<(), AuthError> {
    let newer = |result: Result<(), AuthError>, since: Dialect| match result {
        Err(error) if dialect < since && error.kind() == ErrorKind::Unavailable => Ok(()),
        result => {
            assert!(dialect >= since, "{since:?} answered by {dialect:?}");
            result
        }
    };
    client.verify_token("token").await?;
    assert!(client.user_info("token").await?.is_admin());
    client.check_permissions("token", ["report:read", "nothing"]).await?;
    client.verify_access_key("ak_alice").await?;
    let found = client.batch_users(["alice", "nobody"]).await?;
    assert_eq!((found.users[0].is_admin(), found.not_found), (true, vec!["nobody".to_owned()]));
    let found = client.batch_users_by_ids([7, 999]).await?;
    assert_eq!(found.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false]);
    client.list_users(Some("ali"), 1, 20).await?;
    let carol = SyncUser::with_password("carol", "first").field("nickname", "Carol");
    client.sync_user(&carol, HeaderMap::new()).await?;
    let dave = SyncUser::with_password_hash("dave", "$2b$12$x");
    client.sync_users(&[dave, SyncUser::with_password("bob", "p")], HeaderMap::new()).await?;
    let secret = Secret::from("a secret of 16 b");
    let webhook = client.register_webhook("https://me/hook", ["user.updated"], &secret).await?;
    client.unregister_webhook(&webhook).await?;

    newer(client.list_groups().await.map(drop), Dialect::V1_1_54)?;
    let key = NewAccessKey::new().name(" ci ").description(" ");
    newer(client.create_access_key("token", &key).await.map(drop), Dialect::V1_1_59)?;
    let (source, target) = (AppToken::new(42, "token"), AppToken::new(9, "theirs"));
    newer(client.compare_users(source, target).await.map(|same| assert!(same)), Dialect::V1_1_59)?;
    newer(client.authorize_user_by_token(target).await.map(drop), Dialect::V1_1_59)?;
    let (alice, text) = (FeishuUser::username("alice"), FeishuMessage::text("hi"));
    newer(client.send_feishu_message("cli_9f2b", &alice, &text).await.map(drop), Dialect::V1_1_59)?;
    let ids = FeishuIds::new().with_open_id("ou_erin").with_tenant_key("t");
    let erin = NewFeishuUser::new().nickname("Erin").ids(&ids);
    newer(client.sync_feishu_user(&erin).await.map(drop), Dialect::V1_1_59)?;
    let token = FeishuTokenRequest::new(alice).expires_in(Duration::from_secs(60));
    newer(client.issue_feishu_user_token(&token).await.map(drop), Dialect::V1_1_59)?;
    let nobody = FeishuTokenRequest::new(FeishuUser::union_id("on_nobody"));
    let unknown = client.issue_feishu_user_token(&nobody).await.unwrap_err();
    let expected = if dialect < Dialect::V1_1_59 { ErrorKind::Unavailable } else { ErrorKind::UnknownUser };
    assert_eq!(unknown.kind(), expected);
    Ok(())
}

/// The headers that both clients send, and the body.
type Sent = (Vec<Option<String>>, Value);

/// The requests to each endpoint. Services have a test of their own.
fn requests(center: &AuthCenter) -> BTreeMap<String, Vec<Sent>> {
    let mut by_endpoint = BTreeMap::<_, Vec<_>>::new();
    for request in center.requests() {
        let header = |name| request.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let headers = ["content-type", "x-app-id", "x-app-secret", "x-trace-id", "authorization"].map(header);
        if !request.endpoint.starts_with("/service/") {
            by_endpoint.entry(request.endpoint).or_default().push((headers.to_vec(), request.body));
        }
    }
    by_endpoint
}

#[tokio::test]
async fn requests_match_every_version_except_listed() {
    for (dialect, reference) in DIALECTS.into_iter().zip(Reference::all_versions()) {
        let (theirs, ours) = (center(dialect).await, center(dialect).await);
        let calls: Value = rows().into_iter().map(|row| row.call).collect();
        let url = theirs.url();
        let variables = [("APP_ID", "42"), ("AUTH_CENTER_URL", &*url)];
        reference.run("call_methods.py", &variables, &calls).await;
        our_calls(&client(&ours), dialect).await.unwrap();

        let (mut expected, mut ours) = (requests(&theirs), requests(&ours));
        let what = reference.version;
        // Intended: a center of any age finds the ids.
        let mut both = json!({"userIds": [7, 999], "user_ids": [7, 999]});
        assert_eq!(ours["/users/batch-by-ids"][0].1, both, "{what}");
        let read = if dialect == Dialect::V1_1_53 { "userIds" } else { "user_ids" };
        both.as_object_mut().unwrap().retain(|name, _| name == read);
        assert_eq!(expected["/users/batch-by-ids"][0].1, both, "{what}");
        expected.remove("/users/batch-by-ids");
        ours.remove("/users/batch-by-ids");
        // Intended: the id goes back as it came, a number here. Over there it is whatever the caller passes.
        assert_eq!(ours["/webhook/unregister"][0].1, json!({"webhookId": 1}), "{what}");
        expected.get_mut("/webhook/unregister").unwrap()[0].1 = json!({"webhookId": 1});
        if dialect > Dialect::V1_1_53 {
            // Intended: `check_permissions` keeps its first meaning here. Over there it is one more call for the user.
            assert_eq!(expected.get_mut("/user/info").unwrap().pop().unwrap().1, json!({"token": "token"}));
            assert_eq!(ours.remove("/permission/check").unwrap().len(), 1);
        }
        // What the version does not have, ours has asked in vain.
        ours.retain(|endpoint, _| expected.contains_key(endpoint));
        assert_eq!(ours, expected, "{what}");
    }
}
