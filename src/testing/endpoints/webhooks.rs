//! Register webhooks. This auth center sends no events to them.

use serde::Deserialize;
use serde_json::json;

use super::request::Request;
use crate::testing::limits::weight;
use crate::testing::rejection::{Outcome, Rejection};
use crate::testing::state::State;
use crate::types::user::UserId;

#[derive(Deserialize)]
struct Webhook {
    url: String,
    events: Vec<String>,
    secret: Option<String>,
}

pub(super) fn register(state: &mut State, request: &Request) -> Outcome {
    let Webhook { url, events, secret } = request.parse()?;
    state.check_row(weight(&request.body))?;
    state.check_registered("webhooks", state.registry.webhooks.len())?;
    let webhook_id = state.registry.add_webhook(json!({"url": url, "events": events, "secret": secret}));
    Ok(json!({"webhook_id": webhook_id, "success": true}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unregister {
    /// A number as it was given, or the same as text: the reference client takes texts.
    webhook_id: UserId,
}

pub(super) fn unregister(state: &mut State, request: &Request) -> Outcome {
    let Unregister { webhook_id } = request.parse()?;
    let removed = webhook_id.to_string().parse().ok().and_then(|id: u64| state.registry.webhooks.remove(&id));
    removed.ok_or(Rejection::not_found("no such webhook"))?;
    Ok(json!({}))
}
