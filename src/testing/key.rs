use serde_json::Value;

/// What an access key stands for at the [`AuthCenter`](super::AuthCenter).
///
/// ```
/// # use aigc_auth::testing::TestKey;
/// let of_alice = TestKey::user("alice").name("laptop");
/// let of_an_app = TestKey::app(42);
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
    /// A key of this user.
    pub fn user(username: impl Into<String>) -> Self {
        Self { username: Some(username.into()), ..Self::of_type("user") }
    }

    /// A key of the app with this id, a number or a string.
    pub fn app(app_id: impl Into<Value>) -> Self {
        Self { app_id: app_id.into(), ..Self::of_type("app") }
    }

    /// A key for all apps.
    pub fn global() -> Self {
        Self::of_type("global")
    }

    /// A key whose `keyType` is this, whether anybody knows such a type or not.
    pub fn of_type(key_type: impl Into<String>) -> Self {
        Self { key_type: key_type.into(), name: "test key".to_owned(), app_id: Value::Null, username: None }
    }

    /// Sets the name to show. Defaults to `test key`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}
