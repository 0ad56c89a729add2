use serde_json::{Map, Value};

use super::rejection::WebhookRejection;
use crate::user::UserId;

/// What the auth center tells of a user.
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
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum UserEvent {
    /// `user.created`: there is a new user.
    Created(EventUser),
    /// `user.updated`: fields of a user have changed; see [`UserEvent::updated_fields`].
    Updated(EventUser),
    /// `user.login`: a user has logged in; to be created where he is not known yet.
    Login(EventUser),
    /// `user.deleted`: a user is gone; to be removed or disabled.
    Deleted(EventUser),
    /// `user.init_sync_auth`: all users of the legacy system are to be pushed to the auth center.
    InitSync(Value),
    /// Any other event: to be ignored by those who do not know it.
    Other {
        /// Its name, such as `team.created`.
        name: String,
        /// Its data, whatever that is.
        data: Value,
    },
}

/// The names of the events that this crate knows.
pub const EVENTS: [&str; 5] = [CREATED, UPDATED, LOGIN, DELETED, INIT_SYNC];

const CREATED: &str = "user.created";
const UPDATED: &str = "user.updated";
const LOGIN: &str = "user.login";
const DELETED: &str = "user.deleted";
const INIT_SYNC: &str = "user.init_sync_auth";

impl UserEvent {
    /// Reads `{"event": …, "data": …}`. The signature is not looked at here.
    ///
    /// # Errors
    /// 400, with the position where it stops being JSON, or with the name of the field that has another shape than the
    /// protocol gives it.
    pub fn from_json(body: &[u8]) -> Result<Self, WebhookRejection> {
        Report::read(body)?.typed()
    }

    /// The name of the event, such as `user.updated`.
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

    /// The user that the event is about, where the protocol says that there is one.
    pub fn user(&self) -> Option<&EventUser> {
        match self {
            Self::Created(user) | Self::Updated(user) | Self::Login(user) | Self::Deleted(user) => Some(user),
            Self::InitSync(_) | Self::Other { .. } => None,
        }
    }

    /// The names of the fields that have changed, as the auth center calls them. A user who exists already is only to be
    /// changed where there are some.
    pub fn updated_fields(&self) -> &[String] {
        self.user().map_or(&[], |user| &user.updated_fields)
    }
}

/// An event whose data has not been looked at.
pub(super) struct Report {
    name: String,
    data: Value,
}

