//! What services report of the requests they served.

use http::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, Outcome, Refusal};
use crate::testing::state::World;

#[derive(Deserialize)]
struct Report {
    stats: Vec<Value>,
}

/// Takes any token: records may well arrive after the token that they were made with has expired.
pub(super) fn report(world: &mut World, asked: &Asked) -> Outcome {
    let authorization = asked.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if token.is_empty() {
        return Err(Refusal::business(401, "records need the token of their user"));
    }
    let Report { stats } = asked.read()?;
    world.stats.extend(stats);
    Ok(json!({}))
}
