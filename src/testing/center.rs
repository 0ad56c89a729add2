use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::task::JoinHandle;

use super::fault::Fault;
use super::journal::RecordedRequest;
use super::key::TestKey;
use super::people::Token;
use super::server::Server;
use super::state::State;
use crate::secret::Secret;
use crate::user::{User, UserInfo};

/// An auth center in the process: all endpoints with real state, and faults on demand.
///
/// It listens on a free port of 127.0.0.1 and is served by the runtime that started it, until the handle is
/// dropped: then the port is closed and all connections end. All other methods are plain calls that take
/// effect before they return, from any thread.
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
/// // Point the service under test at the center, and see what it asks:
/// let client = aigc_auth::AuthClient::builder(center.app_id(), center.app_secret(), center.url()).build().unwrap();
/// assert!(client.user_info("alice-token").await.unwrap().has_permission("report:read"));
/// assert_eq!(center.calls("/user/info"), 1);
///
/// // And how it bears an outage:
/// center.misbehave(Fault::Refuse);
/// assert!(client.user_info("alice-token").await.is_ok(), "cached");
/// assert_eq!(client.user_info("other-token").await.unwrap_err().code(), -1);
/// center.behave();
/// # }
/// # }
/// ```
pub struct AuthCenter {
    pub(super) server: Arc<Server>,
    task: JoinHandle<()>,
    app_id: String,
    app_secret: Secret,
}

/// Builds an [`AuthCenter`]; made by [`AuthCenter::builder`].
#[derive(Clone, Debug)]
#[must_use]
pub struct AuthCenterBuilder {
    app_id: String,
    app_secret: Secret,
}

impl AuthCenterBuilder {
    /// Sets the app id that callers must send. Defaults to `test-app`.
    pub fn app_id(mut self, app_id: impl Into<String>) -> Self {
        self.app_id = app_id.into();
        self
    }

    /// Sets the app secret that callers must send. Defaults to `test-secret`.
    pub fn app_secret(mut self, app_secret: impl Into<String>) -> Self {
        self.app_secret = app_secret.into().into();
        self
    }

    /// Starts the center.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O and time, or if no port of 127.0.0.1 is free.
    // It awaits nothing, but must run inside a runtime; only an async function says that in its type.
    pub async fn start(self) -> AuthCenter {
        let state = State::new(self.app_id.clone(), self.app_secret.clone());
        let server = Arc::new(Server::bind(state).expect("a free port on 127.0.0.1"));
        let task = tokio::spawn(Arc::clone(&server).run());
        AuthCenter { server, task, app_id: self.app_id, app_secret: self.app_secret }
    }
}

impl AuthCenter {
    /// Starts a center with the default app.
    ///
    /// # Panics
    /// As [`AuthCenterBuilder::start`].
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Starts a center that is set up first.
    pub fn builder() -> AuthCenterBuilder {
        AuthCenterBuilder { app_id: "test-app".to_owned(), app_secret: "test-secret".into() }
    }

    /// The base URL, such as `http://127.0.0.1:41234/aigc-auth`.
    pub fn url(&self) -> String {
        format!("http://{}/aigc-auth", self.server.address)
    }

    /// The app id that callers must send.
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// The app secret that callers must send.
    pub fn app_secret(&self) -> &str {
        self.app_secret.expose()
    }

    /// Adds a user, or replaces the one of this username.
    pub fn add_user(&self, user: impl Into<UserInfo>) {
        let user: UserInfo = user.into();
        self.server.state().world.people.put(User::clone(&user));
    }

    /// Changes a user.
    ///
    /// # Panics
    /// If there is no such user.
    pub fn update_user(&self, username: &str, change: impl FnOnce(&mut User)) {
        let known = self.server.state().world.people.users.get(username).cloned();
        let mut user = known.unwrap_or_else(|| panic!("there is no user {username:?}"));
        // Without the lock: the closure may ask the center, or panic.
        change(&mut user);
        let people = &mut self.server.state().world.people;
        people.users.remove(username);
        people.put(user);
    }

    /// Sets a user's status to `disabled`: look-ups of the user's credentials answer code 403.
    ///
    /// # Panics
    /// If there is no such user.
    pub fn disable_user(&self, username: &str) {
        self.update_user(username, |user| user.status = Some("disabled".into()));
    }

    /// Removes a user: look-ups of the user's credentials answer code 404.
    pub fn remove_user(&self, username: &str) {
        self.server.state().world.people.users.remove(username);
    }

