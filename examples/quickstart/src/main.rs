//! An axum service that is protected by an auth center: a layer, an extractor and a permission.
//!
//! `cargo run -p quickstart` starts it with an auth center of its own and prints `curl` lines to try. With
//! `AIGC_AUTH_APP_ID`, `AIGC_AUTH_APP_SECRET` and `AIGC_AUTH_BASE_URL` set, in the environment or in `.env`, it talks to
//! that one instead, such as one that `cargo run -p aigc-auth-center` has started and printed them for. `BIND` is the address to
//! listen on, `127.0.0.1:3000` by default. `examples/full_service` has the rest.

use std::error::Error;
use std::net::SocketAddr;

use aigc_auth::testing::{self, AuthCenter};
use aigc_auth::{AuthLayer, CurrentUser, RequirePermission, permissions};
use axum::Router;
use axum::routing::get;
use example_support::{connect, listen, shutdown_signal};

permissions! {
    ReadReports = "report:read";
}

/// For every user: without a valid token, the layer has answered 401.
async fn me(user: CurrentUser) -> String {
    format!("hello, {}\n", user.username())
}

/// For users with the permission; others are answered 403.
async fn reports(user: RequirePermission<ReadReports>) -> String {
    format!("reports for {}\n", user.username())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // In a service of your own: `AuthClient::from_env()?`.
    let (client, center) = connect(add_users).await?;
    let app = Router::new()
        .route("/me", get(me))
        .route("/reports", get(reports))
        .route("/health", get(|| async { "ok\n" }))
        .layer(AuthLayer::new(client).exclude_path("/health"));

    // From here on, signals are caught: before the address is printed, which others wait for.
    let shutdown = shutdown_signal();
    let (listener, address) = listen().await?;
    if let Some(center) = &center {
        println!("no AIGC_AUTH_* is set, so the auth center is one in this process. Try:");
        println!("  curl -i http://{address}/me");
        println!("  curl -H 'Authorization: Bearer alice-token' http://{address}/me");
        println!("  curl -H 'Authorization: Bearer alice-token' http://{address}/reports");
        println!("  curl -i -H 'Authorization: Bearer bob-token' http://{address}/reports");
        println!("  curl http://{address}/health");
        println!("another service trusts the same auth center, while this runs, with");
        println!("  AIGC_AUTH_APP_ID={} AIGC_AUTH_APP_SECRET={}", center.app_id(), center.app_secret());
        println!("  AIGC_AUTH_BASE_URL={}", center.url());
        println!(
            "one that other services and front ends share, with a console at http://127.0.0.1:8601: cargo run -p aigc-auth-center"
        );
    }
    // With connect info, so that the client's address is known.
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(shutdown).await?;
    println!("drained, good-bye");
    Ok(())
}

fn add_users(center: &AuthCenter) {
    center.add_user(testing::user("alice").permissions(["report:read"]));
    center.add_user(testing::user("bob"));
    center.add_token("alice-token", "alice");
    center.add_token("bob-token", "bob");
}
