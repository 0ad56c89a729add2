//! Where lookups are answered.

use std::sync::Arc;
use std::time::SystemTime;

use crate::ports::observer::{BreakerState, LookedUp};
use crate::request::context;
use crate::types::credential::Credential;
use crate::types::error::{AuthError, ErrorKind};
use crate::types::user::UserInfo;
use crate::upstream::api_client::CallError;
use crate::upstream::circuit_breaker::Subject;
use crate::upstream::identity_cache::{IdentityCache, Key, Kind, RejectedAbout, Value};
use crate::upstream::owner::Owner;
#[cfg(feature = "redis")]
use crate::upstream::shared_cache::SharedCache;

/// Answers lookups, and has the cache of the answers.
pub(crate) trait Backend: Send + Sync + 'static {
    /// What is looked up.
    type Value: Value;

    fn cache(&self) -> &IdentityCache<Self::Value>;

    /// Whether so many calls are in flight that those which nobody waits for had better wait.
    fn is_busy(&self) -> bool;

    /// How many calls are in flight, how many wait, and the state of each circuit breaker.
    fn load(&self) -> (usize, usize, Vec<(&'static str, BreakerState)>);

    /// What the replicas of the service share, if they do.
    #[cfg(feature = "redis")]
    fn shared(&self) -> Option<&SharedCache<Self::Value>> {
        None
    }
}

/// Answers lookups of this kind.
pub(crate) trait Fetch<Q>: Backend {
    /// What the query is about, for the observer.
    fn what(query: &Q) -> LookedUp;

    fn key(&self, query: &Q) -> Key;

    /// Whom a rejection is about, if the query says so.
    fn rejected_about(&self, _: &Q) -> Option<Arc<RejectedAbout>> {
        None
    }

    /// Asks, once and for a limited time.
    fn fetch(
        &self,
        query: Q,
        subject: Subject,
    ) -> impl Future<Output = Result<Fetched<Self::Value>, CallError>> + Send;
}

/// A user, or another value, as fetched.
pub(crate) struct Fetched<V = UserInfo> {
    pub(crate) value: V,
    /// When the credential expires, or the value ends.
    pub(crate) limit: Option<SystemTime>,
}

/// What a lookup of a credential is about.
pub(crate) fn what_of(credential: &Credential) -> LookedUp {
    match credential {
        Credential::Bearer(_) => LookedUp::Token,
        Credential::AccessKey(_) => LookedUp::AccessKey,
    }
}

/// Returns the key of a credential.
pub(crate) fn key_of(cache: &IdentityCache, credential: &Credential) -> Key {
    match credential {
        Credential::Bearer(token) => cache.key(Kind::Token, token.as_bytes()),
        Credential::AccessKey(key) => cache.key(Kind::AccessKey, key.as_bytes()),
    }
}

/// What a call about this credential is about, and whose slots it takes.
pub(crate) fn subject<V: Value>(cache: &IdentityCache<V>, key: Key) -> Subject {
    let is_known = cache.is_known(key);
    let owner = if is_known { Owner::Known } else { Owner::stranger(context::client_ip()) };
    Subject { key: key.bits(), owner, has_just_failed: cache.pauses().has_just_failed(key) }
}

/// Returns whether an error is a verdict on the credential, so that it may be cached. All others say nothing about it.
pub(crate) fn is_rejection(error: &AuthError) -> bool {
    match error.kind() {
        ErrorKind::MissingCredential
        | ErrorKind::InvalidCredential
        | ErrorKind::Expired
        | ErrorKind::CredentialTooLarge
        | ErrorKind::Denied
        | ErrorKind::InvalidRequest
        | ErrorKind::UnknownUser
        | ErrorKind::MissingPermission => true,
        ErrorKind::Unavailable | ErrorKind::Rejected | ErrorKind::Misconfigured | ErrorKind::Internal => {
            false
        }
    }
}
