use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::services::webhook::rejection::WebhookRejection;
use crate::types::spelling;
use crate::types::user::{FeishuIds, UserGroup, UserId};

/// The user of a [`UserEvent`](super::UserEvent), with typed getters for the protocol's fields, and the JSON as
/// received. Any field may be missing. The getters read a field in camelCase or in snake_case; with both, camelCase decides.
/// `Debug` shows the id, and the names of the other fields without their values, which are personal data.
#[derive(Clone, PartialEq)]
pub struct EventUser {
    raw: Map<String, Value>,
    groups: Option<Vec<UserGroup>>,
    updated_fields: Vec<String>,
}

impl EventUser {
    const STRING_FIELDS: [&str; 8] =
        ["username", "nickname", "email", "phone", "avatar", "department", "company", "status"];

    /// # Errors
    /// 400, if a field of the protocol has another type; `null` counts as missing. Groups and ids at Feishu that are unreadable
    /// are left out instead, as they are of a [`UserInfo`](crate::UserInfo).
    pub(super) fn new(data: Value) -> Result<Self, WebhookRejection> {
        let Value::Object(raw) = data else { return Err(wrong_type("data", "an object")) };
        let field = |name: &str| spelling::get(&raw, name).filter(|value| !value.is_null());
        if field("id").is_some_and(|id| user_id(id).is_none()) {
            return Err(wrong_type("data.id", "an integer or a string"));
        }
        if let Some(name) =
            Self::STRING_FIELDS.iter().find(|name| field(name).is_some_and(|text| !text.is_string()))
        {
            return Err(wrong_type(&format!("data.{name}"), "a string"));
        }
        if field("isAdmin").is_some_and(|flag| !flag.is_boolean()) {
            return Err(wrong_type("data.isAdmin", "true or false"));
        }
        for name in ["roles", "permissions", "updatedFields"] {
            if field(name).is_some_and(|list| !is_string_list(list)) {
                return Err(wrong_type(&format!("data.{name}"), "a list of strings"));
            }
        }
        let groups = field("groups").and_then(Value::as_array);
        let groups = groups.map(|groups| groups.iter().flat_map(UserGroup::deserialize).collect());
        let updated_fields = field("updatedFields").and_then(strings).unwrap_or_default();
        let updated_fields = updated_fields.into_iter().map(str::to_owned).collect();
        Ok(Self { groups, updated_fields, raw })
    }

    /// Returns the user's id.
    pub fn id(&self) -> Option<UserId> {
        self.raw.get("id").and_then(user_id)
    }

    /// Returns the login name.
    pub fn username(&self) -> Option<&str> {
        self.text("username")
    }

    /// Returns the display name.
    pub fn nickname(&self) -> Option<&str> {
        self.text("nickname")
    }

    /// Returns the e-mail address.
    pub fn email(&self) -> Option<&str> {
        self.text("email")
    }

    /// Returns the phone number.
    pub fn phone(&self) -> Option<&str> {
        self.text("phone")
    }

    /// Returns the URL of the avatar.
    pub fn avatar(&self) -> Option<&str> {
        self.text("avatar")
    }

    /// Returns the department.
    pub fn department(&self) -> Option<&str> {
        self.text("department")
    }

    /// Returns the company.
    pub fn company(&self) -> Option<&str> {
        self.text("company")
    }

    /// Returns the account's status, such as `active`.
    pub fn status(&self) -> Option<&str> {
        self.text("status")
    }

    /// Returns whether the user is an admin at the auth center.
    pub fn is_admin(&self) -> Option<bool> {
        spelling::get(&self.raw, "isAdmin").and_then(Value::as_bool)
    }

    /// Returns the groups that are readable.
    pub fn groups(&self) -> Option<&[UserGroup]> {
        self.groups.as_deref()
    }

    /// Returns the ids at Feishu; `None` if none of them is there.
    pub fn feishu(&self) -> Option<FeishuIds> {
        FeishuIds::read(|name| self.text(name))
    }

    /// Returns the codes of the roles.
    pub fn roles(&self) -> Option<Vec<&str>> {
        self.raw.get("roles").and_then(strings)
    }

    /// Returns the codes of the permissions.
    pub fn permissions(&self) -> Option<Vec<&str>> {
        self.raw.get("permissions").and_then(strings)
    }

    /// Returns whether there is a status other than `active`, in any letter case.
    pub fn is_disabled(&self) -> bool {
        self.status().is_some_and(is_disabled)
    }

    /// Returns the data as received, including fields that the protocol does not define. Only here can `null` be
    /// distinguished from a missing field.
    pub fn raw(&self) -> &Map<String, Value> {
        &self.raw
    }

    pub(super) fn updated_fields(&self) -> &[String] {
        &self.updated_fields
    }

    fn text(&self, name: &str) -> Option<&str> {
        spelling::get(&self.raw, name).and_then(Value::as_str)
    }
}

impl fmt::Debug for EventUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<_> = self.raw.keys().collect();
        f.debug_struct("EventUser").field("id", &self.id()).field("fields", &fields).finish_non_exhaustive()
    }
}

pub(super) fn is_disabled(status: &str) -> bool {
    !status.eq_ignore_ascii_case("active")
}

/// Reads an id, which is an integer or a string.
pub(super) fn user_id(value: &Value) -> Option<UserId> {
    match value {
        Value::Number(id) => id.as_i64().map(UserId::from),
        Value::String(id) => Some(UserId::from(id.as_str())),
        _ => None,
    }
}

fn is_string_list(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
}

fn strings(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

fn wrong_type(field: &str, expected: &str) -> WebhookRejection {
    WebhookRejection::bad_request(format!("`{field}` must be {expected}"))
}
