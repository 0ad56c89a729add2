//! The example as each proxy meets it.

// Helpers of tests are no tests to clippy.
#![allow(clippy::unwrap_used)]

use test_support::http;
use test_support::process::{Directory, Program};

const FORWARD_AUTH: Program = Program(env!("CARGO_BIN_EXE_forward_auth"));

#[tokio::test]
async fn every_printed_curl_line_works() {
    let mut app = FORWARD_AUTH.start("banner", &[]).await;
    let mut seen = vec![];
    for _ in 0..5 {
        let line = app.line_with("curl ").await;
        let headers: Vec<_> =
            line.split('\'').skip(1).step_by(2).map(|header| header.split_once(": ").unwrap()).collect();
        let url = line.rsplit(' ').next().unwrap();
        let path = url.strip_prefix(&format!("http://{}", app.address)).expect(url);
        let answer = http::get(app.address, path, &headers).await;
        seen.push((answer.status, answer.header("x-user-name").map(str::to_owned)));
    }
    let name = |name: &str| Some(name.to_owned());
    assert_eq!(seen, [(200, name("alice")), (403, None), (200, name("bob")), (401, None), (200, name(""))]);
}

#[tokio::test]
async fn each_proxy_is_asked_for_by_name() {
    let token = ("authorization", "Bearer alice-token");
    let forwarded = [token, ("x-forwarded-method", "GET"), ("x-forwarded-uri", "/reports")];
    for (proxy, path, headers) in [
        ("caddy", "/auth", &forwarded[..]),
        ("traefik", "/auth", &forwarded),
        ("envoy", "/auth/reports", &[token]),
    ] {
        let app = FORWARD_AUTH.start(proxy, &[("PROXY", proxy)]).await;
        let answer = http::get(app.address, path, headers).await;
        assert_eq!((answer.status, answer.header("x-user-name")), (200, Some("alice")), "{proxy}");
        assert_eq!(http::get(app.address, path, &headers[1..]).await.status, 401, "{proxy}");
    }
    let error = FORWARD_AUTH.fails(&Directory::new("unknown"), &[("PROXY", "squid")]).await;
    assert!(error.contains("PROXY=squid: expected nginx, caddy, traefik or envoy"), "{error}");
}
