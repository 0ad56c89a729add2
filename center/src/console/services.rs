//! Configure services, and end webhooks.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde_json::Value;

use super::console::Console;
use super::error::ApiError;
use super::name::Name;
use crate::hub::{Refusal, check_name};

/// Sets the configuration of all services of this name; they get it with their next heartbeat.
pub(super) async fn set_config(
    State(console): State<Console>,
    Name { name }: Name,
    Json(config): Json<Value>,
) -> Result<StatusCode, ApiError> {
    check_name("name", &name)?;
    console.hub.check_room("configs")?;
    console.hub.center().set_config(name, config);
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove_webhook(
    State(console): State<Console>,
    Path(id): Path<u64>,
) -> Result<StatusCode, ApiError> {
    match console.hub.center().remove_webhook(id) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Refusal::NotFound("webhook").into()),
    }
}
