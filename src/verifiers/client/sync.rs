//! Create and update users at the auth center.

use std::fmt;

use http::HeaderMap;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::client::AuthClient;
use crate::types::error::AuthError;
use crate::types::secret::Secret;
use crate::types::spelling::{self, Record};
use crate::types::user::UserId;
use crate::upstream::api_client::Call;
#[cfg(feature = "user-sync")]
use crate::upstream::api_client::SendError;

/// A user to create or update at the auth center. Its `Debug` hides the password.
///
/// ```
/// use aigc_auth::client::SyncUser;
///
/// let user = SyncUser::with_password_hash("zhangsan", "$2b$12$…").field("email", "zhangsan@example.com");
/// ```
#[derive(Clone)]
pub struct SyncUser {
    username: String,
    password: Password,
    fields: Map<String, Value>,
}

#[derive(Clone)]
enum Password {
    Plain(Secret),
    Hashed(Secret),
}

impl SyncUser {
    /// Creates a user with this password, which the auth center hashes.
    pub fn with_password(username: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self { username: username.into(), password: Password::Plain(password.into()), fields: Map::new() }
    }

    /// Creates a user with this bcrypt hash of a password, which the auth center stores as it is.
    pub fn with_password_hash(username: impl Into<String>, hash: impl Into<Secret>) -> Self {
        Self { username: username.into(), password: Password::Hashed(hash.into()), fields: Map::new() }
    }

    /// Sets any other field, such as `nickname`, `email`, `phone`, `status` or `roles`. Ignores `username`, `password`
    /// and `password_hashed`.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let name = name.into();
        if !["username", "password", "password_hashed"].contains(&&*name) {
            self.fields.insert(name, value.into());
        }
        self
    }

    pub(crate) fn secret(&self) -> &str {
        let (Password::Plain(secret) | Password::Hashed(secret)) = &self.password;
        secret.expose()
    }

    /// Returns the login name.
    pub fn username(&self) -> &str {
        &self.username
    }
}

impl Serialize for SyncUser {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len() + 2))?;
        map.serialize_entry("username", &self.username)?;
        match &self.password {
            Password::Plain(password) => map.serialize_entry("password", password.expose())?,
            Password::Hashed(hash) => map.serialize_entry("password_hashed", hash.expose())?,
        }
        for (name, value) in &self.fields {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The body of a call for many users.
#[derive(Serialize)]
struct Batch<'a> {
    users: &'a [SyncUser],
}

impl fmt::Debug for SyncUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncUser")
            .field("username", &self.username)
            // Without values, which are personal data.
            .field("fields", &self.fields.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// The outcome of [`AuthClient::sync_user`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self", rename_all = "camelCase")]
#[non_exhaustive]
pub struct SyncOutcome {
    /// Whether the user was created or updated.
    pub success: bool,
    /// Whether the user was created.
    #[serde(default)]
    pub created: bool,
    /// The user's id at the auth center.
    #[serde(default)]
    pub user_id: Option<UserId>,
    /// The auth center's message.
    #[serde(default)]
    pub message: Option<String>,
}

spelling::deserialize_either_spelling!(SyncOutcome);

/// The outcome of [`AuthClient::sync_users`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct SyncReport {
    /// The number of users that were sent.
    pub total: u64,
    /// The number of users that were created or updated.
    pub success: u64,
    /// The number of users that failed; `errors` says why.
    #[serde(default)]
    pub failed: u64,
    /// The number of users that needed no change.
    #[serde(default)]
    pub skipped: u64,
    /// One entry for each failure, in the auth center's format.
    #[serde(default)]
    pub errors: Vec<Value>,
}

impl AuthClient {
    /// Creates or updates a user at the auth center, with these headers in addition to the client's own.
    ///
    /// ```no_run
    /// # async fn example(client: aigc_auth::AuthClient) -> Result<(), aigc_auth::AuthError> {
    /// use aigc_auth::client::SyncUser;
    /// use http::HeaderMap;
    ///
    /// let user = SyncUser::with_password("zhangsan", "first password").field("nickname", "三");
    /// let outcome = client.sync_user(&user, HeaderMap::new()).await?;
    /// println!("{:?} is {}", outcome.user_id, if outcome.created { "created" } else { "updated" });
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Rejected`](crate::error::ErrorKind::Rejected) or [`Unavailable`](crate::error::ErrorKind::Unavailable).
    pub async fn sync_user(&self, user: &SyncUser, headers: HeaderMap) -> Result<SyncOutcome, AuthError> {
        let call = Call::new("/sync/user", user).headers(headers).secret(user.secret());
        self.inner.core.api.call(call).await.map(|Record(outcome)| outcome)
    }

    /// Creates or updates users in one call, with these headers in addition to the client's own. Send a few hundred at a
    /// time: the call has to complete within the client's timeout.
    ///
    /// # Errors
    /// [`Rejected`](crate::error::ErrorKind::Rejected) or [`Unavailable`](crate::error::ErrorKind::Unavailable). Users that
    /// fail individually are in the report.
    pub async fn sync_users(&self, users: &[SyncUser], headers: HeaderMap) -> Result<SyncReport, AuthError> {
        let batch = Batch { users };
        let call = Call::new("/sync/batch", &batch).headers(headers);
        let call = users.iter().map(SyncUser::secret).fold(call, Call::secret);
        self.inner.core.api.call(call).await.map(|Record(report)| report)
    }

    /// Creates or updates users in one attempt that bypasses the circuit breaker and `max_in_flight`.
    #[cfg(feature = "user-sync")]
    pub(crate) async fn push_users(&self, users: &[SyncUser]) -> Result<SyncReport, SendError> {
        let body = serde_json::to_vec(&Batch { users }).unwrap_or_default();
        let secrets: Vec<_> = users.iter().map(SyncUser::secret).collect();
        let report =
            self.inner.core.api.report("/sync/batch", &HeaderMap::new(), body.into(), &secrets).await;
        report.map(|Record(report)| report)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn serialized_user_has_one_password_and_one_username() {
        let user = SyncUser::with_password_hash("a", "$2b$1")
            .field("password", "x")
            .field("username", "b")
            .field("roles", vec!["editor"]);
        assert_eq!(
            serde_json::to_value(&user).unwrap(),
            json!({"username": "a", "password_hashed": "$2b$1", "roles": ["editor"]})
        );
        assert!(!format!("{:?}", SyncUser::with_password("a", "hunter2")).contains("hunter2"));
    }
}
