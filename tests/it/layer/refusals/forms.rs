//! Problem details, log-in pages, parameters of the challenge, what is told of a permission.

use aigc_auth::credential::BearerToken;
use aigc_auth::error::{ErrorResponder, Language};
use aigc_auth::testing::{self, Fault};
use aigc_auth::{AuthError, AuthLayer, UserInfo, Verify};
use axum::Json;
use serde_json::json;

use crate::layer::refusals::refusing;
use crate::support::{self, center, get_as, serve};

const SCOPE: &str = r#"Bearer error="insufficient_scope", scope="report:purge""#;

#[tokio::test]
async fn problem_details_in_either_language() {
    let center = center().await;
    for (language, messages) in [
        (
            Language::English,
            [
                "No bearer credential was sent: send `Authorization: Bearer <token>`",
                "The credential is invalid or has expired",
                "Permission is missing",
            ],
        ),
        (
            Language::Chinese,
            ["未提供认证信息，请发送 `Authorization: Bearer <token>`", "未登录或 Token 已过期", "权限不足"],
        ),
    ] {
        let auth = support::auth(&center).language(language).error_responder(ErrorResponder::problem());
        let app = serve(refusing(auth)).await;
        for ((path, credential, status, title, challenge), message) in [
            ("/me", "", 401, "Unauthorized", "Bearer"),
            ("/me", "Bearer unknown", 401, "Unauthorized", r#"Bearer error="invalid_token""#),
            ("/guarded", "Bearer alice-token", 403, "Forbidden", SCOPE),
        ]
        .into_iter()
        .zip(messages)
        {
            let answer = support::get(app.address, path, &[("authorization", credential)]).await;
            let problem = json!({
                "type": "about:blank", "title": title, "status": status, "detail": message, "code": status,
            });
            assert_eq!((answer.status, answer.json()), (status, problem), "{path}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert_eq!(answer.header("www-authenticate"), Some(challenge));
        }
    }
    center.inject_fault(Fault::too_many_requests(7));
    let app = serve(refusing(support::auth(&center).error_responder(ErrorResponder::problem()))).await;
    let answer = get_as(app.address, "unseen", "/me").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("7")));
    assert_eq!(
        (&answer.json()["code"], &answer.json()["title"]),
        (&json!(-1), &json!("Service Unavailable"))
    );
}

#[tokio::test]
async fn log_in_page_is_for_people_who_open_a_page() {
    let center = center().await;
    let responder = ErrorResponder::problem().with_log_in_page("/login?next=");
    let strict = serve(refusing(support::auth(&center).error_responder(responder.clone()))).await;
    let open = refusing(support::auth(&center).allow_anonymous().error_responder(responder));
    let open = serve(open).await;
    let html = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
    let (navigate, cors, no_cors) =
        (("sec-fetch-mode", "navigate"), ("sec-fetch-mode", "cors"), ("sec-fetch-mode", "no-cors"));
    let (json, any) = (("accept", "application/json"), ("accept", "*/*"));
    let (unknown, alice) = (("authorization", "Bearer unknown"), ("authorization", "Bearer alice-token"));
    let page = Some("/login?next=/me%3Ftab%3Da%2520b");
    for (method, target, headers, status, location) in [
        ("GET", "/me?tab=a%20b", &[html][..], 303, page),
        ("HEAD", "/me?tab=a%20b", &[html], 303, page),
        ("GET", "/me?tab=a%20b", &[html, navigate], 303, page),
        ("GET", "/me?tab=a%20b", &[any, navigate], 303, page),
        ("GET", "/me?tab=a%20b", &[html, unknown], 303, page),
        ("GET", "/me?tab=a%20b", &[json, ("accept", "Text/HTML;q=0.5")], 303, page),
        // Scripts, API clients, images, forms that were sent.
        ("GET", "/me", &[html, cors], 401, None),
        ("GET", "/me", &[any, no_cors], 401, None),
        ("GET", "/me", &[any], 401, None),
        ("GET", "/me", &[json], 401, None),
        ("GET", "/me", &[], 401, None),
        ("GET", "/me", &[("accept", "text/htmlx")], 401, None),
        ("POST", "/me", &[html, navigate], 401, None),
        // Nothing that logging in helps with.
        ("GET", "/guarded", &[html, navigate, alice], 403, None),
        ("GET", "/admin", &[html, navigate, alice], 403, None),
        // The page itself, as far as the layer is around it.
        ("GET", "/login?next=/me", &[html, navigate], 401, None),
    ] {
        for (name, app) in [("strict", &strict), ("open", &open)] {
            if name == "open" && target.starts_with("/login") {
                continue;
            }
            let answer = support::request(app.address, method, target, headers).await;
            let seen = (answer.status, answer.header("location"));
            assert_eq!(seen, (status, location), "{name}: {method} {target} {headers:?}");
            if status == 303 {
                assert_eq!((&*answer.body, answer.header("www-authenticate")), ("", None));
            } else if method != "HEAD" {
                assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            }
        }
    }
    center.inject_fault(Fault::status(500));
    let headers = [html, navigate, ("authorization", "Bearer unseen")];
    let answer = support::get(strict.address, "/me", &headers).await;
    assert_eq!(answer.status, 503, "an outage logs nobody out");
}

