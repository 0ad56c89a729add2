//! In front of the layer: what it sees of targets as they were sent, of addresses, and of long heads.

use aigc_auth::extract::RequestInfo;
use aigc_auth::layer::TrustedProxies;
use aigc_auth::testing::{AuthCenter, Fault};
use aigc_auth::{AuthLayer, OptionalUser, RequirePermission, permissions};
use axum::routing::{any, get};
use axum::{Json, Router};
use serde_json::json;
use test_support::expectations::Rows;

use super::running::{CLIENT, Running};
use super::seen::{Seen, refused, seen};
use super::{ALICE, BAD, INVALID, ROOT, SCOPE, TWO, auth_center, trusted};
use crate::support::{App, client, serve};

permissions! { Admin = "admin:access"; }

const PROXIES: [&str; 4] = ["nginx", "caddy", "haproxy", "apache"];

async fn service(center: &AuthCenter, trusted: TrustedProxies) -> App {
    let echo = |OptionalUser(user): OptionalUser, info: RequestInfo| async move {
        let user = user.map(|user| user.username().to_owned());
        Json(json!([user, info.method.as_str(), info.path, info.client_ip, info.scheme]))
    };
    let routes = Router::new()
        .route("/admin", get(|_: RequirePermission<Admin>| async { Json(json!("admin")) }))
        .fallback(any(echo));
    let auth = AuthLayer::new(client(center)).exclude_prefix("/public").trusted_proxies(trusted);
    serve(routes.layer(auth)).await
}

/// The layer as it is behind one proxy, and that proxy.
async fn behind(name: &'static str, change: fn(String) -> String) -> Option<(AuthCenter, App, Running)> {
    let center = auth_center().await;
    let trusted = if name == "nginx" { trusted().with_real_ip() } else { trusted() };
    let app = service(&center, trusted).await;
    let proxy = Running::start_changed(name, "service", app.address, app.address, change).await?;
    Some((center, app, proxy))
}

fn served(user: Option<&str>, method: &str, path: &str) -> Seen {
    Seen::Served(json!([user, method, path, CLIENT, "http"]))
}

#[tokio::test]
async fn layer_decides_as_without_a_proxy() {
    let mut rows = Rows::default();
    for name in PROXIES {
        let Some((center, _app, proxy)) = behind(name, |recipe| recipe).await else { return };
        let two = if name == "nginx" { refused(400, "") } else { refused(401, INVALID) };
        rows.with(format!("{name} in front of the layer"));
        for (what, method, target, headers, expected) in [
            ("a user", "GET", "/reports?x=1", ALICE, served(Some("alice"), "GET", "/reports")),
            ("another method", "DELETE", "/reports/7", ALICE, served(Some("alice"), "DELETE", "/reports/7")),
            ("no credential", "GET", "/reports", &[], refused(401, "Bearer")),
            ("a bad one", "GET", "/reports", BAD, refused(401, INVALID)),
            ("two", "GET", "/reports", TWO, two),
            ("without permission", "GET", "/admin", ALICE, refused(403, SCOPE)),
            ("with it", "GET", "/admin", ROOT, Seen::Served(json!("admin"))),
            ("an excluded path", "GET", "/public/x", &[], served(None, "GET", "/public/x")),
        ] {
            let answer = proxy.ask(method, target, headers, "").await;
            rows.expect(&format!("{what}: {method} {target}"), &seen(&answer), &expected);
        }
        center.inject_fault(Fault::Refuse);
        let answer = proxy.ask("GET", "/", &[("authorization", "Bearer later")], "").await;
        rows.expect("an outage", &seen(&answer), &refused(503, "1"));
    }
}

