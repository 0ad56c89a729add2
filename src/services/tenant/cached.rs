use std::fmt;
use std::sync::Arc;

use super::backend::{Guarded, Query};
use super::recent::Recent;
use crate::ports::invalidate::{Invalidate, SpreadError};
use crate::ports::invalidation::Invalidation;
use crate::ports::memberships::{Memberships, Recalled};
use crate::ports::observer::{Observer, Snapshot, Watch};
use crate::types::error::AuthError;
use crate::types::tenant::{Membership, OrgId};
use crate::types::user::UserId;
use crate::upstream::cluster::Cluster;
use crate::upstream::cluster::joins::Joins;
use crate::upstream::cluster::member::{Member, Trusting};
use crate::upstream::lookups::Lookups;

/// Caches memberships, and asks for each once for all who wait.
///
/// - A membership is cached for the TTL (60 s), never past its own [end](Membership::valid_until); a refresh in the
///   background comes before that.
/// - That there is none is cached for the negative TTL (5 s). [`Unavailable`](crate::error::ErrorKind::Unavailable) is never
///   cached, nor is any other failure.
/// - While there is no answer, a membership is served for up to 300 s past the TTL (stale-if-error). Whoever was removed
///   meanwhile keeps it for so long, unless they are invalidated.
/// - However many requests wait for a membership, it is asked for once, in a task that outlives them. A panic in it is a 500
///   for those.
/// - A membership that was found a moment ago is found again most cheaply, for a second at most, and not once anything was
///   invalidated.
/// - A circuit breaker opens after `Unavailable` or a timeout for five memberships in a row.
///
/// Invalidate memberships that change: by user, by organisation, or by passing this to
/// [`WebhookConfig::invalidate`](crate::webhook::WebhookConfig::invalidate), so that the auth center's events about users
/// do. Cheap to clone: clones share the cache and the limits. Dropping the last clone cancels the lookups in flight.
///
/// ```
/// use std::time::Duration;
///
/// use aigc_auth::tenant::{CachedMemberships, Memberships, TenantPolicy};
///
/// # fn policy(table: impl Memberships) -> TenantPolicy {
/// let memberships = CachedMemberships::builder(table).cache_ttl(Duration::from_secs(30)).build();
/// // Where an organisation is deleted, a member suspended or a role changed:
/// memberships.invalidate_org("acme");
/// memberships.invalidate_user(7);
/// TenantPolicy::new(memberships)
/// # }
/// ```
pub struct CachedMemberships<M> {
    inner: Arc<Inner<M>>,
}

pub(super) struct Inner<M> {
    pub(super) guarded: Arc<Guarded<M>>,
    pub(super) recent: Recent,
    pub(super) lookups: Lookups<Guarded<M>, Membership>,
    pub(super) cluster: Option<Cluster>,
    pub(super) watch: Watch,
}

impl<M: Memberships> CachedMemberships<M> {
    pub(super) fn of(inner: Inner<M>) -> Self {
        Self { inner: inner.joined() }
    }

    /// Returns what is asked.
    pub fn memberships(&self) -> &M {
        &self.inner.guarded.memberships
    }

    /// Invalidates the memberships of a user, in all organisations. `7` and `"7"` are the same user here.
    pub fn invalidate_user(&self, id: impl Into<UserId>) {
        self.apply(&Invalidation::of(Some(id.into()), None));
    }

    /// Invalidates the memberships in an organisation, of all users: when it is deleted, or its roles or teams change.
    pub fn invalidate_org(&self, id: impl Into<OrgId>) {
        self.apply(&Invalidation::Org { id: id.into() });
    }

    /// Invalidates all memberships, that there is none, and the lookups in flight.
    pub fn clear_cache(&self) {
        self.apply(&Invalidation::All);
    }

    /// Returns the number of cached memberships, which includes expired and invalidated ones that were not evicted yet.
    pub fn cache_len(&self) -> usize {
        self.inner.guarded.cache.len()
    }

    /// Returns what is cached and in flight, and the state of the circuit breaker.
    pub fn snapshot(&self) -> Snapshot {
        self.inner.lookups.snapshot()
    }
}

impl<M: Memberships> Memberships for CachedMemberships<M> {
    fn try_find_membership(&self, user: &UserId, org: Option<&str>) -> Option<Result<Membership, AuthError>> {
        let Inner { guarded, recent, lookups, .. } = &*self.inner;
        let key = guarded.key_of(user, org);
        if let Some(fresh) = guarded.cache.fresh(key) {
            return Query::is_about(user, org, &fresh.value).then(|| {
                recent.keep(guarded.cache.clock(), user, org, &fresh);
                Ok(fresh.value)
            });
        }
        let cached = lookups.cached(key, || Query { user: user.clone(), org: org.map(OrgId::from) })?;
        match cached {
            Ok(membership) if !Query::is_about(user, org, &membership) => None,
            cached => Some(cached),
        }
    }

    fn recall_membership(&self, user: &UserId, org: Option<&[u8]>) -> Option<Recalled> {
        self.inner.recent.get(&self.inner.guarded.cache, user, org)
    }

    async fn find_membership(&self, user: &UserId, org: Option<&OrgId>) -> Result<Membership, AuthError> {
        self.inner.lookups.lookup(Query { user: user.clone(), org: org.cloned() }).await
    }
}

/// Invalidates what is cached here. Where what is asked has a cache of its own, invalidate that first.
impl<M: Memberships> Invalidate for CachedMemberships<M> {
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

impl<M: Memberships> Joins for Inner<M> {
    fn cluster(&self) -> Option<&Cluster> {
        self.cluster.as_ref()
    }
}

impl<M: Memberships> Member for Inner<M> {
    fn apply_here(&self, invalidation: &Invalidation) {
        let cache = &self.guarded.cache;
        match invalidation {
            Invalidation::User { id: Some(id), .. } => cache.invalidate_user(id),
            Invalidation::Org { id } => cache.invalidate_name(id.as_str()),
            // Memberships are not those of a credential.
            Invalidation::Credential { .. } => {}
            // Memberships do not tell usernames.
            Invalidation::User { id: None, .. } | Invalidation::All => cache.clear(),
        }
    }

    fn trusting(&self) -> &dyn Trusting {
        &self.guarded.cache
    }
}

impl<M> Clone for CachedMemberships<M> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<M: fmt::Debug> fmt::Debug for CachedMemberships<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedMemberships")
            .field("memberships", &self.inner.guarded.memberships)
            .field("cache_len", &self.inner.guarded.cache.len())
            .finish_non_exhaustive()
    }
}
