use serde_json::Value;

use super::event_user::{EventUser, is_disabled, user_id};
use super::user_event::{CREATED, DELETED, INIT_SYNC, LOGIN, UPDATED, UserEvent};
use crate::ports::invalidation::Invalidation;
use crate::services::webhook::rejection::WebhookRejection;
use crate::types::spelling;

/// An event whose data was not checked yet.
pub(crate) struct RawEvent {
    pub(super) name: String,
    pub(super) data: Value,
}

impl UserEvent {
    /// Parses `{"event": …, "data": …}`. Does not verify a signature.
    ///
    /// # Errors
    /// 400, with the position of the JSON syntax error, or the name of the field that has another type than the
    /// protocol defines.
    pub fn from_json(body: &[u8]) -> Result<Self, WebhookRejection> {
        RawEvent::parse(body)?.into_event()
    }
}

impl RawEvent {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, WebhookRejection> {
        let event: Value = serde_json::from_slice(body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            WebhookRejection::bad_request(format!("The body is not JSON: line {line}, column {column}"))
        })?;
        let Value::Object(mut event) = event else {
            return Err(WebhookRejection::bad_request("The body must be a JSON object"));
        };
        let Some(Value::String(name)) = event.remove("event") else {
            return Err(WebhookRejection::bad_request("`event` must be a string"));
        };
        Ok(Self { name, data: event.remove("data").unwrap_or_default() })
    }

    /// Checks the types of the data's fields.
    pub(crate) fn into_event(self) -> Result<UserEvent, WebhookRejection> {
        let Self { name, data } = self;
        Ok(match name.as_str() {
            CREATED => UserEvent::Created(EventUser::new(data)?),
            UPDATED => UserEvent::Updated(EventUser::new(data)?),
            LOGIN => UserEvent::Login(EventUser::new(data)?),
            DELETED => UserEvent::Deleted(EventUser::new(data)?),
            INIT_SYNC => UserEvent::InitSync(data),
            _ => UserEvent::Other { name, data },
        })
    }

    /// Returns the users whose cache entries are stale after the event, or `None` if cached users stay valid.
    ///
    /// Works on unchecked data: a deletion must invalidate the user even if one of its fields is malformed.
    pub(crate) fn invalidation(&self) -> Option<Invalidation> {
        let is_stale = match self.name.as_str() {
            // A login itself changes nothing, and is frequent.
            CREATED | LOGIN => self.is_disabled() || self.has_updated_fields(),
            INIT_SYNC => false,
            // `user.updated`, `user.deleted`, `user.disabled`, and events of users that are not defined yet.
            name => name.starts_with("user."),
        };
        // An empty string identifies no user.
        let text = |name| self.data.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let id = self.data.get("id").and_then(user_id).filter(|id| id.as_str() != Some(""));
        is_stale.then(|| Invalidation::of(id, text("username")))
    }

    /// Returns the user of an event by id and by username, as far as it has them: what kind of name, and the name. Events of
    /// the same user are versions of one thing.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = (&'static str, String)> {
        let is_of_user = self.name.starts_with("user.") && self.name != INIT_SYNC;
        let id = || self.data.get("id").and_then(user_id).map(|id| ("user-id", id.to_string()));
        let username = || Some(("username", self.data.get("username")?.as_str()?.to_owned()));
        let subjects = [is_of_user.then(id).flatten(), is_of_user.then(username).flatten()];
        subjects.into_iter().flatten().filter(|(_, name)| !name.is_empty())
    }

    fn is_disabled(&self) -> bool {
        match self.data.get("status") {
            None | Some(Value::Null) => false,
            Some(status) => status.as_str().is_none_or(is_disabled),
        }
    }

    fn has_updated_fields(&self) -> bool {
        let fields = self.data.as_object().and_then(|data| spelling::get(data, "updatedFields"));
        fields.and_then(Value::as_array).is_some_and(|fields| !fields.is_empty())
    }
}
