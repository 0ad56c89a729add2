//! Accept the stats records of services.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::{Value, json};

use super::request::Request;
use crate::testing::rejection::{Outcome, Rejection};
use crate::testing::state::State;

#[derive(Deserialize)]
struct Report {
    stats: Vec<Value>,
}

/// Accepts any token: records may arrive after the token they were recorded with has expired.
pub(super) fn report(state: &mut State, request: &Request) -> Outcome {
    let authorization = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if token.is_empty() {
        return Err(Rejection::business(401, "expected the bearer token of a user"));
    }
    let username = state.accounts.owner(token).map(Arc::from);
    let Report { stats } = request.parse()?;
    let key = request.headers.get("idempotency-key").and_then(|value| value.to_str().ok()).map(Arc::from);
    state.usage.add(&request.app, username.as_ref(), key.as_ref(), stats);
    Ok(json!({}))
}
