//! Ask for memberships, within limits.

use std::hash::BuildHasher;
use std::sync::Arc;

use quick_cache::DefaultHashBuilder;

use crate::ports::memberships::Memberships;
use crate::ports::observer::{BreakerState, LookedUp};
use crate::types::tenant::{Membership, OrgId};
use crate::types::user::UserId;
use crate::upstream::api_client::CallError;
use crate::upstream::circuit_breaker::Subject;
use crate::upstream::guard::Guard;
use crate::upstream::identity_cache::{About, IdentityCache, Key, RejectedAbout, Value};
use crate::upstream::lookups::{Backend, Fetch, Fetched};

/// The memberships, their cache and the limits.
pub(super) struct Guarded<M> {
    pub(super) memberships: M,
    pub(super) cache: IdentityCache<Membership>,
    pub(super) guard: Guard,
    pub(super) hasher: DefaultHashBuilder,
}

/// Whose membership in which organisation; without one, in their default.
#[derive(Clone)]
pub(super) struct Query {
    pub(super) user: UserId,
    pub(super) org: Option<OrgId>,
}

impl Query {
    /// Whether an answer is about this, and not one of the same hash.
    pub(super) fn is_about(user: &UserId, org: Option<&str>, membership: &Membership) -> bool {
        membership.user_id() == user && org.is_none_or(|org| *membership.org_id() == *org)
    }
}

impl<M> Guarded<M> {
    /// A keyed hash, and a fast one: what is found is compared with what was asked for. `7` and `"7"` are different users.
    pub(super) fn key_of(&self, user: &UserId, org: Option<&str>) -> Key {
        Key::of_hash([self.hasher.hash_one((user, org)), 0])
    }
}

impl Value for Membership {
    fn size(&self) -> usize {
        Membership::size(self)
    }

    fn is_same(&self, other: &Self) -> bool {
        Membership::is_same(self, other)
    }

    fn about(&self) -> About<'_> {
        About { user: self.user_id(), name: Some(self.org_id().as_str()) }
    }
}

impl<M: Memberships> Backend for Guarded<M> {
    type Value = Membership;

    fn cache(&self) -> &IdentityCache<Membership> {
        &self.cache
    }

    fn is_busy(&self) -> bool {
        self.guard.is_busy()
    }

    fn load(&self) -> (usize, usize, Vec<(&'static str, BreakerState)>) {
        self.guard.load()
    }
}

impl<M: Memberships> Fetch<Query> for Guarded<M> {
    fn what(_: &Query) -> LookedUp {
        LookedUp::Membership
    }

    fn key(&self, query: &Query) -> Key {
        self.key_of(&query.user, query.org.as_ref().map(OrgId::as_str))
    }

    fn rejected_about(&self, query: &Query) -> Option<Arc<RejectedAbout>> {
        let name = query.org.as_ref().map(|org| org.as_str().into());
        Some(Arc::new(RejectedAbout { user: query.user.clone(), name }))
    }

    async fn fetch(&self, query: Query, subject: Subject) -> Result<Fetched<Membership>, CallError> {
        // In a block, so that a panic before the future is one within it.
        let finding = async { self.memberships.find_membership(&query.user, query.org.as_ref()).await };
        let value = self.guard.ask(subject, finding).await?;
        Ok(Fetched { limit: value.valid_until(), value })
    }
}
