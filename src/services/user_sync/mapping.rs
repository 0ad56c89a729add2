//! Map users between the auth center's fields and the legacy system's columns.

use serde_json::{Map, Value};

use super::direction::Direction;
use super::error::{SyncError, SyncErrorKind};
use super::field_mapping::{DefaultLegacy, FieldMapping, Transform};
use super::legacy_user::LegacyUser;
use crate::types::error::BuildError;
use crate::types::spelling;
use crate::util::nul_characters::has_nul;

/// Checks that no two mappings of one direction have one target: the last one would win.
pub(super) fn check(mappings: &[FieldMapping]) -> Result<(), BuildError> {
    type Target = fn(&FieldMapping) -> &str;
    let directions: [(Direction, Target, &str); 2] = [
        (Direction::ToLegacy, |mapping| &mapping.legacy_field, "the column"),
        (Direction::ToAuth, |mapping| &mapping.auth_field, "the field of the auth center"),
    ];
    for (direction, target, what) in directions {
        let targets: Vec<_> =
            mappings.iter().filter(|mapping| mapping.is_for(direction)).map(target).collect();
        let is_same = |a: &str, b: &str| match direction {
            Direction::ToLegacy => a == b,
            Direction::ToAuth => spelling::is_same(a, b),
        };
        for (at, name) in targets.iter().enumerate() {
            if targets[..at].iter().any(|earlier| is_same(earlier, name)) {
                return Err(BuildError::new(format!(
                    "two field mappings write {what} `{name}`: make one of them `to_legacy_only()` or `to_auth_only()`"
                )));
            }
        }
    }
    Ok(())
}

/// Returns the value of the column for a user of the auth center. `None` if they have no value in the field.
pub(super) fn legacy_value(
    mapping: &FieldMapping,
    user: &Map<String, Value>,
) -> Result<Option<Value>, SyncError> {
    transformed(&mapping.auth_field, user, mapping.to_legacy.as_deref())
}

/// Returns the row of a new user.
pub(super) fn new_row(mappings: &[FieldMapping], user: &Map<String, Value>) -> Result<LegacyUser, SyncError> {
    let mut row = LegacyUser::new();
    for mapping in mappings.iter().filter(|mapping| mapping.is_for(Direction::ToLegacy)) {
        let value = legacy_value(mapping, user)?;
        let default = || mapping.default_legacy.value(user);
        if let Some(value) = or_default(mapping, value, default, &mapping.auth_field)? {
            row.insert(mapping.legacy_field.clone(), value);
        }
    }
    Ok(row)
}

/// Returns the columns of the fields that are present, to update a row: those of `only` of the auth center's fields, if
/// given. `null` empties a column, or sets it to its default, only where the mapping has no transformation and is not
/// required.
pub(super) fn changes(
    mappings: &[FieldMapping],
    user: &Map<String, Value>,
    only: Option<&[&str]>,
) -> Result<LegacyUser, SyncError> {
    let mut row = LegacyUser::new();
    for mapping in mappings.iter().filter(|mapping| mapping.updates()) {
        if only.is_some_and(|only| !only.iter().any(|field| spelling::is_same(field, &mapping.auth_field))) {
            continue;
        }
        let is_cleared = user.get(&mapping.auth_field).is_some_and(Value::is_null);
        let value = match legacy_value(mapping, user)? {
            None if is_cleared && mapping.to_legacy.is_none() && !mapping.required => {
                match &mapping.default_legacy {
                    DefaultLegacy::None => Some(Value::Null),
                    DefaultLegacy::Value(default) => Some(default.clone()),
                    // It is for new users: an existing one keeps theirs.
                    DefaultLegacy::Computed(_) => None,
                }
            }
            value => value,
        };
        if let Some(value) = value {
            row.insert(mapping.legacy_field.clone(), value);
        }
    }
    Ok(row)
}

/// Returns the same of this column alone.
pub(super) fn changes_of(
    mappings: &[FieldMapping],
    user: &Map<String, Value>,
    column: &str,
) -> Result<LegacyUser, SyncError> {
    let of_column = mappings.iter().filter(|mapping| mapping.legacy_field == column);
    changes(&of_column.cloned().collect::<Vec<_>>(), user, None)
}

/// Returns the fields of a row that are sent to the auth center.
pub(super) fn auth_fields(
    mappings: &[FieldMapping],
    row: &LegacyUser,
) -> Result<Map<String, Value>, SyncError> {
    let mut fields = Map::new();
    for mapping in mappings.iter().filter(|mapping| mapping.is_for(Direction::ToAuth)) {
        let value = transformed(&mapping.legacy_field, row, mapping.to_auth.as_deref())?;
        let default = || mapping.default_auth.clone();
        if let Some(value) = or_default(mapping, value, default, &mapping.legacy_field)? {
            fields.insert(mapping.auth_field.clone(), value);
        }
    }
    Ok(fields)
}

