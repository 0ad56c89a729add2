//! What every call of the client sends, and how its answers are read.

use std::time::{Duration, SystemTime};

use aigc_auth::client::SyncUser;
use aigc_auth::context::{InContext, RequestContext};
use aigc_auth::error::ErrorKind;
use aigc_auth::registry::Registration;
use aigc_auth::testing::{self, AuthCenter, Fault};
use aigc_auth::user::AccessKeyKind;
use aigc_auth::{AuthError, Secret, UserId};
use futures_util::{StreamExt, TryStreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::rig::{APP_SECRET, KEY, Rig, TOKEN};
use crate::support::{self, Canned};

/// The last request that arrived: its endpoint and body, once its headers are found to be right.
fn last(center: &AuthCenter) -> (String, Value) {
    let request = center.requests().pop().unwrap();
    let header = |name: &str| {
        let values: Vec<_> = request.headers.get_all(name).iter().collect();
        assert!(values.len() < 2, "{name}: {values:?}");
        values.first().map(|value| value.to_str().unwrap())
    };
    assert_eq!(header("content-type"), Some("application/json"));
    assert_eq!(header("x-app-id"), Some("test-app"));
    assert_eq!(header("x-app-secret"), Some(APP_SECRET));
    for absent in ["authorization", "cookie", "x-trace-id"] {
        assert_eq!(header(absent), None);
    }
    (request.endpoint, request.body)
}

fn sent(endpoint: &str, body: Value) -> (String, Value) {
    (endpoint.to_owned(), body)
}

fn headers<const N: usize>(pairs: [(&'static str, &'static str); N]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}

fn rejected(error: &AuthError) -> (ErrorKind, i64, u16, Option<&str>) {
    (error.kind(), error.code(), error.status().as_u16(), error.detail())
}

#[tokio::test]
async fn user_lookups_send_credentials_and_reject_malformed_ones() {
    let Rig { center, client, .. } = Rig::new().await;
    let user = client.user_info(TOKEN).await.unwrap();
    assert_eq!(last(&center), sent("/user/info", json!({"token": TOKEN})));
    assert_eq!(user, testing::user("alice").id(7).permissions(["report:read"]).build());

    let user = client.access_key_user(KEY).await.unwrap();
    assert_eq!(last(&center), sent("/access-key/verify", json!({"accessKey": KEY})));
    assert_eq!((user.id(), user.access_key()), (&UserId::from(7), Some(AccessKeyKind::User)));

    let info = client.verify_access_key(KEY).await.unwrap();
    assert_eq!(last(&center), sent("/access-key/verify", json!({"accessKey": KEY})));
    assert!(info.valid && info.key_type.as_deref() == Some("user") && info.user_id == Some(7.into()));
    assert_eq!(info.username.as_deref(), Some("alice"));
    assert!(!client.verify_access_key("ak_nobody-has-it").await.unwrap().valid);

    // What cannot be a credential is not sent anywhere.
    center.clear_requests();
    for bad in ["", "two words", "t\u{f6}k", "a\nb", KEY] {
        for result in [
            client.user_info(bad).await.map(drop),
            client.verify_token(bad).await.map(drop),
            client.check_permissions(bad, ["a"]).await.map(drop),
        ] {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidCredential, "{bad:?}");
        }
    }
    for bad in ["", TOKEN, "ak_ 1"] {
        assert_eq!(client.access_key_user(bad).await.unwrap_err().kind(), ErrorKind::InvalidCredential);
        assert_eq!(client.verify_access_key(bad).await.unwrap_err().kind(), ErrorKind::InvalidCredential);
    }
    assert_eq!(center.requests().len(), 0);
}

