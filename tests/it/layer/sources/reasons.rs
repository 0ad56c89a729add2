//! What the log and the response say where no credential counts.

use aigc_auth::layer::CredentialSource;
use axum::Router;
use axum::routing::any;
use serde_json::{Value, json};

use crate::layer::headers::{NOTHING, me};
use crate::support::{self, Log, center, serve};

#[tokio::test]
async fn response_says_what_to_send_and_log_says_what_was_sent() {
    let center = center().await;
    let sources = [
        CredentialSource::authorization(),
        CredentialSource::websocket_protocol(),
        CredentialSource::cookie("session"),
        CredentialSource::query("token"),
    ];
    let usual = serve(Router::new().route("/me", any(me)).layer(support::auth(&center))).await;
    let more =
        serve(Router::new().route("/me", any(me)).layer(support::auth(&center).credentials_from(sources)))
            .await;
    let cross = ("sec-fetch-site", "cross-site");
    let cookie = ("cookie", "session=secret-1");
    let preflight = [("origin", "https://app.example.com"), ("access-control-request-method", "GET")];
    let (other, bare) = (
        "`Authorization` has another scheme than `Bearer`: send `Authorization: Bearer <token>`",
        "`Authorization` has no scheme: send `Authorization: Bearer <token>`",
    );
    for (app, method, target, headers, logged) in [
        (&usual, "GET", "/me", &[][..], "No bearer credential was sent"),
        (&usual, "GET", "/me", &[("authorization", "Basic secret-1")], "has the scheme `Basic`"),
        (&usual, "GET", "/me", &[("authorization", "token secret-1")], "has the scheme `Token`"),
        (&usual, "GET", "/me", &[("authorization", "eyJsecret-1.e30.x")], "has no scheme: `Bearer`"),
        (&usual, "GET", "/me", &[("authorization", "secret-1 secret-1")], "has an unknown scheme"),
        (
            &usual,
            "OPTIONS",
            "/me",
            &preflight,
            "a CORS preflight, which never has a credential: put the CORS layer",
        ),
        (
            &more,
            "OPTIONS",
            "/me",
            &preflight,
            "a CORS preflight, which never has a credential: put the CORS layer",
        ),
        (&more, "GET", "/me", &[("authorization", "Basic secret-1")], "has the scheme `Basic`"),
        // A cookie that is none of the sources makes the layer look into all of them.
        (&more, "GET", "/me", &[("cookie", "other=1")], "No bearer credential was sent"),
        (
            &more,
            "GET",
            "/me",
            &[("cookie", "other=1"), ("authorization", "Basic secret-1")],
            "has the scheme `Basic`",
        ),
        (
            &more,
            "GET",
            "/me",
            &[cross, cookie],
            "the cookie `session` was not read: the request comes from another origin (`Sec-Fetch-Site`)",
        ),
        (
            &more,
            "POST",
            "/me",
            &[cookie],
            "the cookie `session` was not read: the request may change something, and does not say",
        ),
        (
            &more,
            "POST",
            "/me",
            &[("origin", "https://test"), cookie],
            "`trusted_proxies` has to say that it sets `X-Forwarded-Proto`",
        ),
        (
            &more,
            "GET",
            "/me?token=secret-1",
            &[],
            "the query parameter `token` was not read: the request is no WebSocket handshake and does not accept",
        ),
    ] {
        let log = Log::start();
        let answer = support::request(app.address, method, target, headers).await;
        let seen = (answer.header("www-authenticate"), &*answer.body);
        let said = match logged {
            "has no scheme: `Bearer`" => Some(bare),
            logged if logged.contains("scheme") => Some(other),
            _ => None,
        };
        let body = said.map(|said| json!({"code": 401, "message": said, "data": null}).to_string());
        let (challenge, nothing) = NOTHING;
        let expected = (challenge, body.as_deref().unwrap_or(nothing));
        assert_eq!((answer.status, answer.json()), (401, serde_json::from_str::<Value>(expected.1).unwrap()));
        assert_eq!(seen.0, expected.0, "{method} {target} {headers:?}");
        let lines = log.take();
        let refused: Vec<_> = lines.lines().filter(|line| line.contains("request refused")).collect();
        assert_eq!(refused.len(), 1, "{lines}");
        assert!(refused[0].contains("DEBUG") && refused[0].contains(logged), "{logged}: {lines}");
        assert!(!lines.contains("was not read") || !headers.contains(&("cookie", "other=1")), "{lines}");
        assert!(!lines.contains("secret-1"), "{lines}");
    }
    assert!(center.requests().is_empty());
}

/// In the wrong order, browsers show their page nothing: the log has to say it without being asked.
#[tokio::test]
async fn refused_preflight_is_a_warning_once() {
    let center = center().await;
    let app = serve(Router::new().route("/me", any(me)).layer(support::auth(&center))).await;
    let origin = ("origin", "https://app.example.com");
    let preflight = [origin, ("access-control-request-method", "GET")];
    let log = Log::start();
    for _ in 0..3 {
        assert_eq!(support::request(app.address, "OPTIONS", "/me", &preflight).await.status, 401);
    }
    // No preflights, and so no reason to warn.
    for (method, headers) in [("OPTIONS", &preflight[..1]), ("GET", &preflight)] {
        assert_eq!(support::request(app.address, method, "/me", headers).await.status, 401);
    }
    let lines = log.take();
    let warned: Vec<_> = lines.lines().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warned.len(), 1, "{lines}");
    let where_it_belongs =
        "CORS preflights are refused, for they never have a credential: put the CORS layer outside";
    assert!(warned[0].contains(where_it_belongs), "{lines}");
}

#[tokio::test]
async fn anonymous_request_with_an_unread_credential_is_in_the_log() {
    let center = center().await;
    let layer = support::auth(&center).allow_anonymous();
    let app = serve(Router::new().route("/open", any(|| async { "open" })).layer(layer)).await;
    let log = Log::start();
    let headers = [("authorization", "Token secret-1")];
    assert_eq!(support::request(app.address, "GET", "/open", &headers).await.status, 200);
    let lines = log.take();
    let line = lines.lines().find(|line| line.contains("request passes as anonymous")).unwrap();
    assert!(line.contains("DEBUG") && line.contains("has the scheme `Token`"), "{lines}");
    assert!(!lines.contains("secret-1"), "{lines}");
}
