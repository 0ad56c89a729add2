//! An endpoint that a proxy asks about each request to services in any language: `docs/proxies.md` has the proxies' side.
//!
//! `cargo run -p forward_auth` starts it with an auth center of its own and prints `curl` lines, which ask as nginx does. With
//! `AIGC_AUTH_APP_ID`, `AIGC_AUTH_APP_SECRET` and `AIGC_AUTH_BASE_URL` set, in the environment or in `.env`, it talks to that
//! one instead. `PROXY` is `nginx` (the default), `caddy`, `traefik` or `envoy`, and `BIND` the address to listen on,
//! `127.0.0.1:3000` by default.

use std::error::Error;
use std::net::SocketAddr;

use aigc_auth::AuthLayer;
use aigc_auth::forward_auth::{ForwardAuth, Proxy};
use aigc_auth::testing::{self, AuthCenter};
use example_support::{connect, listen, shutdown_signal};

fn proxy() -> Result<Proxy, String> {
    match std::env::var("PROXY").unwrap_or_default().as_str() {
        "" | "nginx" => Ok(Proxy::Nginx),
        "caddy" => Ok(Proxy::Caddy),
        "traefik" => Ok(Proxy::Traefik),
        "envoy" => Ok(Proxy::Envoy),
        other => Err(format!("PROXY={other}: expected nginx, caddy, traefik or envoy")),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let proxy = proxy()?;
    // In a service of your own: `AuthClient::from_env()?`.
    let (client, center) = connect(add_users).await?;
    let auth = AuthLayer::new(client).exclude_prefix("/public");
    let app = ForwardAuth::new(auth, proxy)
        .require_prefix("/reports", |user| user.require("report:read"))
        .router("/auth");

    let shutdown = shutdown_signal();
    let (listener, address) = listen().await?;
    if center.is_some() && proxy == Proxy::Nginx {
        println!("no AIGC_AUTH_* is set, so the auth center is one in this process. Ask as nginx does:");
        for (token, path) in [
            ("alice-token", "/reports/7"),
            ("bob-token", "/reports/7"),
            ("bob-token", "/"),
            ("unknown", "/"),
            ("unknown", "/public/app.js"),
        ] {
            println!(
                "  curl -i -H 'Authorization: Bearer {token}' -H 'X-Original-Method: GET' -H 'X-Original-URI: {path}' \
                 http://{address}/auth"
            );
        }
    }
    // With connect info: only trusted proxies are answered, by default those in private networks.
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(shutdown).await?;
    Ok(())
}

fn add_users(center: &AuthCenter) {
    center.add_user(testing::user("alice").permissions(["report:read"]));
    center.add_user(testing::user("bob"));
    center.add_token("alice-token", "alice");
    center.add_token("bob-token", "bob");
}
