use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::console::Console;
use super::error::ApiError;
use super::name::Name;
use crate::hub::UserEdit;

pub(super) async fn add(
    State(console): State<Console>,
    Name { name: username }: Name,
    Json(edit): Json<UserEdit>,
) -> Result<StatusCode, ApiError> {
    console.hub.add_user(&username, edit)?;
    Ok(StatusCode::CREATED)
}

/// `{"status": "disabled"}` disables the user.
pub(super) async fn edit(
    State(console): State<Console>,
    Name { name: username }: Name,
    Json(edit): Json<UserEdit>,
) -> Result<StatusCode, ApiError> {
    console.hub.edit_user(&username, edit)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove(
    State(console): State<Console>,
    Name { name: username }: Name,
) -> Result<StatusCode, ApiError> {
    console.hub.delete_user(&username)?;
    Ok(StatusCode::NO_CONTENT)
}
