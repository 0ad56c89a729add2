//! Change users, and tell the services that have asked to be told.

use aigc_auth::UserInfo;
use aigc_auth::testing::{self, SeenState};
use aigc_auth::user::{UserGroup, UserInfoBuilder};
use serde::Deserialize;
use serde_json::{Value, json};

use super::hub::Hub;

/// Why a command was not carried out.
#[derive(Debug)]
pub(crate) enum Refusal {
    NotFound(&'static str),
    Invalid(String),
    /// The table is full.
    Full(&'static str),
}

/// What changes of a user; what is not there stays.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserEdit {
    nickname: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    avatar: Option<String>,
    department: Option<String>,
    company: Option<String>,
    status: Option<String>,
    is_admin: Option<bool>,
    roles: Option<Vec<String>>,
    permissions: Option<Vec<String>>,
    /// Codes.
    groups: Option<Vec<String>>,
}

impl UserEdit {
    fn fields(&self) -> Vec<&'static str> {
        [
            ("nickname", self.nickname.is_some()),
            ("email", self.email.is_some()),
            ("phone", self.phone.is_some()),
            ("avatar", self.avatar.is_some()),
            ("department", self.department.is_some()),
            ("company", self.company.is_some()),
            ("status", self.status.is_some()),
            ("is_admin", self.is_admin.is_some()),
            ("roles", self.roles.is_some()),
            ("permissions", self.permissions.is_some()),
            ("groups", self.groups.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_there)| is_there.then_some(name))
        .collect()
    }

    fn check(&self) -> Result<(), Refusal> {
        let lists = [&self.roles, &self.permissions, &self.groups].into_iter().flatten();
        match lists.flatten().find(|code| code.is_empty() || code.trim() != **code) {
            Some(code) => Err(Refusal::Invalid(format!(
                "expected codes that are not empty and have no spaces at their ends, found {code:?}"
            ))),
            None => Ok(()),
        }
    }

    fn apply(self, mut user: UserInfoBuilder, known: &[UserGroup]) -> UserInfoBuilder {
        type Set = fn(UserInfoBuilder, String) -> UserInfoBuilder;
        let texts: [(Option<String>, Set); 7] = [
            (self.nickname, UserInfoBuilder::nickname),
            (self.email, UserInfoBuilder::email),
            (self.phone, UserInfoBuilder::phone),
            (self.avatar, UserInfoBuilder::avatar),
            (self.department, UserInfoBuilder::department),
            (self.company, UserInfoBuilder::company),
            (self.status, UserInfoBuilder::status),
        ];
        for (text, set) in texts {
            if let Some(text) = text {
                user = set(user, text);
            }
        }
        if let Some(is_admin) = self.is_admin {
            user = user.admin(is_admin);
        }
        if let Some(roles) = self.roles {
            user = user.roles(roles);
        }
        if let Some(permissions) = self.permissions {
            user = user.permissions(permissions);
        }
        if let Some(groups) = self.groups {
            let group = |code: String| -> UserGroup {
                let known = known.iter().find(|group| group.code() == Some(&code));
                known.cloned().unwrap_or_else(|| code.into())
            };
            user = user.groups(groups.into_iter().map(group));
        }
        user
    }
}

/// Rejects a name that nobody could type or see.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), Refusal> {
    if name.is_empty() || name.trim() != name || name.contains(char::is_control) {
        let text = format!("expected a {what} without spaces at its ends and without control characters");
        return Err(Refusal::Invalid(text));
    }
    Ok(())
}

impl Hub {
    pub(crate) fn user(&self, username: &str) -> Option<UserInfo> {
        self.center().user(username)
    }

    /// Adds a user.
    pub(crate) fn add_user(&self, username: &str, edit: UserEdit) -> Result<(), Refusal> {
        edit.check()?;
        check_name("username", username)?;
        self.check_room("users")?;
        let user = edit.apply(testing::user(username), &self.groups()).build();
        if !self.center().try_add_user(user.clone()) {
            return Err(Refusal::Invalid(format!("there is a user `{username}` already")));
        }
        self.notify("user.created", username, &json!(user));
        Ok(())
    }

    /// Edits a user. A user that may not log in any more is logged out.
    pub(crate) fn edit_user(&self, username: &str, edit: UserEdit) -> Result<(), Refusal> {
        edit.check()?;
        let (fields, groups) = (edit.fields(), self.groups());
        let user = self.center().try_update_user(username, |user| edit.apply(user, &groups));
        let user = user.ok_or(Refusal::NotFound("user"))?;
        if user.status().is_some_and(|status| status != "active") {
            self.log_out(username);
        }
        let mut data = json!(user);
        data["updatedFields"] = json!(fields);
        self.notify("user.updated", username, &data);
        Ok(())
    }

    /// Ends the sessions of a user, and all that apps have got by them.
    fn log_out(&self, username: &str) {
        for token in self.log_ins().end_all_of(username) {
            self.center().revoke_token(&token);
        }
    }

    /// Deletes a user, with their tokens and keys: another one of this name is somebody else.
    pub(crate) fn delete_user(&self, username: &str) -> Result<(), Refusal> {
        let user = self.user(username).ok_or(Refusal::NotFound("user"))?;
        self.center().remove_user(username);
        self.log_out(username);
        self.revoke_all_of(username);
        self.remove_password(username);
        self.notify("user.deleted", username, &json!({"id": user.id(), "username": username}));
        Ok(())
    }

    fn revoke_all_of(&self, username: &str) {
        for table in self.center().changed_tables(&mut SeenState::default()) {
            for (credential, _) in table.rows.iter().filter(|(_, row)| row["username"] == username) {
                match table.name {
                    "tokens" => self.center().revoke_token(credential),
                    "access_keys" => self.center().revoke_access_key(credential),
                    _ => false,
                };
            }
        }
    }

    /// Rejects what would be one row too many.
    pub(crate) fn check_room(&self, table: &'static str) -> Result<(), Refusal> {
        if self.center().has_room(table) { Ok(()) } else { Err(Refusal::Full(table)) }
    }

    /// Sends an event to the webhooks that are registered for it.
    pub(crate) fn notify(&self, event: &'static str, username: &str, data: &Value) {
        self.deliveries().send(&self.center().webhooks(), event, username, data);
    }
}
