//! Instances of services.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Asked, Outcome, Refusal};
use crate::testing::registry::InstanceKey;
use crate::testing::state::World;

/// The body of each call here: a key, and what else the instance says of itself.
fn read(asked: &Asked) -> Result<(InstanceKey, Map<String, Value>), Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Key {
        name: String,
        environment: String,
        instance_id: String,
    }
    let Key { name, environment, instance_id } = asked.read()?;
    Ok((InstanceKey { name, environment, instance_id }, asked.read()?))
}

pub(super) fn register(world: &mut World, asked: &Asked) -> Outcome {
    let (key, said) = read(asked)?;
    let mut data = world.registry.config(&key.name);
    data.insert("instance_id".to_owned(), json!(key.instance_id));
    data.insert("service_id".to_owned(), json!(world.registry.add_instance(key, said)));
    Ok(data.into())
}

pub(super) fn heartbeat(world: &mut World, asked: &Asked) -> Outcome {
    let (key, said) = read(asked)?;
    world.registry.instances.get_mut(&key).ok_or_else(unknown)?.beat(said);
    Ok(world.registry.config(&key.name).into())
}

pub(super) fn unregister(world: &mut World, asked: &Asked) -> Outcome {
    let (key, _) = read(asked)?;
    world.registry.instances.remove(&key).ok_or_else(unknown)?;
    Ok(json!({}))
}

fn unknown() -> Refusal {
    Refusal::not_found("no such instance")
}
