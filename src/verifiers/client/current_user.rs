//! Fetch a user as they are now, past the cache.

use serde_json::{Map, Value, json};

use super::client::AuthClient;
use super::users::UNKNOWN_USER;
use crate::types::error::AuthError;
use crate::types::user::UserId;
use crate::upstream::api_client::{Call, Listing};

type Fields = Map<String, Value>;

impl AuthClient {
    /// Fetches a user by id, whatever their status, with the fields as the auth center sends them: only there can `null` be
    /// told from a field that it leaves out.
    pub(crate) async fn current_user_by_id(&self, id: &UserId) -> Result<Option<Fields>, AuthError> {
        // Both spellings, as `Core::users_by_ids` sends them.
        let body = json!({ "userIds": [id], "user_ids": [id] });
        let found = self.listed("/users/batch-by-ids", &body).await?;
        let id = id.to_string();
        let is_it = |user: &Fields| match user.get("id") {
            Some(Value::String(found)) => *found == id,
            Some(Value::Number(found)) => found.as_i64().is_some_and(|found| id.parse() == Ok(found)),
            _ => false,
        };
        Ok(found.into_iter().find(|user| is_it(user) && name(user) != Some(UNKNOWN_USER)))
    }

    /// Fetches a user by login name, whatever their status. An auth center may ignore case.
    pub(crate) async fn current_user_by_name(&self, username: &str) -> Result<Option<Fields>, AuthError> {
        let found = self.listed("/users/batch", &json!({ "usernames": [username] })).await?;
        let exact = found.iter().position(|user| name(user) == Some(username));
        let is_it = |user: &Fields| name(user).is_some_and(|found| found.eq_ignore_ascii_case(username));
        let at = exact.or_else(|| found.iter().position(is_it));
        Ok(at.and_then(|at| found.into_iter().nth(at)))
    }

    async fn listed(&self, endpoint: &'static str, body: &Value) -> Result<Vec<Fields>, AuthError> {
        let call = Call::new(endpoint, body);
        let found: Listing<Fields> = self.inner.core.api.call(call).await?;
        Ok(found.items)
    }
}

fn name(user: &Fields) -> Option<&str> {
    user.get("username").and_then(Value::as_str)
}
