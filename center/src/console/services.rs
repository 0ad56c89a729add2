//! Configure services, and end webhooks.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::Value;

use super::console::Console;

/// Sets the configuration of all services of this name; they get it with their next heartbeat.
pub(super) async fn set_config(
    State(console): State<Console>,
    Path(name): Path<String>,
    Json(config): Json<Value>,
) -> StatusCode {
    console.hub.center().set_config(name, config);
    StatusCode::NO_CONTENT
}

pub(super) async fn remove_webhook(State(console): State<Console>, Path(id): Path<u64>) -> StatusCode {
    console.hub.center().remove_webhook(id);
    StatusCode::NO_CONTENT
}
