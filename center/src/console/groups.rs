use aigc_auth::user::UserGroup;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;

use super::console::Console;
use super::error::ApiError;
use super::name::Name;
use crate::hub::{Refusal, check_name};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    name: Option<String>,
    description: Option<String>,
}

/// Adds a group, or replaces the one of this code.
pub(super) async fn put(
    State(console): State<Console>,
    Name { name: code }: Name,
    Json(Group { name, description }): Json<Group>,
) -> Result<StatusCode, ApiError> {
    check_name("code", &code)?;
    if !console.hub.groups().iter().any(|group| group.code() == Some(&code)) {
        console.hub.check_room("groups")?;
    }
    let mut group = UserGroup::new(code);
    if let Some(name) = name {
        group = group.with_name(name);
    }
    if let Some(description) = description {
        group = group.with_description(description);
    }
    console.hub.center().add_group(group);
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove(
    State(console): State<Console>,
    Name { name: code }: Name,
) -> Result<StatusCode, ApiError> {
    match console.hub.center().remove_group(&code) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Refusal::NotFound("group").into()),
    }
}
