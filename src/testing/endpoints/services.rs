//! Register instances of services.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::request::Request;
use crate::testing::limits::{weight, weight_of_fields};
use crate::testing::registry::InstanceKey;
use crate::testing::rejection::{Outcome, Rejection};
use crate::testing::state::State;

/// Parses the body that all calls here share: the key of an instance, and all its attributes.
fn parse(request: &Request) -> Result<(InstanceKey, Map<String, Value>), Rejection> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Key {
        name: String,
        environment: String,
        instance_id: String,
    }
    let Key { name, environment, instance_id } = request.parse()?;
    Ok((InstanceKey { name, environment, instance_id }, request.parse()?))
}

pub(super) fn register(state: &mut State, request: &Request) -> Outcome {
    let (key, attributes) = parse(request)?;
    state.check_row(weight(&request.body))?;
    let known = state.registry.instances.contains_key(&key);
    let rows = state.registry.instances.len().max(state.registry.service_ids.len());
    if !known {
        state.check_registered("services", rows)?;
    }
    let mut data = state.registry.config(&key.name);
    data.insert("instance_id".to_owned(), json!(key.instance_id));
    data.insert("service_id".to_owned(), json!(state.registry.add_instance(key, attributes)));
    Ok(data.into())
}

pub(super) fn heartbeat(state: &mut State, request: &Request) -> Outcome {
    let (key, attributes) = parse(request)?;
    let known = state.registry.instances.get(&key).ok_or_else(unknown)?;
    // Attributes that a heartbeat names for the first time are added: they must not pile up.
    let adds = attributes.keys().any(|name| !known.attributes.contains_key(name));
    let before = if adds { weight_of_fields(&known.attributes) } else { 0 };
    state.check_row(before + weight(&request.body))?;
    if let Some(known) = state.registry.instances.get_mut(&key) {
        known.heartbeat(attributes);
    }
    Ok(state.registry.config(&key.name).into())
}

pub(super) fn unregister(state: &mut State, request: &Request) -> Outcome {
    let (key, _) = parse(request)?;
    state.registry.instances.remove(&key).ok_or_else(unknown)?;
    Ok(json!({}))
}

fn unknown() -> Rejection {
    Rejection::not_found("no such instance")
}
