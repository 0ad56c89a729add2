//! Recognize users by tokens of other apps.

use std::num::NonZeroU64;

use serde::Deserialize;
use serde_json::json;

use super::request::Request;
use crate::testing::rejection::Outcome;
use crate::testing::state::State;
use crate::types::user::{FeishuIds, UserInfo};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CompareBody {
    source_app_id: NonZeroU64,
    source_token: String,
    target_app_id: NonZeroU64,
    target_token: String,
}

pub(super) fn compare_identity(state: &mut State, request: &Request) -> Outcome {
    let CompareBody { source_app_id, source_token, target_app_id, target_token } = request.parse()?;
    let source = state.accounts.authenticate_at(source_app_id.get(), &source_token)?;
    let target = state.accounts.authenticate_at(target_app_id.get(), &target_token)?;
    Ok(json!({"sameUser": is_same(source, target)}))
}

/// Compares by the user, and by their Feishu account: a person may have several users.
fn is_same(a: &UserInfo, b: &UserInfo) -> bool {
    a.id() == b.id() || (open_id(a).is_some() && open_id(a) == open_id(b))
}

fn open_id(user: &UserInfo) -> Option<&str> {
    user.feishu().and_then(FeishuIds::open_id)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizeBody {
    source_app_id: NonZeroU64,
    source_token: String,
}

pub(super) fn authorize_by_token(state: &mut State, request: &Request) -> Outcome {
    let AuthorizeBody { source_app_id, source_token } = request.parse()?;
    let user = state.accounts.authorize(&request.app, source_app_id.get(), &source_token)?;
    Ok(state.dialect.found_user(user))
}
