use std::fmt;
use std::sync::Arc;

use super::backend::Guarded;
use crate::ports::invalidate::{Invalidate, SpreadError};
use crate::ports::invalidation::Invalidation;
use crate::ports::observer::{Observer, Snapshot, Watch};
use crate::ports::user_directory::Directory;
use crate::ports::verify::Verify;
use crate::types::credential::{AccessKey, BearerToken, Credential};
use crate::types::error::AuthError;
use crate::types::user::{UserId, UserInfo};
use crate::upstream::cluster::Cluster;
use crate::upstream::cluster::joins::Joins;
use crate::upstream::cluster::member::{Member, Trusting};
use crate::upstream::identity_cache::Kind;
use crate::upstream::lookups::Lookups;

/// Caches what a verifier says, as [`AuthClient`](crate::AuthClient) caches the auth center's answers.
///
/// - A user is cached for the TTL (300 s), never past the end that the verifier names
///   ([`valid_until`](crate::user::UserInfoBuilder::valid_until)) or the token's own `exp`; a refresh in the background
///   comes before that.
/// - A rejection is cached for the negative TTL (5 s): an error of the kinds that are a verdict on the credential, such as
///   [`InvalidCredential`](crate::error::ErrorKind::InvalidCredential). `Unavailable` is never cached, nor is any other failure.
/// - While there is no answer, a user is served for up to 300 s past the TTL (stale-if-error).
/// - However many requests wait for a credential, the verifier is asked once, in a task that outlives them. A panic in it is a
///   500 for those.
/// - A circuit breaker opens after `Unavailable` or a timeout for five credentials in a row. A credential that could not be
///   verified is asked about again after the error's [`retry_after`](AuthError::retry_after).
///
/// Everything else is passed on: [`app_id`](Verify::app_id), [`directory`](Verify::directory). Cheap to clone: clones share the
/// cache and the limits. Dropping the last clone cancels the lookups in flight.
///
/// ```
/// use aigc_auth::cached::Cached;
/// use aigc_auth::credential::BearerToken;
/// use aigc_auth::error::ErrorKind;
/// use aigc_auth::{AuthError, AuthLayer, UserInfo, Verify};
///
/// /// Sessions in a table.
/// struct Sessions;
///
/// impl Verify<BearerToken> for Sessions {
///     async fn verify(&self, token: BearerToken) -> Result<UserInfo, AuthError> {
///         // Here a query; its failure is `ErrorKind::Unavailable`.
///         match token.as_str() {
///             "alice-session" => Ok(UserInfo::builder(7, "alice").build()),
///             _ => Err(ErrorKind::InvalidCredential.into()),
///         }
///     }
/// }
///
/// let sessions = Cached::new(Sessions);
/// let layer = AuthLayer::tokens_only(sessions.clone());
/// // At a logout:
/// sessions.invalidate("alice-session");
/// ```
pub struct Cached<V> {
    inner: Arc<Inner<V>>,
}

pub(super) struct Inner<V> {
    pub(super) guarded: Arc<Guarded<V>>,
    pub(super) lookups: Lookups<Guarded<V>>,
    pub(super) cluster: Option<Cluster>,
    pub(super) watch: Watch,
}

impl<V: Send + Sync + 'static> Cached<V> {
    pub(super) fn of(inner: Inner<V>) -> Self {
        Self { inner: inner.joined() }
    }

    /// Returns the verifier.
    pub fn verifier(&self) -> &V {
        &self.inner.guarded.verifier
    }

    /// Invalidates one token or access key, such as at a logout: as [`AuthClient::invalidate`](crate::AuthClient::invalidate).
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

    /// Invalidates all cached users and rejections, and the lookups in flight.
    pub fn clear_cache(&self) {
        self.apply(&Invalidation::All);
    }

    /// Waits until a credential is no longer valid: as [`AuthClient::revoked`](crate::AuthClient::revoked), with a
    /// [`BearerToken`] or an [`AccessKey`].
    ///
    /// Where the verifier has a cache of its own, an invalidation has to reach that first.
    pub fn revoked<C>(&self, credential: &C) -> impl Future<Output = AuthError> + Send + 'static + use<C, V>
    where
        C: Clone + Into<Credential> + Send + Sync + 'static,
        V: Verify<C>,
    {
        let (inner, credential) = (self.inner.clone(), credential.clone());
        async move { inner.lookups.revoked(credential).await }
    }

    /// Returns the number of cached credentials, which includes expired and invalidated ones that were not evicted yet.
    pub fn cache_len(&self) -> usize {
        self.inner.guarded.cache.len()
    }

    /// Returns what is cached and in flight, and the state of the circuit breaker.
    pub fn snapshot(&self) -> Snapshot {
        self.inner.lookups.snapshot()
    }
}

impl<V> Clone for Cached<V> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

macro_rules! verify_cached {
    ($($credential:ty => $kind:expr),+) => {$(
        impl<V: Verify<$credential>> Verify<$credential> for Cached<V> {
            fn try_verify(&self, credential: &$credential) -> Option<Result<UserInfo, AuthError>> {
                let key = self.inner.guarded.cache.key($kind, credential.as_bytes());
                self.inner.lookups.cached(key, || credential.clone())
            }

            async fn verify(&self, credential: $credential) -> Result<UserInfo, AuthError> {
                self.inner.lookups.lookup(credential).await
            }

            fn app_id(&self) -> Option<Arc<str>> {
                self.verifier().app_id()
            }

            fn directory(&self) -> Option<Directory> {
                self.verifier().directory()
            }

            fn observer(&self) -> Option<Arc<dyn Observer>> {
                self.inner.watch.observer().or_else(|| self.verifier().observer())
            }
        }
    )+};
}

verify_cached!(BearerToken => Kind::Token, AccessKey => Kind::AccessKey);

/// Invalidates what is cached here. Where the verifier has a cache of its own, invalidate that first.
impl<V: Send + Sync + 'static> Invalidate for Cached<V> {
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
        self.inner.watch.observer()
    }
}

impl<V: Send + Sync + 'static> Joins for Inner<V> {
    fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }
}

impl<V: Send + Sync + 'static> Member for Inner<V> {
    fn apply_here(&self, invalidation: &Invalidation) {
        self.lookups.apply(invalidation);
    }

    fn trusting(&self) -> &dyn Trusting {
        &self.guarded.cache
    }
}

impl<V: fmt::Debug> fmt::Debug for Cached<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("verifier", &self.inner.guarded.verifier)
            .field("cache_len", &self.inner.guarded.cache.len())
            .finish_non_exhaustive()
    }
}
