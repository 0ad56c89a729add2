//! The default answer, and that every refusal below a layer is its.

use aigc_auth::error::{ErrorResponder, Language, Refusal};
use aigc_auth::testing::{Fault, TestKey};
use aigc_auth::{RequireAdmin, RequirePermission};
use axum::Router;
use axum::routing::get;
use http::StatusCode;
use serde_json::json;

use crate::layer::headers::{INVALID, NOTHING, protected};
use crate::layer::refusals::{Purge, refusing};
use crate::support::{self, Answer, Log, center, get_as, serve};

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
        (
            "/me",
            None,
            401,
            401,
            Some("Bearer"),
            "No bearer credential was sent: send `Authorization: Bearer <token>`",
            "未提供认证信息，请发送 `Authorization: Bearer <token>`",
        ),
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
    let responder = ErrorResponder::new(|refusal: &Refusal<'_>| {
        let text = format!("{:?} {:?}", refusal.error().kind(), refusal.error().needed());
        (StatusCode::IM_A_TEAPOT, [("x-refused", "yes")], text)
    });
    let strict = serve(refusing(support::auth(&center).error_responder(responder.clone()))).await;
    let open = serve(refusing(support::auth(&center).allow_anonymous().error_responder(responder))).await;
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
    let message = answer.json()["message"].clone();
    assert!(
        message.as_str().unwrap().starts_with("No bearer credential"),
        "the outer one refused: {message}"
    );
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
