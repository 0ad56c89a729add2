//! Show the whole state, and usage records.

use std::time::SystemTime;

use axum::Json;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::console::Console;
use crate::args::dialect_name;
use crate::hub::{Seen, millis};

/// Not for eyes: what signs tokens, and what stands for a user's presence.
const HIDDEN: [&str; 4] = ["passwords", "sessions", "grants", "signing_keys"];

/// The tables, the faults, and the id of the last event before: what comes after it, `/api/events` tells.
pub(super) async fn state(State(console): State<Console>) -> Json<Value> {
    let hub = &console.hub;
    // Before the tables: an event that comes in between is told again, and not lost.
    let last_event = hub.events().last();
    let tables = hub.changed_tables(&mut Seen::default()).into_iter();
    let tables: Map<String, Value> = tables
        .filter(|table| !HIDDEN.contains(&table.name))
        .map(|table| {
            let rows = table.rows.into_iter().map(|(key, mut value)| {
                // The page issues tokens and keys; what a receiver is signed with, it does not need.
                if table.name == "webhooks"
                    && let Some(webhook) = value.as_object_mut()
                {
                    webhook.remove("secret");
                }
                json!({"key": key, "value": value})
            });
            (table.name.to_owned(), rows.collect())
        })
        .collect();
    Json(json!({
        "url": format!("{}/aigc-auth", console.url),
        "issuer": &*console.url,
        "last_event": last_event,
        "now": millis(SystemTime::now()),
        "dialect": dialect_name(hub.center().dialect()),
        "tables": tables,
        "faults": hub.faults(),
        "online": hub.center().services(),
    }))
}

#[derive(Debug, Deserialize)]
pub(super) struct After {
    #[serde(default)]
    after: u64,
}

/// The usage records after the one with this number, at most 1,000.
pub(super) async fn usage(
    State(console): State<Console>,
    Query(After { after }): Query<After>,
) -> Json<Value> {
    let records = console.hub.center().usage_after(after, 1_000);
    let rows = records.iter().map(|usage| {
        json!({
            "number": usage.number, "app_id": &*usage.app_id, "username": usage.username.as_deref(),
            "record": &*usage.record,
        })
    });
    Json(rows.collect())
}