#[tokio::test]
async fn verify_token_reports_validity_and_expiry() {
    let Rig { center, client, .. } = Rig::new().await;
    let ends = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    center.add_token_expiring("short", "alice", ends);
    for (token, expires_at) in [(TOKEN, None), ("short", Some(ends))] {
        let status = client.verify_token(token).await.unwrap();
        assert_eq!(last(&center), sent("/token/verify", json!({"token": token})));
        assert!(status.valid);
        assert_eq!((status.user_id, status.username.as_deref()), (Some(7.into()), Some("alice")));
        assert_eq!(status.expires_at, expires_at);
    }

    let status = client.verify_token("nobody-has-it").await.unwrap();
    assert!(!status.valid && status.user_id.is_none() && status.expires_at.is_none());
    for (code, expected) in [
        (401, Ok(false)),
        (404, Ok(false)),
        (403, Err(ErrorKind::Denied)),
        (500, Err(ErrorKind::Unavailable)),
    ] {
        center.inject_fault(Fault::code(code, "no"));
        let valid = client.verify_token(TOKEN).await.map(|status| status.valid);
        assert_eq!(valid.map_err(|error| error.kind()), expected, "{code}");
    }
    center.inject_fault(Fault::Refuse);
    let error = client.verify_token(TOKEN).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "an outage is no invalid token");
}

