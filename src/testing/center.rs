use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::task::JoinHandle;

use super::accounts::Token;
use super::dialect::Dialect;
use super::fault::Fault;
use super::request_log::RecordedRequest;
use super::server::Server;
use super::test_key::TestKey;
use crate::types::secret::Secret;
use crate::types::user::{UserGroup, UserInfo, UserInfoBuilder};

/// An auth center in the test's process: all endpoints with real state, and fault injection.
///
/// It listens on a free port of 127.0.0.1, on the runtime that started it. Dropping the handle closes the port and all
/// connections. All methods but `start` are synchronous, take effect before they return, and can be called from any
/// thread.
///
/// ```
/// use aigc_auth::testing::{self, AuthCenter, Fault};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let center = AuthCenter::start().await;
/// center.add_user(testing::user("alice").permissions(["report:read"]));
/// center.add_token("alice-token", "alice");
///
/// # #[cfg(feature = "client")] {
/// // Point the service under test at the auth center, and check its calls:
/// let client = aigc_auth::AuthClient::builder(center.app_id(), center.app_secret(), center.url()).build().unwrap();
/// assert!(client.user_info("alice-token").await.unwrap().has_permission("report:read"));
/// assert_eq!(center.calls("/user/info"), 1);
///
/// // Simulate an outage:
/// center.inject_fault(Fault::Refuse);
/// assert!(client.user_info("alice-token").await.is_ok(), "cached");
/// assert_eq!(client.user_info("other-token").await.unwrap_err().code(), -1);
/// center.clear_faults();
/// # }
/// # }
/// ```
#[must_use = "dropped, the auth center stops"]
pub struct AuthCenter {
    pub(super) server: Arc<Server>,
    pub(super) task: JoinHandle<()>,
    pub(super) app_id: String,
    pub(super) app_secret: Secret,
}

impl AuthCenter {
    /// Returns the base URL, such as `http://127.0.0.1:41234/aigc-auth`.
    pub fn url(&self) -> String {
        format!("http://{}/aigc-auth", self.server.address)
    }

    /// Returns the app id that callers must send.
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// Returns the app secret that callers must send.
    pub fn app_secret(&self) -> &str {
        self.app_secret.expose()
    }

    /// Returns the dialect that it speaks.
    pub fn dialect(&self) -> Dialect {
        self.server.dispatcher().state.dialect
    }

    /// Changes the dialect, as an upgrade of the auth center does while services run.
    pub fn set_dialect(&self, dialect: Dialect) {
        self.server.dispatcher().state.dialect = dialect;
    }

    /// Adds a user, or replaces the user with the same username.
    pub fn add_user(&self, user: impl Into<UserInfo>) {
        self.server.dispatcher().state.accounts.put(user.into());
    }

    /// Updates a user.
    ///
    /// ```
    /// # async fn example(center: aigc_auth::testing::AuthCenter) {
    /// center.update_user("alice", |alice| alice.permissions(["report:read"]).admin(true));
    /// # }
    /// ```
    ///
    /// # Panics
    /// If the user does not exist.
    pub fn update_user(&self, username: &str, update: impl FnOnce(UserInfoBuilder) -> UserInfoBuilder) {
        let existing = self.server.dispatcher().state.accounts.users.get(username).cloned();
        let user = existing.unwrap_or_else(|| panic!("no such user: {username:?}"));
        // Without the lock: the closure may call the auth center, or panic.
        let user = update(user.to_builder()).build();
        let accounts = &mut self.server.dispatcher().state.accounts;
        accounts.users.remove(username);
        accounts.put(user);
    }

    /// Sets a user's status to `disabled`: lookups of the user's credentials return code 403.
    ///
    /// # Panics
    /// If the user does not exist.
    pub fn disable_user(&self, username: &str) {
        self.update_user(username, |user| user.status("disabled"));
    }

    /// Removes a user: lookups of the user's credentials return code 404.
    pub fn remove_user(&self, username: &str) {
        self.server.dispatcher().state.accounts.users.remove(username);
    }

    /// Adds a token of a user, which does not expire.
    pub fn add_token(&self, token: impl Into<String>, username: impl Into<String>) {
        self.put_token(token.into(), username.into(), None);
    }

    /// Adds a token of a user that expires at this time, which may be in the past.
    pub fn add_token_expiring(
        &self,
        token: impl Into<String>,
        username: impl Into<String>,
        expires_at: SystemTime,
    ) {
        self.put_token(token.into(), username.into(), Some(expires_at));
    }

    fn put_token(&self, text: String, username: String, expires_at: Option<SystemTime>) {
        let state = &mut self.server.dispatcher().state;
        let token = Token::new(username, Arc::clone(&state.apps.first), expires_at);
        state.accounts.tokens.insert(text, token);
    }

    /// Adds a token of a user that another app has issued, which does not expire. `/users/compare-identity` knows it;
    /// the other endpoints accept it after `/users/authorize-by-token`.
    ///
    /// Tokens of [`AuthCenter::add_token`] are those of this app. Where its id is not a number, as the default `test-app`,
    /// calls may give any app id for them.
    pub fn add_app_token(&self, app_id: u64, token: impl Into<String>, username: impl Into<String>) {
        let state = &mut self.server.dispatcher().state;
        let app_id = state.apps.by_number(app_id).cloned().unwrap_or_else(|| app_id.to_string().into());
        state.accounts.tokens.insert(token.into(), Token::new(username.into(), app_id, None));
    }

