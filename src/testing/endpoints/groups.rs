//! List the groups of the app.

use serde_json::json;

use super::request::Request;
use crate::testing::rejection::Outcome;
use crate::testing::state::State;

pub(super) fn list(state: &mut State, _: &Request) -> Outcome {
    Ok(json!({"items": state.groups.all()}))
}
