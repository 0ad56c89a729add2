//! Users that other systems push here.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Asked, Outcome, Refusal};
use crate::testing::people::People;
use crate::testing::state::World;
use crate::user::User;

type Fields = Map<String, Value>;

pub(super) fn one(world: &mut World, asked: &Asked) -> Outcome {
    let fields: Fields = asked.read()?;
    let username = check(&fields)?;
    let (user_id, created) = put(&mut world.people, username, &fields)?;
    let message = if created { "created" } else { "updated" };
    Ok(json!({"success": true, "created": created, "user_id": user_id, "message": message}))
}

#[derive(Deserialize)]
struct Batch {
    users: Vec<Fields>,
}

/// Creates users; those there are already are skipped.
pub(super) fn many(world: &mut World, asked: &Asked) -> Outcome {
    let Batch { users } = asked.read()?;
    let (mut success, mut skipped, mut errors) = (0, 0, Vec::new());
    for fields in &users {
        let outcome = check(fields).and_then(|username| {
            let known = world.people.users.contains_key(username);
            if known { Ok(false) } else { put(&mut world.people, username, fields).map(|_| true) }
        });
        match outcome {
            Ok(true) => success += 1,
            Ok(false) => skipped += 1,
            Err(refusal) => errors.push(json!({"user": fields.get("username"), "error": refusal.message})),
        }
    }
    Ok(json!({
        "total": users.len(),
        "success": success,
        "failed": errors.len(),
        "skipped": skipped,
        "errors": errors,
    }))
}

/// Returns the username of an acceptable user.
fn check(fields: &Fields) -> Result<&str, Refusal> {
    let text = |name| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let username = text("username").ok_or(Refusal::bad_request("`username` is missing"))?;
    match (text("password"), text("password_hashed")) {
        (Some(_), None) | (None, Some(_)) => Ok(username),
        _ => Err(Refusal::bad_request("`password` or `password_hashed`, one of them, is needed")),
    }
}

/// Creates the user, or changes the fields that were sent. His id is not the sender's to choose.
fn put(people: &mut People, username: &str, fields: &Fields) -> Result<(Value, bool), Refusal> {
    let known = people.users.get(username).cloned();
    let created = known.is_none();
    let before = known.unwrap_or_else(|| User::clone(&crate::testing::user(username).build()));
    let mut after = json!(before);
    for (name, value) in fields.iter().filter(|(name, _)| *name != "id") {
        after[name] = value.clone();
    }
    let user: User =
        serde_json::from_value(after).map_err(|error| Refusal::bad_request(error.to_string()))?;
    let id = json!(user.id);
    people.put(user);
    Ok((id, created))
}
