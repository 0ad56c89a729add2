//! The answers of auth centers of different age, as each wrote them: `protocol.md` calls these its dialects.

use aigc_auth::impersonation::{ActAsPolicy, UserDirectory};
use aigc_auth::user::{FeishuIds, UserGroup};
use aigc_auth::webhook::UserEvent;
use aigc_auth::{ActAsUser, AuthClient, AuthLayer, UserInfo};
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use serde_json::{Map, Value, json};
use tower::ServiceExt;

use crate::support::Canned;
use crate::support::rig::{KEY, TOKEN};

/// A version of the reference client, and the auth center that it was written for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Dialect {
    V53,
    V54,
    V62,
}

const DIALECTS: [Dialect; 3] = [Dialect::V53, Dialect::V54, Dialect::V62];

/// What an answer says of the admin flag.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flag {
    Admin,
    Plain,
    Absent,
    Null,
}

const FLAGS: [Flag; 4] = [Flag::Admin, Flag::Plain, Flag::Absent, Flag::Null];

impl Flag {
    fn value(self) -> Option<bool> {
        match self {
            Self::Admin => Some(true),
            Self::Plain => Some(false),
            Self::Absent | Self::Null => None,
        }
    }

    fn write(self, fields: &mut Value, name: &str) {
        if self != Self::Absent {
            fields[name] = json!(self.value());
        }
    }
}

impl Dialect {
    /// Alice, as `/user/info` has her.
    fn user(self, flag: Flag) -> Value {
        let mut user =
            json!({"id": 7, "username": "alice", "email": null, "roles": ["r"], "status": "active"});
        if self != Self::V53 {
            user["groups"] = json!([{"id": 3, "name": "Ops", "code": "ops"}]);
        }
        if self == Self::V62 {
            user["feishuOpenId"] = json!("ou_84aad3");
            user["feishuUserId"] = Value::Null;
        }
        flag.write(&mut user, if self == Self::V62 { "isAdmin" } else { "is_admin" });
        user
    }

    fn batch(self, flag: Flag) -> Value {
        match self {
            Self::V53 => json!({"users": [self.user(flag)], "not_found": ["bob"]}),
            Self::V54 => json!({"items": [self.user(flag)]}),
            Self::V62 => json!([self.user(flag)]),
        }
    }

    fn access_key(self, flag: Flag) -> Value {
        let mut key = json!({"valid": true, "username": "alice", "nickname": null, "email": null});
        let [key_type, user_id, is_admin] = match self {
            Self::V53 | Self::V62 => ["keyType", "userId", "isAdmin"],
            Self::V54 => ["key_type", "user_id", "is_admin"],
        };
        key[key_type] = json!("user");
        key[user_id] = json!(7);
        if self == Self::V62 {
            key["phone"] = json!("138");
        }
        flag.write(&mut key, is_admin);
        key
    }

    fn answer(self, endpoint: &str, flag: Flag) -> Value {
        match endpoint {
            "/user/info" => self.user(flag),
            "/users/batch" | "/users/batch-by-ids" => self.batch(flag),
            "/users/list" => json!({"items": [self.user(flag)], "total": 1}),
            "/access-key/verify" => self.access_key(flag),
            _ => panic!("{endpoint}"),
        }
    }

    /// What all answers but that about an access key say of her.
    fn alice(self, flag: Flag) -> UserInfo {
        let mut alice = UserInfo::builder(7, "alice").roles(["r"]).status("active").admin(flag.value());
        if self != Self::V53 {
            alice = alice.groups([UserGroup::new("ops").with_id(3).with_name("Ops")]);
        }
        if self == Self::V62 {
            alice = alice.feishu(FeishuIds::new().with_open_id("ou_84aad3"));
        }
        alice.build()
    }
}

async fn center(dialect: Dialect, flag: Flag) -> (Canned, AuthClient) {
    let center = Canned::start(move |path, body| {
        let data = match body["token"].as_str() {
            Some("root-token") => json!({"id": 1, "username": "root", "isAdmin": true}),
            _ => dialect.answer(path.strip_prefix("/sdk").unwrap(), flag),
        };
        json!({"code": 0, "message": "success", "data": data})
    });
    let center = center.await;
    let client = center.client(|builder| builder);
    (center, client)
}

