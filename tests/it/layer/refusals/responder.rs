//! Responders of a service's own.

use aigc_auth::error::{ErrorKind, ErrorResponder, Language};
use aigc_auth::layer::GuardLayer;
use aigc_auth::testing::Fault;
use aigc_auth::{AuthError, AuthLayer};
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use tower_http::catch_panic::CatchPanicLayer;

use crate::layer::refusals::refusing;
use crate::support::{self, center, send, serve};

/// A path, a credential, and the status and challenge of its refusal: by the layer, an extractor, guards, a handler.
const REFUSED: [(&str, &str, u16, &str); 6] = [
    ("/me", "", 401, r#"Bearer realm="reports""#),
    ("/me", "Bearer unknown", 401, r#"Bearer realm="reports", error="invalid_token""#),
    ("/purge", "Bearer alice-token", 403, PURGE),
    ("/guarded", "Bearer alice-token", 403, PURGE),
    ("/extracted", "Bearer alice-token", 403, PURGE),
    ("/by-hand", "Bearer alice-token", 403, PURGE),
];
const PURGE: &str = r#"Bearer realm="reports", error="insufficient_scope", scope="report:purge""#;

#[tokio::test]
async fn responder_starts_from_default_answer() {
    let center = center().await;
    // The second asks the responder, which is this one: it must not ask itself without end.
    let by_default = ErrorResponder::new(|refusal| {
        let mut response = refusal.default_response();
        *response.body_mut() = Body::from(refusal.message().into_owned());
        response
    });
    let by_conversion = ErrorResponder::new(|refusal| {
        let mut response = refusal.error().clone().into_response();
        assert_eq!(response.headers()["content-type"], "application/json", "it is the default answer");
        *response.body_mut() = Body::from(refusal.message().into_owned());
        response
    });
    for (name, responder) in [("default_response", by_default), ("into_response", by_conversion)] {
        let auth = support::auth(&center).realm("reports").error_responder(responder);
        // In any order, and for each form of answers.
        let auth = auth.language(Language::Chinese);
        for auth in [auth.clone(), auth.allow_anonymous()] {
            let app = serve(refusing(auth)).await;
            for (path, credential, status, challenge) in REFUSED {
                for round in ["cold", "warm"] {
                    let answer = support::get(app.address, path, &[("authorization", credential)]).await;
                    let seen = (answer.status, answer.header("www-authenticate"));
                    assert_eq!(seen, (status, Some(challenge)), "{name}: {path} as {credential}, {round}");
                    let message = match (status, credential) {
                        (403, _) => "权限不足",
                        (_, "") => "未提供认证信息，请发送 `Authorization: Bearer <token>`",
                        _ => "未登录或 Token 已过期",
                    };
                    assert_eq!(answer.body, message, "{name}: {path} as {credential}, {round}");
                }
            }
        }
    }
}

#[tokio::test]
async fn responder_sees_request_as_it_was_sent() {
    let center = center().await;
    let echo = ErrorResponder::new(|refusal| {
        let tenants = refusal.headers().get_all("x-tenant").iter();
        let tenants: Vec<_> = tenants.map(|tenant| tenant.to_str().unwrap()).collect();
        (refusal.error().status(), format!("{} {} {}", refusal.method(), refusal.uri(), tenants.join("+")))
    });
    let auth = || support::auth(&center).error_responder(echo.clone());
    let large = "x".repeat(20_000);
    for (name, auth) in [("strict", auth()), ("open", auth().allow_anonymous())] {
        let nested = Router::new().nest("/api", refusing(auth.clone()));
        let app = serve(refusing(auth).merge(nested)).await;
        for (path, credential, status, _) in REFUSED {
            for prefix in ["", "/api"] {
                let target = format!("{prefix}{path}?page=2&q=a%20b");
                for (head, more) in [("small", &b"1"[..]), ("large", large.as_bytes())] {
                    let headers = [
                        ("authorization", credential.as_bytes()),
                        ("x-tenant", b"a"),
                        ("x-more", more),
                        ("x-tenant", b"b"),
                    ];
                    for round in ["cold", "warm"] {
                        let answer = send(app.address, "PUT", &target, &headers).await;
                        let expected = format!("PUT {target} a+b");
                        let what = format!("{name}: {target} as {credential}, {head}, {round}");
                        assert_eq!((answer.status, answer.body), (status, expected), "{what}");
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn challenge_and_retry_after_are_kept_unless_verbatim() {
    let center = center().await;
    // The status, and whether the answer has its own of both headers.
    let answering = |status: u16, own: bool| {
        ErrorResponder::new(move |_| {
            let mut response: Response = StatusCode::from_u16(status).unwrap().into_response();
            if own {
                for (name, value) in [("www-authenticate", "Digest"), ("retry-after", "9")] {
                    let name = HeaderName::from_static(name);
                    response.headers_mut().insert(name, HeaderValue::from_static(value));
                }
            }
            response
        })
    };
    let (mine, scope) = (Some("Digest"), Some(r#"Bearer error="insufficient_scope", scope="report:purge""#));
    let failing = Fault::too_many_requests(7);
    for (path, credential, fault, status, own, challenge, retry_after) in [
        ("/me", "", None, 401, false, Some("Bearer"), None),
        ("/me", "", None, 403, false, Some("Bearer"), None),
        ("/me", "", None, 404, false, None, None),
        ("/me", "", None, 200, false, None, None),
        ("/me", "", None, 401, true, mine, Some("9")),
        ("/guarded", "Bearer alice-token", None, 403, false, scope, None),
        ("/purge", "Bearer alice-token", None, 403, false, scope, None),
        ("/purge", "Bearer alice-token", None, 404, false, None, None),
        ("/me", "Bearer unseen", Some(&failing), 503, false, None, Some("7")),
        ("/me", "Bearer unseen", Some(&failing), 429, false, None, Some("7")),
        ("/me", "Bearer unseen", Some(&failing), 500, false, None, None),
        ("/me", "Bearer unseen", Some(&failing), 503, true, mine, Some("9")),
    ] {
        for verbatim in [false, true] {
            center.clear_faults();
            let responder = answering(status, own);
            let responder = if verbatim { responder.verbatim() } else { responder };
            let app = serve(refusing(support::auth(&center).error_responder(responder))).await;
            if let Some(fault) = fault {
                center.inject_fault(fault.clone());
            }
            let answer = support::get(app.address, path, &[("authorization", credential)]).await;
            let seen = (answer.status, answer.header("www-authenticate"), answer.header("retry-after"));
            let expected = if verbatim && !own { (None, None) } else { (challenge, retry_after) };
            assert_eq!(seen, (status, expected.0, expected.1), "{path}, {status}, verbatim: {verbatim}");
        }
    }
}

#[tokio::test]
async fn panic_of_a_responder_hurts_one_request() {
    let center = center().await;
    let panics = ErrorResponder::new(|refusal| {
        assert_ne!(refusal.uri().query(), Some("panic"), "on purpose");
        (refusal.error().status(), "well")
    });
    let auth = support::auth(&center).error_responder(panics);
    let app = serve(refusing(auth).layer(CatchPanicLayer::new())).await;
    for (path, credential, status, _) in REFUSED {
        for (query, expected) in [("", status), ("?panic", 500), ("", status)] {
            let target = format!("{path}{query}");
            let answer = support::get(app.address, &target, &[("authorization", credential)]).await;
            assert_eq!(answer.status, expected, "{target} as {credential}");
            assert_eq!(answer.body == "well", expected == status, "{target} as {credential}");
        }
    }
}

#[tokio::test]
async fn errors_without_a_layer_are_the_envelope() {
    let fails = any(|| async { Err::<(), _>(AuthError::new(ErrorKind::Denied)) });
    let guarded = get(|| async {}).route_layer(GuardLayer::admin());
    let app = serve(Router::new().route("/fails", fails).route("/guarded", guarded)).await;
    for (path, status) in [("/fails", 403), ("/guarded", 500)] {
        let answer = support::get(app.address, path, &[]).await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_u64()),
            (status, Some(u64::from(status))),
            "{path}"
        );
    }
}

#[test]
fn debug_names_the_form() {
    let responder = ErrorResponder::problem().with_log_in_page("/login?next=");
    assert!(format!("{responder:?}").contains("problem"), "{responder:?}");
    fn shareable<T: Send + Sync + Clone>(_: &T) {}
    shareable(&responder);
    shareable::<Option<AuthLayer>>(&None);
}
