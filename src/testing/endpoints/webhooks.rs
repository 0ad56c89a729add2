//! Who wants to be told of events. This center sends none.

use serde::Deserialize;
use serde_json::json;

use super::{Asked, Outcome, Refusal};
use crate::testing::state::World;

#[derive(Deserialize)]
struct Webhook {
    url: String,
    events: Vec<String>,
    secret: Option<String>,
}

pub(super) fn register(world: &mut World, asked: &Asked) -> Outcome {
    let Webhook { url, events, secret } = asked.read()?;
    let webhook_id = world.registry.add_webhook(json!({"url": url, "events": events, "secret": secret}));
    Ok(json!({"webhook_id": webhook_id, "success": true}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unregister {
    webhook_id: u64,
}

pub(super) fn unregister(world: &mut World, asked: &Asked) -> Outcome {
    let Unregister { webhook_id } = asked.read()?;
    world.registry.webhooks.remove(&webhook_id).ok_or(Refusal::not_found("no such webhook"))?;
    Ok(json!({}))
}
