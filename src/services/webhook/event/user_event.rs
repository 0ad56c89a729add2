use std::fmt;

use serde_json::Value;

use super::event_user::EventUser;

/// An event of the auth center about users. `Debug` shows its name, and the data of an [`EventUser`] by its fields' names only.
///
/// ```
/// use aigc_auth::webhook::UserEvent;
///
/// let event = UserEvent::from_json(
///     br#"{"event": "user.updated", "data": {"id": 7, "email": "a@example.com", "updatedFields": ["email"]}}"#,
/// )?;
/// match &event {
///     UserEvent::Updated(user) => assert_eq!(user.email(), Some("a@example.com")),
///     _ => unreachable!(),
/// }
/// assert_eq!(event.name(), "user.updated");
/// assert_eq!(event.updated_fields(), ["email"]);
/// # Ok::<(), aigc_auth::webhook::WebhookRejection>(())
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum UserEvent {
    /// `user.created`: a user was created.
    Created(EventUser),
    /// `user.updated`: fields of a user have changed; see [`UserEvent::updated_fields`].
    Updated(EventUser),
    /// `user.login`: a user has logged in. An app that does not have the user yet should create them.
    Login(EventUser),
    /// `user.deleted`: a user was deleted. An app should remove or disable them.
    Deleted(EventUser),
    /// `user.init_sync_auth`: all users of the legacy system are to be pushed to the auth center.
    InitSync(Value),
    /// Any other event. A handler should ignore names that it does not know.
    Other {
        /// Its name, such as `team.created`.
        name: String,
        /// Its data, of any shape.
        data: Value,
    },
}

/// The names of the events that have a variant of [`UserEvent`].
pub const EVENTS: [&str; 5] = [CREATED, UPDATED, LOGIN, DELETED, INIT_SYNC];

pub(super) const CREATED: &str = "user.created";
pub(super) const UPDATED: &str = "user.updated";
pub(super) const LOGIN: &str = "user.login";
pub(super) const DELETED: &str = "user.deleted";
pub(super) const INIT_SYNC: &str = "user.init_sync_auth";

impl UserEvent {
    /// Returns the name of the event, such as `user.updated`.
    pub fn name(&self) -> &str {
        match self {
            Self::Created(_) => CREATED,
            Self::Updated(_) => UPDATED,
            Self::Login(_) => LOGIN,
            Self::Deleted(_) => DELETED,
            Self::InitSync(_) => INIT_SYNC,
            Self::Other { name, .. } => name,
        }
    }

    /// Returns the user that the event is about, for events that the protocol defines with a user.
    pub fn user(&self) -> Option<&EventUser> {
        match self {
            Self::Created(user) | Self::Updated(user) | Self::Login(user) | Self::Deleted(user) => Some(user),
            Self::InitSync(_) | Self::Other { .. } => None,
        }
    }

    /// Returns the names of the changed fields, as the auth center names them. If there are none, an existing user
    /// should not be changed.
    pub fn updated_fields(&self) -> &[String] {
        self.user().map_or(&[], EventUser::updated_fields)
    }
}

impl fmt::Debug for UserEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut event = f.debug_struct("UserEvent");
        event.field("event", &self.name());
        match self {
            Self::Created(user) | Self::Updated(user) | Self::Login(user) | Self::Deleted(user) => {
                event.field("user", user).finish()
            }
            // Data of any shape, which may be somebody's.
            Self::InitSync(_) | Self::Other { .. } => event.finish_non_exhaustive(),
        }
    }
}