impl Report {
    pub(super) fn read(body: &[u8]) -> Result<Self, WebhookRejection> {
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

    pub(super) fn typed(self) -> Result<UserEvent, WebhookRejection> {
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

    /// Whom to forget, by id and username. Neither: everybody. `None`: nobody, since what is known of him stays true.
    ///
    /// Told before the shape is checked: a deletion with a field amiss is a deletion all the same.
    pub(super) fn outdates(&self) -> Option<(Option<UserId>, Option<&str>)> {
        let is_outdated = match self.name.as_str() {
            // A log-in changes nothing by itself, and happens often.
            CREATED | LOGIN => self.says_disabled() || self.says_updated(),
            INIT_SYNC => false,
            // `user.updated`, `user.deleted`, `user.disabled`, and whatever else may come to be said of users.
            name => name.starts_with("user."),
        };
        // An empty text is nobody's id or name, so it tells as little as none.
        let text = |name| self.data.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let id = self.data.get("id").and_then(user_id).filter(|id| id.as_str() != Some(""));
        is_outdated.then(|| (id, text("username")))
    }

    fn says_disabled(&self) -> bool {
        match self.data.get("status") {
            None | Some(Value::Null) => false,
            Some(status) => status.as_str().is_none_or(is_disabled),
        }
    }

    fn says_updated(&self) -> bool {
        self.data.get("updatedFields").and_then(Value::as_array).is_some_and(|fields| !fields.is_empty())
    }
}

fn is_disabled(status: &str) -> bool {
    !status.eq_ignore_ascii_case("active")
}

/// The user of a [`UserEvent`]: typed where the protocol has types, and the JSON as it came. Any field may be missing.
#[derive(Clone, Debug, PartialEq)]
pub struct EventUser {
    raw: Map<String, Value>,
    updated_fields: Vec<String>,
}

impl EventUser {
    const TEXTS: [&str; 8] =
        ["username", "nickname", "email", "phone", "avatar", "department", "company", "status"];

    fn new(data: Value) -> Result<Self, WebhookRejection> {
        let Value::Object(raw) = data else { return Err(wrong("data", "an object")) };
        let given = |name: &str| raw.get(name).filter(|value| !value.is_null());
        if given("id").is_some_and(|id| user_id(id).is_none()) {
            return Err(wrong("data.id", "an integer or a string"));
        }
        if let Some(name) = Self::TEXTS.iter().find(|name| given(name).is_some_and(|text| !text.is_string()))
        {
            return Err(wrong(&format!("data.{name}"), "a string"));
        }
        if given("is_admin").is_some_and(|flag| !flag.is_boolean()) {
            return Err(wrong("data.is_admin", "true or false"));
        }
        for name in ["roles", "permissions", "updatedFields"] {
            if given(name).is_some_and(|list| !is_strings(list)) {
                return Err(wrong(&format!("data.{name}"), "a list of strings"));
            }
        }
        let updated_fields = given("updatedFields").and_then(strings).unwrap_or_default();
        Ok(Self { updated_fields: updated_fields.into_iter().map(str::to_owned).collect(), raw })
    }

    /// The user's id.
    pub fn id(&self) -> Option<UserId> {
        self.raw.get("id").and_then(user_id)
    }

    /// The log-in name.
    pub fn username(&self) -> Option<&str> {
        self.text("username")
    }

    /// The name to show.
    pub fn nickname(&self) -> Option<&str> {
        self.text("nickname")
    }

    /// The e-mail address.
    pub fn email(&self) -> Option<&str> {
        self.text("email")
    }

    /// The phone number.
    pub fn phone(&self) -> Option<&str> {
        self.text("phone")
    }

    /// The address of a picture.
    pub fn avatar(&self) -> Option<&str> {
        self.text("avatar")
    }

    /// The department.
    pub fn department(&self) -> Option<&str> {
        self.text("department")
    }

    /// The company.
    pub fn company(&self) -> Option<&str> {
        self.text("company")
    }

    /// The account's status, such as `active`.
    pub fn status(&self) -> Option<&str> {
        self.text("status")
    }

    /// Whether the auth center calls the user an admin.
    pub fn is_admin(&self) -> Option<bool> {
        self.raw.get("is_admin").and_then(Value::as_bool)
    }

    /// The codes of the roles.
    pub fn roles(&self) -> Option<Vec<&str>> {
        self.raw.get("roles").and_then(strings)
    }

    /// The codes of the permissions.
    pub fn permissions(&self) -> Option<Vec<&str>> {
        self.raw.get("permissions").and_then(strings)
    }

    /// Whether a status is given, and it is another than `active`.
    pub fn is_disabled(&self) -> bool {
        self.status().is_some_and(is_disabled)
    }

    /// All that was sent, fields that the protocol does not know included; `null` and missing are told apart here.
    pub fn raw(&self) -> &Map<String, Value> {
        &self.raw
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.raw.get(name).and_then(Value::as_str)
    }
}

fn user_id(value: &Value) -> Option<UserId> {
    match value {
        Value::Number(id) => id.as_i64().map(UserId::from),
        Value::String(id) => Some(UserId::from(id.as_str())),
        _ => None,
    }
}

fn is_strings(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
}

fn strings(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

fn wrong(what: &str, expected: &str) -> WebhookRejection {
    WebhookRejection::bad_request(format!("`{what}` must be {expected}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(name: &str, data: Value) -> Result<UserEvent, String> {
        let body = Value::from_iter([("event", name.into()), ("data", data)]).to_string();
        UserEvent::from_json(body.as_bytes()).map_err(|rejection| rejection.to_string())
    }

    #[test]
    fn every_field_typed_and_the_rest_kept() {
        let data = json!({
            "id": "u-1", "username": "alice", "nickname": "爱丽丝 🎉", "email": "a@x", "phone": "1", "avatar": "http://a",
            "roles": ["r"], "permissions": [], "department": "d", "company": "c", "is_admin": false,
            "status": "disabled", "updatedFields": ["status", "email"], "something_new": [1],
        });
        for name in [CREATED, UPDATED, LOGIN, DELETED] {
            let event = event(name, data.clone()).unwrap();
            assert_eq!(event.name(), name);
            assert_eq!(event.updated_fields(), ["status", "email"]);
            let user = event.user().unwrap();
            assert_eq!(user.id(), Some("u-1".into()));
            assert_eq!(
                [user.username(), user.nickname(), user.email(), user.phone(), user.avatar()],
                ["alice", "爱丽丝 🎉", "a@x", "1", "http://a"].map(Some)
            );
            assert_eq!([user.department(), user.company(), user.status()], ["d", "c", "disabled"].map(Some));
            assert_eq!((user.is_admin(), user.is_disabled()), (Some(false), true));
            assert_eq!((user.roles(), user.permissions()), (Some(vec!["r"]), Some(vec![])));
            assert_eq!(Value::Object(user.raw().clone()), data);
        }
    }

    #[test]
    fn fields_may_be_missing_or_null() {
        let nulls = json!({
            "id": null, "username": null, "email": null, "roles": null, "permissions": null, "is_admin": null,
            "status": null, "updatedFields": null,
        });
        for data in [json!({}), nulls] {
            let event = event(UPDATED, data).unwrap();
            let user = event.user().unwrap();
            assert_eq!((user.id(), user.username(), user.status()), (None, None, None));
            assert_eq!((user.is_admin(), user.roles(), user.is_disabled()), (None, None, false));
            assert!(event.updated_fields().is_empty());
        }
    }

    #[test]
    fn other_events_are_taken_as_they_are() {
        assert_eq!(event(INIT_SYNC, json!({"all": true})), Ok(UserEvent::InitSync(json!({"all": true}))));
        let body = br#"{"event": "user.init_sync_auth"}"#;
        assert_eq!(UserEvent::from_json(body), Ok(UserEvent::InitSync(Value::Null)));
        for data in [json!(null), json!([1]), json!("x")] {
            let other = UserEvent::Other { name: "team.created".to_owned(), data: data.clone() };
            assert_eq!(event("team.created", data), Ok(other));
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_nothing_shown() {
        for (body, expected) in [
            ("", "The body is not JSON: line 1, column 0"),
            ("{\n  \"event\": hunter2}", "The body is not JSON: line 2, column 12"),
            (r#"{"event": "x"} hunter2"#, "The body is not JSON: line 1, column 16"),
            ("[\"hunter2\"]", "The body must be a JSON object"),
            ("null", "The body must be a JSON object"),
            (r#"{"data": {}}"#, "`event` must be a string"),
            (r#"{"event": 7, "data": {}}"#, "`event` must be a string"),
            (r#"{"event": "user.updated"}"#, "`data` must be an object"),
            (r#"{"event": "user.updated", "data": "hunter2"}"#, "`data` must be an object"),
            (r#"{"event": "user.updated", "data": {"id": 1.5}}"#, "`data.id` must be an integer or a string"),
            (
                r#"{"event": "user.updated", "data": {"id": true}}"#,
                "`data.id` must be an integer or a string",
            ),
            (r#"{"event": "user.created", "data": {"email": 1}}"#, "`data.email` must be a string"),
            (r#"{"event": "user.login", "data": {"is_admin": 1}}"#, "`data.is_admin` must be true or false"),
            (
                r#"{"event": "user.deleted", "data": {"roles": "r"}}"#,
                "`data.roles` must be a list of strings",
            ),
            (
                r#"{"event": "user.updated", "data": {"updatedFields": [1]}}"#,
                "`data.updatedFields` must be a list of strings",
            ),
        ] {
            let rejection = UserEvent::from_json(body.as_bytes()).unwrap_err();
            assert_eq!(rejection.status().as_u16(), 400, "{body}");
            assert_eq!(rejection.to_string(), expected, "{body}");
        }
        let deep = "[".repeat(100_000);
        assert!(UserEvent::from_json(deep.as_bytes()).is_err());
    }

    #[test]
    fn who_is_to_be_forgotten() {
        let alice = json!({"id": 7, "username": "alice"});
        let both = Some((Some(UserId::from(7)), Some("alice")));
        let with_status = |status: &str| json!({"id": 7, "username": "alice", "status": status});
        for (name, data, expected) in [
            (UPDATED, alice.clone(), both.clone()),
            (DELETED, alice.clone(), both.clone()),
            (CREATED, alice.clone(), None),
            (LOGIN, alice.clone(), None),
            (LOGIN, with_status("active"), None),
            (LOGIN, with_status("Active"), None),
            (LOGIN, with_status("disabled"), both.clone()),
            (CREATED, with_status("locked"), both.clone()),
            (LOGIN, json!({"id": 7, "username": "alice", "updatedFields": ["email"]}), both.clone()),
            (LOGIN, json!({"id": 7, "username": "alice", "updatedFields": []}), None),
            (LOGIN, json!({"id": 7, "username": "alice", "status": null}), None),
            (LOGIN, json!({"id": 7, "username": "alice", "status": 0}), both.clone()),
            (DELETED, json!({"id": 7, "username": "alice", "email": 5}), both.clone()),
            (DELETED, json!({"id": 1.5, "username": 5}), Some((None, None))),
            (DELETED, json!("alice"), Some((None, None))),
            (UPDATED, json!({"id": "7"}), Some((Some(UserId::from("7")), None))),
            (DELETED, json!({"username": "alice"}), Some((None, Some("alice")))),
            (DELETED, json!({}), Some((None, None))),
            (DELETED, json!({"id": "", "username": ""}), Some((None, None))),
            (UPDATED, json!({"id": "", "username": "alice"}), Some((None, Some("alice")))),
            ("user.disabled", json!({"id": 7, "username": ""}), Some((Some(UserId::from(7)), None))),
            ("user.disabled", alice.clone(), both),
            ("user.disabled", json!("alice"), Some((None, None))),
            ("team.disabled", alice, None),
            (INIT_SYNC, json!({}), None),
        ] {
            let report = Report { name: name.to_owned(), data: data.clone() };
            assert_eq!(report.outdates(), expected, "{name} {data}");
        }
    }
}
