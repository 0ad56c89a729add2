//! The `Authorization` header, and the answers of refused requests.

use aigc_auth::credential::{AccessKey, BearerToken};
use aigc_auth::error::{ErrorKind, Language};
use aigc_auth::layer::GuardLayer;
use aigc_auth::testing::{AuthCenter, Fault, TestKey};
use aigc_auth::{
    AuthError, AuthLayer, CurrentUser, RequireAdmin, RequirePermission, UserInfo, Verify, permissions,
};
use axum::Router;
use axum::middleware::from_extractor;
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderValue, Response};
use serde_json::json;

use crate::support::{self, Answer, App, Log, center, client, get_as, send, serve};

permissions! {
    ReadReports = "report:read";
    Purge = "report:purge";
}

async fn me(user: CurrentUser) -> String {
    user.username().to_string()
}

async fn protected(center: &AuthCenter) -> App {
    serve(Router::new().route("/me", get(me)).layer(support::auth(center))).await
}

/// A challenge and a body.
type Refusal = (Option<&'static str>, &'static str);

const NOTHING: Refusal = (Some("Bearer"), r#"{"code":401,"message":"No credential was sent","data":null}"#);
const INVALID: Refusal = (
    Some(r#"Bearer error="invalid_token""#),
    r#"{"code":401,"message":"The credential is invalid or has expired","data":null}"#,
);

#[tokio::test]
async fn malformed_header_is_401_without_upstream_call() {
    let center = center().await;
    let app = protected(&center).await;
    let long = |len: usize| [b"Bearer ".as_slice(), &vec![b'a'; len]].concat();
    let (over_8_kib, over_300_kib) = (long(8 * 1024), long(300 * 1024));
    let long_basic = [b"Basic ".as_slice(), &vec![b'a'; 9000]].concat();
    let every_header: Vec<&[u8]> = vec![b"Bearer alice-token"; 90];
    let table: Vec<(&str, Vec<&[u8]>, Refusal)> = vec![
        ("no header", vec![], NOTHING),
        ("an empty header", vec![b""], NOTHING),
        ("only spaces", vec![b"   "], NOTHING),
        ("another scheme", vec![b"Basic dXNlcjpwYXNz"], NOTHING),
        ("a scheme that begins the same", vec![b"Bearerx alice-token"], NOTHING),
        ("a token without its scheme", vec![b"alice-token"], NOTHING),
        ("an access key without its scheme", vec![b"ak_alice"], NOTHING),
        ("the scheme alone", vec![b"Bearer"], INVALID),
        ("the scheme and spaces", vec![b"bearer     "], INVALID),
        ("two headers", vec![b"Bearer alice-token", b"Bearer alice-token"], INVALID),
        ("ninety headers", every_header, INVALID),
        ("two schemes", vec![b"Bearer alice-token", b"Basic dXNlcjpwYXNz"], INVALID),
        ("another scheme first", vec![b"Basic dXNlcjpwYXNz", b"Bearer alice-token"], INVALID),
        ("an empty header beside it", vec![b"", b"Bearer alice-token"], INVALID),
        ("two in one header", vec![b"Bearer alice-token, Bearer bob-token"], INVALID),
        ("a trailing word", vec![b"Bearer alice-token extra"], INVALID),
        ("a trailing comma", vec![b"Bearer alice-token,"], INVALID),
        ("a comma after the scheme", vec![b"Bearer,alice-token"], INVALID),
        ("a tab after the scheme", vec![b"Bearer\talice-token"], INVALID),
        ("a space and a tab", vec![b"Bearer \talice-token"], INVALID),
        ("a tab within", vec![b"Bearer alice\ttoken"], INVALID),
        ("UTF-8", vec!["Bearer älice".as_bytes()], INVALID),
        ("Chinese", vec!["Bearer 令牌".as_bytes()], INVALID),
        ("bytes that are no text", vec![b"Bearer \x80\xff\xfe"], INVALID),
        ("a byte that is no text, in the scheme", vec![b"B\xe9arer alice-token"], NOTHING),
        ("quotes", vec![b"Bearer \"alice-token\""], INVALID),
        ("a parameter", vec![b"Bearer token=alice-token"], INVALID),
        ("a percent", vec![b"Bearer alice%2Dtoken"], INVALID),
        ("padding alone", vec![b"Bearer =="], INVALID),
        ("padding within", vec![b"Bearer a=b"], INVALID),
        ("JSON", vec![br#"Bearer {"alg":"none"}"#], INVALID),
        ("an access key with a space", vec![b"Bearer ak_ alice"], INVALID),
        ("an access key that is no text", vec![b"Bearer ak_\xff"], INVALID),
        ("over 8 KiB", vec![&over_8_kib], INVALID),
        ("over 300 KiB", vec![&over_300_kib], INVALID),
        ("over 8 KiB of another scheme", vec![&long_basic], INVALID),
    ];
    for (what, values, (challenge, body)) in &table {
        let headers: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
        let answer = send(app.address, "GET", "/me", &headers).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, *challenge), "{what}");
        assert_eq!(answer.body, *body, "{what}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
        assert_eq!(answer.header("retry-after"), None, "{what}");
    }
    assert!(center.requests().is_empty(), "{:?}", center.requests());
}

/// What hyper does not let through at all.
#[tokio::test]
async fn illegal_header_bytes_are_rejected_by_server() {
    let center = center().await;
    let app = protected(&center).await;
    let over_a_mib = vec![b'a'; 1024 * 1024];
    for (what, value, expected) in [
        ("a null byte", &b"Bearer alice\0token"[..], 400),
        ("a bare line feed", b"Bearer alice\nx y", 400),
        ("an escape", b"Bearer \x1b[2J", 400),
        ("over 1 MiB", &over_a_mib, 431),
    ] {
        let answer = send(app.address, "GET", "/me", &[("authorization", value)]).await;
        assert_eq!(answer.status, expected, "{what}");
    }
    assert!(center.requests().is_empty());
}

#[tokio::test]
async fn scheme_is_case_insensitive_and_spaces_are_skipped() {
    let center = center().await;
    let app = protected(&center).await;
    let many_spaces = format!("Bearer{}alice-token", " ".repeat(4000));
    for value in [
        "Bearer alice-token",
        "bearer alice-token",
        "BEARER alice-token",
        "bEaReR  alice-token",
        "Bearer      alice-token   ",
        "Bearer alice-token\t",
        &many_spaces,
    ] {
        for name in ["authorization", "Authorization", "AUTHORIZATION"] {
            let answer = support::get(app.address, "/me", &[(name, value)]).await;
            assert_eq!((answer.status, &*answer.body), (200, "alice"), "{name}: {}", value.trim());
        }
    }
    assert_eq!(center.calls("/user/info"), 1, "however it is written, it is one token");
}

#[tokio::test]
async fn other_headers_and_query_are_ignored() {
    let center = center().await;
    let app = protected(&center).await;
    for name in ["x-authorization", "authorization_", "proxy-authorization", "x-access-token", "cookie"] {
        let answer = support::get(app.address, "/me", &[(name, "Bearer alice-token")]).await;
        assert_eq!(answer.status, 401, "{name}");
    }
    let answer = support::get(app.address, "/me?access_token=alice-token&token=alice-token", &[]).await;
    assert_eq!(answer.status, 401, "in the query");
    assert!(center.requests().is_empty());
}

#[tokio::test]
async fn credential_kind_selects_one_endpoint() {
    let center = center().await;
    center.add_access_key("ak_bob", TestKey::user("bob"));
    center.add_access_key("no-prefix", TestKey::user("bob"));
    center.add_token("ak_token", "alice");
    let app = protected(&center).await;
    for (credential, status, body, tokens, keys) in [
        ("alice-token", 200, "alice", 1, 0),
        ("ak_alice", 200, "alice", 0, 1),
        ("ak_bob", 200, "bob", 0, 1),
        // A token by this name, or a key without the prefix, would be found if the other way were tried.
        (
            "ak_token",
            401,
            r#"{"code":401,"message":"The access key is invalid or has expired","data":null}"#,
            0,
            1,
        ),
        ("no-prefix", 401, INVALID.1, 1, 0),
        ("AK_alice", 401, INVALID.1, 1, 0),
        ("xak_alice", 401, INVALID.1, 1, 0),
        (
            "ak_",
            401,
            r#"{"code":401,"message":"The access key is invalid or has expired","data":null}"#,
            0,
            1,
        ),
    ] {
        center.clear_requests();
        for _ in 0..2 {
            let answer = get_as(app.address, credential, "/me").await;
            assert_eq!((answer.status, &*answer.body), (status, body), "{credential}");
        }
        let calls = (center.calls("/user/info"), center.calls("/access-key/verify"));
        assert_eq!(calls, (tokens, keys), "{credential}: looked up once, at one endpoint");
        assert_eq!(center.requests().len(), 1, "{credential}");
    }
}

/// Verifies by a list of its own.
struct Listed(&'static str);

impl Verify<AccessKey> for Listed {
    async fn verify(&self, key: AccessKey) -> Result<UserInfo, AuthError> {
        match key.as_str() {
            known if known == self.0 => Ok(UserInfo::builder("k-1", "robot").build()),
            _ => Err(AuthError::invalid_access_key()),
        }
    }
}

impl Verify<BearerToken> for Listed {
    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        match token.as_str() {
            known if known == self.0 => Ok(UserInfo::builder("t-1", "robot").build()),
            _ => Err(ErrorKind::InvalidCredential.into()),
        }
    }
}

#[tokio::test]
async fn tokens_and_access_keys_have_separate_verifiers() {
    let center = center().await;
    let routes = || Router::new().route("/me", get(me));
    let tokens_only = serve(routes().layer(AuthLayer::tokens_only(client(&center)))).await;
    let listed_keys =
        serve(routes().layer(AuthLayer::tokens_only(client(&center)).with_access_keys(Listed("ak_listed"))))
            .await;
    let listed_tokens =
        serve(routes().layer(AuthLayer::tokens_only(Listed("listed")).with_access_keys(client(&center))))
            .await;
    let replaced = serve(routes().layer(support::auth(&center).with_access_keys(Listed("ak_listed")))).await;
    for (what, app, credential, expected, tokens, keys) in [
        ("tokens only", &tokens_only, "alice-token", Ok("alice"), 1, 0),
        ("tokens only", &tokens_only, "ak_alice", Err(401), 0, 0),
        ("listed keys", &listed_keys, "alice-token", Ok("alice"), 1, 0),
        ("listed keys", &listed_keys, "ak_listed", Ok("robot"), 0, 0),
        ("listed keys", &listed_keys, "ak_alice", Err(401), 0, 0),
        ("listed tokens", &listed_tokens, "listed", Ok("robot"), 0, 0),
        ("listed tokens", &listed_tokens, "alice-token", Err(401), 0, 0),
        ("listed tokens", &listed_tokens, "ak_alice", Ok("alice"), 0, 1),
        ("replaced", &replaced, "alice-token", Ok("alice"), 1, 0),
        ("replaced", &replaced, "ak_alice", Err(401), 0, 0),
        ("replaced", &replaced, "ak_listed", Ok("robot"), 0, 0),
    ] {
        center.clear_requests();
        let answer = get_as(app.address, credential, "/me").await;
        match expected {
            Ok(name) => assert_eq!((answer.status, &*answer.body), (200, name), "{what}: {credential}"),
            Err(status) => {
                assert_eq!(answer.status, status, "{what}: {credential}");
                assert_eq!(answer.header("www-authenticate"), INVALID.0, "{what}: {credential}");
            }
        }
        let calls = (center.calls("/user/info"), center.calls("/access-key/verify"));
        assert_eq!(calls, (tokens, keys), "{what}: {credential}");
    }
}

/// The refusals of a layer, of extractors and of guards, by route.
fn refusing(layer: AuthLayer) -> Router {
    Router::new()
        .route("/me", get(me))
        .route("/reports", get(|_: RequirePermission<ReadReports>| async { "reports" }))
        .route("/purge", get(|_: RequirePermission<Purge>| async { "purged" }))
        .route("/admin", get(|_: RequireAdmin| async { "admin" }))
        .merge(guarded())
        .layer(layer)
}

fn guarded() -> Router {
    Router::new()
        .route("/guarded", get(|| async { "guarded" }))
        .route_layer(GuardLayer::permission("report:purge"))
        .merge(
            Router::new()
                .route("/extracted", get(|| async { "extracted" }))
                .route_layer(from_extractor::<RequirePermission<Purge>>()),
        )
        .route(
            "/by-hand",
            get(|user: CurrentUser| async move {
                user.require("report:purge")?;
                Ok::<_, AuthError>("by hand")
            }),
        )
}

fn seen(answer: &Answer) -> (u16, Option<&str>, Option<&str>, serde_json::Value) {
    (answer.status, answer.header("www-authenticate"), answer.header("retry-after"), answer.json())
}

#[tokio::test]
async fn refusals_match_envelope_and_challenge() {
    let center = center().await;
    center.add_token("ghost-token", "ghost");
    center.add_access_key("ak_other", TestKey::app("another-app"));
    center.add_access_key("ak_odd", TestKey::of_type("odd"));
    center.disable_user("bob");
    let english = serve(refusing(support::auth(&center))).await;
    let chinese = serve(refusing(support::auth(&center).language(Language::Chinese))).await;
    let scope = Some(r#"Bearer error="insufficient_scope", scope="report:purge""#);
    // The flag is no scope that could be requested.
    let admin = Some(r#"Bearer error="insufficient_scope""#);
    for (path, credential, status, code, challenge, message, in_chinese) in [
        ("/me", None, 401, 401, Some("Bearer"), "No credential was sent", "未提供认证信息"),
        (
            "/me",
            Some("unknown"),
            401,
            401,
            INVALID.0,
            "The credential is invalid or has expired",
            "未登录或 Token 已过期",
        ),
        (
            "/me",
            Some("ghost-token"),
            401,
            401,
            INVALID.0,
            "The credential is invalid or has expired",
            "未登录或 Token 已过期",
        ),
        (
            "/me",
            Some("ak_unknown"),
            401,
            401,
            INVALID.0,
            "The access key is invalid or has expired",
            "访问密钥无效或已过期",
        ),
        (
            "/me",
            Some("ak_odd"),
            401,
            401,
            INVALID.0,
            "The access key has an unknown type",
            "访问密钥类型无效",
        ),
        (
            "/me",
            Some("ak_other"),
            403,
            403,
            None,
            "The access key belongs to another app",
            "访问密钥与应用不匹配",
        ),
        ("/me", Some("bob-token"), 403, 403, None, "Access is denied", "禁止访问"),
        ("/purge", Some("alice-token"), 403, 403, scope, "Permission is missing", "权限不足"),
        ("/guarded", Some("alice-token"), 403, 403, scope, "Permission is missing", "权限不足"),
        ("/extracted", Some("alice-token"), 403, 403, scope, "Permission is missing", "权限不足"),
        ("/by-hand", Some("alice-token"), 403, 403, scope, "Permission is missing", "权限不足"),
        ("/admin", Some("alice-token"), 403, 403, admin, "Permission is missing", "权限不足"),
    ] {
        for (app, message) in [(&english, message), (&chinese, in_chinese)] {
            let answer = match credential {
                None => support::get(app.address, path, &[]).await,
                Some(credential) => get_as(app.address, credential, path).await,
            };
            let envelope = json!({"code": code, "message": message, "data": null});
            assert_eq!(seen(&answer), (status, challenge, None, envelope), "{path} as {credential:?}");
            assert_eq!(answer.header("content-type"), Some("application/json"), "{path} as {credential:?}");
        }
    }
}

#[tokio::test]
async fn unverifiable_credential_is_503_without_challenge() {
    let center = center().await;
    for (fault, retry_after) in [
        (Fault::status(500), "1"),
        (Fault::too_many_requests(7), "7"),
        (Fault::Html, "1"),
        (Fault::code(500, "a database is down"), "1"),
    ] {
        center.inject_fault(fault.clone());
        for (language, message) in [
            (Language::English, "The credential cannot be verified right now"),
            (Language::Chinese, "鉴权服务暂不可用"),
        ] {
            let app = serve(refusing(support::auth(&center).language(language))).await;
            let envelope = json!({"code": -1, "message": message, "data": null});
            for path in ["/me", "/purge", "/guarded"] {
                let answer = get_as(app.address, "alice-token", path).await;
                assert_eq!((answer.status, answer.header("www-authenticate")), (503, None), "{fault:?}");
                assert!(answer.header("retry-after").is_some(), "{fault:?}");
                assert_eq!(answer.json(), envelope, "{fault:?}");
            }
            let app = serve(refusing(support::auth(&center).language(language).allow_anonymous())).await;
            let answer = get_as(app.address, "alice-token", "/me").await;
            assert_eq!(
                seen(&answer),
                (503, None, Some(retry_after), envelope),
                "{fault:?}, by the extractor"
            );
        }
    }
}

#[tokio::test]
async fn error_responder_serves_layer_extractors_and_guards() {
    let center = center().await;
    let respond = |error: &AuthError| {
        let text = format!("{:?} {:?}", error.kind(), error.needed());
        let mut response = Response::new(Bytes::from(text));
        *response.status_mut() = http::StatusCode::IM_A_TEAPOT;
        response.headers_mut().insert("x-refused", HeaderValue::from_static("yes"));
        response
    };
    let strict = serve(refusing(support::auth(&center).error_responder(respond))).await;
    let open = serve(refusing(support::auth(&center).allow_anonymous().error_responder(respond))).await;
    let purge = r#"MissingPermission Some("report:purge")"#;
    for (path, credential, body) in [
        ("/me", "", "MissingCredential None"),
        ("/me", "Bearer unknown", "InvalidCredential None"),
        ("/me", "Bearer a b", "InvalidCredential None"),
        ("/guarded", "", "MissingCredential None"),
        ("/extracted", "Bearer unknown", "InvalidCredential None"),
        ("/purge", "Bearer alice-token", purge),
        ("/guarded", "Bearer alice-token", purge),
        ("/extracted", "Bearer alice-token", purge),
        ("/by-hand", "Bearer alice-token", purge),
        ("/admin", "Bearer alice-token", r#"MissingPermission Some("the admin flag")"#),
    ] {
        for app in [&strict, &open] {
            let answer = support::get(app.address, path, &[("authorization", credential)]).await;
            assert_eq!((answer.status, &*answer.body), (418, body), "{path} as {credential:?}");
            assert_eq!(answer.header("x-refused"), Some("yes"));
            assert_eq!(answer.header("www-authenticate"), None, "it is all the responder's");
        }
    }
}

#[tokio::test]
async fn inner_layer_renders_errors_below_it() {
    let center = center().await;
    let inner = Router::new()
        .route("/admin", get(|_: RequireAdmin| async { "admin" }))
        .layer(support::auth(&center).language(Language::Chinese));
    let outer =
        Router::new().route("/purge", get(|_: RequirePermission<Purge>| async { "purged" })).merge(inner);
    let app = serve(outer.layer(support::auth(&center))).await;
    for (path, message) in [("/admin", "权限不足"), ("/purge", "Permission is missing")] {
        let answer = get_as(app.address, "alice-token", path).await;
        assert_eq!(answer.json()["message"], message, "{path}");
    }
    let answer = support::get(app.address, "/admin", &[]).await;
    assert_eq!(answer.json()["message"], "No credential was sent", "the outer one refused");
}

#[tokio::test]
async fn refusals_and_logs_contain_no_credential() {
    let log = Log::start();
    let center = center().await;
    let app = serve(refusing(support::auth(&center))).await;
    let mut shown = String::new();
    for value in ["Bearer hunter2", "Bearer hunter2 hunter2", "Bearer ak_hunter2", "hunter2", "Basic hunter2"]
    {
        let answer = support::get(app.address, "/me", &[("authorization", value)]).await;
        shown += &format!("{answer:?}");
    }
    center.inject_fault(Fault::status(500));
    shown += &format!("{:?}", get_as(app.address, "hunter22", "/me").await);
    center.inject_fault(Fault::code(500, "hunter222 is unknown, and so is test-secret"));
    shown += &format!("{:?}", get_as(app.address, "hunter222", "/me").await);
    shown += &log.take();
    assert!(shown.contains("/user/info"), "something was logged: {shown}");
    assert!(!shown.contains("hunter2") && !shown.contains("test-secret"), "{shown}");
}

#[tokio::test]
async fn refusal_of_head_has_no_body_and_post_is_not_read() {
    let center = center().await;
    let app = protected(&center).await;
    let head = support::request(app.address, "HEAD", "/me", &[]).await;
    assert_eq!((head.status, &*head.body), (401, ""));
    assert_eq!(head.header("content-length"), Some(&*NOTHING.1.len().to_string()));
    let post = support::request(app.address, "POST", "/me", &[("content-length", "1000000")]).await;
    assert_eq!(post.status, 401);
}

#[tokio::test]
async fn space_before_colon_is_rejected_by_server() {
    let center = center().await;
    let app = protected(&center).await;
    let answer = support::get(app.address, "/me", &[("authorization ", "Bearer alice-token")]).await;
    assert_eq!(answer.status, 400);
    assert!(center.requests().is_empty());
}
