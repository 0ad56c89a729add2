//! Switch faults on and off, and the dialect.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::console::Console;
use super::error::ApiError;
use crate::args::parse_dialect;
use crate::hub::FaultName;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFault {
    /// `*` for all, else such as `/user/info` or `/oauth/token`.
    endpoint: String,
    fault: FaultName,
    /// Without it, until it is switched off.
    seconds: Option<u32>,
}

pub(super) async fn switch_on(
    State(console): State<Console>,
    Json(NewFault { endpoint, fault, seconds }): Json<NewFault>,
) -> Result<StatusCode, ApiError> {
    let time = seconds.map(|seconds| Duration::from_secs(seconds.into()));
    console.hub.switch_on(&endpoint, fault, time)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Endpoint {
    endpoint: String,
}

pub(super) async fn switch_off(
    State(console): State<Console>,
    Json(Endpoint { endpoint }): Json<Endpoint>,
) -> Result<StatusCode, ApiError> {
    console.hub.switch_off(&endpoint)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDialect {
    dialect: String,
}

pub(super) async fn set_dialect(
    State(console): State<Console>,
    Json(NewDialect { dialect }): Json<NewDialect>,
) -> Result<StatusCode, ApiError> {
    let dialect = parse_dialect(&dialect).map_err(|text| ApiError::new(StatusCode::BAD_REQUEST, text))?;
    console.hub.set_dialect(dialect);
    Ok(StatusCode::NO_CONTENT)
}
