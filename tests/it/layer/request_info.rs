//! What is known of a request: its path, and its client, behind each usual proxy.

use aigc_auth::AuthLayer;
use aigc_auth::extract::RequestInfo;
use aigc_auth::layer::TrustedProxies;
use axum::Router;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use http::Request;
use serde_json::json;
use tower::Layer;

use crate::support::{self, App, center, serve, serve_service};

async fn info(info: RequestInfo) -> impl IntoResponse {
    axum::Json(json!({
        "method": info.method.as_str(),
        "path": info.path,
        "matched_path": info.matched_path,
        "scheme": info.scheme,
        "client_ip": info.client_ip,
        "user_agent": info.user_agent,
        "request_id": info.request_id,
        "trace_id": info.trace_id,
    }))
}

fn informed() -> Router {
    let users = Router::new().route("/users/{id}", any(info)).fallback(info);
    Router::new().route("/info", any(info)).nest("/api", users).fallback(info)
}

#[tokio::test]
async fn request_info_has_original_path_and_matched_route() {
    let center = center().await;
    let nested = Router::new().nest(
        "/api",
        Router::new()
            .route("/users/{id}", any(info))
            .fallback(info)
            .layer(support::auth(&center).allow_anonymous()),
    );
    let layered = serve(informed().layer(support::auth(&center).allow_anonymous())).await;
    let around = serve_service(support::auth(&center).allow_anonymous().layer(informed())).await;
    let without = serve(informed()).await;
    let inside = serve(nested.route("/info", any(info)).fallback(info)).await;
    let apps: [(&str, &App); 4] =
        [("layered", &layered), ("around", &around), ("without a layer", &without), ("inside nest", &inside)];
    for (what, app) in apps {
        for (method, target, path, matched) in [
            ("GET", "/info?x=/public/", "/info", Some("/info")),
            ("PUT", "/info", "/info", Some("/info")),
            ("GET", "/api/users/7", "/api/users/7", Some("/api/users/{id}")),
            ("DELETE", "/api/users/%6de?x", "/api/users/%6de", Some("/api/users/{id}")),
            ("GET", "/api/none", "/api/none", None),
            ("GET", "/none", "/none", None),
        ] {
            let answer = support::request(app.address, method, target, &[]).await.json();
            let (seen, route) = (answer["path"].as_str(), answer["matched_path"].as_str());
            assert_eq!(answer["method"], method, "{method} {target}, {what}");
            assert_eq!((seen, route), (Some(path), matched), "{method} {target}, {what}");
        }
    }
}

#[tokio::test]
async fn forwarded_headers_count_only_from_trusted_proxies() {
    let center = center().await;
    let auth = || support::auth(&center).allow_anonymous();
    let app = |layer: AuthLayer| serve(Router::new().route("/info", get(info)).layer(layer));
    let private = app(auth()).await;
    let no_proxy = app(auth().trusted_proxies(TrustedProxies::none().with_real_ip())).await;
    let others =
        app(auth().trusted_proxies(TrustedProxies::only(["10.0.0.0/8".parse().unwrap()]).with_real_ip()))
            .await;
    let both =
        app(auth().trusted_proxies(TrustedProxies::private().and("203.0.113.0/24".parse().unwrap()))).await;
    let without = serve(Router::new().route("/info", get(info))).await;
    let nginx = app(auth().trusted_proxies(TrustedProxies::nginx())).await;
    let forwarded = ("x-forwarded-for", "1.1.1.1, 203.0.113.9");
    let https = ("x-forwarded-proto", "https");
    for (what, app, headers, ip, scheme) in [
        ("nothing said", &private, &[][..], "127.0.0.1", "http"),
        ("trusted", &private, &[forwarded, https], "203.0.113.9", "http"),
        ("trusted, without a layer", &without, &[forwarded, https], "203.0.113.9", "http"),
        ("trusted twice", &both, &[forwarded, https], "1.1.1.1", "http"),
        ("trusted for all three", &nginx, &[forwarded, https], "203.0.113.9", "https"),
        ("trusted, both said", &private, &[forwarded, ("x-real-ip", "2.2.2.2")], "203.0.113.9", "http"),
        ("trusted for both", &nginx, &[forwarded, ("x-real-ip", "2.2.2.2")], "2.2.2.2", "http"),
        (
            "trusted, nonsense said",
            &nginx,
            &[("x-real-ip", "x"), ("x-forwarded-proto", "ftp")],
            "127.0.0.1",
            "http",
        ),
        ("trusted, not an address", &private, &[("x-forwarded-for", "unknown")], "127.0.0.1", "http"),
        ("trusted, bytes", &private, &[("x-forwarded-for", "\u{e4}, 1.1.1.1")], "1.1.1.1", "http"),
        (
            "trusted, another spelling",
            &nginx,
            &[("x_real_ip", "2.2.2.2"), ("x_forwarded_for", "2.2.2.2")],
            "127.0.0.1",
            "http",
        ),
        ("no proxy trusted", &no_proxy, &[forwarded, https, ("x-real-ip", "2.2.2.2")], "127.0.0.1", "http"),
        ("others trusted", &others, &[forwarded, https, ("x-real-ip", "2.2.2.2")], "127.0.0.1", "http"),
    ] {
        let answer = support::get(app.address, "/info", headers).await.json();
        assert_eq!((&answer["client_ip"], &answer["scheme"]), (&json!(ip), &json!(scheme)), "{what}");
    }
}

