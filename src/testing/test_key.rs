use serde_json::Value;

/// An access key of the [`AuthCenter`](super::AuthCenter): its type and its owner.
///
/// ```
/// # use aigc_auth::testing::TestKey;
/// let user_key = TestKey::user("alice").name("laptop");
/// let app_key = TestKey::app(42);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct TestKey {
    pub(super) key_type: String,
    pub(super) name: String,
    pub(super) app_id: Value,
    pub(super) username: Option<String>,
}

impl TestKey {
    /// Creates a key of a user.
    pub fn user(username: impl Into<String>) -> Self {
        Self { username: Some(username.into()), ..Self::of_type("user") }
    }

    /// Creates a key of the app with this id, a number or a string.
    pub fn app(app_id: impl Into<Value>) -> Self {
        Self { app_id: app_id.into(), ..Self::of_type("app") }
    }

    /// Creates a key for all apps.
    pub fn global() -> Self {
        Self::of_type("global")
    }

    /// Creates a key with this `keyType`, known or unknown.
    pub fn of_type(key_type: impl Into<String>) -> Self {
        Self { key_type: key_type.into(), name: "test key".to_owned(), app_id: Value::Null, username: None }
    }

    /// Sets the display name. Defaults to `test key`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}
