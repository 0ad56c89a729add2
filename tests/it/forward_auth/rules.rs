//! Rules by path and by function.

use aigc_auth::forward_auth::{ForwardAuth, Identity, Proxy};
use aigc_auth::{AuthError, AuthLayer};

use crate::forward_auth::support::ask;
use crate::support::{Answer, App, Log, center, client, serve};

async fn said(app: &App, proxy: Proxy, method: &str, target: &str, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("authorization", &*authorization)];
    ask(app.address, proxy, method, target, if token.is_empty() { &[] } else { &headers }).await
}

#[tokio::test]
async fn prefixes_require_what_they_say() {
    let center = center().await;
    for proxy in [Proxy::Caddy, Proxy::Envoy] {
        let auth = AuthLayer::new(client(&center)).exclude_prefix("/public");
        let rules = ForwardAuth::new(auth, proxy)
            .require_prefix("/reports", |user| user.require("report:read"))
            .require_prefix("/reports/edit", |user| user.require("article:edit"))
            .require_prefix("/admin", |user| {
                if user.is_admin() { Ok(()) } else { Err(AuthError::missing_permission("the admin flag")) }
            });
        let app = serve(rules.router("/auth")).await;
        for (target, [alice, bob, root, nobody]) in [
            ("/", [200, 200, 200, 401]),
            ("/reports", [200, 403, 403, 401]),
            ("/reports/edit/7?x=%2e%2e", [200, 403, 403, 401]),
            ("/admin", [403, 403, 200, 401]),
            ("/ADMIN/users", [403, 403, 200, 401]),
            ("/admin;x=1", [403, 403, 200, 401]),
            ("/administration", [200, 200, 200, 401]),
            ("/public/x", [200; 4]),
            // Whatever is behind the proxy may read these as paths below /admin.
            ("//admin", [400, 400, 400, 401]),
            ("/x/../admin", [400, 400, 400, 401]),
            ("/%61dmin", [400, 400, 400, 401]),
            ("/x/%2e%2e/admin", [400, 400, 400, 401]),
            ("/x/..;/admin", [400, 400, 400, 401]),
            ("/x%2f..%2fadmin", [400, 400, 400, 401]),
            ("/x\\..\\admin", [400, 400, 400, 401]),
            // Before it looks for a query: nginx with `proxy_pass http://service$uri`.
            ("/admin%3Fx", [400, 400, 400, 401]),
            ("/admin%23/x", [400, 400, 400, 401]),
            ("/admin%00", [400, 400, 400, 401]),
        ] {
            for (token, expected) in
                [("alice-token", alice), ("bob-token", bob), ("root-token", root), ("", nobody)]
            {
                let answer = said(&app, proxy, "GET", target, token).await;
                assert_eq!(answer.status, expected, "{proxy:?}: {target} of {token:?}");
            }
        }
        let denied = said(&app, proxy, "GET", "/reports", "bob-token").await;
        let challenge = r#"Bearer error="insufficient_scope", scope="report:read""#;
        assert_eq!(denied.header("www-authenticate"), Some(challenge));
        assert_eq!(denied.header("x-user-id"), None);
    }
}

#[tokio::test]
async fn excluded_path_with_a_rule_is_closed() {
    let center = center().await;
    let auth = AuthLayer::new(client(&center)).exclude_prefix("/public");
    let rules = ForwardAuth::new(auth, Proxy::Caddy).require_prefix("/public/admin", |_| Ok(()));
    let app = serve(rules.router("/auth")).await;
    for (target, expected) in [("/public/x", 200), ("/public/admin", 500), ("/public/admin/x", 500)] {
        assert_eq!(said(&app, Proxy::Caddy, "GET", target, "root-token").await.status, expected, "{target}");
    }
}

#[tokio::test]
async fn function_sees_the_original_request() {
    let center = center().await;
    let auth = AuthLayer::new(client(&center)).exclude_prefix("/public").allow_anonymous();
    let rules = ForwardAuth::new(auth, Proxy::Caddy).authorize(|request| {
        let name = request.user().map_or("nobody", |user| user.username());
        assert!(request.headers().contains_key("x-forwarded-uri"));
        let seen = format!("{name} {} {} {}", request.method(), request.path(), request.uri());
        match &*seen {
            "alice DELETE /a /a?b=c" | "nobody GET /public/x /public/x" | "nobody GET / /" => Ok(()),
            _ => Err(AuthError::missing_permission(seen)),
        }
    });
    let app = serve(rules.router("/auth")).await;
    for (method, target, token, expected) in [
        ("DELETE", "/a?b=c", "alice-token", 200),
        ("GET", "/a?b=c", "alice-token", 403),
        ("DELETE", "/a?b=c", "bob-token", 403),
        ("GET", "/public/x", "alice-token", 200),
        ("GET", "/", "", 200),
        ("GET", "/", "bob-token", 403),
        ("GET", "//", "", 400),
    ] {
        let answer = said(&app, Proxy::Caddy, method, target, token).await;
        assert_eq!(answer.status, expected, "{method} {target} of {token:?}");
    }
}

#[tokio::test]
async fn headers_have_the_names_and_lengths_that_are_set() {
    let center = center().await;
    let rules = ForwardAuth::new(AuthLayer::new(client(&center)), Proxy::Caddy)
        .header(Identity::Name, "Remote-User")
        .without_header(Identity::Id)
        .max_header_len(8);
    let app = serve(rules.router("/auth")).await;
    let log = Log::start();
    let answer = said(&app, Proxy::Caddy, "GET", "/", "alice-token").await;
    assert_eq!(said(&app, Proxy::Caddy, "GET", "/", "alice-token").await.status, 200);
    let log = log.take();
    assert_eq!(log.matches("longer than `max_header_len`").count(), 1, "not once a request: {log}");
    let names = ["remote-user", "x-user-id", "x-user-name", "x-user-roles", "x-user-permissions"];
    let seen = names.map(|name| answer.header(name));
    assert_eq!(seen, [Some("alice"), None, None, Some("editor"), Some("")], "the permissions are longer");
}