fn transformed(
    field: &str,
    user: &Map<String, Value>,
    transform: Option<&Transform>,
) -> Result<Option<Value>, SyncError> {
    let Some(value) = user.get(field).filter(|value| !value.is_null()) else { return Ok(None) };
    let value = match transform {
        None => value.clone(),
        Some(transform) => transform(value).map_err(|error| {
            SyncError::new(SyncErrorKind::Mapping, format!("`{field}` cannot be mapped")).with_source(error)
        })?,
    };
    // Some databases reject NUL characters, others truncate the text there.
    if has_nul(&value) {
        return Err(SyncError::new(SyncErrorKind::Mapping, format!("`{field}` has a NUL character")));
    }
    Ok(Some(value))
}

/// Replaces a missing value by the default, and checks that a required one is there and not empty.
fn or_default(
    mapping: &FieldMapping,
    value: Option<Value>,
    default: impl FnOnce() -> Option<Value>,
    source: &str,
) -> Result<Option<Value>, SyncError> {
    let is_empty =
        |value: &Value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
    match value.or_else(default) {
        None if mapping.required => {
            Err(SyncError::new(SyncErrorKind::Mapping, format!("`{source}` is missing, and required")))
        }
        Some(value) if mapping.required && is_empty(&value) => {
            Err(SyncError::new(SyncErrorKind::Mapping, format!("`{source}` is empty, and required")))
        }
        value => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mappings() -> Vec<FieldMapping> {
        vec![
            FieldMapping::new("username", "login").required(),
            FieldMapping::new("email", "email"),
            FieldMapping::new("status", "is_active")
                .to_legacy(|status| Ok(json!(status == "active")))
                .to_auth(|active| Ok(json!(if active == &json!(true) { "active" } else { "disabled" })))
                .default_legacy(true),
            FieldMapping::new("roles", "role")
                .to_legacy(|roles| Ok(roles.get(0).ok_or("no roles")?.clone()))
                .to_auth(|role| Ok(json!([role])))
                .default_auth(json!(["viewer"])),
        ]
    }

    fn map(value: Value) -> Map<String, Value> {
        let Value::Object(map) = value else { panic!() };
        map
    }

    fn value_or_error(result: Result<Value, SyncError>) -> Value {
        result.unwrap_or_else(|error| json!(error.to_string()))
    }

    #[test]
    fn users_become_rows_and_changes() {
        for (user, row, changed) in [
            (
                json!({"username": "a", "email": "a@x", "status": "disabled", "roles": ["r", "s"], "id": 7}),
                json!({"login": "a", "email": "a@x", "is_active": false, "role": "r"}),
                json!({"login": "a", "email": "a@x", "is_active": false, "role": "r"}),
            ),
            // A missing field has its default in a new row, and is left alone in an existing one.
            (json!({"username": "a"}), json!({"login": "a", "is_active": true}), json!({"login": "a"})),
            (
                json!({"username": "a", "email": null, "status": null}),
                json!({"login": "a", "is_active": true}),
                json!({"login": "a", "email": null}),
            ),
            (
                json!({"username": "a", "roles": []}),
                json!("`roles` cannot be mapped: no roles"),
                json!("`roles` cannot be mapped: no roles"),
            ),
            (json!({"email": "a@x"}), json!("`username` is missing, and required"), json!({"email": "a@x"})),
            (json!({"username": " "}), json!("`username` is empty, and required"), json!({"login": " "})),
            (
                json!({"username": "a\0b"}),
                json!("`username` has a NUL character"),
                json!("`username` has a NUL character"),
            ),
        ] {
            let mappings = mappings();
            let new = new_row(&mappings, &map(user.clone())).map(|row| json!(Map::from(row)));
            assert_eq!(value_or_error(new), row, "{user}");
            let old = changes(&mappings, &map(user.clone()), None).map(|row| json!(Map::from(row)));
            assert_eq!(value_or_error(old), changed, "{user}");
        }
    }

    #[test]
    fn rows_become_fields() {
        for (row, fields) in [
            (
                json!({"login": "a", "email": null, "is_active": true, "role": "r", "hashed_password": "$2b$"}),
                json!({"username": "a", "status": "active", "roles": ["r"]}),
            ),
            (
                json!({"login": "a", "is_active": false, "role": null}),
                json!({"username": "a", "status": "disabled", "roles": ["viewer"]}),
            ),
            (json!({"login": null}), json!("`login` is missing, and required")),
            (json!({"login": "\0"}), json!("`login` has a NUL character")),
            (json!({"login": "a", "role": "\0"}), json!("`role` has a NUL character")),
            (json!({"login": "a", "email": {"\0": 1}}), json!("`email` has a NUL character")),
            (json!({"login": "a", "email": [1, "b\0"]}), json!("`email` has a NUL character")),
        ] {
            let user = LegacyUser::from(map(row.clone()));
            assert_eq!(
                value_or_error(auth_fields(&mappings(), &user).map(|fields| json!(fields))),
                fields,
                "{row}"
            );
        }
    }
}
