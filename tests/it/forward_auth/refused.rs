//! Requests that no proxy should send.

use std::net::SocketAddr;

use aigc_auth::AuthLayer;
use aigc_auth::forward_auth::{ForwardAuth, Proxy};
use aigc_auth::layer::TrustedProxies;
use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::MockConnectInfo;
use http::Request;
use tower::ServiceExt;

use crate::forward_auth::support::{PROXIES, ask, serve_for};
use crate::support::{center, client, get, request};

#[tokio::test]
async fn only_trusted_proxies_are_answered() {
    let center = center().await;
    let auth = || AuthLayer::new(client(&center)).exclude_prefix("/public");
    let alice = [("authorization", "Bearer alice-token")];
    for proxy in PROXIES {
        for (trusted, expected) in [
            (TrustedProxies::private(), 200),
            (TrustedProxies::only(["127.0.0.0/8".parse().unwrap()]), 200),
            (TrustedProxies::only(["192.0.2.1/32".parse().unwrap()]), 403),
            (TrustedProxies::none(), 403),
        ] {
            let app = serve_for(proxy, auth().trusted_proxies(trusted.clone())).await;
            for (target, headers) in [("/reports", &alice[..]), ("/public/x", &[])] {
                let answer = ask(app.address, proxy, "GET", target, headers).await;
                assert_eq!(answer.status, expected, "{proxy:?} {target} {trusted:?}");
                if expected != 200 {
                    let message = "127.0.0.1 is no trusted proxy (`AuthLayer::trusted_proxies`)";
                    assert_eq!(answer.json()["message"], message);
                    assert_eq!(answer.header("x-user-id"), None);
                }
            }
        }
    }
}

#[tokio::test]
async fn unknown_peer_is_an_error_of_the_service() {
    let center = center().await;
    let endpoint: Router = ForwardAuth::new(AuthLayer::new(client(&center)), Proxy::Caddy).router("/auth");
    let request = Request::get("/auth")
        .header("authorization", "Bearer alice-token")
        .header("x-forwarded-method", "GET")
        .header("x-forwarded-uri", "/");
    let answer = endpoint.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 500);
    let _: Router = endpoint.layer(MockConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
}

/// The headers of another proxy do not count: the client may have sent them.
#[tokio::test]
async fn original_request_is_where_this_proxy_writes_it() {
    let center = center().await;
    let open = [("x-original-uri", "/public/x"), ("x-original-method", "GET")];
    let other = [("x-forwarded-uri", "/public/x"), ("x-forwarded-method", "GET")];
    let auth = || AuthLayer::new(client(&center)).exclude_prefix("/public");
    let nginx = serve_for(Proxy::Nginx, auth()).await;
    let caddy = serve_for(Proxy::Caddy, auth()).await;
    let envoy = serve_for(Proxy::Envoy, auth()).await;
    let missing = |name: &str| format!("{name} is missing: the proxy has to set it");
    let twice = |name: &str| {
        format!("more than one {name}: the proxy has to replace the client's, not to add its own")
    };
    let malformed = "the original URI is no path with a query, has a `#`, or is over 64 KiB long";
    let method = |method| [("x-original-method", method), ("x-original-uri", "/public/x")];
    let uri = |uri| [("x-original-method", "GET"), ("x-original-uri", uri)];
    let nul = [("x-original-method", "G T"), ("x-original-uri", "/public/x")];
    for (what, app, status, headers, message) in [
        ("good", &nginx, 200, open.to_vec(), String::new()),
        ("good", &caddy, 200, other.to_vec(), String::new()),
        ("another's", &nginx, 403, other.to_vec(), missing("x-original-method")),
        ("another's", &caddy, 400, open.to_vec(), missing("x-forwarded-method")),
        (
            "both",
            &nginx,
            401,
            [uri("/admin"), other].concat(),
            "No bearer credential was sent: send `Authorization: Bearer <token>`".to_owned(),
        ),
        ("no URI", &nginx, 403, open[1..].to_vec(), missing("x-original-uri")),
        ("no method", &caddy, 400, other[..1].to_vec(), missing("x-forwarded-method")),
        ("two URIs", &nginx, 403, [&open[..], &open[..1]].concat(), twice("x-original-uri")),
        ("two methods", &caddy, 400, [&other[..], &other[1..]].concat(), twice("x-forwarded-method")),
        ("an absolute form", &nginx, 403, uri("http://evil/public/x").to_vec(), malformed.to_owned()),
        ("a fragment", &nginx, 403, uri("/public/x#/../../admin").to_vec(), malformed.to_owned()),
        ("an empty URI", &nginx, 403, uri("").to_vec(), malformed.to_owned()),
        ("no method's name", &nginx, 403, nul.to_vec(), "x-original-method is no method".to_owned()),
        ("an odd method", &nginx, 200, method("FROBNICATE").to_vec(), String::new()),
    ] {
        let answer = get(app.address, "/auth", &headers).await;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        if !message.is_empty() {
            assert_eq!(answer.json()["message"], message, "{what}");
        }
        if status == 403 {
            assert_eq!(answer.header("x-auth-status"), Some("400"), "{what}: nginx may make it again");
        }
    }
    for (target, headers, status) in [
        ("/auth/public/x", &[][..], 200),
        ("/auth/admin", &open[..], 401),
        ("/auth/", &[], 401),
        ("/auth", &[], 404),
        ("/public/x", &[], 404),
        ("/authpublic/x", &[], 404),
    ] {
        assert_eq!(request(envoy.address, "POST", target, headers).await.status, status, "Envoy, {target}");
    }
}

#[test]
fn setting_that_means_nothing_panics() {
    use aigc_auth::forward_auth::Identity;

    let forward_auth = || {
        let client = aigc_auth::AuthClient::builder("app", "secret", "http://127.0.0.1:9").build().unwrap();
        ForwardAuth::new(AuthLayer::new(client), Proxy::Nginx)
    };
    let panic = |what: &dyn Fn()| {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(what)).unwrap_err();
        *panic.downcast::<String>().unwrap()
    };
    for (expected, what) in [
        ("must start with `/`", &(|| drop(forward_auth().router::<()>("auth"))) as &dyn Fn()),
        ("must start with `/`", &|| drop(forward_auth().router::<()>("/auth/"))),
        ("have no parameters", &|| drop(forward_auth().router::<()>("/{auth}"))),
        ("no empty or dotted", &|| drop(forward_auth().require_prefix("/a/../b", |_| Ok(())))),
        ("must start with `/`", &|| drop(forward_auth().require_prefix("admin", |_| Ok(())))),
        ("no header's name", &|| drop(forward_auth().header(Identity::Id, "user id"))),
        ("two headers", &|| drop(forward_auth().header(Identity::Id, "X-User-Name"))),
    ] {
        let seen = panic(what);
        assert!(seen.contains(expected), "{seen}");
    }
}
