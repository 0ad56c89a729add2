//! Keys that the replicas of an app derive from its secret.

use std::fmt;

use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

use crate::types::secret::Secret;

/// An app as the replicas of its cluster know it: what its keys in a store start with, and what its own keys derive from.
pub(crate) struct AppKeys {
    app_id: Box<str>,
    secret: Prk,
}

/// 32 bytes.
struct Len32;

impl KeyType for Len32 {
    fn len(&self) -> usize {
        32
    }
}

impl AppKeys {
    pub(crate) fn new(app_id: &str, secret: &Secret) -> Self {
        // HKDF (RFC 5869). A later version of what is derived has another salt.
        let salt = Salt::new(HKDF_SHA256, b"aigc-auth cluster 1");
        Self { app_id: app_id.into(), secret: salt.extract(secret.expose().as_bytes()) }
    }

    pub(crate) fn app_id(&self) -> &str {
        &self.app_id
    }

    /// Derives the key of this label.
    pub(crate) fn derive(&self, label: &'static str) -> [u8; 32] {
        let mut key = [0; 32];
        let info = [label.as_bytes()];
        // Fails for over 255 hashes only; an all-zero key would be one that everybody knows.
        match self.secret.expand(&info, Len32).and_then(|okm| okm.fill(&mut key)) {
            Ok(()) => key,
            Err(ring::error::Unspecified) => unreachable!("32 bytes can be derived"),
        }
    }

    /// Derives the keys of a cache, one for each kind of credential.
    pub(crate) fn of_cache(&self) -> [[u8; 32]; 3] {
        ["cache key: token", "cache key: access key", "cache key: user id"].map(|label| self.derive(label))
    }

    /// Returns a short hash of the app's id, for names in a store that others share.
    #[cfg(feature = "redis")]
    pub(crate) fn id_hash(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, self.app_id.as_bytes());
        digest.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for AppKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppKeys").field("app_id", &self.app_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_label_and_secret_and_not_by_app_or_process() {
        let keys = |id: &str, secret: &str| AppKeys::new(id, &Secret::new(secret));
        let one = keys("app", "secret");
        assert_eq!(one.of_cache(), keys("app", "secret").of_cache());
        assert_ne!(one.derive("a"), one.derive("b"));
        assert_ne!(one.derive("a"), keys("app", "other").derive("a"));
        let [token, access_key, user_id] = one.of_cache();
        assert!(token != access_key && access_key != user_id && token != user_id);
        assert!(!format!("{one:?}").contains("secret"));
    }
}
