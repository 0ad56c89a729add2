//! Credentials of browsers: where proxies leave them, and that a query's goes no further.

use std::sync::{Arc, Mutex};

use aigc_auth::AuthLayer;
use aigc_auth::error::ErrorResponder;
use aigc_auth::forward_auth::{ForwardAuth, Proxy};
use aigc_auth::layer::CredentialSource;
use aigc_auth::testing::AuthCenter;
use aigc_auth::usage::{Record, Served};

use crate::forward_auth::support::{PROXIES, ask, identity, serve_for};
use crate::support::{self, center, client, serve};

fn layer(center: &AuthCenter) -> AuthLayer {
    AuthLayer::new(client(center)).credentials_from([
        CredentialSource::authorization(),
        CredentialSource::websocket_protocol(),
        CredentialSource::cookie("session"),
        CredentialSource::query("token"),
    ])
}

/// What is seen of requests, as text.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

impl Record for Seen {
    fn record(&self, served: Box<dyn Served>) {
        self.note(serde_json::to_string(&served.into_record()).unwrap());
    }
}

#[tokio::test]
async fn credential_in_the_original_query_goes_no_further() {
    let center = center().await;
    center.add_token("s3cret", "alice");
    for proxy in PROXIES {
        let seen = Seen::default();
        let (rule, refusals) = (seen.clone(), seen.clone());
        let auth =
            layer(&center).with_stats(seen.clone()).error_responder(ErrorResponder::new(move |refusal| {
                refusals.note(format!("refusal {} {:?}", refusal.uri(), refusal.headers()));
                refusal.default_response()
            }));
        let endpoint = ForwardAuth::new(auth, proxy).authorize(move |request| {
            rule.note(format!("rule {} {:?}", request.uri(), request.headers()));
            Ok(())
        });
        let app = serve(endpoint.router("/auth")).await;
        let log = support::Log::start();
        let stream = [("accept", "text/event-stream")];
        for (target, headers, status) in [
            ("/events?a=1&token=s3cret&b", &stream[..], 200),
            ("/events?tok%65n=s3cret&page=2", &stream, 200),
            ("/page?token=s3cret&page=2", &[], 401),
        ] {
            let answer = ask(app.address, proxy, "GET", target, headers).await;
            let expected = if status == 401 && proxy == Proxy::Nginx { 401 } else { status };
            assert_eq!(answer.status, expected, "{proxy:?} {target}");
            let name = if status == 200 { Some("alice") } else { None };
            assert_eq!(identity(&answer)[1], name, "{proxy:?} {target}");
        }
        let seen = seen.0.lock().unwrap().clone();
        assert!(
            seen.len() >= 5 && seen.iter().any(|seen| seen.contains("/events?a=1&b")),
            "{proxy:?}: {seen:#?}"
        );
        for seen in seen.iter().chain([&log.take()]) {
            assert!(!seen.contains("s3cret"), "{proxy:?}: {seen}");
        }
    }
}

/// Some proxies ask without `Upgrade`, for it is about one hop, or ask a host of another name.
#[tokio::test]
async fn credentials_of_sockets_count_as_at_the_service() {
    let center = center().await;
    const HANDSHAKE: [(&str, &str); 2] =
        [("sec-websocket-version", "13"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")];
    let own = [("cookie", "session=alice-token"), ("origin", "http://app.example.com")];
    let forwarded = ("x-forwarded-host", "app.example.com");
    let protocol = ("sec-websocket-protocol", "bearer, alice-token");
    for proxy in PROXIES {
        let app = serve_for(proxy, layer(&center)).await;
        for (what, target, headers, expected) in [
            ("by protocol", "/socket", &[protocol][..], 200),
            ("by query", "/socket?token=alice-token", &[], 200),
            ("by cookie, to another host", "/socket", &own, 401),
            ("by both", "/socket?token=bob-token", &[protocol], 401),
        ] {
            let answer = ask(app.address, proxy, "GET", target, &[&HANDSHAKE, headers].concat()).await;
            assert_eq!(answer.status, expected, "{proxy:?} {what}");
        }
        // No handshake: a script could have sent it.
        let answer = ask(app.address, proxy, "POST", "/socket?token=alice-token", &HANDSHAKE).await;
        assert_eq!(answer.status, 401, "{proxy:?}");
        let answer = ask(app.address, proxy, "GET", "/socket?token=alice-token", &[]).await;
        assert_eq!(answer.status, 401, "{proxy:?}");
        // Traefik asks by a host of its own, and says which one it was. At others, the client may have sent that.
        let answer = ask(app.address, proxy, "GET", "/socket", &[&own[..], &[forwarded]].concat()).await;
        assert_eq!(answer.status, if proxy == Proxy::Traefik { 200 } else { 401 }, "{proxy:?}");
        let twice = [&own[..], &[forwarded, forwarded]].concat();
        assert_eq!(ask(app.address, proxy, "GET", "/socket", &twice).await.status, 401, "{proxy:?}");
    }
}

/// As in front of a service: preflights have no credential, and pass where the layer lets them.
#[tokio::test]
async fn preflights_pass_rules_where_the_layer_passes_them() {
    let center = center().await;
    let preflight = [("origin", "https://app.example.com"), ("access-control-request-method", "PUT")];
    for proxy in PROXIES {
        for (auth, expected) in [(layer(&center).allow_preflight(), 200), (layer(&center), 401)] {
            let rules = ForwardAuth::new(auth.exclude_prefix("/admin/open"), proxy)
                .require_prefix("/admin", |user| user.require("admin:access"));
            let app = serve(rules.router("/auth")).await;
            let answer = ask(app.address, proxy, "OPTIONS", "/admin/users", &preflight).await;
            assert_eq!(answer.status, expected, "{proxy:?}");
            let answer = ask(app.address, proxy, "PUT", "/admin/users", &preflight).await;
            assert_eq!(answer.status, 401, "{proxy:?}: no preflight");
            let answer = ask(app.address, proxy, "OPTIONS", "/x/../admin", &preflight).await;
            let ambiguous = if expected == 401 {
                401
            } else if proxy == Proxy::Nginx {
                403
            } else {
                400
            };
            assert_eq!(answer.status, ambiguous, "{proxy:?}");
        }
    }
}
