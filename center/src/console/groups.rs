use aigc_auth::user::UserGroup;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::console::Console;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    name: Option<String>,
    description: Option<String>,
}

/// Adds a group, or replaces the one of this code.
pub(super) async fn put(
    State(console): State<Console>,
    Path(code): Path<String>,
    Json(Group { name, description }): Json<Group>,
) -> StatusCode {
    let mut group = UserGroup::new(code);
    if let Some(name) = name {
        group = group.with_name(name);
    }
    if let Some(description) = description {
        group = group.with_description(description);
    }
    console.hub.center().add_group(group);
    StatusCode::NO_CONTENT
}

pub(super) async fn remove(State(console): State<Console>, Path(code): Path<String>) -> StatusCode {
    console.hub.center().remove_group(&code);
    StatusCode::NO_CONTENT
}