    /// Makes this a token of the user; it does not expire.
    pub fn add_token(&self, token: impl Into<String>, username: impl Into<String>) {
        self.put_token(token.into(), Token { username: username.into(), expires_at: None });
    }

    /// Makes this a token of the user until this time, which may have passed.
    pub fn add_token_expiring(
        &self,
        token: impl Into<String>,
        username: impl Into<String>,
        expires_at: SystemTime,
    ) {
        self.put_token(token.into(), Token { username: username.into(), expires_at: Some(expires_at) });
    }

    fn put_token(&self, text: String, token: Token) {
        self.server.state().world.people.tokens.insert(text, token);
    }

    /// Makes a token unknown.
    pub fn revoke_token(&self, token: &str) {
        self.server.state().world.people.tokens.remove(token);
    }

    /// Makes this an access key. Nothing asks it to start with `ak_`, except services.
    pub fn add_access_key(&self, text: impl Into<String>, key: TestKey) {
        self.server.state().world.people.issue(text.into(), key);
    }

    /// Makes an access key unknown.
    pub fn revoke_access_key(&self, text: &str) {
        self.server.state().world.people.keys.remove(text);
    }

    /// Sets the configuration of all services of this name, and raises its version by one; the first is
    /// version 2, as a service without any has version 1.
    pub fn set_config(&self, name: impl Into<String>, config: Value) {
        self.server.state().world.registry.set_config(name.into(), config);
    }

    /// Forgets all registered services, as after a restart of the registry.
    pub fn forget_services(&self) {
        self.server.state().world.registry.instances.clear();
    }

    /// The registered instances of services: what they said, and `service_id`, `heartbeats` and `online`.
    pub fn services(&self) -> Vec<Value> {
        self.server.state().world.registry.instances.values().map(|instance| instance.describe()).collect()
    }

    /// The registered webhooks: `webhook_id`, `url`, `events` and `secret`.
    pub fn webhooks(&self) -> Vec<Value> {
        self.server.state().world.registry.webhooks.values().cloned().collect()
    }

    /// All stats records that were accepted, in the order they came.
    pub fn stats(&self) -> Vec<Value> {
        self.server.state().world.stats.clone()
    }

    /// The users, sorted by username.
    pub fn users(&self) -> Vec<UserInfo> {
        self.server.state().world.people.users.values().cloned().map(UserInfo::from).collect()
    }

    /// The latest 10,000 requests that arrived, those that met a fault included, oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.server.state().journal.requests.iter().cloned().collect()
    }

    /// How many requests to an endpoint, such as `/user/info`, arrived, those that met a fault included.
    pub fn calls(&self, endpoint: &str) -> usize {
        self.server.state().journal.calls.get(endpoint).copied().unwrap_or_default()
    }

    /// Forgets the requests that arrived, and counts from 0.
    pub fn clear_requests(&self) {
        self.server.state().journal = Default::default();
    }

    /// Fails every request from now on, until [`AuthCenter::behave`].
    ///
    /// Of several faults a request meets one: that of [`AuthCenter::misbehave_times`], else that of
    /// [`AuthCenter::misbehave_on`], else this one.
    pub fn misbehave(&self, fault: Fault) {
        let refuse = matches!(fault, Fault::Refuse);
        self.server.state().plan.always = Some(fault.into());
        if refuse {
            self.server.refuse();
        } else {
            self.open();
        }
    }

    /// Fails the requests to one endpoint, such as `/user/info`, until [`AuthCenter::behave`].
    pub fn misbehave_on(&self, endpoint: impl Into<String>, fault: Fault) {
        self.server.state().plan.on.insert(endpoint.into(), fault.into());
    }

    /// Fails the next `times` requests to any endpoint.
    pub fn misbehave_times(&self, times: usize, fault: Fault) {
        self.server.state().plan.next = Some((times, fault.into()));
    }

    /// Ends all faults; the port stays the same. Answers that are under way keep theirs.
    ///
    /// # Panics
    /// After a [`Fault::Refuse`], if another process took the port.
    pub fn behave(&self) {
        self.server.state().plan = Default::default();
        self.open();
    }

    fn open(&self) {
        self.server.open().expect("the port is still free");
    }

    /// Keeps every answer back for so long. Defaults to zero; faults change nothing about it.
    ///
    /// What is answered is decided when the request arrives.
    pub fn delay(&self, delay: Duration) {
        self.server.state().delay = delay;
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