/// Nobody but the proxy says who the client is.
#[tokio::test]
async fn address_and_scheme_are_the_proxys_word() {
    const INVENTED: &str = "8.8.4.4";
    let mut rows = Rows::default();
    for name in PROXIES {
        let Some((_center, _app, proxy)) = behind(name, |recipe| recipe).await else { return };
        rows.with(format!("{name} in front of the layer"));
        for (what, headers) in [
            ("none", &[][..]),
            ("X-Forwarded-For", &[("x-forwarded-for", INVENTED)]),
            (
                "X-Forwarded-For in two lines",
                &[("x-forwarded-for", INVENTED), ("x-forwarded-for", "1.1.1.1")],
            ),
            ("a list", &[("x-forwarded-for", "8.8.4.4, 127.0.0.1")]),
            ("no address", &[("x-forwarded-for", "unknown, , \"_hidden\"")]),
            ("a port", &[("x-forwarded-for", "8.8.4.4:53")]),
            ("X-Real-IP", &[("x-real-ip", INVENTED)]),
            ("X-Real-IP in two lines", &[("x-real-ip", INVENTED), ("x-real-ip", "1.1.1.1")]),
            ("X-Forwarded-Proto", &[("x-forwarded-proto", "https")]),
            ("a list of those", &[("x-forwarded-proto", "https, https")]),
            ("Forwarded", &[("forwarded", "for=8.8.4.4;proto=https")]),
            (
                "underscores",
                &[("x_forwarded_for", INVENTED), ("x_real_ip", INVENTED), ("x_forwarded_proto", "https")],
            ),
            ("to be dropped", &[("connection", "x-forwarded-for, x-real-ip, x-forwarded-proto")]),
        ] {
            let answer = proxy.ask("GET", "/", &[ALICE, headers].concat(), "").await;
            let what = format!("an invented address or scheme: {what}");
            rows.expect(&what, &seen(&answer), &served(Some("alice"), "GET", "/"));
        }
    }
}

/// The path in the service is the one that was sent, or the same in other words; or the proxy refuses it.
#[tokio::test]
async fn targets_come_as_they_were_sent() {
    let mut rows = Rows::default();
    for name in PROXIES {
        let Some((_center, _app, proxy)) = behind(name, |recipe| recipe).await else { return };
        rows.with(format!("{name} in front of the layer"));
        for target in [
            "/a%2Fb",
            "/a%2fb",
            "/a//b",
            "/a/../b",
            "/a/%2e%2e/b",
            "/a/./b",
            "/a;x=1/b",
            "/a/..;/b",
            "/%61",
            "/a%5Cb",
            "/a\\b",
            "/a%00b",
            "/a%zz",
            "/a%25b",
            "/a%3Fb",
            "/a+b",
            "/用户",
            "//a",
            "/a/",
            "/../a",
            "/a%2f..%2fb",
        ] {
            let answer = proxy.ask("GET", target, ALICE, "").await;
            let expected = match (name, target) {
                ("nginx", "/a%00b" | "/a%zz" | "/../a") => refused(400, ""),
                ("caddy", "/a%zz") | ("haproxy", "/用户") => refused(400, ""),
                // Go escapes what has to be.
                ("caddy", "/a\\b") => served(Some("alice"), "GET", "/a%5Cb"),
                ("caddy", "/用户") => served(Some("alice"), "GET", "/%E7%94%A8%E6%88%B7"),
                ("apache", "/a%00b") => refused(404, ""),
                ("apache", "/a%zz" | "/../a") => refused(400, ""),
                // Before all else, whatever it is set to.
                ("apache", "//a") => served(Some("alice"), "GET", "/a"),
                _ => served(Some("alice"), "GET", target),
            };
            rows.expect(&format!("a target: {target}"), &seen(&answer), &expected);
        }
        let answer = proxy.ask("GET", "http://test/reports?x=1", ALICE, "").await;
        rows.expect("a target with a host", &seen(&answer), &served(Some("alice"), "GET", "/reports"));
    }
}

