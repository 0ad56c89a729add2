//! Create and update users that other systems push.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::request::Request;
use crate::testing::accounts::Accounts;
use crate::testing::limits::weight_of_fields;
use crate::testing::rejection::{Outcome, Rejection};
use crate::testing::state::State;
use crate::testing::users;
use crate::types::spelling::Record;
use crate::types::user::UserInfo;

type Fields = Map<String, Value>;

pub(super) fn one(state: &mut State, request: &Request) -> Outcome {
    let fields: Fields = request.parse()?;
    let username = validate(&fields)?;
    check(state, username, &fields)?;
    let (user_id, created) = put(&mut state.accounts, username, &fields)?;
    let message = if created { "created" } else { "updated" };
    Ok(json!({"success": true, "created": created, "user_id": user_id, "message": message}))
}

#[derive(Deserialize)]
struct Batch {
    users: Vec<Fields>,
}

/// Creates users; existing ones are skipped.
pub(super) fn many(state: &mut State, request: &Request) -> Outcome {
    let Batch { users } = request.parse()?;
    let (mut success, mut skipped, mut errors) = (0, 0, Vec::new());
    for fields in &users {
        let outcome = validate(fields).and_then(|username| {
            let exists = state.accounts.users.contains_key(username);
            if exists {
                return Ok(false);
            }
            check(state, username, fields)?;
            put(&mut state.accounts, username, fields).map(|_| true)
        });
        match outcome {
            Ok(true) => success += 1,
            Ok(false) => skipped += 1,
            Err(rejection) => {
                errors.push(json!({"user": fields.get("username"), "error": rejection.message}));
            }
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

/// Checks the required fields of a user. Returns the username.
fn validate(fields: &Fields) -> Result<&str, Rejection> {
    let text = |name| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let username = text("username").ok_or(Rejection::bad_request("`username` is missing"))?;
    match (text("password"), text("password_hashed")) {
        (Some(_), None) | (None, Some(_)) => Ok(username),
        _ => Err(Rejection::bad_request("expected either `password` or `password_hashed`")),
    }
}

/// Checks that there is room for the user.
fn check(state: &State, username: &str, fields: &Fields) -> Result<(), Rejection> {
    state.check_row(weight_of_fields(fields))?;
    let users = &state.accounts.users;
    if users.contains_key(username) { Ok(()) } else { state.check_account("users", users.len()) }
}

/// Creates the user, or updates the fields that were sent. A sender cannot choose the id.
fn put(accounts: &mut Accounts, username: &str, fields: &Fields) -> Result<(Value, bool), Rejection> {
    let existing = accounts.users.get(username).cloned();
    let created = existing.is_none();
    let before = existing.unwrap_or_else(|| users::user(username).build());
    // Both in camelCase: what was sent replaces what there was, whatever its spelling.
    let Record(mut after) = deserialize::<Record<Fields>>(json!(before))?;
    let Record(sent) = deserialize::<Record<Fields>>(json!(fields))?;
    after.extend(sent.into_iter().filter(|(name, _)| name != "id"));
    let user: UserInfo = deserialize(after.into())?;
    let id = json!(user.id());
    accounts.put(user);
    Ok((id, created))
}

fn deserialize<T: DeserializeOwned>(value: Value) -> Result<T, Rejection> {
    serde_json::from_value(value).map_err(|error| Rejection::bad_request(error.to_string()))
}
