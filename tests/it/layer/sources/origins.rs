//! Which origins a cookie counts from.

use std::net::SocketAddr;

use aigc_auth::AuthLayer;
use aigc_auth::layer::{CredentialSource, TrustedProxies};
use aigc_auth::testing::AuthCenter;
use axum::Router;
use axum::routing::any;

use crate::layer::headers::me;
use crate::support::{self, App, center, exchange, serve, verdict};

async fn app(
    center: &AuthCenter,
    cookie: CredentialSource,
    configure: impl FnOnce(AuthLayer) -> AuthLayer,
) -> App {
    let auth = support::auth(center).credentials_from([CredentialSource::authorization(), cookie]);
    let app = serve(Router::new().route("/me", any(me)).layer(configure(auth))).await;
    // The user is cached from here on.
    assert_eq!(support::get_as(app.address, "alice-token", "/me").await.status, 200);
    app
}

/// A request with the cookie and these headers, to `api.example.com`.
async fn sent(address: SocketAddr, method: &str, headers: &str) -> Result<String, u16> {
    let request = format!(
        "{method} /me HTTP/1.1\r\nhost: api.example.com\r\nconnection: close\r\ncookie: session=alice-token\r\n\
         {headers}\r\n"
    );
    let answer = exchange(address, request.as_bytes()).await;
    verdict(&answer).map(str::to_owned)
}

const SAME: &str = "sec-fetch-site: same-origin\r\n";
const NONE: &str = "sec-fetch-site: none\r\n";
const CROSS: &str = "sec-fetch-site: cross-site\r\n";
const SUBDOMAIN: &str = "sec-fetch-site: same-site\r\n";
const NAVIGATION: &str =
    "sec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: document\r\n";
const FRAME: &str = "sec-fetch-site: cross-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: iframe\r\n";
const OWN: &str = "origin: http://api.example.com\r\n";
const OTHER: &str = "origin: https://evil.example.org\r\n";
const APP: &str = "origin: https://app.example.com\r\n";
const HTTPS: &str = "origin: https://api.example.com\r\n";
const WEBSOCKET: &str = "upgrade: websocket\r\n";

#[tokio::test]
async fn cookie_counts_from_its_own_origin_only() {
    let center = center().await;
    let app = app(&center, CredentialSource::cookie("session"), |auth| auth).await;
    for (method, headers, counts) in [
        ("GET", &[][..], true),
        ("HEAD", &[], true),
        ("OPTIONS", &[], true),
        ("POST", &[], false),
        ("PUT", &[], false),
        ("DELETE", &[], false),
        ("POST", &[SAME], true),
        ("POST", &[SAME, OWN], true),
        ("POST", &[NONE], true),
        // What the user typed has no page, and so no page's origin counts.
        ("POST", &[NONE, OTHER], true),
        ("GET", &[NONE, "referer: https://evil.example.org/\r\n"], true),
        ("GET", &[SAME], true),
        ("GET", &[NONE], true),
        ("GET", &[CROSS], false),
        ("GET", &[SUBDOMAIN], false),
        ("GET", &[NAVIGATION], false),
        ("GET", &[CROSS, OWN], false),
        ("GET", &["sec-fetch-site: \r\n"], false),
        ("GET", &["sec-fetch-site: SAME-ORIGIN\r\n"], false),
        ("GET", &[SAME, CROSS], false),
        ("GET", &[SAME, SAME], false),
        // A browser that does not say it by Fetch Metadata.
        ("POST", &[OWN], true),
        ("GET", &[OWN], true),
        ("POST", &["origin: http://api.example.com:80\r\n"], false),
        ("POST", &["origin: http://api.example.com:8080\r\n"], false),
        ("POST", &["origin: http://api.example.com.evil.org\r\n"], false),
        ("POST", &["origin: http://evil-api.example.com\r\n"], false),
        ("POST", &["origin: null\r\n"], false),
        ("POST", &["origin: \r\n"], false),
        ("GET", &["origin: null\r\n"], false),
        ("POST", &[OTHER], false),
        ("GET", &[OTHER], false),
        ("POST", &[HTTPS], false),
        ("POST", &[OWN, OTHER], false),
        ("POST", &[OWN, OWN], false),
        ("POST", &["referer: http://api.example.com/page?x=1\r\n"], true),
        ("POST", &["referer: http://api.example.com\r\n"], true),
        ("POST", &["referer: https://evil.example.org/http://api.example.com/\r\n"], false),
        ("GET", &["referer: https://evil.example.org/\r\n"], false),
        ("GET", &["referer: http://api.example.com@evil.example.org/\r\n"], false),
        ("GET", &["referer: about:blank\r\n"], false),
        ("POST", &[OTHER, "referer: http://api.example.com/\r\n"], false),
        // A WebSocket is a GET, and its `Origin` has to fit.
        ("GET", &[WEBSOCKET], true),
        ("GET", &[WEBSOCKET, OWN], true),
        ("GET", &[WEBSOCKET, OTHER], false),
        ("GET", &[WEBSOCKET, "origin: null\r\n"], false),
        ("GET", &[WEBSOCKET, SAME, OWN], true),
        ("GET", &[WEBSOCKET, CROSS, OTHER], false),
        ("GET", &[WEBSOCKET, NONE, OTHER], false),
        ("GET", &[WEBSOCKET, NONE, OWN], true),
        ("GET", &[WEBSOCKET, NONE, "referer: https://evil.example.org/\r\n"], true),
    ] {
        let headers = headers.concat();
        let seen = sent(app.address, method, &headers).await;
        let expected =
            if counts { Ok(if method == "HEAD" { "" } else { "alice" }.to_owned()) } else { Err(401) };
        assert_eq!(seen, expected, "{method} {headers:?}");
    }
    // What does not count is as if absent.
    let seen = sent(app.address, "POST", &format!("{CROSS}authorization: Bearer ak_alice\r\n")).await;
    assert_eq!(seen.as_deref(), Ok("alice"), "another credential than that of the cookie");
}

