//! Invalidate users, also those whose lookup is in flight.

use super::lookups::Lookups;
use super::source::{Backend, key_of};
use crate::ports::invalidate::Invalidate;
use crate::ports::invalidation::Invalidation;
use crate::types::presented::Presented;
use crate::types::user::UserInfo;
use crate::upstream::cluster::Cluster;
use crate::upstream::identity_cache::Key;

impl<B: Backend<Value = UserInfo>> Lookups<B> {
    /// Invalidates one credential, given alone or as an `Authorization` header, in all spellings that are taken for the same: here, and in
    /// all caches of the cluster.
    pub(crate) fn invalidate(&self, credential: &[u8], cluster: Option<&Cluster>) {
        // By its own keys, whether or not the others have the same.
        let keys = self.keys(credential);
        keys.iter().for_each(|key| self.invalidate_key(*key));
        let Some(cluster) = cluster else { return };
        if !self.backend.cache().are_keys_shared() {
            if !keys.is_empty() {
                cluster.apply(&Invalidation::All);
            }
            return;
        }
        for key in keys {
            cluster.apply(&Invalidation::Credential { tag: key.tag() });
        }
    }

    /// The keys of a credential in all spellings.
    fn keys(&self, credential: &[u8]) -> Vec<Key> {
        let Some(credential) = Presented::in_header_or_alone(credential) else { return vec![] };
        credential.spellings().map(|spelling| key_of(self.backend.cache(), &spelling)).collect()
    }

    pub(crate) fn apply(&self, invalidation: &Invalidation) {
        let cache = self.backend.cache();
        match invalidation {
            Invalidation::User { id, username } => {
                if let Some(id) = id {
                    cache.invalidate_user(id);
                }
                if let Some(username) = username {
                    cache.invalidate_name(username);
                }
            }
            Invalidation::Credential { tag } => self.invalidate_key(Key::of_tag(*tag)),
            Invalidation::Org { .. } => {}
            Invalidation::All => cache.clear(),
        }
    }
}
