//! The port between requests, which name an organisation, and what knows who is a member of it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::types::error::AuthError;
use crate::types::tenant::{Membership, OrgId};
use crate::types::user::UserId;
use crate::util::boxed::BoxFuture;

/// Finds a user's membership in an organisation, for example in a table.
///
/// ```
/// use aigc_auth::tenant::{Membership, Memberships, NoMembership, OrgId};
/// use aigc_auth::{AuthError, UserId};
///
/// /// One organisation, of which the user 7 is the owner.
/// struct Acme;
///
/// impl Memberships for Acme {
///     async fn find_membership(&self, user: &UserId, org: Option<&OrgId>) -> Result<Membership, AuthError> {
///         // Here a query; its failure is `ErrorKind::Unavailable`. Without an organisation, the user's own is meant.
///         match (user.as_i64(), org.map_or("acme", OrgId::as_str)) {
///             (Some(7), "acme") => Ok(Membership::builder(7, "acme").roles(["owner"]).build()),
///             _ => Err(NoMembership::NotAMember.into()),
///         }
///     }
/// }
/// ```
///
/// It is asked for each request that wants to know: `CachedMemberships` asks it less often.
pub trait Memberships: Send + Sync + 'static {
    /// Finds the active membership of a user in an organisation, or without one in the organisation that is theirs by
    /// default; with all teams of it that they are an active member of.
    ///
    /// # Errors
    /// [`NoMembership`](crate::tenant::NoMembership), converted to an [`AuthError`], if there is none, which is answered
    /// 403; [`Unavailable`](crate::error::ErrorKind::Unavailable) if nobody can tell, which is answered 503. An error of a
    /// kind that speaks of a credential is answered as if it were that.
    fn find_membership(
        &self,
        user: &UserId,
        org: Option<&OrgId>,
    ) -> impl Future<Output = Result<Membership, AuthError>> + Send;

    /// Finds it without waiting, in a cache, by the organisation's id as it stands in a header; `None` if [`find_membership`](Self::find_membership) has to be awaited.
    /// Defaults to `None`.
    fn try_find_membership(&self, user: &UserId, org: Option<&str>) -> Option<Result<Membership, AuthError>> {
        let _ = (user, org);
        None
    }

    /// Recalls what [`try_find_membership`](Self::try_find_membership) has just found and would find again, by the bytes of
    /// a header that nobody has checked yet; `None` if that is not at hand. It is asked first. Defaults to `None`; a type
    /// that wraps `CachedMemberships` may pass on what that recalls, for the same user and organisation.
    fn recall_membership(&self, user: &UserId, org: Option<&[u8]>) -> Option<Recalled> {
        let _ = (user, org);
        None
    }
}

impl<M: Memberships> Memberships for Arc<M> {
    fn find_membership(
        &self,
        user: &UserId,
        org: Option<&OrgId>,
    ) -> impl Future<Output = Result<Membership, AuthError>> + Send {
        (**self).find_membership(user, org)
    }

    fn try_find_membership(&self, user: &UserId, org: Option<&str>) -> Option<Result<Membership, AuthError>> {
        (**self).try_find_membership(user, org)
    }

    fn recall_membership(&self, user: &UserId, org: Option<&[u8]>) -> Option<Recalled> {
        (**self).recall_membership(user, org)
    }
}

/// A membership that was found a moment ago, and may be another's: whose it is, is compared before it is used.
#[derive(Debug)]
pub struct Recalled(Membership);

impl Recalled {
    #[cfg(feature = "client")]
    pub(crate) fn new(membership: Membership) -> Self {
        Self(membership)
    }

    /// Returns the membership if it is of this user and organisation.
    #[inline]
    pub(crate) fn of(self, user: &UserId, org: Option<&[u8]>) -> Option<Membership> {
        let Self(membership) = self;
        let is_asked = org.is_none_or(|org| membership.org_id().as_str().as_bytes() == org);
        (is_asked && membership.user_id().is(user)).then_some(membership)
    }
}

/// `Memberships` as a trait object, so that no type parameter reaches the layer's users.
#[derive(Clone)]
pub(crate) struct AnyMemberships(Arc<dyn DynMemberships>);

trait DynMemberships: Send + Sync {
    fn find<'a>(
        &'a self,
        user: &'a UserId,
        org: Option<&'a OrgId>,
    ) -> BoxFuture<'a, Result<Membership, AuthError>>;
    fn try_find(&self, user: &UserId, org: Option<&str>) -> Option<Result<Membership, AuthError>>;
    fn recall(&self, user: &UserId, org: Option<&[u8]>) -> Option<Recalled>;
}

impl<M: Memberships> DynMemberships for M {
    fn find<'a>(
        &'a self,
        user: &'a UserId,
        org: Option<&'a OrgId>,
    ) -> BoxFuture<'a, Result<Membership, AuthError>> {
        Box::pin(self.find_membership(user, org))
    }

    fn try_find(&self, user: &UserId, org: Option<&str>) -> Option<Result<Membership, AuthError>> {
        self.try_find_membership(user, org)
    }

    fn recall(&self, user: &UserId, org: Option<&[u8]>) -> Option<Recalled> {
        self.recall_membership(user, org)
    }
}

impl AnyMemberships {
    pub(crate) fn new(memberships: impl Memberships) -> Self {
        Self(Arc::new(memberships))
    }

    pub(crate) fn try_find(&self, user: &UserId, org: Option<&str>) -> Option<Result<Membership, AuthError>> {
        self.0.try_find(user, org)
    }

    /// Returns what is recalled, if it is of this user and organisation.
    #[inline]
    pub(crate) fn recall(&self, user: &UserId, org: Option<&[u8]>) -> Option<Membership> {
        self.0.recall(user, org)?.of(user, org)
    }

    pub(crate) async fn find(&self, user: &UserId, org: Option<&OrgId>) -> Result<Membership, AuthError> {
        self.0.find(user, org).await
    }
}

impl fmt::Debug for AnyMemberships {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memberships").finish_non_exhaustive()
    }
}