#[tokio::test]
async fn every_answer_is_read_in_every_dialect() {
    for dialect in DIALECTS {
        for flag in FLAGS {
            let (_center, client) = center(dialect, flag).await;
            let (alice, what) = (dialect.alice(flag), format!("{dialect:?} {flag:?}"));
            assert_eq!(client.user_info(TOKEN).await.unwrap(), alice, "{what}");
            let found = client.batch_users(["alice", "bob"]).await.unwrap();
            assert_eq!(
                (&found.users, found.not_found),
                (&vec![alice.clone()], vec!["bob".to_owned()]),
                "{what}"
            );
            let found = client.batch_users_by_ids([8, 7]).await.unwrap();
            assert_eq!(found, [None, Some(alice.clone())], "{what}");
            let page = client.list_users(None, 1, 100).await.unwrap();
            assert_eq!((&page.items, page.total), (&vec![alice.clone()], 1), "{what}");
            assert_eq!(client.find_user(&7.into()).await.unwrap(), Some(alice), "{what}");

            let user = client.access_key_user(KEY).await.unwrap();
            assert_eq!((user.username(), user.admin_flag()), ("alice", flag.value()), "{what}");
            assert_eq!(user.phone(), (dialect == Dialect::V62).then_some("138"), "{what}");
            let info = client.verify_access_key(KEY).await.unwrap();
            assert_eq!((info.user_id, info.is_admin), (Some(7.into()), flag.value()), "{what}");

            let body = json!({"event": "user.login", "data": dialect.user(flag)}).to_string();
            let event = UserEvent::from_json(body.as_bytes()).unwrap();
            let user = event.user().unwrap();
            assert_eq!(user.is_admin(), flag.value(), "{what}");
            assert_eq!(user.groups().map(<[_]>::len), (dialect != Dialect::V53).then_some(1), "{what}");
            assert_eq!(user.feishu().is_some(), dialect == Dialect::V62, "{what}");
        }
    }
}

/// Each entry: whether root, an admin, may act as alice under the default policy, one that takes users of whom nothing is
/// said for plain ones, and one that allows admins as targets.
#[tokio::test]
async fn target_whose_admin_flag_is_not_stated_counts_as_admin() {
    async fn acts(client: &AuthClient, policy: ActAsPolicy) -> u16 {
        let app = Router::new()
            .route("/", get(|user: ActAsUser| async move { user.user_id().to_string() }))
            .layer(AuthLayer::new(client.clone()).act_as(policy));
        let request = Request::get("/").header("authorization", "Bearer root-token");
        let request = request.header("x-act-as-user-id", "7").body(Body::empty()).unwrap();
        app.oneshot(request).await.unwrap().status().as_u16()
    }

    for dialect in DIALECTS {
        for (flag, expected) in [
            (Flag::Admin, [403, 403, 200]),
            (Flag::Plain, [200, 200, 200]),
            (Flag::Absent, [403, 200, 200]),
            (Flag::Null, [403, 200, 200]),
        ] {
            let (_center, client) = center(dialect, flag).await;
            let policies = [
                ActAsPolicy::new(),
                ActAsPolicy::new().allow_unflagged_targets(),
                ActAsPolicy::new().allow_admin_targets(),
            ];
            let mut seen = vec![];
            for policy in policies {
                seen.push(acts(&client, policy).await);
            }
            assert_eq!(seen, expected, "{dialect:?} {flag:?}");
        }
    }
}