/// The address that the client's connection to the proxy comes from.
const CLIENT: &str = "203.0.113.9";

/// What a proxy sends for the headers that it was sent.
type Proxy = fn(Vec<(String, String)>) -> Vec<(String, String)>;

fn set(headers: &mut Vec<(String, String)>, name: &str, value: &str) {
    headers.retain(|(other, _)| other != name);
    headers.push((name.to_owned(), value.to_owned()));
}

/// Adds to the list that came, in one line.
fn append_in_line(headers: &mut Vec<(String, String)>, value: &str) {
    let came = headers.iter().filter(|(name, _)| name == "x-forwarded-for").map(|(_, line)| &**line);
    let list = came.chain([value]).collect::<Vec<_>>().join(", ");
    set(headers, "x-forwarded-for", &list);
}

#[tokio::test]
async fn client_does_not_choose_its_address_behind_any_usual_proxy() {
    let center = center().await;
    let app = |trusted: Option<TrustedProxies>| {
        let auth = support::auth(&center).allow_anonymous();
        let auth = match trusted {
            Some(trusted) => auth.trusted_proxies(trusted),
            None => auth,
        };
        serve(Router::new().route("/info", get(info)).layer(auth))
    };
    // What each does was seen on nginx 1.22, HAProxy 2.6, Apache 2.4 and Caddy 2.6; the balancer's is what its manual says.
    let nginx: Proxy = |mut headers| {
        append_in_line(&mut headers, CLIENT);
        set(&mut headers, "x-real-ip", CLIENT);
        set(&mut headers, "x-forwarded-proto", "http");
        headers
    };
    let nginx_without_real_ip: Proxy = |mut headers| {
        append_in_line(&mut headers, CLIENT);
        headers
    };
    let two_nginx: Proxy = |mut headers| {
        append_in_line(&mut headers, CLIENT);
        append_in_line(&mut headers, "10.0.0.2");
        set(&mut headers, "x-real-ip", "10.0.0.2");
        set(&mut headers, "x-forwarded-proto", "http");
        headers
    };
    let haproxy: Proxy = |mut headers| {
        headers.push(("x-forwarded-for".to_owned(), CLIENT.to_owned()));
        headers
    };
    let two_haproxies: Proxy = |mut headers| {
        headers.push(("x-forwarded-for".to_owned(), CLIENT.to_owned()));
        headers.push(("x-forwarded-for".to_owned(), "10.0.0.2".to_owned()));
        headers
    };
    let caddy: Proxy = |mut headers| {
        set(&mut headers, "x-forwarded-for", CLIENT);
        set(&mut headers, "x-forwarded-proto", "http");
        headers
    };
    let aws_alb: Proxy = |mut headers| {
        append_in_line(&mut headers, CLIENT);
        set(&mut headers, "x-forwarded-proto", "http");
        headers
    };
    let balancer_before_nginx: Proxy = |mut headers| {
        append_in_line(&mut headers, CLIENT);
        set(&mut headers, "x-real-ip", "10.0.0.2");
        set(&mut headers, "x-forwarded-proto", "http");
        headers
    };
    let forged = ["6.6.6.6", "127.0.0.1", "10.0.0.7", "unknown", "\u{e4}", "", "6.6.6.6, 10.0.0.7"];
    for (name, proxy, preset) in [
        ("nginx", nginx, TrustedProxies::nginx()),
        ("nginx, X-Forwarded-For alone", nginx_without_real_ip, TrustedProxies::private()),
        ("two nginx", two_nginx, TrustedProxies::nginx()),
        ("HAProxy", haproxy, TrustedProxies::haproxy()),
        ("two HAProxies", two_haproxies, TrustedProxies::haproxy()),
        ("Apache", nginx_without_real_ip, TrustedProxies::apache()),
        ("Caddy", caddy, TrustedProxies::caddy()),
        ("AWS ALB", aws_alb, TrustedProxies::aws_alb()),
        ("AWS ALB, then nginx with X-Real-IP alone", balancer_before_nginx, TrustedProxies::nginx()),
    ] {
        for trusted in [None, Some(preset)] {
            let app = app(trusted.clone()).await;
            for forged in forged {
                for lines in [0, 1, 2] {
                    let forged_names = ["x-forwarded-for", "x-real-ip", "forwarded", "x_forwarded_for"];
                    let sent = forged_names
                        .iter()
                        .flat_map(|name| vec![(name.to_string(), forged.to_owned()); lines]);
                    let sent = sent.chain([("x-forwarded-proto".to_owned(), "https".to_owned())]).collect();
                    let headers = proxy(sent);
                    let headers: Vec<_> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
                    let answer = support::get(app.address, "/info", &headers).await.json();
                    let seen = (&answer["client_ip"], &answer["scheme"]);
                    assert_eq!(seen, (&json!(CLIENT), &json!("http")), "{name}, {trusted:?}: {headers:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn without_connect_info_no_proxy_is_trusted() {
    use tower::ServiceExt;

    let center = center().await;
    let app = Router::new().route("/info", get(info)).layer(support::auth(&center).allow_anonymous());
    let request = Request::get("/info")
        .header("x-real-ip", "2.2.2.2")
        .header("x-forwarded-proto", "https")
        .body(axum::body::Body::empty())
        .unwrap();
    let answer = app.oneshot(request).await.unwrap();
    let body = axum::body::to_bytes(answer.into_body(), 1024).await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&answer["client_ip"], &answer["scheme"]), (&json!(null), &json!("http")));
}
