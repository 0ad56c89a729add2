//! What a program needs that serves a center for days: further apps, less than all faults cleared, an orderly end.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use super::accounts::Token;
use super::center::AuthCenter;
use crate::types::secret::Secret;
use crate::types::user::{UserGroup, UserInfo, UserInfoBuilder};

impl AuthCenter {
    /// Answers connections, after [`AuthCenterBuilder::paused`](super::AuthCenterBuilder::paused).
    pub fn resume(&self) {
        self.server.resume();
    }

    /// Adds an app, or changes its secret. Apps share users, access keys, groups, services and webhooks; each accepts its own
    /// tokens.
    pub fn add_app(&self, app_id: &str, app_secret: impl Into<Secret>) {
        self.server.dispatcher().state.apps.put(app_id, app_secret.into());
    }

    /// Adds a token of a user, issued by this app; `None` for one that does not expire.
    pub fn add_token_of(&self, app_id: &str, token: &str, username: &str, expires_at: Option<SystemTime>) {
        let row = Token::new(username.to_owned(), app_id.into(), expires_at);
        self.server.dispatcher().state.accounts.tokens.insert(token.to_owned(), row);
    }

    /// Removes the tokens that have expired.
    pub fn remove_expired_tokens(&self) {
        self.server.dispatcher().state.accounts.purge();
    }

    /// Returns the user of this name.
    pub fn user(&self, username: &str) -> Option<UserInfo> {
        self.server.dispatcher().state.accounts.users.get(username).cloned()
    }

    /// Adds a user, unless there is one of this name already. Returns whether it did.
    pub fn try_add_user(&self, user: impl Into<UserInfo>) -> bool {
        let (user, accounts) = (user.into(), &mut self.server.dispatcher().state.accounts);
        let is_new = !accounts.users.contains_key(user.username());
        if is_new {
            accounts.put(user);
        }
        is_new
    }

    /// Updates a user in one step, so that no other change is lost. Returns the user as they are then; `None` if there is no
    /// such user. `update` must not call the center.
    pub fn try_update_user(
        &self,
        username: &str,
        update: impl FnOnce(UserInfoBuilder) -> UserInfoBuilder,
    ) -> Option<UserInfo> {
        let accounts = &mut self.server.dispatcher().state.accounts;
        let user = update(accounts.users.get(username)?.to_builder()).build();
        accounts.users.remove(username);
        accounts.put(user.clone());
        Some(user)
    }

    /// Increases with each change of what [`AuthCenter::changed_tables`] and [`AuthCenter::usage_after`] return.
    pub fn state_version(&self) -> u64 {
        self.server.dispatcher().state.version()
    }

    /// Whether a table of [`AuthCenter::changed_tables`] has room for another row: as
    /// [`AuthCenterBuilder::bounded`](super::AuthCenterBuilder::bounded) says for calls. Adding beyond is up to the caller.
    pub fn has_room(&self, table: &str) -> bool {
        let state = &self.server.dispatcher().state;
        let (accounts, registry, limits) = (&state.accounts, &state.registry, &state.limits);
        match table {
            "users" => accounts.users.len() < limits.accounts,
            "tokens" => accounts.tokens.len() < limits.accounts,
            "access_keys" => accounts.keys.len() < limits.accounts,
            "groups" => state.groups.all().len() < limits.registered,
            "configs" => registry.configs.len() < limits.registered,
            _ => true,
        }
    }

    /// Returns the groups of the apps.
    pub fn groups(&self) -> Vec<UserGroup> {
        self.server.dispatcher().state.groups.all().to_vec()
    }

    /// Removes the group of this code. Returns whether there was one.
    pub fn remove_group(&self, code: &str) -> bool {
        self.server.dispatcher().state.groups.remove(code)
    }

    /// Removes a registered webhook. Returns whether there was one.
    pub fn remove_webhook(&self, webhook_id: u64) -> bool {
        self.server.dispatcher().state.registry.webhooks.remove(&webhook_id).is_some()
    }

    /// Clears the fault of one endpoint, set by [`AuthCenter::inject_fault_on`].
    pub fn clear_fault_on(&self, endpoint: &str) {
        self.server.dispatcher().faults.by_endpoint.remove(endpoint);
    }

    /// Returns the address that the center listens on.
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// Stops listening for good, and waits until the requests that have arrived are answered, at most this long. The port is
    /// free afterwards.
    pub async fn drain(&self, timeout: Duration) {
        self.server.drain(timeout).await;
    }
}