#[tokio::test]
async fn check_permissions_grants_only_requested_ones() {
    let Rig { center, client, .. } = Rig::new().await;
    let granted = client.check_permissions(TOKEN, ["report:read", "report:write"]).await.unwrap();
    let body = json!({"token": TOKEN, "permissionCodes": ["report:read", "report:write"]});
    assert_eq!(last(&center), sent("/permission/check", body));
    assert_eq!(json!(granted), json!({"report:read": true, "report:write": false}));
    assert_eq!(client.check_permissions::<&str>(TOKEN, []).await.unwrap().len(), 0);
    let error = client.check_permissions("nobody-has-it", ["a"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidCredential);

    // Neither a code that is left out is granted, nor one that was not requested.
    let canned = Canned::with_data(json!({"results": {"a": true, "not requested": true}})).await;
    let granted = canned.client(|builder| builder).check_permissions(TOKEN, ["a", "b"]).await.unwrap();
    assert_eq!(json!(granted), json!({"a": true, "b": false}));
}

/// Sizes of the calls that one request went out in, largest first.
fn chunks(center: &AuthCenter, field: &str) -> Vec<usize> {
    let mut sizes: Vec<_> =
        center.requests().iter().map(|request| request.body[field].as_array().unwrap().len()).collect();
    sizes.sort_by(|a, b| b.cmp(a));
    sizes
}

#[tokio::test]
async fn batch_calls_chunk_by_100_and_keep_order() {
    let Rig { center, client, .. } = Rig::new().await;
    for n in 0..250 {
        let user = testing::user(format!("user-{n}"));
        // Every fifth has an id that is a string.
        center.add_user(if n % 5 == 0 { user.id(format!("id-{n}")) } else { user.id(1_000 + n) });
    }
    let id = |n: i64| if n % 5 == 0 { UserId::from(format!("id-{n}")) } else { UserId::from(1_000 + n) };
    for (count, expected) in [
        (0, vec![]),
        (1, vec![1]),
        (100, vec![100]),
        (101, vec![100, 1]),
        (250, vec![100, 100, 50]),
        (500, vec![100; 5]),
    ] {
        // From the last to the first; from 250 on, there is no such user.
        let asked: Vec<i64> = (0..count).rev().collect();
        center.clear_requests();
        let found = client.batch_users(asked.iter().map(|n| format!("user-{n}"))).await.unwrap();
        let names = |of: &dyn Fn(i64) -> bool| -> Vec<_> {
            asked.iter().filter(|n| of(**n)).map(|n| format!("user-{n}")).collect()
        };
        let users: Vec<_> = found.users.iter().map(|user| user.username().to_string()).collect();
        assert_eq!((users, found.not_found), (names(&|n| n < 250), names(&|n| n >= 250)), "{count}");
        assert_eq!(chunks(&center, "usernames"), expected, "{count}");

        center.clear_requests();
        let found = client.batch_users_by_ids(asked.iter().map(|n| id(*n))).await.unwrap();
        let found: Vec<_> = found.iter().map(|user| user.as_ref().map(|user| user.id().clone())).collect();
        let expected_ids: Vec<_> = asked.iter().map(|n| (*n < 250).then(|| id(*n))).collect();
        assert_eq!(found, expected_ids, "{count}");
        assert_eq!(chunks(&center, "userIds"), expected, "{count}");
    }

    client.batch_users(["alice", "bob"]).await.unwrap();
    assert_eq!(last(&center), sent("/users/batch", json!({"usernames": ["alice", "bob"]})));
    let ids = [UserId::from(7), UserId::from("7"), UserId::from(7)];
    let found = client.batch_users_by_ids(ids).await.unwrap();
    assert_eq!(
        last(&center),
        sent("/users/batch-by-ids", json!({"userIds": [7, "7", 7], "user_ids": [7, "7", 7]}))
    );
    let found: Vec<_> = found.iter().map(Option::is_some).collect();
    assert_eq!(found, [true, false, true], "a number is no string, and duplicates are answered twice");

    // One call of several fails: so does the whole.
    center.inject_fault_times(1, Fault::code(409, "busy"));
    let error = client.batch_users((0..250).map(|n| format!("user-{n}"))).await.unwrap_err();
    assert_eq!(rejected(&error), (ErrorKind::Rejected, 409, 502, Some("busy")));
    center.inject_fault_times(1, Fault::code(409, "busy"));
    let error = client.batch_users_by_ids(0..250).await.unwrap_err();
    assert_eq!(rejected(&error), (ErrorKind::Rejected, 409, 502, Some("busy")));
}

#[tokio::test]
async fn user_list_pages_lazily_and_ends_on_error() {
    for count in [0_usize, 1, 99, 100, 101, 200, 250] {
        let center = AuthCenter::start().await;
        let client = support::client(&center);
        for n in 0..count {
            center.add_user(testing::user(format!("user-{n:03}")).id(n as i64));
        }
        let users: Vec<_> = client.users(None).try_collect().await.unwrap();
        let ids: Vec<_> = users.iter().map(|user| user.id().as_i64().unwrap()).collect();
        assert_eq!(ids, (0..count as i64).collect::<Vec<_>>());
        assert_eq!(center.calls("/users/list"), count.div_ceil(100).max(1), "{count}: pages");
    }

    let center = AuthCenter::start().await;
    let client = support::client(&center);
    (0..250).for_each(|n| center.add_user(testing::user(format!("user-{n:03}")).id(n)));
    let page = client.list_users(Some("user-24"), 2, 4).await.unwrap();
    assert_eq!(last(&center), sent("/users/list", json!({"keyword": "user-24", "page": 2, "pageSize": 4})));
    let names: Vec<_> = page.items.iter().map(|user| user.username()).collect();
    assert_eq!((names, page.total), (vec!["user-244", "user-245", "user-246", "user-247"], 10));
    client.list_users(None, 1, 100).await.unwrap();
    assert_eq!(last(&center), sent("/users/list", json!({"keyword": null, "page": 1, "pageSize": 100})));
    let error = client.list_users(None, 1, 101).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Rejected, 400));
    let found: Vec<_> = client.users(Some("-24")).try_collect().await.unwrap();
    assert_eq!(found.len(), 10);

    // Pages are fetched lazily, and an error is the end.
    center.clear_requests();
    let mut users = client.users(None);
    assert_eq!(center.calls("/users/list"), 0);
    for _ in 0..100 {
        users.next().await.unwrap().unwrap();
    }
    assert_eq!(center.calls("/users/list"), 1);
    center.inject_fault(Fault::status(500));
    assert_eq!(users.next().await.unwrap().unwrap_err().kind(), ErrorKind::Unavailable);
    center.clear_faults();
    assert!(users.next().await.is_none());

    // Users who are removed meanwhile do not prolong it.
    let mut users = client.users(None);
    users.next().await.unwrap().unwrap();
    (0..250).for_each(|n| center.remove_user(&format!("user-{n:03}")));
    assert_eq!(users.count().await, 99);
}