#[tokio::test]
async fn settings_let_cookies_of_other_requests_count() {
    let cookie = || CredentialSource::cookie("session");
    let allowed = || cookie().allow_origin("https://app.example.com").allow_origin("http://localhost:3000");
    let proxied = |auth: AuthLayer| auth.trusted_proxies(TrustedProxies::private().with_forwarded_proto());
    let center = &center().await;
    let app_allowed = app(center, allowed(), |auth| auth).await;
    let app_navigation = app(center, cookie().allow_navigation(), |auth| auth).await;
    let app_any = app(center, cookie().insecure_any_origin(), |auth| auth).await;
    let app_proxied = app(center, cookie(), proxied).await;
    let forwarded = "x-forwarded-proto: https\r\n";
    for (what, app, method, headers, counts) in [
        ("an allowed origin", &app_allowed, "POST", &[APP][..], true),
        ("an allowed origin", &app_allowed, "POST", &[CROSS, APP], true),
        ("an allowed origin", &app_allowed, "POST", &[SUBDOMAIN, APP], true),
        ("an allowed origin", &app_allowed, "GET", &[WEBSOCKET, APP], true),
        ("an allowed origin", &app_allowed, "POST", &["origin: http://localhost:3000\r\n"], true),
        ("an allowed referer", &app_allowed, "POST", &["referer: https://app.example.com/page\r\n"], true),
        ("its own still", &app_allowed, "POST", &[OWN], true),
        ("another scheme", &app_allowed, "POST", &["origin: http://app.example.com\r\n"], false),
        ("another port", &app_allowed, "POST", &["origin: http://localhost:3001\r\n"], false),
        ("below it", &app_allowed, "POST", &["origin: https://x.app.example.com\r\n"], false),
        ("another origin", &app_allowed, "POST", &[CROSS, OTHER], false),
        ("no origin, such as an image", &app_allowed, "GET", &[CROSS], false),
        ("a navigation", &app_allowed, "GET", &[NAVIGATION], false),
        ("a navigation", &app_navigation, "GET", &[NAVIGATION], true),
        ("a form that is sent", &app_navigation, "POST", &[NAVIGATION, OTHER], false),
        ("a frame", &app_navigation, "GET", &[FRAME], false),
        ("a fetch", &app_navigation, "GET", &[CROSS], false),
        ("an odd navigation", &app_navigation, "GET", &[NAVIGATION, "sec-fetch-dest: iframe\r\n"], false),
        ("a WebSocket", &app_navigation, "GET", &[WEBSOCKET, OTHER], false),
        ("anything", &app_any, "POST", &[CROSS, OTHER], true),
        ("anything", &app_any, "DELETE", &[], true),
        ("the scheme that a proxy reports", &app_proxied, "POST", &[forwarded, HTTPS], true),
        ("the other scheme", &app_proxied, "POST", &[forwarded, OWN], false),
        ("no report of the scheme", &app_proxied, "POST", &[OWN], true),
    ] {
        let headers = headers.concat();
        let seen = sent(app.address, method, &headers).await;
        let expected = if counts { Ok("alice".to_owned()) } else { Err(401) };
        assert_eq!(seen, expected, "{what}: {method} {headers:?}");
    }
}
