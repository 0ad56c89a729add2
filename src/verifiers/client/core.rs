//! The shared state of lookups and calls.

use std::sync::Arc;

use crate::ports::observer::Watch;
use crate::types::credential::{BearerToken, Credential};
use crate::types::user::UserId;
#[cfg(feature = "redis")]
use crate::types::user::UserInfo;
use crate::upstream::api_client::ApiClient;
use crate::upstream::circuit_breaker::Subject;
use crate::upstream::identity_cache::{IdentityCache, Key, Kind};
use crate::upstream::lookups;
#[cfg(feature = "redis")]
use crate::upstream::shared_cache::SharedCache;

/// The shared state of lookups, apart from the single flight that they run in.
pub(super) struct Core {
    pub(super) api: ApiClient,
    pub(super) cache: IdentityCache,
    pub(super) app_id: Arc<str>,
    pub(super) watch: Watch,
    /// What the replicas of the service share.
    #[cfg(feature = "redis")]
    pub(super) shared: Option<SharedCache<UserInfo>>,
}

/// What to look up.
#[derive(Clone)]
pub(super) enum Lookup {
    /// The user of a credential.
    Credential(Credential),
    /// The user of an id.
    UserId(UserId),
}

impl Core {
    /// What a call about this credential is about, and whose slots it takes.
    pub(super) fn subject(&self, key: Key) -> Subject {
        lookups::subject(&self.cache, key)
    }

    /// The same of a token.
    pub(super) fn subject_of(&self, token: &BearerToken) -> Subject {
        self.subject(self.cache.key(Kind::Token, token.as_bytes()))
    }
}

/// `7` and `"7"` are different ids.
pub(super) fn id_bytes(id: &UserId) -> Vec<u8> {
    match id {
        UserId::Int(id) => format!("i{id}").into(),
        UserId::Str(id) => format!("s{id}").into(),
    }
}
