//! What the log and the response say where no credential counts.

use aigc_auth::layer::CredentialSource;
use axum::Router;
use axum::routing::any;

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
        assert_eq!((answer.status, seen), (401, NOTHING), "{method} {target} {headers:?}");
        let lines = log.take();
        let refused: Vec<_> = lines.lines().filter(|line| line.contains("request refused")).collect();
        assert_eq!(refused.len(), 1, "{lines}");
        assert!(refused[0].contains("DEBUG") && refused[0].contains(logged), "{logged}: {lines}");
        assert!(!lines.contains("secret-1"), "{lines}");
    }
    assert!(center.requests().is_empty());
}