/// `ProxyPass` without `nocanon`, as most have it: another path may come, and the layer decides about the one that comes.
#[tokio::test]
async fn apache_makes_paths_canonical_unless_told_otherwise() {
    let plain = |recipe: String| recipe.replace(" nocanon", "").replace("AllowEncodedSlashes NoDecode", "");
    let Some((_center, _app, proxy)) = behind("apache", plain).await else { return };
    let mut rows = Rows::default();
    rows.with("apache without nocanon, in front of the layer");
    for (target, headers, expected) in [
        ("/a%2Fb", ALICE, refused(404, "")),
        ("/a//b", ALICE, served(Some("alice"), "GET", "/a/b")),
        ("/a/../b", ALICE, served(Some("alice"), "GET", "/b")),
        ("/a/%2e%2e/b", ALICE, served(Some("alice"), "GET", "/b")),
        ("/a/..;/b", ALICE, served(Some("alice"), "GET", "/a/..;/b")),
        ("/%61", ALICE, served(Some("alice"), "GET", "/a")),
        ("/public/../admin", &[], refused(401, "Bearer")),
        ("/public/%2e%2e/admin", &[], refused(401, "Bearer")),
        ("/public/%252e%252e/admin", &[], refused(401, "Bearer")),
        ("/public/..;/admin", &[], refused(401, "Bearer")),
        ("/admin/../public/x", &[], served(None, "GET", "/public/x")),
        ("/%70ublic/x", &[], served(None, "GET", "/public/x")),
    ] {
        let answer = proxy.ask("GET", target, headers, "").await;
        let who = if headers.is_empty() { "without a credential" } else { "a target" };
        rows.expect(&format!("{who}: {target}"), &seen(&answer), &expected);
    }
}

/// What is excluded opens nothing else, whoever takes paths apart.
#[tokio::test]
async fn exclusions_open_nothing_else() {
    let mut rows = Rows::default();
    for name in PROXIES {
        let Some((_center, _app, proxy)) = behind(name, |recipe| recipe).await else { return };
        rows.with(format!("{name} in front of the layer"));
        for target in [
            "/public/../admin",
            "/public/%2e%2e/admin",
            "/public/.%2e/admin",
            "/public/..;/admin",
            "/public/..%2fadmin",
            "/public%2f..%2fadmin",
            "/public/..%5cadmin",
            "/public/%252e%252e/admin",
            "/public/..%3b/admin",
            "//public/x",
            "/public//../admin",
            "/x/../public/x",
        ] {
            let answer = proxy.ask("GET", target, &[], "").await;
            let expected = match (name, target) {
                // Its own spelling of `/public/x`.
                ("apache", "//public/x") => served(None, "GET", "/public/x"),
                _ => refused(401, "Bearer"),
            };
            rows.expect(&format!("without a credential: {target}"), &seen(&answer), &expected);
        }
    }
}

#[tokio::test]
async fn long_heads_are_served_or_refused() {
    let credential = |length: usize| format!("Bearer {}", "t".repeat(length));
    let [seven, nine, forty] = [7_000, 9_000, 40_000].map(credential);
    let cookie = "c".repeat(6_000);
    let target = format!("/{}", "a".repeat(7_000));
    let part = "p".repeat(2_000);
    let mut rows = Rows::default();
    for name in PROXIES {
        let Some((_center, _app, proxy)) = behind(name, |recipe| recipe).await else { return };
        rows.with(format!("{name} in front of the layer"));
        // nginx and Apache have 8 KiB for a header, and Apache puts those of one name together; HAProxy has 16 KiB for a head.
        let over_8k = if ["nginx", "apache"].contains(&name) { 400 } else { 431 };
        let over_16k = if name == "caddy" { 431 } else { 400 };
        let has_room = ["nginx", "caddy"].contains(&name);
        let many = if has_room { served(Some("alice"), "GET", "/") } else { refused(400, "") };
        let parts = [("x-part", &*part); 10];
        let alice_and_parts = [ALICE, &parts].concat();
        for (what, target, headers, expected) in [
            ("a credential of 7,000 bytes", "/", &[("authorization", &*seven)][..], refused(401, INVALID)),
            ("a credential of 9,000", "/", &[("authorization", &*nine)], refused(over_8k, "")),
            ("a credential of 40,000", "/", &[("authorization", &*forty)], refused(over_16k, "")),
            ("a cookie of 6,000", "/", &[ALICE[0], ("cookie", &*cookie)], served(Some("alice"), "GET", "/")),
            ("a target of 7,000", &*target, ALICE, served(Some("alice"), "GET", &target)),
            ("ten headers of one name, of 2,000", "/", &alice_and_parts, many),
        ] {
            let answer = proxy.ask("GET", target, headers, "").await;
            rows.expect(what, &seen(&answer), &expected);
        }
    }
}
