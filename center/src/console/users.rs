use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::console::Console;
use super::error::ApiError;
use crate::hub::UserEdit;

pub(super) async fn add(
    State(console): State<Console>,
    Path(username): Path<String>,
    Json(edit): Json<UserEdit>,
) -> Result<StatusCode, ApiError> {
    console.hub.add_user(&username, edit)?;
    Ok(StatusCode::CREATED)
}

/// `{"status": "disabled"}` disables the user.
pub(super) async fn edit(
    State(console): State<Console>,
    Path(username): Path<String>,
    Json(edit): Json<UserEdit>,
) -> Result<StatusCode, ApiError> {
    console.hub.edit_user(&username, edit)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove(
    State(console): State<Console>,
    Path(username): Path<String>,
) -> Result<StatusCode, ApiError> {
    console.hub.delete_user(&username)?;
    Ok(StatusCode::NO_CONTENT)
}
