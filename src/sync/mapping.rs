use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::error::{SyncError, SyncErrorKind};
use super::store::LegacyUser;

/// Why a value cannot be transformed: any error, for the summary of a push.
pub type TransformError = Box<dyn Error + Send + Sync>;

type Transform = dyn Fn(&Value) -> Result<Value, TransformError> + Send + Sync;

/// How a field of the auth center's users and a column of the legacy system's belong together.
///
/// ```
/// use aigc_auth::sync::FieldMapping;
/// use serde_json::json;
///
/// let status = FieldMapping::new("status", "is_active")
///     .to_legacy(|status| Ok(json!(status == "active")))
///     .to_auth(|active| Ok(json!(if *active == json!(true) { "active" } else { "disabled" })))
///     .default_legacy(true);
/// let roles = FieldMapping::new("roles", "role")
///     .to_legacy(|roles| Ok(roles.get(0).cloned().unwrap_or(json!("viewer"))))
///     .to_auth(|role| Ok(json!([role])));
/// ```
#[derive(Clone)]
#[must_use]
pub struct FieldMapping {
    auth_field: String,
    legacy_field: String,
    required: bool,
    default_legacy: Option<Value>,
    default_auth: Option<Value>,
    to_legacy: Option<Arc<Transform>>,
    to_auth: Option<Arc<Transform>>,
}

impl FieldMapping {
    /// The field of the auth center, and the legacy system's name for it. Values pass as they are.
    pub fn new(auth_field: impl Into<String>, legacy_field: impl Into<String>) -> Self {
        Self {
            auth_field: auth_field.into(),
            legacy_field: legacy_field.into(),
            required: false,
            default_legacy: None,
            default_auth: None,
            to_legacy: None,
            to_auth: None,
        }
    }

    /// The default mappings: `username` (required), `email`, `nickname`, `phone`, `avatar`, `company` and `department`,
    /// which have the same name on both sides.
    pub fn defaults() -> Vec<Self> {
        let same = |name: &str| Self::new(name, name);
        let optional = ["email", "nickname", "phone", "avatar", "company", "department"];
        std::iter::once(same("username").required()).chain(optional.map(same)).collect()
    }

    /// Refuses users who lack the field, and have no default for it.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Sets what new users of the legacy system get where the auth center has nothing. Not transformed.
    pub fn default_legacy(mut self, value: impl Into<Value>) -> Self {
        self.default_legacy = Some(value.into());
        self
    }

    /// Sets what the auth center is sent where the legacy system has nothing. Not transformed.
    pub fn default_auth(mut self, value: impl Into<Value>) -> Self {
        self.default_auth = Some(value.into());
        self
    }

    /// Transforms values on their way into the legacy system. It is not called for `null`.
    pub fn to_legacy<F>(mut self, transform: F) -> Self
    where
        F: Fn(&Value) -> Result<Value, TransformError> + Send + Sync + 'static,
    {
        self.to_legacy = Some(Arc::new(transform));
        self
    }

    /// Transforms values on their way to the auth center. It is not called for `null`.
    pub fn to_auth<F>(mut self, transform: F) -> Self
    where
        F: Fn(&Value) -> Result<Value, TransformError> + Send + Sync + 'static,
    {
        self.to_auth = Some(Arc::new(transform));
        self
    }

    pub(super) fn auth_field(&self) -> &str {
        &self.auth_field
    }

    /// The column.
    pub fn legacy_field(&self) -> &str {
        &self.legacy_field
    }

    /// The value for a user of the legacy system, if the auth center's has one.
    pub(super) fn legacy_value(&self, user: &Map<String, Value>) -> Result<Option<Value>, SyncError> {
        passed(&self.auth_field, user, self.to_legacy.as_deref())
    }
}

impl fmt::Debug for FieldMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldMapping")
            .field("auth_field", &self.auth_field)
            .field("legacy_field", &self.legacy_field)
            .field("required", &self.required)
            .finish_non_exhaustive()
    }
}

/// The row of a new user.
pub(super) fn new_row(mappings: &[FieldMapping], user: &Map<String, Value>) -> Result<LegacyUser, SyncError> {
    let mut row = LegacyUser::new();
    for mapping in mappings {
        let default = mapping.default_legacy.as_ref();
        if let Some(value) = complete(mapping, mapping.legacy_value(user)?, default, &mapping.auth_field)? {
            row.insert(mapping.legacy_field.clone(), value);
        }
    }
    Ok(row)
}

/// The columns to change: of fields that the auth center says something of, `null` included where it passes as it is.
pub(super) fn changes(mappings: &[FieldMapping], user: &Map<String, Value>) -> Result<LegacyUser, SyncError> {
    let mut row = LegacyUser::new();
    for mapping in mappings {
        let is_cleared = user.get(&mapping.auth_field).is_some_and(Value::is_null);
        let value = match mapping.legacy_value(user)? {
            None if is_cleared && mapping.to_legacy.is_none() && !mapping.required => Some(Value::Null),
            value => value,
        };
        if let Some(value) = value {
            row.insert(mapping.legacy_field.clone(), value);
        }
    }
    Ok(row)
}

/// The fields that the auth center is sent of a row.
pub(super) fn auth_fields(
    mappings: &[FieldMapping],
    row: &LegacyUser,
) -> Result<Map<String, Value>, SyncError> {
    let mut fields = Map::new();
    for mapping in mappings {
        let value = passed(&mapping.legacy_field, row, mapping.to_auth.as_deref())?;
        if let Some(value) = complete(mapping, value, mapping.default_auth.as_ref(), &mapping.legacy_field)? {
            fields.insert(mapping.auth_field.clone(), value);
        }
    }
    Ok(fields)
}

fn passed(
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
    // Some databases refuse it, some cut the text off there.
    if has_nul(&value) {
        return Err(SyncError::new(SyncErrorKind::Mapping, format!("`{field}` has a NUL character")));
    }
    Ok(Some(value))
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

fn complete(
    mapping: &FieldMapping,
    value: Option<Value>,
    default: Option<&Value>,
    source: &str,
) -> Result<Option<Value>, SyncError> {
    let is_empty =
        |value: &Value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
    match value.or_else(|| default.cloned()) {
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

    fn as_in_the_seed() -> Vec<FieldMapping> {
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

    fn said(result: Result<Value, SyncError>) -> Value {
        result.unwrap_or_else(|error| json!(error.to_string()))
    }

    #[test]
    fn into_the_legacy_system() {
        for (user, row, changed) in [
            (
                json!({"username": "a", "email": "a@x", "status": "disabled", "roles": ["r", "s"], "id": 7}),
                json!({"login": "a", "email": "a@x", "is_active": false, "role": "r"}),
                json!({"login": "a", "email": "a@x", "is_active": false, "role": "r"}),
            ),
            // What is not said has its default in a new row, and stays as it is in an old one.
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
            let mappings = as_in_the_seed();
            let new = new_row(&mappings, &map(user.clone())).map(|row| json!(Map::from(row)));
            assert_eq!(said(new), row, "{user}");
            let old = changes(&mappings, &map(user.clone())).map(|row| json!(Map::from(row)));
            assert_eq!(said(old), changed, "{user}");
        }
    }

    #[test]
    fn to_the_auth_center() {
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
                said(auth_fields(&as_in_the_seed(), &user).map(|fields| json!(fields))),
                fields,
                "{row}"
            );
        }
    }
}
