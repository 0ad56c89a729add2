//! The shared state of lookups and calls.

use std::sync::Arc;
use std::time::SystemTime;

use crate::request::context;
use crate::types::credential::{BearerToken, Credential};
use crate::types::error::AuthError;
use crate::types::user::{UserId, UserInfo};
use crate::upstream::api_client::ApiClient;
use crate::upstream::circuit_breaker::Subject;
use crate::upstream::identity_cache::{IdentityCache, Key, Kind};
use crate::upstream::slots::Owner;

/// The shared state of lookups, apart from the single flight that they run in.
pub(super) struct Core {
    pub(super) api: ApiClient,
    pub(super) cache: IdentityCache,
    pub(super) app_id: Arc<str>,
}

/// What to look up.
#[derive(Clone)]
pub(super) enum Lookup {
    /// The user of a credential.
    Credential(Credential),
    /// The user of an id.
    UserId(UserId),
}

/// The outcome of a lookup.
#[derive(Clone)]
pub(super) struct LookupOutcome {
    pub(super) result: Result<UserInfo, AuthError>,
    /// The epoch of the cache when the lookup started, or that of the stale user it returned.
    pub(super) epoch: u64,
}

/// A user, as fetched from the auth center.
pub(super) struct Fetched {
    pub(super) user: UserInfo,
    /// When the credential expires, by the auth center's answer or the token's own `exp`.
    pub(super) limit: Option<SystemTime>,
}

impl Core {
    /// What a call about this credential is about, and whose slots it takes.
    pub(super) fn subject(&self, key: Key) -> Subject {
        let is_known = self.cache.is_known(key);
        let owner = if is_known { Owner::Known } else { Owner::stranger(context::client_ip()) };
        Subject { key: key.bits(), owner, has_just_failed: self.cache.pauses().has_just_failed(key) }
    }

    /// The same of a token.
    pub(super) fn subject_of(&self, token: &BearerToken) -> Subject {
        self.subject(self.cache.key(Kind::Token, token.as_bytes()))
    }

    pub(super) fn key(&self, lookup: &Lookup) -> Key {
        match lookup {
            Lookup::Credential(Credential::Bearer(token)) => self.cache.key(Kind::Token, token.as_bytes()),
            Lookup::Credential(Credential::AccessKey(key)) => self.cache.key(Kind::AccessKey, key.as_bytes()),
            Lookup::UserId(id) => self.cache.key(Kind::UserId, &id_bytes(id)),
        }
    }
}

/// `7` and `"7"` are different ids.
fn id_bytes(id: &UserId) -> Vec<u8> {
    match id {
        UserId::Int(id) => format!("i{id}").into(),
        UserId::Str(id) => format!("s{id}").into(),
    }
}