#[tokio::test]
async fn sync_user_calls_send_fields_and_hide_passwords() {
    let Rig { center, client, .. } = Rig::new().await;
    let user =
        SyncUser::with_password("bob", "hunter2").field("nickname", "Bob").field("roles", vec!["editor"]);
    let theirs = headers([
        ("x-batch", "1"),
        ("x-batch", "2"),
        ("x-app-id", "forged"),
        ("x-app-secret", "forged"),
        ("content-type", "text/plain"),
    ]);
    let outcome = client.sync_user(&user, theirs.clone()).await.unwrap();
    let body = json!({"username": "bob", "password": "hunter2", "nickname": "Bob", "roles": ["editor"]});
    assert_eq!(last(&center), sent("/sync/user", body));
    let batch: Vec<_> = center.requests()[0].headers.get_all("x-batch").iter().cloned().collect();
    assert_eq!(batch, ["1", "2"], "the caller's own headers go along");
    assert!(outcome.success && outcome.created && outcome.user_id.is_some());
    assert!(!client.sync_user(&user, HeaderMap::new()).await.unwrap().created);

    let hashed = SyncUser::with_password_hash("carol", "$2b$12$x").field("password", "no");
    client.sync_user(&hashed, HeaderMap::new()).await.unwrap();
    assert_eq!(
        last(&center),
        sent("/sync/user", json!({"username": "carol", "password_hashed": "$2b$12$x"}))
    );

    let dave = SyncUser::with_password("dave", "p");
    let report = client.sync_users(&[dave, hashed, SyncUser::with_password("", "p")], theirs).await.unwrap();
    let users = json!([
        {"username": "dave", "password": "p"},
        {"username": "carol", "password_hashed": "$2b$12$x"},
        {"username": "", "password": "p"},
    ]);
    assert_eq!(last(&center), sent("/sync/batch", json!({"users": users})));
    assert_eq!((report.total, report.success, report.skipped, report.failed), (3, 1, 1, 1));
    assert_eq!(report.errors.len(), 1);
    assert_eq!(client.sync_users(&[], HeaderMap::new()).await.unwrap().total, 0);

    let error = client.sync_user(&SyncUser::with_password("", "p"), HeaderMap::new()).await.unwrap_err();
    assert_eq!(rejected(&error), (ErrorKind::Rejected, 400, 502, Some("`username` is missing")));

    // No error repeats a password, whatever the center does.
    center.inject_fault(Fault::code(400, "hunter2 is too weak, as is $2b$12$x"));
    let users = [user, SyncUser::with_password_hash("carol", "$2b$12$x")];
    for user in &users {
        let error = client.sync_user(user, HeaderMap::new()).await.unwrap_err();
        assert_eq!(rejected(&error), (ErrorKind::Rejected, 400, 502, None));
    }
    let error = client.sync_users(&users, HeaderMap::new()).await.unwrap_err();
    assert_eq!(rejected(&error), (ErrorKind::Rejected, 400, 502, None));
}

#[tokio::test]
async fn webhook_registration_is_not_retried_and_hides_secret() {
    let Rig { center, client, .. } = Rig::new().await;
    let secret = Secret::new("hunter2, and then some more");
    let id = client.register_webhook("https://me/hook/auth", ["user.updated"], &secret).await.unwrap();
    let body = json!({"url": "https://me/hook/auth", "events": ["user.updated"], "secret": secret.expose()});
    assert_eq!(last(&center), sent("/webhook/register", body));
    assert_eq!(center.webhooks().len(), 1);
    client.unregister_webhook(&id).await.unwrap();
    assert_eq!(last(&center), sent("/webhook/unregister", json!({"webhookId": id})));
    assert_eq!(center.webhooks().len(), 0);
    let error = client.unregister_webhook(&id).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Rejected, 404));

    // Not sent twice where the first may have arrived.
    for (fault, calls) in [(Fault::Reset, 1), (Fault::status(502), 1), (Fault::status(503), 1)] {
        center.clear_requests();
        center.inject_fault(fault);
        let error = client.register_webhook("https://me", ["a"], &secret).await.unwrap_err();
        assert_eq!((error.kind(), center.calls("/webhook/register")), (ErrorKind::Unavailable, calls));
    }
    center.inject_fault(Fault::code(400, "hunter2, and then some more is too short"));
    let error = client.register_webhook("https://me", ["a"], &secret).await.unwrap_err();
    assert_eq!(rejected(&error), (ErrorKind::Rejected, 400, 502, None), "the secret is not repeated");

    for (data, expected) in [
        (json!({"webhook_id": 5, "success": false}), Err(ErrorKind::Rejected)),
        (json!({"webhook_id": "w-5"}), Ok("w-5".to_owned())),
        (json!({"success": true}), Err(ErrorKind::Unavailable)),
    ] {
        let canned = Canned::with_data(data.clone()).await;
        let registered =
            canned.client(|builder| builder).register_webhook("https://me", ["a"], &secret).await;
        let registered = registered.map(|id| id.to_string()).map_err(|error| error.kind());
        assert_eq!(registered, expected, "{data}");
    }
}

