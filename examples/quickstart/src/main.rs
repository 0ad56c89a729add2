//! An axum service that is protected by an auth center: a layer, an extractor and a permission.
//!
//! `cargo run -p quickstart` starts it with an auth center of its own and prints `curl` lines to try. With
//! `AIGC_AUTH_APP_ID`, `AIGC_AUTH_APP_SECRET` and `AIGC_AUTH_BASE_URL` set, in the environment or in `.env`, it talks to
//! that one instead, such as `cargo run -p aigc-auth-center`, which prints them. With `AIGC_AUTH_WEBHOOK_SECRET`, which it prints
//! as well, a user who is disabled there is refused here at once. `BIND` is the address to listen on, `127.0.0.1:3000` by
//! default. `examples/full_service` has the rest.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use aigc_auth::testing::{self, AuthCenter};
use aigc_auth::webhook::{self, HandlerError, UserEvent, WebhookConfig};
use aigc_auth::{AuthLayer, CurrentUser, RequirePermission, permissions};
use axum::Router;
use axum::routing::get;
use example_support::{connect, is_set, listen, shutdown_signal, subscribe, variable};

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

/// Is told of changed users. By then, the client's cache has invalidated them.
async fn on_event(event: UserEvent) -> Result<&'static str, HandlerError> {
    println!("told by the auth center: {} {:?}", event.name(), event.updated_fields());
    Ok("taken")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // In a service of your own: `AuthClient::from_env()?`.
    let (client, center) = connect(add_users).await?;
    let mut app = Router::new()
        .route("/me", get(me))
        .route("/reports", get(reports))
        .route("/health", get(|| async { "ok\n" }))
        .layer(AuthLayer::new(client.clone()).exclude_path("/health"));

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
            "for a console (users, live calls, fault drills), run the auth center as a program of its own:"
        );
        println!("  cargo run -p aigc-auth-center");
        println!("with its lines in .env, this service uses it when started again, and links to the console");
    }
    if let Some(url) = variable("AIGC_AUTH_CONSOLE_URL") {
        println!("console of the auth center: {url}");
    }
    // A change of a user then takes effect at once, and not when the cache's 300 s end.
    let mut subscription = None;
    if is_set(&["AIGC_AUTH_WEBHOOK_SECRET", "AIGC_AUTH_WEBHOOK_SECRET_FILE"]) {
        let webhooks = WebhookConfig::from_env()?.invalidate(client.clone());
        app = app.merge(webhook::router(webhooks, on_event)); // after the layer: it has a signature, no token
        subscription = subscribe(&client, address)?;
    }
    // With connect info, so that the client's address is known.
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(shutdown).await?;
    if let Some(subscription) = subscription
        && let Err(error) = subscription.shutdown(Duration::from_secs(2)).await
    {
        eprintln!("still subscribed to the auth center's events: {error}");
    }
    println!("drained, good-bye");
    Ok(())
}

fn add_users(center: &AuthCenter) {
    center.add_user(testing::user("alice").permissions(["report:read"]));
    center.add_user(testing::user("bob"));
    center.add_token("alice-token", "alice");
    center.add_token("bob-token", "bob");
}
