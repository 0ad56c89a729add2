//! An axum service that announces itself to an auth center and takes its configuration from there.
//!
//! `cargo run -p service_registry` starts it with an auth center of its own, which changes the configuration after
//! some seconds. With `AIGC_AUTH_APP_ID`, `AIGC_AUTH_APP_SECRET` and `AIGC_AUTH_BASE_URL` set, in the environment or in
//! `.env`, it talks to that one instead. `AIGC_SERVICE_NAME` and the other `AIGC_SERVICE_*` say what is registered. `BIND`
//! is the address to listen on, `127.0.0.1:3000` by default; `RUST_LOG` says what is logged, `info` by default.

use std::error::Error;
use std::time::Duration;

use aigc_auth::registry::{Registration, RegistrationBuilder, RegistrationState, ServiceConfig};
use aigc_auth::testing::AuthCenter;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;

/// What the handlers see of the registration.
#[derive(Clone)]
struct Seen {
    config: watch::Receiver<ServiceConfig>,
    state: watch::Receiver<RegistrationState>,
}

async fn config(State(seen): State<Seen>) -> Json<Value> {
    let config = seen.config.borrow().clone();
    let state = format!("{:?}", *seen.state.borrow()).to_lowercase();
    Json(json!({ "config": config.value, "version": config.version, "state": state }))
}

/// The names of the settings, for their values may be secrets.
async fn log_changes(mut changes: watch::Receiver<ServiceConfig>) {
    while changes.changed().await.is_ok() {
        let config = changes.borrow_and_update().clone();
        let settings: Vec<_> = config.value.as_object().into_iter().flat_map(|all| all.keys()).collect();
        tracing::info!(version = %config.version, ?settings, "configured");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    example_support::start_logging();

    let (client, center) = example_support::connect(|_| {}).await?;
    let mut registration = if center.is_some() && !example_support::is_set(&["AIGC_SERVICE_NAME"]) {
        Registration::builder("service-registry-example")
    } else {
        RegistrationBuilder::from_env()?
    };
    if center.is_some() {
        // The center of this process changes its mind soon.
        registration = registration.heartbeat_interval(Duration::from_secs(1));
    }
    // From here on, signals are caught: before the address is printed, which others wait for.
    let shutdown = example_support::shutdown_signal();
    let (listener, address) = example_support::listen().await?;
    println!("registering {}", serde_json::to_string(&registration.service()?)?);
    if let Some(center) = center {
        println!("no AIGC_AUTH_* is set, so the auth center is one in this process. Try:");
        println!("  curl http://{address}/config");
        let name = registration.service()?.name;
        center.set_config(name.clone(), json!({ "LOG_LEVEL": "info" }));
        tokio::spawn(reconfigure(center, name));
    }

    let registered = registration.start(&client)?;
    tokio::spawn(log_changes(registered.config_changes()));
    let seen = Seen { config: registered.config_changes(), state: registered.state_changes() };
    let app = Router::new()
        .route("/health", get(|| async { "ok\n" }))
        .route("/config", get(config))
        .with_state(seen);
    axum::serve(listener, app).with_graceful_shutdown(shutdown).await?;
    match registered.shutdown(Duration::from_secs(5)).await {
        Ok(()) => println!("unregistered, good-bye"),
        Err(error) => println!("still registered, for {error}"),
    }
    Ok(())
}

/// Changes the configuration as people do, and keeps the center.
async fn reconfigure(center: AuthCenter, service: String) {
    tokio::time::sleep(Duration::from_secs(2)).await;
    center.set_config(service, json!({ "LOG_LEVEL": "debug", "GREETING": "hello" }));
    std::future::pending::<()>().await;
}
