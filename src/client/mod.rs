//! The remote auth center: [`AuthClient`], its cache and its calls.
//!
//! # How long a user is believed
//!
//! A verified user is kept for 300 s, never past the token's own `exp`; from 80 % of that on, the next request starts a
//! refresh in the background. Past it, requests wait for a fresh answer; only while the auth center cannot be reached
//! is the last one believed for up to 300 s more. A refusal is kept for 5 s. That something could not be told is
//! never kept. [`AuthClient::invalidate`], [`AuthClient::invalidate_user`] and [`AuthClient::clear_cache`] forget at
//! once, answers that are still on their way included.

mod access_key;
mod builder;
mod calls;
mod directory;
mod expiry;
mod lookup;
mod sync;
mod users;

use std::fmt;
use std::sync::Arc;

pub use access_key::AccessKeyInfo;
pub use builder::AuthClientBuilder;
pub use calls::{TokenStatus, WebhookId};
pub use sync::{SyncOutcome, SyncReport, SyncUser};
pub use users::{FoundUsers, UserPage, Users};

use crate::cache::{self, Cache, Kind};
use crate::credential::{AccessKey, BearerToken, Credential};
use crate::directory::Directory;
use crate::error::{AuthError, BuildError};
use crate::flights::Flights;
use crate::invalidate::Invalidate;
use crate::transport::Transport;
use crate::user::{UserId, UserInfo};
use crate::verify::Verify;
use lookup::{Answer, Question};

/// The client of the auth center: verifies credentials through its cache, and makes all other calls.
///
/// Cheap to clone; clones share the cache, the connections and the limits. Build one per process. When the last clone
/// is dropped, look-ups that are still under way end.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use aigc_auth::AuthClient;
///
/// let client = AuthClient::from_env()?;
/// let user = client.user_info("eyJhbGciOi…").await?;
/// println!("{} may {:?}", user.username, user.permissions);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct AuthClient {
    inner: Arc<Inner>,
}

struct Inner {
    core: Arc<Core>,
    flights: Flights<cache::Key, Answer>,
}

/// What look-ups hold on to: all but themselves.
struct Core {
    transport: Transport,
    cache: Cache,
    app_id: Arc<str>,
}

impl AuthClient {
    /// Reads `AIGC_AUTH_APP_ID`, `AIGC_AUTH_APP_SECRET` and `AIGC_AUTH_BASE_URL` from the environment, or else from the
    /// `.env` file of the working directory.
    ///
    /// # Errors
    /// If one of them is missing or invalid; the error names it and says where it was looked for.
    pub fn from_env() -> Result<Self, BuildError> {
        AuthClientBuilder::from_env()?.build()
    }

    /// Starts a client for this app at this auth center, such as `https://auth.example.com/aigc-auth`.
    pub fn builder(
        app_id: impl Into<String>,
        app_secret: impl Into<crate::Secret>,
        base_url: impl Into<String>,
    ) -> AuthClientBuilder {
        AuthClientBuilder::new(app_id.into(), app_secret.into(), base_url.into())
    }

    /// The id of this app.
    pub fn app_id(&self) -> &str {
        &self.inner.core.app_id
    }

    /// The user of a token, from the cache where it is known.
    ///
    /// For access keys, see [`AuthClient::access_key_user`]: one given here is an `InvalidCredential`.
    ///
    /// # Errors
    /// [`InvalidCredential`](crate::ErrorKind::InvalidCredential) for a token that the center does not accept (its codes
    /// 401 and 404), [`Denied`](crate::ErrorKind::Denied) for its code 403,
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if it could not be told.
    pub async fn user_info(&self, token: &str) -> Result<UserInfo, AuthError> {
        self.look_up(Question::Credential(Credential::Bearer(BearerToken::new(token)?))).await
    }

    /// The user that an access key stands for, from the cache where it is known.
    ///
    /// A key of kind `user` is its user; of kind `app` it is `ak_app_<app id>`, of kind `global` it is `ak_global`, an
    /// admin, both with the id 0.
    ///
    /// # Errors
    /// As [`AuthClient::user_info`]; [`Denied`](crate::ErrorKind::Denied) for the key of another app.
    pub async fn access_key_user(&self, key: &str) -> Result<UserInfo, AuthError> {
        self.look_up(Question::Credential(Credential::AccessKey(AccessKey::new(key)?))).await
    }