#[tokio::test]
async fn challenge_has_realm_and_resource_metadata() {
    let center = center().await;
    let url = "https://mcp.example.com/.well-known/oauth-protected-resource";
    let auth = support::auth(&center).realm(r#"reports "2026""#).resource_metadata(url);
    let own = format!(r#"Bearer realm="reports \"2026\"", resource_metadata="{url}""#);
    let forms = [
        ErrorResponder::envelope(),
        ErrorResponder::problem(),
        ErrorResponder::new(|refusal| (refusal.error().status(), "mine")),
    ];
    for responder in forms {
        let app = serve(refusing(auth.clone().error_responder(responder))).await;
        for (path, credential, status, rest) in [
            ("/me", "", 401, ""),
            ("/me", "Bearer unknown", 401, r#", error="invalid_token""#),
            ("/guarded", "Bearer alice-token", 403, r#", error="insufficient_scope", scope="report:purge""#),
            ("/by-hand", "Bearer alice-token", 403, r#", error="insufficient_scope", scope="report:purge""#),
        ] {
            let answer = support::get(app.address, path, &[("authorization", credential)]).await;
            let challenge = format!("{own}{rest}");
            assert_eq!(
                (answer.status, answer.header("www-authenticate")),
                (status, Some(&*challenge)),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn missing_permission_is_told_if_wanted() {
    let center = center().await;
    for (responder, field) in [(ErrorResponder::envelope(), "message"), (ErrorResponder::problem(), "detail")]
    {
        let auth = support::auth(&center).error_responder(responder);
        let silent = serve(refusing(auth.clone())).await;
        let told = serve(refusing(auth.clone().tell_missing_permission())).await;
        let chinese = serve(refusing(auth.language(Language::Chinese).tell_missing_permission())).await;
        for (path, needed) in
            [("/purge", "report:purge"), ("/guarded", "report:purge"), ("/admin", "the admin flag")]
        {
            for (app, expected) in [
                (&silent, "Permission is missing".to_owned()),
                (&told, format!("Permission is missing: {needed}")),
                (&chinese, format!("权限不足：{needed}")),
            ] {
                let answer = get_as(app.address, "alice-token", path).await;
                assert_eq!((answer.status, &answer.json()[field]), (403, &json!(expected)), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn who_has_no_account_is_told_nothing() {
    let guest = testing::user("guest").anonymous(true);
    let users = testing::users([("guest", guest), ("alice", testing::user("alice"))]);
    let own = ErrorResponder::new(|refusal| {
        (refusal.error().status(), Json(json!({"message": refusal.message()})))
    });
    let default = ErrorResponder::new(|refusal| refusal.default_response());
    for (responder, field) in [
        (ErrorResponder::envelope(), "message"),
        (ErrorResponder::problem(), "detail"),
        (own, "message"),
        (default, "message"),
    ] {
        let auth = AuthLayer::new(users.clone()).error_responder(responder).tell_missing_permission();
        let app = serve(refusing(auth.clone().allow_anonymous())).await;
        for (path, needed) in [
            ("/purge", "report:purge"),
            ("/guarded", "report:purge"),
            ("/extracted", "report:purge"),
            ("/by-hand", "report:purge"),
            ("/admin", "the admin flag"),
        ] {
            for (credential, status, expected) in [
                ("alice", 403, format!("Permission is missing: {needed}")),
                ("guest", 403, "Permission is missing".to_owned()),
                ("unknown", 401, "The credential is invalid or has expired".to_owned()),
            ] {
                let answer = get_as(app.address, credential, path).await;
                assert_eq!((answer.status, &answer.json()[field]), (status, &json!(expected)), "{path}");
                let bearer = format!("Bearer {credential}");
                let headers = [("authorization", &*bearer), ("content-type", "application/grpc")];
                let answer = support::request(app.address, "POST", path, &headers).await;
                assert_eq!(answer.header("grpc-message"), Some(&*expected), "{path}");
            }
        }
    }
}

/// A verifier of a service's own says why it admits nobody: that is for the log.
#[tokio::test]
async fn who_was_not_admitted_is_told_nothing() {
    struct Plan;
    impl Verify<BearerToken> for Plan {
        async fn verify(&self, _: BearerToken) -> Result<UserInfo, AuthError> {
            Err(AuthError::missing_permission("plan:pro"))
        }
    }
    let app = serve(refusing(AuthLayer::tokens_only(Plan).tell_missing_permission())).await;
    let answer = get_as(app.address, "t", "/me").await;
    assert_eq!((answer.status, &answer.json()["message"]), (403, &json!("Permission is missing")));
    let headers = [("authorization", "Bearer t"), ("content-type", "application/grpc")];
    let answer = support::request(app.address, "POST", "/me", &headers).await;
    assert_eq!(answer.header("grpc-message"), Some("Permission is missing"));
}
