use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// Why a value cannot be transformed: any error. Its text is shown in the summary of a push.
pub type TransformError = Box<dyn Error + Send + Sync>;

pub(super) type Transform = dyn Fn(&Value) -> Result<Value, TransformError> + Send + Sync;

/// Maps a field of the auth center's users to a column of the legacy system's.
///
/// ```
/// use aigc_auth::user_sync::FieldMapping;
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
    pub(super) auth_field: String,
    pub(super) legacy_field: String,
    pub(super) required: bool,
    pub(super) default_legacy: Option<Value>,
    pub(super) default_auth: Option<Value>,
    pub(super) to_legacy: Option<Arc<Transform>>,
    pub(super) to_auth: Option<Arc<Transform>>,
}

impl FieldMapping {
    /// Maps a field of the auth center to a column. Values are not transformed, unless [`to_legacy`](Self::to_legacy) or
    /// [`to_auth`](Self::to_auth) is set.
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

    /// Returns the default mappings: `username` (required), `email`, `nickname`, `phone`, `avatar`, `company` and
    /// `department`, each to the column of the same name.
    pub fn defaults() -> Vec<Self> {
        let same = |name: &str| Self::new(name, name);
        let optional = ["email", "nickname", "phone", "avatar", "company", "department"];
        std::iter::once(same("username").required()).chain(optional.map(same)).collect()
    }

    /// Rejects users without a value in this field, unless there is a default.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Sets the value of the column for new users without a value at the auth center. It is not transformed. Defaults to
    /// none.
    pub fn default_legacy(mut self, value: impl Into<Value>) -> Self {
        self.default_legacy = Some(value.into());
        self
    }

    /// Sets the value that the auth center is sent for users without a value in the column. It is not transformed. Defaults
    /// to none.
    pub fn default_auth(mut self, value: impl Into<Value>) -> Self {
        self.default_auth = Some(value.into());
        self
    }

    /// Sets a transformation of values on their way to the legacy system. It is not called for `null`. Defaults to none.
    pub fn to_legacy<F>(mut self, transform: F) -> Self
    where
        F: Fn(&Value) -> Result<Value, TransformError> + Send + Sync + 'static,
    {
        self.to_legacy = Some(Arc::new(transform));
        self
    }

    /// Sets a transformation of values on their way to the auth center. It is not called for `null`. Defaults to none.
    pub fn to_auth<F>(mut self, transform: F) -> Self
    where
        F: Fn(&Value) -> Result<Value, TransformError> + Send + Sync + 'static,
    {
        self.to_auth = Some(Arc::new(transform));
        self
    }

    /// Returns the name of the column.
    pub fn legacy_field(&self) -> &str {
        &self.legacy_field
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
