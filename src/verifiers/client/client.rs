use std::fmt;
use std::sync::Arc;

use super::core::Core;
use crate::ports::invalidate::{Invalidate, SpreadError};
use crate::ports::invalidation::Invalidation;
use crate::ports::observer::{Observer, Snapshot, Watch};
#[cfg(feature = "test-util")]
use crate::types::credential::Credential;
use crate::types::user::UserId;
#[cfg(feature = "test-util")]
use crate::types::user::UserInfo;
#[cfg(any(feature = "outbound", feature = "registry", feature = "stats"))]
use crate::upstream::api_client::ApiClient;
use crate::upstream::cluster::Cluster;
use crate::upstream::cluster::joins::Joins;
use crate::upstream::cluster::member::{Member, Trusting};
use crate::upstream::lookups::Lookups;
#[cfg(feature = "test-util")]
use crate::upstream::lookups::key_of;

/// A client of the auth center: verifies credentials through a cache, and makes all other calls.
///
/// Cheap to clone: clones share the cache, the connections and the limits. Build one per process. Dropping the last clone
/// cancels the lookups in flight.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use aigc_auth::AuthClient;
///
/// let client = AuthClient::from_env()?;
/// let user = client.user_info("eyJhbGciOi…").await?;
/// println!("{} may {:?}", user.username(), user.permissions());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct AuthClient {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) core: Arc<Core>,
    pub(super) lookups: Lookups<Core>,
    pub(super) cluster: Option<Cluster>,
}

impl AuthClient {
    /// The observer, for what is built from this client.
    pub(crate) fn watch(&self) -> &Watch {
        &self.inner.core.watch
    }

    /// Returns what is cached and in flight, and the state of the circuit breakers: for gauges, and for `/ready`.
    ///
    /// ```
    /// use aigc_auth::AuthClient;
    /// use aigc_auth::observer::BreakerState;
    ///
    /// # fn main() -> Result<(), aigc_auth::error::BuildError> {
    /// let client = AuthClient::builder("my-app", "its secret", "https://auth.example.com/aigc-auth").build()?;
    /// let snapshot = client.snapshot();
    /// assert_eq!((snapshot.lookups, snapshot.breaker()), (0, BreakerState::Closed));
    /// # Ok(()) }
    /// ```
    pub fn snapshot(&self) -> Snapshot {
        self.inner.lookups.snapshot()
    }

    /// Returns the id of this app.
    pub fn app_id(&self) -> &str {
        &self.inner.core.app_id
    }

    /// Returns the URL to which the endpoints are added.
    #[cfg(feature = "webhook")]
    pub(crate) fn base_url(&self) -> &str {
        &self.inner.core.api.base
    }

    /// Returns the cluster that it was given.
    #[cfg(all(feature = "redis", feature = "registry"))]
    pub(crate) fn cluster(&self) -> Option<&Cluster> {
        self.inner.cluster.as_ref()
    }

    /// Invalidates all cached users and rejections, and the lookups in flight.
    pub fn clear_cache(&self) {
        self.apply(&Invalidation::All);
    }

    /// Invalidates one token or access key, such as at a logout.
    ///
    /// Takes the credential alone, or an `Authorization` header as it came: `Bearer <token>`, in any case. Covers the
    /// token without and with one or two `=` at its end, which some auth centers take for the same. Does nothing
    /// here for a credential that is neither cached nor being looked up; the other replicas of a
    /// [`cluster`](crate::AuthClientBuilder::cluster) are told all the same. Does nothing at all for a malformed one, which never is.
    ///
    /// ```
    /// use aigc_auth::AuthClient;
    /// use http::{HeaderMap, header::AUTHORIZATION};
    ///
    /// fn log_out(client: &AuthClient, headers: &HeaderMap) {
    ///     if let Some(authorization) = headers.get(AUTHORIZATION) {
    ///         client.invalidate(authorization);
    ///     }
    /// }
    /// ```
    pub fn invalidate(&self, credential: impl AsRef<[u8]>) {
        self.inner.lookups.invalidate(credential.as_ref(), self.inner.cluster.as_ref());
    }

    /// Invalidates a user under all their tokens and access keys. `7` and `"7"` are the same user here.
    pub fn invalidate_user(&self, id: impl Into<UserId>) {
        self.apply(&Invalidation::of(Some(id.into()), None));
    }

    /// Invalidates a user, of whom only the username is known, under all their tokens and access keys.
    pub fn invalidate_username(&self, username: &str) {
        self.apply(&Invalidation::of(None, Some(username)));
    }

    /// Caches a user as if the auth center had just verified this credential, for tests without an auth center.
    ///
    /// # Panics
    /// If the credential is malformed.
    #[cfg(feature = "test-util")]
    pub fn cache_user(&self, credential: &str, user: impl Into<UserInfo>) {
        let credential = Credential::new(credential).expect("a well-formed token or access key");
        let (core, mut user) = (&self.inner.core, user.into());
        core.cache.intern_lists(&mut user);
        core.cache.insert(key_of(&core.cache, &credential), &user, None, core.cache.epoch());
    }

    /// Returns the number of cached credentials, which includes expired and invalidated ones that were
    /// not evicted yet.
    pub fn cache_len(&self) -> usize {
        self.inner.core.cache.len()
    }

    #[cfg(any(feature = "outbound", feature = "registry", feature = "stats"))]
    pub(crate) fn api(&self) -> &ApiClient {
        &self.inner.core.api
    }
}

impl Invalidate for AuthClient {
    fn apply(&self, invalidation: &Invalidation) {
        self.inner.invalidate(invalidation);
    }

    fn apply_here(&self, invalidation: &Invalidation) {
        self.inner.invalidate_here(invalidation);
    }

    fn spread(&self) -> impl Future<Output = Result<(), SpreadError>> + Send {
        self.inner.spread()
    }

    fn observer(&self) -> Option<Arc<dyn Observer>> {
        self.watch().observer()
    }
}

impl Joins for Inner {
    fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }
}

impl Member for Inner {
    fn apply_here(&self, invalidation: &Invalidation) {
        self.lookups.apply(invalidation);
    }

    fn trusting(&self) -> &dyn Trusting {
        &self.core.cache
    }
}

impl fmt::Debug for AuthClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthClient")
            .field("app_id", &self.inner.core.app_id)
            .field("api", &self.inner.core.api)
            .field("cache_len", &self.cache_len())
            .finish_non_exhaustive()
    }
}
