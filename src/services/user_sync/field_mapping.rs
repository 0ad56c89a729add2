use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::direction::Direction;
use super::legacy_field::LegacyField;

/// Why a value cannot be transformed: any error. Its text is shown in the summary of a push.
pub type TransformError = Box<dyn Error + Send + Sync>;

type Compute = dyn Fn(&Value) -> Value + Send + Sync;

pub(super) type Transform = dyn Fn(&Value) -> Result<Value, TransformError> + Send + Sync;

/// Maps a field of the auth center's users to a column of the legacy system's.
///
/// ```
/// use aigc_auth::user_sync::FieldMapping;
/// use serde_json::json;
///
/// let status = FieldMapping::new("status", "is_active").flag("active", "disabled").default_legacy(true);
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
    pub(super) default_legacy: DefaultLegacy,
    pub(super) default_auth: Option<Value>,
    pub(super) to_legacy: Option<Arc<Transform>>,
    pub(super) to_auth: Option<Arc<Transform>>,
    /// The direction that it is for, if only one.
    only: Option<Direction>,
    on_create_only: bool,
}

/// The value of a column for a new user without one at the auth center.
#[derive(Clone)]
pub(super) enum DefaultLegacy {
    None,
    Value(Value),
    Computed(Arc<Compute>),
}

impl FieldMapping {
    /// Maps a field of the auth center to a column. Values are not transformed, unless [`to_legacy`](Self::to_legacy) or
    /// [`to_auth`](Self::to_auth) is set.
    pub fn new(auth_field: impl Into<String>, legacy_field: impl Into<String>) -> Self {
        Self {
            auth_field: auth_field.into(),
            legacy_field: legacy_field.into(),
            required: false,
            default_legacy: DefaultLegacy::None,
            default_auth: None,
            to_legacy: None,
            to_auth: None,
            only: None,
            on_create_only: false,
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

    /// Sets the value of the column for new users without a value at the auth center, and for existing ones whose value
    /// becomes `null` there. It is not transformed. Defaults to none.
    pub fn default_legacy(mut self, value: impl Into<Value>) -> Self {
        self.default_legacy = DefaultLegacy::Value(value.into());
        self
    }

    /// Computes the value of the column for new users without a value at the auth center, from the user as the auth center
    /// has them: an id that the legacy application makes, the time of the creation, a secret of the user's own. A field that
    /// the auth center leaves out is null: `user["company"]` does not panic.
    ///
    /// ```
    /// use aigc_auth::user_sync::FieldMapping;
    /// use serde_json::json;
    ///
    /// // No field of the auth center has this name, so that each new user gets the default.
    /// let theme = FieldMapping::new("theme", "theme")
    ///     .default_legacy_with(|user| json!(if user["company"] == "acme" { "dark" } else { "light" }))
    ///     .to_legacy_only();
    /// ```
    pub fn default_legacy_with(mut self, compute: impl Fn(&Value) -> Value + Send + Sync + 'static) -> Self {
        self.default_legacy = DefaultLegacy::Computed(Arc::new(compute));
        self
    }

    /// Maps to the legacy system only: the column is never sent to the auth center.
    pub fn to_legacy_only(mut self) -> Self {
        self.only = Some(Direction::ToLegacy);
        self
    }

    /// Maps to the auth center only: the column is never written.
    pub fn to_auth_only(mut self) -> Self {
        self.only = Some(Direction::ToAuth);
        self
    }

    /// Writes the column for new users only, such as a primary key that the legacy application makes, or what users may
    /// change there.
    pub fn on_create_only(mut self) -> Self {
        self.on_create_only = true;
        self
    }

    /// Maps a value of the auth center to a column that says yes or no, as a boolean or a number: `is_true` to true, any
    /// other value to false; and back, true to `is_true` and false to `is_false`.
    ///
    /// True are `true`, numbers but 0, and the texts `true`, `t`, `yes`, `y`, `on` and `1` in any case.
    ///
    /// ```
    /// use aigc_auth::user_sync::FieldMapping;
    /// use serde_json::json;
    ///
    /// let active = FieldMapping::new("status", "is_active").flag("active", "disabled");
    /// // Not `flag("disabled", "active")`, which would let in those of any third status.
    /// let banned = FieldMapping::new("status", "banned")
    ///     .to_legacy(|status| Ok(json!(status != "active")))
    ///     .to_auth(|banned| Ok(json!(if banned == false { "active" } else { "disabled" })));
    /// ```
    pub fn flag(self, is_true: impl Into<Value>, is_false: impl Into<Value>) -> Self {
        let (is_true, is_false) = (is_true.into(), is_false.into());
        let expected = is_true.clone();
        self.to_legacy(move |value| Ok(Value::Bool(*value == expected)))
            .to_auth(move |flag| Ok(if is_set(flag) { is_true.clone() } else { is_false.clone() }))
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

    pub(super) fn is_for(&self, direction: Direction) -> bool {
        self.only.is_none_or(|only| only == direction)
    }

    /// Whether the column is written for existing users.
    pub(super) fn updates(&self) -> bool {
        self.is_for(Direction::ToLegacy) && !self.on_create_only
    }

    /// The column, as the mapping uses it.
    pub(super) fn to_legacy_field(&self) -> LegacyField {
        let field = LegacyField::from(&*self.legacy_field);
        match (self.is_for(Direction::ToLegacy), self.on_create_only) {
            (false, _) => field.read_only(),
            (true, true) => field.on_create_only(),
            (true, false) => field,
        }
    }
}

impl DefaultLegacy {
    /// The value for this user of the auth center.
    pub(super) fn value(&self, user: &Map<String, Value>) -> Option<Value> {
        match self {
            Self::None => None,
            Self::Value(value) => Some(value.clone()),
            Self::Computed(compute) => Some(compute(&Value::Object(user.clone()))),
        }
    }
}

/// Whether a column that says yes or no says yes.
fn is_set(flag: &Value) -> bool {
    match flag {
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => {
            ["true", "t", "yes", "y", "on", "1"].iter().any(|yes| text.trim().eq_ignore_ascii_case(yes))
        }
        _ => false,
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