    /// Forgets all that is cached, also what is being fetched.
    pub fn clear_cache(&self) {
        self.inner.core.cache.clear();
    }

    /// Forgets one token or access key. One that cannot be a credential was never kept.
    pub fn invalidate(&self, credential: &str) {
        if let Ok(credential) = Credential::new(credential) {
            let core = &self.inner.core;
            core.cache.invalidate(core.key(&Question::Credential(credential)));
        }
    }

    /// Forgets a user under all tokens and access keys; `7` and `"7"` are the same user here.
    pub fn invalidate_user(&self, id: impl Into<UserId>) {
        self.inner.core.cache.invalidate_user(&id.into());
    }

    /// Forgets a user under all tokens and access keys, where only his username is known.
    pub fn invalidate_username(&self, username: &str) {
        self.inner.core.cache.invalidate_username(username);
    }

    /// Keeps a user as if the auth center had just been asked for this credential: for tests without one.
    ///
    /// # Panics
    /// If the text cannot be a token or an access key.
    #[cfg(feature = "test-util")]
    pub fn remember(&self, credential: &str, user: impl Into<UserInfo>) {
        let credential = Credential::new(credential).expect("a token or an access key");
        let (core, mut user) = (&self.inner.core, user.into());
        core.cache.share_lists(&mut user);
        core.cache.keep(core.key(&Question::Credential(credential)), &user, None, core.cache.epoch());
    }

    /// How many credentials are cached, among them some that have expired.
    pub fn cached(&self) -> usize {
        self.inner.core.cache.len()
    }

    #[cfg(any(feature = "outbound", feature = "registry", feature = "stats"))]
    pub(crate) fn transport(&self) -> &Transport {
        &self.inner.core.transport
    }
}

impl Core {
    fn key(&self, question: &Question) -> cache::Key {
        match question {
            Question::Credential(Credential::Bearer(token)) => self.cache.key(Kind::Token, token.as_bytes()),
            Question::Credential(Credential::AccessKey(key)) => {
                self.cache.key(Kind::AccessKey, key.as_bytes())
            }
            Question::Id(id) => self.cache.key(Kind::UserId, &directory::bytes(id)),
        }
    }
}

impl Verify<BearerToken> for AuthClient {
    fn known(&self, token: &BearerToken) -> Option<Result<UserInfo, AuthError>> {
        let key = self.inner.core.cache.key(Kind::Token, token.as_bytes());
        self.known_by(key, || Question::Credential(Credential::Bearer(token.clone())))
    }

    async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
        self.look_up(Question::Credential(Credential::Bearer(token))).await
    }

    fn app_id(&self) -> Option<Arc<str>> {
        Some(self.inner.core.app_id.clone())
    }

    fn directory(&self) -> Option<Directory> {
        Some(Directory::new(self.clone()))
    }
}

impl Verify<AccessKey> for AuthClient {
    fn known(&self, key: &AccessKey) -> Option<Result<UserInfo, AuthError>> {
        let hash = self.inner.core.cache.key(Kind::AccessKey, key.as_bytes());
        self.known_by(hash, || Question::Credential(Credential::AccessKey(key.clone())))
    }

    async fn verify(&self, key: AccessKey) -> Result<UserInfo, AuthError> {
        self.look_up(Question::Credential(Credential::AccessKey(key))).await
    }

    fn app_id(&self) -> Option<Arc<str>> {
        Some(self.inner.core.app_id.clone())
    }

    fn directory(&self) -> Option<Directory> {
        Some(Directory::new(self.clone()))
    }
}

impl Invalidate for AuthClient {
    fn forget(&self, id: Option<&UserId>, username: Option<&str>) {
        if let Some(id) = id {
            self.invalidate_user(id.clone());
        }
        if let Some(username) = username {
            self.invalidate_username(username);
        }
        if id.is_none() && username.is_none() {
            self.clear_cache();
        }
    }
}

impl fmt::Debug for AuthClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthClient")
            .field("app_id", &self.inner.core.app_id)
            .field("transport", &self.inner.core.transport)
            .field("cached", &self.cached())
            .finish_non_exhaustive()
    }
}