/// Where the code does not concern a credential, the caller gets it as it is.
#[tokio::test]
async fn business_error_keeps_code_and_truncates_message() {
    let Rig { center, client, .. } = Rig::new().await;
    let long = "x".repeat(1_000);
    for (code, message, detail) in [
        (401, "no", Some("no")),
        (403, "不允许", Some("不允许")),
        (10_001, "", None),
        (-1, "broken", Some("broken")),
        (500, &*long, long.get(..200)),
    ] {
        center.inject_fault(Fault::code(code, message.to_owned()));
        let error = client.batch_users(["alice"]).await.unwrap_err();
        assert_eq!(rejected(&error), (ErrorKind::Rejected, code, 502, detail));
    }
}

#[tokio::test]
async fn trace_id_of_context_is_sent() {
    let rig = Rig::new().await;
    let trace_id = || rig.center.requests().pop().unwrap().headers.get("x-trace-id").cloned();
    let job = RequestContext::builder().trace_id("job-42").build();
    rig.client.user_info(TOKEN).in_context(job.clone()).await.unwrap();
    assert_eq!(trace_id().unwrap(), "job-42");
    rig.client.batch_users((0..250).map(|n| n.to_string())).in_context(job).await.unwrap();
    assert!(rig.center.requests().iter().all(|request| request.headers["x-trace-id"] == "job-42"));
    rig.client.batch_users(["alice"]).await.unwrap();
    assert_eq!(trace_id(), None);

    let request = Request::get("/")
        .header("authorization", format!("Bearer {KEY}"))
        .header("x-trace-id", "t-1")
        .header("cookie", "private")
        .body(axum::body::Body::empty())
        .unwrap();
    assert_eq!(rig.app().oneshot(request).await.unwrap().status(), 200);
    assert_eq!(trace_id().unwrap(), "t-1", "that of the request that is being verified");
    assert!(!rig.center.requests().pop().unwrap().headers.contains_key("cookie"));
}

/// What an operator reads of an outage: which call has failed, and whether a credential is meant.
#[tokio::test]
async fn outage_is_worded_by_what_the_call_is_about() {
    let Rig { center, client, .. } = Rig::new().await;
    center.inject_fault(Fault::Refuse);
    let service = Registration::builder("orders").ips([]).service().unwrap();
    let user = SyncUser::with_password("alice", "hunter2");
    for (endpoint, error) in [
        ("/service/register", client.register_service(&service).await.map(drop)),
        ("/service/heartbeat", client.service_heartbeat(&service).await.map(drop)),
        ("/service/unregister", client.unregister_service(&service).await),
        ("/sync/user", client.sync_user(&user, HeaderMap::new()).await.map(drop)),
        ("/groups/list", client.list_groups().await.map(drop)),
    ] {
        let error = error.unwrap_err();
        let text = format!("The call to the auth center failed: POST {endpoint}: cannot connect");
        assert_eq!((error.kind(), error.to_string()), (ErrorKind::Unavailable, text));
        assert_eq!((error.code(), error.status().as_u16()), (-1, 503));
    }
    for (endpoint, error) in [
        ("/user/info", client.user_info("alice-token").await.map(drop)),
        ("/token/verify", client.verify_token("alice-token").await.map(drop)),
        ("/access-key/verify", client.verify_access_key("ak_alice").await.map(drop)),
    ] {
        let text = format!("The credential cannot be verified right now: POST {endpoint}: cannot connect");
        assert_eq!(error.unwrap_err().to_string(), text);
    }
}