/// With both spellings in one answer, the newer one decides: for each endpoint, and whatever else it has.
#[tokio::test]
async fn camel_case_decides_where_spellings_contradict() {
    for (camel, snake, expected) in [
        (json!(true), json!(false), Some(true)),
        (json!(false), json!(true), Some(false)),
        (json!(null), json!(true), None),
        (json!(true), json!(null), Some(true)),
    ] {
        let both = json!({"isAdmin": camel, "is_admin": snake});
        let Value::Object(both) = both else { unreachable!() };
        let with_both = move |mut fields: Map<String, Value>| {
            fields.remove("isAdmin");
            fields.remove("is_admin");
            fields.extend(both.clone());
            Value::Object(fields)
        };
        let change = with_both.clone();
        let center = Canned::start(move |path, _| {
            let user = |user: Value| change(user.as_object().unwrap().clone());
            let data = match path.strip_prefix("/sdk").unwrap() {
                "/users/batch" | "/users/batch-by-ids" => json!([user(Dialect::V62.user(Flag::Plain))]),
                "/users/list" => json!({"items": [user(Dialect::V62.user(Flag::Plain))], "total": 1}),
                endpoint => user(Dialect::V62.answer(endpoint, Flag::Plain)),
            };
            json!({"code": 0, "message": "success", "data": data})
        });
        let center = center.await;
        let client = center.client(|builder| builder);
        let event = json!({"event": "user.login", "data": with_both(Map::new())}).to_string();
        let seen = [
            client.user_info(TOKEN).await.unwrap().admin_flag(),
            client.access_key_user(KEY).await.unwrap().admin_flag(),
            client.batch_users(["alice"]).await.unwrap().users[0].admin_flag(),
            client.batch_users_by_ids([7]).await.unwrap()[0].as_ref().unwrap().admin_flag(),
            client.list_users(None, 1, 1).await.unwrap().items[0].admin_flag(),
            client.find_user(&7.into()).await.unwrap().unwrap().admin_flag(),
            UserEvent::from_json(event.as_bytes()).unwrap().user().unwrap().is_admin(),
        ];
        assert_eq!(seen, [expected; 7], "{camel} {snake}");
    }
}

/// An array is no record, although its items could be taken for the fields in their order; nor is it an envelope.
#[tokio::test]
async fn array_in_place_of_record_is_unavailable() {
    for envelope in [
        json!({"code": 0, "message": "success", "data": [7, "alice"]}),
        json!({"code": 0, "message": "success", "data": [true, "user", 7, "alice"]}),
        json!({"code": 0, "message": "success", "data": "alice"}),
        json!({"code": 0, "message": "success", "data": null}),
        json!([0, "success", {"id": 7, "username": "alice", "valid": true}]),
    ] {
        let said = envelope.clone();
        let center = Canned::start(move |_, _| said.clone()).await;
        let client = center.client(|builder| builder);
        let codes = [
            client.user_info(TOKEN).await.map(drop),
            client.verify_token(TOKEN).await.map(drop),
            client.access_key_user(KEY).await.map(drop),
            client.check_permissions(TOKEN, ["a"]).await.map(drop),
            client.list_users(None, 1, 1).await.map(drop),
            client.find_user(&7.into()).await.map(drop),
        ];
        assert_eq!(codes.map(|result| result.unwrap_err().code()), [-1; 6], "{envelope}");
    }
}

/// No business code but those of the protocol says anything about a credential.
#[tokio::test]
async fn unknown_business_code_is_unavailable() {
    for code in [400, 402, 409, 500, 40401, 40100, -1, 1] {
        let center =
            Canned::start(move |_, _| json!({"code": code, "message": "no", "data": {"trace": 1}})).await;
        let client = center.client(|builder| builder);
        for error in [
            client.user_info(TOKEN).await.unwrap_err(),
            client.access_key_user(KEY).await.unwrap_err(),
            client.find_user(&7.into()).await.unwrap_err(),
        ] {
            assert_eq!((error.status().as_u16(), error.code()), (503, -1), "{code}");
        }
        let error = client.user_info("another").await.unwrap_err();
        assert_eq!(error.data(), Some(&json!({"trace": 1})), "{code}");
        let error = client.user_info("another").await.unwrap_err();
        assert_eq!(error.data(), None, "of the call, not of the pause that follows");
    }
}
