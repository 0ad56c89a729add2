//! An axum service that announces itself to an auth center and takes its configuration from there.
//!
//! `cargo run --example service_registry` starts it with an auth center of its own, which changes the configuration after
//! some seconds. With `AIGC_AUTH_APP_ID`, `AIGC_AUTH_APP_SECRET` and `AIGC_AUTH_BASE_URL` set, in the environment or in
//! `.env`, it talks to that one instead. `AIGC_SERVICE_NAME` and the other `AIGC_SERVICE_*` say what is registered. `BIND`
//! is the address to listen on, `127.0.0.1:3000` by default; `RUST_LOG` says what is logged, `info` by default.

use std::error::Error;
use std::time::Duration;

use aigc_auth::AuthClient;
use aigc_auth::registry::{Registration, RegistrationState, ServiceConfig};
use aigc_auth::testing::AuthCenter;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

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
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();

    let (client, center) = connect().await?;
    let mut registration = if center.is_some() && !is_set(&["AIGC_SERVICE_NAME"]) {
        Registration::builder("service-registry-example")
    } else {
        Registration::from_env()?
    };
    if center.is_some() {
        // The center of this process changes its mind soon.
        registration = registration.heartbeat_interval(Duration::from_secs(1));
    }
    let bind = std::env::var("BIND").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener =
        tokio::net::TcpListener::bind(&bind).await.map_err(|error| format!("BIND={bind}: {error}"))?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}");
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
    axum::serve(listener, app).with_graceful_shutdown(shutdown_signal()).await?;
    match registered.stop(Duration::from_secs(5)).await {
        Ok(()) => println!("unregistered, good-bye"),
        Err(error) => println!("still registered, for {error}"),
    }
    Ok(())
}

/// The auth center of the environment; without any `AIGC_AUTH_*`, one in this process.
async fn connect() -> Result<(AuthClient, Option<AuthCenter>), Box<dyn Error>> {
    if is_set(&["AIGC_AUTH_APP_ID", "AIGC_AUTH_APP_SECRET", "AIGC_AUTH_BASE_URL"]) {
        return Ok((AuthClient::from_env()?, None));
    }
    let center = AuthCenter::start().await;
    let client = AuthClient::builder(center.app_id(), center.app_secret(), center.url()).build()?;
    Ok((client, Some(center)))
}

/// Changes the configuration as people do, and keeps the center.
async fn reconfigure(center: AuthCenter, service: String) {
    tokio::time::sleep(Duration::from_secs(2)).await;
    center.set_config(service, json!({ "LOG_LEVEL": "debug", "GREETING": "hello" }));
    std::future::pending::<()>().await;
}

/// Whether any of these is set, in the environment or in `.env`.
fn is_set(names: &[&str]) -> bool {
    let file = std::fs::read_to_string(".env").unwrap_or_default();
    names.iter().any(|name| std::env::var_os(name).is_some() || file.contains(name))
}

/// Ends with Ctrl-C or, on Unix, with SIGTERM, which are heeded from the call on: a request that is served is not cut off.
fn shutdown_signal() -> impl Future<Output = ()> {
    #[cfg(unix)]
    let mut signals = {
        use tokio::signal::unix::{SignalKind, signal};
        [SignalKind::interrupt(), SignalKind::terminate()]
            .map(|kind| signal(kind).expect("a signal can be heeded"))
    };
    async move {
        #[cfg(unix)]
        {
            let [interrupt, terminate] = &mut signals;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