    /// Revokes a token. Returns whether there was one.
    pub fn revoke_token(&self, token: &str) -> bool {
        self.server.dispatcher().state.accounts.tokens.remove(token).is_some()
    }

    /// Adds an access key. The auth center accepts any text; services require the prefix `ak_`.
    pub fn add_access_key(&self, text: impl Into<String>, key: TestKey) {
        self.server.dispatcher().state.accounts.issue(text.into(), key);
    }

    /// Revokes an access key. Returns whether there was one.
    pub fn revoke_access_key(&self, text: &str) -> bool {
        self.server.dispatcher().state.accounts.keys.remove(text).is_some()
    }

    /// Adds a group of the app, or replaces the group of the same code; without an id, it gets one. `/groups/list` returns
    /// it; which users are in it is said by [`UserInfo::groups`] alone.
    pub fn add_group(&self, group: impl Into<UserGroup>) {
        self.server.dispatcher().state.groups.put(group.into());
    }

    /// Sets the configuration of all services of this name, and increments its version. The first one has version 2:
    /// services without a configuration have version 1.
    pub fn set_config(&self, name: impl Into<String>, config: Value) {
        self.server.dispatcher().state.registry.set_config(name.into(), config);
    }

    /// Removes all registered services, as after a restart of the registry.
    pub fn clear_services(&self) {
        self.server.dispatcher().state.registry.instances.clear();
    }

    /// Returns the registered instances of services: their attributes, and `service_id`, `heartbeats` and `online`.
    pub fn services(&self) -> Vec<Value> {
        self.server
            .dispatcher()
            .state
            .registry
            .instances
            .values()
            .map(|instance| instance.describe())
            .collect()
    }

    /// Returns the registered webhooks: `webhook_id`, `url`, `events` and `secret`.
    pub fn webhooks(&self) -> Vec<Value> {
        self.server.dispatcher().state.registry.webhooks.values().cloned().collect()
    }

    /// Returns all accepted stats records, in the order of arrival.
    pub fn stats(&self) -> Vec<Value> {
        self.server.dispatcher().state.usage.all().map(|usage| Value::clone(&usage.record)).collect()
    }

    /// Returns the bodies of the Feishu messages that were sent, in the order of arrival.
    pub fn feishu_messages(&self) -> Vec<Value> {
        self.server.dispatcher().state.feishu_messages.iter().cloned().collect()
    }

    /// Returns the users, sorted by username.
    pub fn users(&self) -> Vec<UserInfo> {
        self.server.dispatcher().state.accounts.users.values().cloned().collect()
    }

    /// Returns the latest 10,000 requests, including those with faults, oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.server.dispatcher().log.requests().cloned().collect()
    }

    /// Returns the number of requests to an endpoint, such as `/user/info`, including those with faults.
    pub fn calls(&self, endpoint: &str) -> usize {
        self.server.dispatcher().log.calls.get(endpoint).copied().unwrap_or_default()
    }

    /// Clears the recorded requests and their counts.
    pub fn clear_requests(&self) {
        self.server.dispatcher().log.clear();
    }

    /// Injects a fault into every request, until [`AuthCenter::clear_faults`].
    ///
    /// Of several faults, one applies to a request: that of [`AuthCenter::inject_fault_times`], else that of
    /// [`AuthCenter::inject_fault_for`], else that of [`AuthCenter::inject_fault_on`], else this one.
    pub fn inject_fault(&self, fault: Fault) {
        let refuses = matches!(fault, Fault::Refuse);
        self.server.dispatcher().faults.global = Some(fault.into());
        if refuses {
            self.server.refuse_connections();
        } else {
            self.reopen();
        }
    }

    /// Injects a fault into requests to one endpoint, such as `/user/info`, until [`AuthCenter::clear_faults`].
    pub fn inject_fault_on(&self, endpoint: impl Into<String>, fault: Fault) {
        self.server.dispatcher().faults.by_endpoint.insert(endpoint.into(), fault.into());
    }

    /// Injects a fault into requests about one token or access key, until [`AuthCenter::clear_faults`].
    pub fn inject_fault_for(&self, credential: impl Into<String>, fault: Fault) {
        self.server.dispatcher().faults.by_credential.insert(credential.into(), fault.into());
    }

    /// Injects a fault into the next `times` requests, to any endpoint.
    pub fn inject_fault_times(&self, times: usize, fault: Fault) {
        self.server.dispatcher().faults.limited = Some((times, fault.into()));
    }

    /// Clears all faults; the port stays the same. Responses in flight keep their fault.
    ///
    /// # Panics
    /// After a [`Fault::Refuse`], if another process has taken the port.
    pub fn clear_faults(&self) {
        self.server.dispatcher().faults = Default::default();
        self.reopen();
    }

    fn reopen(&self) {
        self.server.reopen().expect("the port is still free");
    }

    /// Delays every response. Defaults to zero; applies to faults, too.
    ///
    /// The content of a response is decided when the request arrives, before the delay.
    pub fn delay(&self, delay: Duration) {
        self.server.dispatcher().delay = delay;
    }
}

impl Drop for AuthCenter {
    fn drop(&mut self) {
        self.task.abort();
        self.server.close();
    }
}

impl fmt::Debug for AuthCenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthCenter")
            .field("url", &self.url())
            .field("app_id", &self.app_id)
            .finish_non_exhaustive()
    }
}
