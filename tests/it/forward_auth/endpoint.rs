//! Requests of each proxy.

use std::sync::{Arc, Mutex};

use aigc_auth::error::{ErrorKind, ErrorResponder};
use aigc_auth::forward_auth::{ForwardAuth, Proxy};
use aigc_auth::testing::{self, AuthCenter, Fault};
use aigc_auth::usage::{Record, Served};
use aigc_auth::{AuthClient, AuthLayer, UserInfo};
use axum::Router;
use axum::routing::get;

use crate::forward_auth::support::{PROXIES, ask, identity, serve_for};
use crate::support::{self, center, client, serve};

const ALICE: &[(&str, &str)] = &[("authorization", "Bearer alice-token")];

fn layer(client: &AuthClient) -> AuthLayer {
    AuthLayer::new(client.clone()).exclude_prefix("/public")
}

#[tokio::test]
async fn answers_are_those_of_the_layer_for_the_original_request() {
    let center = center().await;
    center.add_user(testing::user("小明").id(9).roles(["编辑"]).permissions(["a,b", "c d"]));
    center.add_token("ming", "小明");
    let alice_id = center.users().iter().find(|user| user.username() == "alice").unwrap().id().to_string();
    let alice = [&*alice_id, "alice", "editor", "report:read,article:edit"];
    let ming = ["9", "%E5%B0%8F%E6%98%8E", "%E7%BC%96%E8%BE%91", "a%2Cb,c%20d"];
    let nobody = [""; 4];
    let long = format!("/{}?q={}", "a/".repeat(500), "b".repeat(6000));
    let two = [("authorization", "Bearer alice-token"), ("authorization", "Bearer bob-token")];
    for proxy in PROXIES {
        let app = serve_for(proxy, layer(&client(&center))).await;
        for (what, method, target, headers, expected) in [
            ("a user", "GET", "/reports?x=1", ALICE, Ok(alice)),
            ("another method", "DELETE", "/reports/7", ALICE, Ok(alice)),
            ("HEAD", "HEAD", "/reports", ALICE, Ok(alice)),
            ("a method of WebDAV", "PROPFIND", "/reports", ALICE, Ok(alice)),
            ("a long URI", "GET", &*long, ALICE, Ok(alice)),
            ("a Chinese name", "GET", "/", &[("authorization", "Bearer ming")], Ok(ming)),
            (
                "an access key",
                "GET",
                "/",
                &[("authorization", "Bearer ak_alice")],
                Ok([alice[0], "alice", "", ""]),
            ),
            (
                "an upgrade",
                "GET",
                "/socket",
                &[
                    ("authorization", "Bearer alice-token"),
                    ("upgrade", "websocket"),
                    ("sec-websocket-key", "eA=="),
                    ("sec-websocket-version", "13"),
                ],
                Ok(alice),
            ),
            ("no credential", "GET", "/reports", &[], Err((401, "Bearer"))),
            (
                "a bad one",
                "GET",
                "/reports",
                &[("authorization", "Bearer unknown")],
                Err((401, r#"Bearer error="invalid_token""#)),
            ),
            ("two", "GET", "/reports", &two, Err((401, r#"Bearer error="invalid_token""#))),
            ("a body's type", "POST", "/x", &[("content-type", "application/grpc")], Err((401, "Bearer"))),
            ("an excluded path", "GET", "/public/app.js", &[], Ok(nobody)),
            ("… with a credential", "GET", "/public/app.js", ALICE, Ok(nobody)),
            (
                "… that says who it is",
                "GET",
                "/public",
                &[("x-user-id", "1"), ("x-user-name", "root")],
                Ok(nobody),
            ),
            ("beside it", "GET", "/publicity", &[], Err((401, "Bearer"))),
            ("upwards", "GET", "/public/../admin", &[], Err((401, "Bearer"))),
            ("escaped", "GET", "/public/%2e%2e/admin", &[], Err((401, "Bearer"))),
            ("with a parameter", "GET", "/public/..;/admin", &[], Err((401, "Bearer"))),
            ("two slashes", "GET", "//public/x", &[], Err((401, "Bearer"))),
            ("the endpoint's own path", "GET", "/auth", &[], Err((401, "Bearer"))),
        ] {
            let answer = ask(app.address, proxy, method, target, headers).await;
            match expected {
                Ok(headers) => {
                    assert_eq!(answer.status, 200, "{proxy:?}, {what}: {answer:?}");
                    assert_eq!(identity(&answer), headers.map(Some), "{proxy:?}, {what}");
                    assert_eq!(answer.body, "", "{proxy:?}, {what}");
                }
                Err((status, challenge)) => {
                    assert_eq!(answer.status, status, "{proxy:?}, {what}: {answer:?}");
                    assert_eq!(answer.header("www-authenticate"), Some(challenge), "{proxy:?}, {what}");
                    assert_eq!(identity(&answer), [None; 4], "{proxy:?}, {what}");
                }
            }
        }
    }
}

/// nginx makes 500 of all but 401 and 403; the others pass on what they are answered.
#[tokio::test]
async fn outages_and_denials_reach_each_proxy_as_it_understands_them() {
    for proxy in PROXIES {
        let center = center().await;
        let app = serve_for(proxy, layer(&client(&center))).await;
        let is_nginx = proxy == Proxy::Nginx;
        let seen = async || {
            let answer = ask(app.address, proxy, "GET", "/reports", ALICE).await;
            let retry_after = answer.header("retry-after").map(str::to_owned);
            (answer.status, answer.header("x-auth-status").map(str::to_owned), retry_after)
        };
        center.inject_fault(Fault::Refuse);
        let status = is_nginx.then(|| "503".to_owned());
        assert_eq!(
            seen().await,
            (if is_nginx { 403 } else { 503 }, status, Some("1".to_owned())),
            "{proxy:?}"
        );
        center.clear_faults();
        center.disable_user("alice");
        support::until_async("the outage is over", async || seen().await.2.is_none()).await;
        assert_eq!(seen().await, (403, is_nginx.then(|| "403".to_owned()), None), "{proxy:?}");
    }
}

#[tokio::test]
async fn anonymous_requests_pass_without_a_user_where_the_layer_lets_them() {
    let center = center().await;
    for proxy in PROXIES {
        let app = serve_for(proxy, layer(&client(&center)).allow_anonymous()).await;
        for (headers, name) in [(ALICE, "alice"), (&[], ""), (&[("authorization", "Bearer unknown")], "")] {
            let answer = ask(app.address, proxy, "GET", "/reports", headers).await;
            assert_eq!((answer.status, answer.header("x-user-name")), (200, Some(name)), "{proxy:?}");
        }
    }
}

/// A preflight goes through as the layer says, though the proxy asks by GET.
#[tokio::test]
async fn preflight_is_known_by_its_original_method() {
    let center = center().await;
    let preflight = &[("origin", "https://app.example.com"), ("access-control-request-method", "GET")];
    for proxy in PROXIES {
        for (layer, expected) in
            [(layer(&client(&center)), 401), (layer(&client(&center)).allow_preflight(), 200)]
        {
            let app = serve_for(proxy, layer).await;
            assert_eq!(
                ask(app.address, proxy, "OPTIONS", "/x", preflight).await.status,
                expected,
                "{proxy:?}"
            );
            assert_eq!(ask(app.address, proxy, "GET", "/x", preflight).await.status, 401, "{proxy:?}");
        }
    }
}

/// A service whose errors have the status 200, as some front ends want them, must not open what stands behind the proxy.
#[tokio::test]
async fn rejection_is_never_a_success() {
    let center = center().await;
    for proxy in PROXIES {
        let responder = ErrorResponder::new(|refusal| {
            if refusal.error().kind() == ErrorKind::MissingCredential { "none" } else { "bad" }
        });
        let layer = layer(&client(&center)).error_responder(responder);
        let app = serve_for(proxy, layer).await;
        let answer = ask(app.address, proxy, "GET", "/reports", &[]).await;
        assert_eq!((answer.status, &*answer.body), (403, "none"), "{proxy:?}");
        assert_eq!(ask(app.address, proxy, "GET", "/reports", ALICE).await.status, 200, "{proxy:?}");
    }
}

/// An endpoint inside a service that has a layer, and a user, of its own.
#[tokio::test]
async fn user_of_an_outer_layer_is_not_that_of_the_request() {
    let center = center().await;
    let auth = layer(&client(&center));
    for proxy in PROXIES {
        let endpoint = ForwardAuth::new(auth.clone(), proxy).router("/auth");
        let outer = testing::signed_in(UserInfo::builder(1, "outer").build());
        let app =
            serve(Router::new().merge(endpoint).route("/own", get(|| async { "own" })).layer(outer)).await;
        assert_eq!(ask(app.address, proxy, "GET", "/reports", &[]).await.status, 401, "{proxy:?}");
        let excluded = ask(app.address, proxy, "GET", "/public/x", &[]).await;
        assert_eq!(identity(&excluded), [Some(""); 4], "{proxy:?}");
        assert_eq!(support::get(app.address, "/own", &[]).await.body, "own");
    }
}

/// Method and path of each record.
#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<String>>>);

impl Record for Records {
    fn record(&self, served: Box<dyn Served>) {
        let record = served.into_record();
        self.0.lock().unwrap().push(format!("{record:?}"));
    }
}

#[tokio::test]
async fn context_and_records_are_about_the_original_request() {
    let center = center().await;
    for proxy in PROXIES {
        let records = Records::default();
        let auth = layer(&client(&center)).with_stats(records.clone()).on_verified(|user| async move {
            assert_eq!(user.username(), "alice");
            assert_eq!(aigc_auth::context::client_ip(), Some("8.8.4.4".parse().unwrap()));
        });
        let app = serve_for(proxy, auth).await;
        let headers = [ALICE, &[("x-forwarded-for", "8.8.4.4")]].concat();
        assert_eq!(ask(app.address, proxy, "DELETE", "/reports/7", &headers).await.status, 200);
        let records = records.0.lock().unwrap().clone();
        assert_eq!(records.len(), 1, "{proxy:?}");
        assert!(records[0].contains("DELETE") && records[0].contains("/reports/7"), "{records:?}");
        assert!(!records[0].contains("/auth"), "{records:?}");
    }
}

#[tokio::test]
async fn endpoint_may_be_nested() {
    let center: AuthCenter = center().await;
    for proxy in [Proxy::Nginx, Proxy::Envoy] {
        let endpoint = ForwardAuth::new(layer(&client(&center)), proxy).router("/auth");
        let app = serve(Router::new().nest("/internal", endpoint)).await;
        let (path, headers) = match proxy {
            Proxy::Envoy => ("/internal/auth/public/x", vec![]),
            _ => ("/internal/auth", vec![("x-original-method", "GET"), ("x-original-uri", "/public/x")]),
        };
        assert_eq!(support::get(app.address, path, &headers).await.status, 200, "{proxy:?}");
    }
}
