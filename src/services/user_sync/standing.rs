//! What the auth center says of a user now, as against what an event said when it was made.

use serde_json::{Map, Value};

use super::config::SyncConfig;
use super::error::{SyncError, SyncErrorKind};
use crate::types::error::AuthError;
use crate::types::spelling;
use crate::types::user::UserId;
use crate::verifiers::client::AuthClient;

/// A user's fields at the auth center, in both spellings; `None` if it has no such user.
pub(super) struct Standing(Option<Map<String, Value>>);

/// By what the auth center is asked for a user.
enum Name<'a> {
    Id(UserId),
    Username(&'a str),
}

impl Standing {
    /// Asks for the user of an event, by the field that identifies rows if the auth center finds users by that: who has the
    /// username now may be another one. `None` if the event says nothing that it finds users by.
    pub(super) async fn ask(
        client: &AuthClient,
        config: &SyncConfig,
        user: &Map<String, Value>,
    ) -> Result<Option<Self>, SyncError> {
        let Some(name) = Name::of(config, user) else { return Ok(None) };
        let asking = async {
            match name {
                Name::Id(id) => client.current_user_by_id(&id).await,
                Name::Username(name) => client.current_user_by_name(name).await,
            }
        };
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
            let message = "the auth center could not be asked for the user of an event";
            SyncError::new(SyncErrorKind::AuthCenter, message).with_source(error)
        };
        match tokio::time::timeout(config.timeout, asking).await {
            Ok(Ok(fields)) => Ok(Some(Self(fields.map(|fields| known(&fields))))),
            Ok(Err::<_, AuthError>(error)) => Err(failed(error.into())),
            Err(_) => Err(failed("no answer in time".into())),
        }
    }

    pub(super) fn exists(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn is_active(&self) -> bool {
        let status = |fields: &Map<String, Value>| fields.get("status")?.as_str().map(str::to_owned);
        self.0
            .as_ref()
            .is_some_and(|fields| status(fields).is_none_or(|status| status.eq_ignore_ascii_case("active")))
    }

    /// Whether the auth center does not have the user of a deletion: it has none, another one of the same name, or the same
    /// one marked as no longer active.
    pub(super) fn confirms_removal(&self, user: &Map<String, Value>) -> bool {
        let Some(fields) = &self.0 else { return true };
        let is_same = match (id(fields), id(user)) {
            (Some(now), Some(then)) => now.to_string() == then.to_string(),
            _ => true,
        };
        is_same && !self.is_active()
    }

    /// Whether the user is there, with the values of the fields that the event says to have changed. If not, the event is
    /// late, or was sent before the change was stored.
    pub(super) fn confirms(&self, user: &Map<String, Value>) -> bool {
        let Some(fields) = &self.0 else { return false };
        let is_same = |name: &&str| match (fields.get(*name), user.get(*name)) {
            (Some(now), Some(then)) => now == then,
            _ => true,
        };
        updated_fields(user).iter().all(is_same)
    }

    /// Returns the event's fields with the values that they have now.
    pub(super) fn refreshed(&self, user: &Map<String, Value>) -> Map<String, Value> {
        let now = |name: &String| self.0.as_ref().and_then(|fields| fields.get(name));
        user.iter().map(|(name, then)| (name.clone(), now(name).unwrap_or(then).clone())).collect()
    }

    /// The same, with the fields that the event does not have: for a new row.
    pub(super) fn completed(&self, user: &Map<String, Value>) -> Map<String, Value> {
        let mut user = user.clone();
        user.extend(self.0.iter().flatten().map(|(name, now)| (name.clone(), now.clone())));
        user
    }
}

impl<'a> Name<'a> {
    fn of(config: &SyncConfig, user: &'a Map<String, Value>) -> Option<Self> {
        let id = || id(user).map(Name::Id);
        let username = || {
            let name = user.get("username")?.as_str()?;
            (!name.trim().is_empty()).then_some(Name::Username(name))
        };
        if config.unique_field == "username" { username().or_else(id) } else { id().or_else(username) }
    }
}

/// In both spellings. Whoever has no status is active, and a mapping says nothing of `null`.
fn known(fields: &Map<String, Value>) -> Map<String, Value> {
    let mut fields = spelling::with_both(fields);
    if let Some(status @ Value::Null) = fields.get_mut("status") {
        *status = "active".into();
    }
    fields
}

fn id(user: &Map<String, Value>) -> Option<UserId> {
    match user.get("id")? {
        Value::Number(id) => id.as_i64().map(UserId::from),
        Value::String(id) if !id.trim().is_empty() => Some(UserId::from(id.as_str())),
        _ => None,
    }
}

/// The names in the event's `updatedFields`.
pub(super) fn updated_fields(user: &Map<String, Value>) -> Vec<&str> {
    let fields = user.get("updatedFields").and_then(Value::as_array);
    fields.into_iter().flatten().filter_map(Value::as_str).collect()
}
